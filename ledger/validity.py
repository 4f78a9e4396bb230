"""What makes a transaction valid: one ordered list of checks, each with its reason code.

`check_form` needs no state: pools, proposals and execution run it. `check_state` runs on the
state that the predecessor left. The first check that fails names the reason; engines decide
nothing.
"""

from functools import lru_cache

from ledger.gate import GATE_CONTRACT, Permission
from ledger.parameters import Parameters
from ledger.reasons import Reason
from ledger.state import Account
from ledger.suite import Suite, suite_named
from ledger.transactions import InvalidTransaction, Transaction, recover_sender
from ledger.values import EMPTY_CODE_HASH, Address

NONCE_MAX = 2**64 - 2
"""EIP-2681: an account whose nonce is 2**64 - 1 cannot send."""
INIT_CODE_BYTES_MAX = 49_152
"""EIP-3860."""

__all__ = [
    "InvalidTransaction",
    "Reason",
    "check_form",
    "check_limits",
    "check_permission",
    "check_state",
]

_suite = lru_cache(suite_named)


def check_form(transaction: Transaction, parameters: Parameters) -> Address:
    """The sender of a transaction that is well-formed here; raises InvalidTransaction."""
    _check_size(transaction, parameters)
    if transaction.chain_id != parameters.chain_id:
        raise InvalidTransaction(
            Reason.WRONG_CHAIN,
            f"expected chain id {parameters.chain_id}, got {transaction.chain_id}",
        )
    if transaction.max_fee_per_gas or transaction.max_priority_fee_per_gas:
        raise InvalidTransaction(
            Reason.FEE_NOT_ZERO, f"got {transaction.max_fee_per_gas} wei a unit of gas"
        )
    if transaction.nonce > NONCE_MAX:
        raise InvalidTransaction(Reason.NONCE_TOO_HIGH, f"got {transaction.nonce}")
    if transaction.to is None and len(transaction.data) > INIT_CODE_BYTES_MAX:
        raise InvalidTransaction(
            Reason.INIT_CODE_TOO_LARGE,
            f"expected at most {INIT_CODE_BYTES_MAX} bytes, got {len(transaction.data)}",
        )
    least = transaction.intrinsic_gas
    if transaction.gas < least:
        raise InvalidTransaction(
            Reason.GAS_TOO_LOW, f"expected at least {least} gas, got {transaction.gas}"
        )
    _check_gas(transaction, parameters)
    suite: Suite = _suite(parameters.suite)
    return recover_sender(transaction, suite)


def check_limits(transaction: Transaction, parameters: Parameters) -> None:
    """Of `check_form`, what a vote may change; raises InvalidTransaction."""
    _check_size(transaction, parameters)
    _check_gas(transaction, parameters)


def _check_size(transaction: Transaction, parameters: Parameters) -> None:
    size = len(transaction.raw)
    if size > parameters.transaction_bytes_max:
        raise InvalidTransaction(
            Reason.TOO_LARGE,
            f"expected at most {parameters.transaction_bytes_max} bytes, got {size}",
        )


def _check_gas(transaction: Transaction, parameters: Parameters) -> None:
    if transaction.gas > parameters.gas_limit:
        raise InvalidTransaction(
            Reason.GAS_TOO_HIGH,
            f"expected at most {parameters.gas_limit} gas, got {transaction.gas}",
        )


def check_state(
    transaction: Transaction,
    sender: Address,
    account: Account | None,
    permission: Permission,
    gas_left: int,
) -> None:
    """Raises InvalidTransaction unless the transaction may run now.

    `account` and `permission` are the sender's on the predecessor's state; `gas_left` is the gas
    limit of the block less the gas limits of what it already holds. What is final comes first.
    """
    account = account or Account()
    if transaction.nonce < account.nonce:
        raise InvalidTransaction(
            Reason.NONCE_USED, f"expected nonce {account.nonce}, got {transaction.nonce}"
        )
    check_permission(transaction, sender, permission)
    if transaction.nonce > account.nonce:
        raise InvalidTransaction(
            Reason.NONCE_GAP, f"expected nonce {account.nonce}, got {transaction.nonce}"
        )
    if account.code_hash != EMPTY_CODE_HASH:
        raise InvalidTransaction(Reason.SENDER_HAS_CODE, f"0x{sender.hex()} is a contract")
    if transaction.value > account.balance:
        raise InvalidTransaction(
            Reason.BALANCE_TOO_LOW,
            f"expected at least {transaction.value} wei, the account holds {account.balance}",
        )
    if transaction.gas > gas_left:
        raise InvalidTransaction(
            Reason.BLOCK_FULL, f"expected at most {gas_left} gas, got {transaction.gas}"
        )


def check_permission(transaction: Transaction, sender: Address, permission: Permission) -> None:
    """Raises InvalidTransaction unless the gate lets the sender send this."""
    if permission.frozen:
        raise InvalidTransaction(Reason.FROZEN, f"0x{sender.hex()} is frozen")
    if not permission.may_send:
        raise InvalidTransaction(Reason.NO_PERMISSION, f"0x{sender.hex()} has no role")
    if not permission.may_address(transaction.to):
        raise InvalidTransaction(Reason.NOT_THE_GATE, f"expected a call to 0x{GATE_CONTRACT.hex()}")
    if transaction.to is None and not permission.may_deploy:
        raise InvalidTransaction(Reason.NO_DEPLOY, f"0x{sender.hex()} is no author or admin")
