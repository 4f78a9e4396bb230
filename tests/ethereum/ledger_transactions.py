"""A case's transaction as a ledger has it, and what a unit of its gas costs in Ethereum."""

from ledger.ethereum.case import Case
from ledger.transactions import Transaction


def transaction_of(case: Case) -> Transaction:
    """The transaction unsigned: the ledger's own steps take its sender from beside it."""
    fields = case.transaction
    return Transaction(
        type=1,
        chain_id=1,
        nonce=fields.nonce,
        max_priority_fee_per_gas=fields.priority_fee,
        max_fee_per_gas=fields.max_fee,
        gas=fields.gas,
        to=fields.to,
        value=fields.value,
        data=fields.data,
        access_list=fields.access_list,
        v=0,
        y_parity=0,
        r=0,
        s=0,
        raw=b"",
    )


def price_of(case: Case) -> int:
    """Wei for a unit of gas (EIP-1559)."""
    fields = case.transaction
    return min(fields.max_fee, case.block.base_fee + fields.priority_fee)
