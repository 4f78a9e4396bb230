//! The gate's words, as `ledger/gate.py` has them: who may send, deploy or run.

use revm::primitives::{Address, U256, address, keccak256};

use super::state::{ReaderRaised, State};

pub const GATE_CONTRACT: Address = address!("0000000000000000000000000000000000007001");
const ROLES_MASK: u64 = 0xffff;
const MEMBER: u64 = 1;
const AUTHOR: u64 = 1 << 1;
const REGULATOR: u64 = 1 << 2;
const ADMIN: u64 = 1 << 3;
const SYSTEM_ADMINISTRATOR: u64 = 1 << 4;
const SECURITY_ADMINISTRATOR: u64 = 1 << 5;
const GATEWAY: u64 = 1 << 7;
const DEPLOY_MASK: u64 = AUTHOR | ADMIN;
const CALL_MASK: u64 = MEMBER | AUTHOR | ADMIN | GATEWAY;
const SYSTEM_MASK: u64 = CALL_MASK | SYSTEM_ADMINISTRATOR | SECURITY_ADMINISTRATOR;
const SEND_MASK: u64 = SYSTEM_MASK | REGULATOR;
const SYSTEM_CONTRACTS: [Address; 4] = [
    GATE_CONTRACT,
    address!("0000000000000000000000000000000000007002"),
    address!("0000000000000000000000000000000000007003"),
    address!("0000000000000000000000000000000000007004"),
];

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

    pub fn may_address(self, to: Option<Address>) -> bool {
        if self.roles & CALL_MASK != 0 || to == Some(GATE_CONTRACT) {
            return true;
        }
        self.roles & SYSTEM_MASK != 0 && to.is_some_and(|to| SYSTEM_CONTRACTS.contains(&to))
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
