//! The checks on the predecessor's state, in the order and with the codes of `ledger/validity.py`.

use revm::primitives::KECCAK_EMPTY;

use super::gate;
use super::state::{ReaderRaised, State};
use super::transaction::Transaction;

/// A code of `ledger/reasons.py`.
pub type Reason = &'static str;

/// Why a well-formed transaction may not run now, if so.
pub fn check_state(
    state: &mut State,
    transaction: &Transaction,
    gas_left: u64,
) -> Result<Option<Reason>, ReaderRaised> {
    let account = state.account(transaction.sender)?;
    let nonce = account.as_ref().map_or(0, |cell| cell.nonce);
    if transaction.nonce < nonce {
        return Ok(Some("NONCE_USED"));
    }
    let permission = gate::permission(state, transaction.sender)?;
    if permission.frozen {
        return Ok(Some("FROZEN"));
    }
    if !permission.may_send() {
        return Ok(Some("NO_PERMISSION"));
    }
    if !permission.may_address(transaction.to) {
        return Ok(Some("NOT_THE_GATE"));
    }
    if transaction.to.is_none() && !permission.may_deploy() {
        return Ok(Some("NO_DEPLOY"));
    }
    if transaction.nonce > nonce {
        return Ok(Some("NONCE_GAP"));
    }
    if account
        .as_ref()
        .is_some_and(|cell| cell.code_hash != KECCAK_EMPTY)
    {
        return Ok(Some("SENDER_HAS_CODE"));
    }
    if transaction.value > account.map_or_else(Default::default, |cell| cell.balance) {
        return Ok(Some("BALANCE_TOO_LOW"));
    }
    if transaction.gas > gas_left {
        return Ok(Some("BLOCK_FULL"));
    }
    Ok(None)
}
