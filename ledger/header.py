"""A block header with Cancun's 20 fields, hashed as Ethereum hashes it.

Ethereum's hash and proof rules hold, its validity rules do not: see `record.py` for `extra_data`.
"""

from dataclasses import dataclass, fields
from functools import cached_property

from ledger.codec import as_address, as_bytes, as_hash, as_int, as_list, decode_list, encode
from ledger.values import EMPTY_OMMERS_HASH, EMPTY_TRIE_ROOT, ZERO_HASH, Address, Hash32, keccak

BLOOM_BYTES = 256
HEADER_BYTES_MAX = 1024


@dataclass(frozen=True)
class Header:
    """The fields that vary come first; those below are Ethereum's and constant here."""

    parent_hash: Hash32
    coinbase: Address
    state_root: Hash32
    transactions_root: Hash32
    receipts_root: Hash32
    logs_bloom: bytes
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    ommers_hash: Hash32 = EMPTY_OMMERS_HASH
    difficulty: int = 0
    prev_randao: Hash32 = ZERO_HASH
    nonce: bytes = bytes(8)
    base_fee_per_gas: int = 0
    withdrawals_root: Hash32 = EMPTY_TRIE_ROOT
    blob_gas_used: int = 0
    excess_blob_gas: int = 0
    parent_beacon_block_root: Hash32 = ZERO_HASH

    @cached_property
    def hash(self) -> Hash32:
        """The block hash: keccak-256 of the header's RLP."""
        return keccak(encode_header(self))


def encode_header(header: Header) -> bytes:
    """The header's RLP in Ethereum's order (EIP-1559, 4895, 4844, 4788)."""
    return encode(
        [
            header.parent_hash,
            header.ommers_hash,
            header.coinbase,
            header.state_root,
            header.transactions_root,
            header.receipts_root,
            header.logs_bloom,
            header.difficulty,
            header.number,
            header.gas_limit,
            header.gas_used,
            header.timestamp,
            header.extra_data,
            header.prev_randao,
            header.nonce,
            header.base_fee_per_gas,
            header.withdrawals_root,
            header.blob_gas_used,
            header.excess_blob_gas,
            header.parent_beacon_block_root,
        ]
    )


def first_difference(ours: Header, theirs: Header) -> str | None:
    """The name of the first field in which two headers differ, or None."""
    for field in fields(Header):
        if getattr(ours, field.name) != getattr(theirs, field.name):
            return field.name
    return None


def decode_header(data: bytes) -> Header:
    """The header that `data` encodes; raises InvalidEncoding."""
    items = as_list(decode_list(data, bytes_max=HEADER_BYTES_MAX), "header", length=20)
    return Header(
        parent_hash=as_hash(items[0], "parent hash"),
        ommers_hash=as_hash(items[1], "ommers hash"),
        coinbase=as_address(items[2], "coinbase"),
        state_root=as_hash(items[3], "state root"),
        transactions_root=as_hash(items[4], "transactions root"),
        receipts_root=as_hash(items[5], "receipts root"),
        logs_bloom=as_bytes(items[6], "logs bloom", size=BLOOM_BYTES),
        difficulty=as_int(items[7], "difficulty", bits=256),
        number=as_int(items[8], "number"),
        gas_limit=as_int(items[9], "gas limit"),
        gas_used=as_int(items[10], "gas used"),
        timestamp=as_int(items[11], "timestamp"),
        extra_data=as_bytes(items[12], "extra data", bytes_max=32),
        prev_randao=as_hash(items[13], "prev randao"),
        nonce=as_bytes(items[14], "header nonce", size=8),
        base_fee_per_gas=as_int(items[15], "base fee", bits=256),
        withdrawals_root=as_hash(items[16], "withdrawals root"),
        blob_gas_used=as_int(items[17], "blob gas used"),
        excess_blob_gas=as_int(items[18], "excess blob gas"),
        parent_beacon_block_root=as_hash(items[19], "parent beacon block root"),
    )
