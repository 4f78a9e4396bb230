"""Receipts and logs: Ethereum's encodings, blooms, and what is kept beside them.

Status 0 is a transaction that was valid and whose execution failed; what was dropped has none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ledger.codec import (
    Encodable,
    InvalidEncoding,
    Item,
    as_address,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
)
from ledger.transactions import LEGACY
from ledger.values import Address, Hash32, keccak

BLOOM_BYTES = 256
TOPICS_MAX = 4
RECEIPT_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Log:
    """One event: who emitted it, up to four topics, data."""

    address: Address
    topics: tuple[Hash32, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """A receipt; `gas_used` and `contract_address` are no part of what the header commits to."""

    type: int
    status: int
    cumulative_gas_used: int
    logs: tuple[Log, ...]
    gas_used: int
    contract_address: Address | None = None

    @cached_property
    def bloom(self) -> bytes:
        """2048 bits, three set for each address and topic."""
        return logs_bloom(self.logs)


def logs_bloom(logs: Iterable[Log]) -> bytes:
    """The bloom filter of logs (yellow paper, 4.3.1)."""
    bits = 0
    for log in logs:
        for entry in (log.address, *log.topics):
            bits |= bloom_bits(entry)
    return bits.to_bytes(BLOOM_BYTES)


def bloom_bits(entry: bytes) -> int:
    """The three bits of an address or a topic, as an integer of 2048 bits."""
    digest = keccak(entry)
    bits = 0
    for offset in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[offset : offset + 2]) & 2047)
    return bits


def union_bloom(receipts: Iterable[Receipt]) -> bytes:
    """The header's bloom: all receipts' together."""
    bits = 0
    for receipt in receipts:
        bits |= int.from_bytes(receipt.bloom)
    return bits.to_bytes(BLOOM_BYTES)


def encode_receipt(receipt: Receipt) -> bytes:
    """The value of the receipts trie (EIP-658, EIP-2718)."""
    payload = encode(
        [receipt.status, receipt.cumulative_gas_used, receipt.bloom, _log_items(receipt.logs)]
    )
    return payload if receipt.type == LEGACY else bytes((receipt.type,)) + payload


def decode_receipt_logs(data: bytes) -> tuple[bool, tuple[Log, ...]]:
    """Whether the transaction succeeded, and its logs, of a value of the receipts trie.

    Raises InvalidEncoding.
    """
    payload = data if data[:1] >= b"\xc0" else data[1:]
    items = decode_list(payload, bytes_max=RECEIPT_BYTES_MAX)
    fields = as_list(items, "receipt", length=4)
    logs = tuple(_log(item) for item in as_list(fields[3], "receipt logs"))
    return bool(as_int(fields[0], "receipt status", bits=1)), logs


def receipt_item(receipt: Receipt) -> Encodable:
    """The form in which a store keeps a receipt: without the bloom, with what is derived."""
    return [
        receipt.type,
        receipt.status,
        receipt.cumulative_gas_used,
        receipt.gas_used,
        receipt.contract_address or b"",
        _log_items(receipt.logs),
    ]


def receipt_from_item(item: Item) -> Receipt:
    """The receipt that a store kept; raises InvalidEncoding."""
    fields = as_list(item, "receipt", length=6)
    return Receipt(
        type=as_int(fields[0], "receipt type"),
        status=as_int(fields[1], "receipt status", bits=1),
        cumulative_gas_used=as_int(fields[2], "receipt cumulative gas"),
        logs=tuple(_log(log) for log in as_list(fields[5], "receipt logs")),
        gas_used=as_int(fields[3], "receipt gas"),
        contract_address=None
        if fields[4] == b""
        else as_address(fields[4], "receipt contract address"),
    )


def _log_items(logs: tuple[Log, ...]) -> Encodable:
    return [[log.address, list(log.topics), log.data] for log in logs]


def _log(item: Item) -> Log:
    fields = as_list(item, "log", length=3)
    topics = as_list(fields[1], "log topics")
    if len(topics) > TOPICS_MAX:
        raise InvalidEncoding(f"log topics: expected at most {TOPICS_MAX}, got {len(topics)}")
    return Log(
        as_address(fields[0], "log address"),
        tuple(as_hash(topic, "log topic") for topic in topics),
        as_bytes(fields[2], "log data"),
    )
