"""Transactions of which tests name the sender beside them: well-formed, nobody signed them."""

from ledger.codec import encode
from ledger.transactions import Transaction, decode_transaction
from ledger.values import AccessList, Address


def unsigned(
    nonce: int,
    to: Address | None,
    data: bytes,
    gas: int,
    *,
    chain_id: int = 1,
    price: int = 0,
    value: int = 0,
    access_list: AccessList = (),
) -> Transaction:
    """A transaction of type 1, whose signature is two ones."""
    entries = [[address, [slot.to_bytes(32) for slot in slots]] for address, slots in access_list]
    fields = [chain_id, nonce, price, gas, to or b"", value, data, entries, 0, 1, 1]
    return decode_transaction(b"\x01" + encode(fields))
