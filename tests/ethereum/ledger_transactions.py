"""A case's transaction as a ledger has it, and what a unit of its gas costs in Ethereum."""

from ledger.ethereum.case import Case
from ledger.transactions import Transaction
from tests.unsigned import unsigned


def transaction_of(case: Case) -> Transaction:
    """At the price that it pays; the ledger takes its sender from beside it."""
    fields = case.transaction
    return unsigned(
        fields.nonce,
        fields.to,
        fields.data,
        fields.gas,
        price=price_of(case),
        value=fields.value,
        access_list=fields.access_list,
    )


def price_of(case: Case) -> int:
    """Wei for a unit of gas (EIP-1559)."""
    fields = case.transaction
    return min(fields.max_fee, case.block.base_fee + fields.priority_fee)
