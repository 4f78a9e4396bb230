"""Any transaction that Cancun knows, blobs included, as a test describes it: fields, then a key.

`ledger.transactions` is what a ledger accepts; nothing here decides what is valid.
"""

from dataclasses import dataclass

from ledger.codec import Encodable, encode
from ledger.suite import STANDARD
from ledger.transactions import ACCESS_LIST, DYNAMIC_FEE, LEGACY
from ledger.values import AccessList, Address, Hash32, keccak

BLOB = 3
CHAIN_ID = 1
"""Of every state test."""
_BITS = {"nonce": 64, "gas": 64, "value": 256, "max_fee": 256, "max_blob_fee": 256}


@dataclass(frozen=True)
class EthereumTransaction:
    """The fields of a transaction of type 0 to 3; amounts in wei, perhaps too large to encode.

    `max_fee` and `priority_fee` are the gas price where there is only one.
    """

    type: int
    nonce: int
    priority_fee: int
    max_fee: int
    gas: int
    to: Address | None
    value: int
    data: bytes
    access_list: AccessList
    max_blob_fee: int
    blob_hashes: tuple[bytes, ...]

    def oversize(self) -> str | None:
        """The first field that no transaction can hold, in words; None if all fit."""
        for name, bits in _BITS.items():
            if getattr(self, name) >= 1 << bits:
                return f"{name} does not fit {bits} bits"
        return None


def sign(transaction: EthereumTransaction, private_key: bytes) -> bytes:
    """The transaction's bytes with its signature (EIP-2718, 2930, 1559, 4844).

    A legacy transaction is signed for any chain, as the suites do.
    """
    fields: list[Encodable] = [
        transaction.gas,
        transaction.to or b"",
        transaction.value,
        transaction.data,
    ]
    if transaction.type == LEGACY:
        fields = [transaction.nonce, transaction.max_fee, *fields]
        r, s, parity = _signature(encode(fields), private_key)
        return encode([*fields, 27 + parity, r, s])
    fees = [transaction.priority_fee, transaction.max_fee]
    if transaction.type == ACCESS_LIST:
        fees = [transaction.max_fee]
    access: list[Encodable] = [
        [address, [slot.to_bytes(32) for slot in slots]]
        for address, slots in transaction.access_list
    ]
    fields = [CHAIN_ID, transaction.nonce, *fees, *fields, access]
    if transaction.type == BLOB:
        fields += [transaction.max_blob_fee, list(transaction.blob_hashes)]
    else:
        assert transaction.type in (ACCESS_LIST, DYNAMIC_FEE)
    prefix = bytes((transaction.type,))
    r, s, parity = _signature(prefix + encode(fields), private_key)
    return prefix + encode([*fields, parity, r, s])


def _signature(signed: bytes, private_key: bytes) -> tuple[int, int, int]:
    """r, s and the parity of y."""
    signature = STANDARD.sign(Hash32(keccak(signed)), private_key)
    return int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]
