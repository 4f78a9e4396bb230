//! The gate's words, as `ledger/gate.py` has them: who may send, deploy or run.

use revm::primitives::{Address, U256, address, keccak256};

use super::state::{ReaderRaised, State};

pub const GATE_CONTRACT: Address = address!("0000000000000000000000000000000000007001");
const ROLES_MASK: u64 = 0xffff;
const AUTHOR: u64 = 1 << 1;
const REGULATOR: u64 = 1 << 2;
const ADMIN: u64 = 1 << 3;
const SEND_MASK: u64 = 0xff;
const CALL_MASK: u64 = SEND_MASK & !REGULATOR;
const DEPLOY_MASK: u64 = AUTHOR | ADMIN;

/// A decoded permission word.
#[derive(Clone, Copy)]
pub struct Permission {
    roles: u64,
    pub frozen: bool,
}

impl Permission {
    fn decode(word: U256) -> Self {
        Permission {
            roles: word.as_limbs()[0] & ROLES_MASK,
            frozen: word.bit(255),
        }
    }

    pub fn may_send(self) -> bool {
        self.roles & SEND_MASK != 0
    }

    pub fn may_call_anything(self) -> bool {
        self.roles & CALL_MASK != 0
    }

    pub fn may_deploy(self) -> bool {
        self.roles & DEPLOY_MASK != 0
    }
}

/// Where an account's word stands: Vyper hashes the map's slot, 0, then the key.
fn permission_slot(account: Address) -> U256 {
    let mut preimage = [0; 64];
    preimage[44..].copy_from_slice(account.as_slice());
    keccak256(preimage).into()
}

/// What an account may do, by the state that the last transaction left.
pub fn permission(state: &mut State, account: Address) -> Result<Permission, ReaderRaised> {
    Ok(Permission::decode(
        state.slot(GATE_CONTRACT, permission_slot(account))?,
    ))
}

/// Whether call frames into a contract revert. The gate's own never do: nobody could lift it.
pub fn is_frozen(state: &mut State, contract: Address) -> Result<bool, ReaderRaised> {
    Ok(contract != GATE_CONTRACT && permission(state, contract)?.frozen)
}
