"""What a header says of included transactions and their receipts: two roots, a bloom, the gas.

Engines without lists of their own call `lists_of`; an engine that has them must give the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ledger.receipts import Receipt, encode_receipt, union_bloom
from ledger.trie import ordered_root
from ledger.values import Hash32


class Lists(NamedTuple):
    """Four fields of the header, named as there."""

    transactions_root: Hash32
    receipts_root: Hash32
    logs_bloom: bytes
    gas_used: int


def lists_of(transactions: Sequence[bytes], receipts: Sequence[Receipt]) -> Lists:
    """The fields for raw transactions and the receipts that belong to them."""
    return Lists(
        ordered_root(transactions),
        ordered_root([encode_receipt(receipt) for receipt in receipts]),
        union_bloom(receipts),
        receipts[-1].cumulative_gas_used if receipts else 0,
    )
