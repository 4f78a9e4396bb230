"""What members of a group ask each other outside consensus: blocks, batches, envelopes,
recovery certificates, and the header of a block on which they differ.

Bytes and values only: each request has one answer. How one is asked is `asking.py`'s and
`envelopes.py`'s; the network tells which answer belongs to which request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ledger.codec import (
    Encodable,
    InvalidEncoding,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
)
from ledger.header import HEADER_BYTES_MAX
from ledger.record import RECORD_BYTES_MAX
from ledger.recovery import RECOVERIES_MAX, RECOVERY_BYTES_MAX
from ledger.values import Hash32

REQUEST_BYTES_MAX = 1 << 20
ANSWER_BYTES_MAX = 16 << 20
BLOCKS_COUNT_MAX = 64
ORGANISATION_BYTES_MAX = 64
ENVELOPE_BYTES_MAX = REQUEST_BYTES_MAX - 1024


@dataclass(frozen=True, slots=True)
class BlocksRequest:
    """Stable blocks `first` to `first + count - 1`, as many of them as fit one answer."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """The proposal of this digest."""

    digest: Hash32


@dataclass(frozen=True, slots=True)
class EnvelopeDelivery:
    """An opaque envelope for an organisation of the group."""

    organisation: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class HeaderRequest:
    """The header of this hash to which the asked member came for a block, stored or not."""

    number: int
    header_hash: Hash32


@dataclass(frozen=True, slots=True)
class RecoveriesRequest:
    """The recovery certificates that the member follows."""


@dataclass(frozen=True, slots=True)
class BlocksAnswer:
    """Encoded blocks with their encoded certificates, ascending; empty if none is there."""

    blocks: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """An encoded proposal, empty if it is not there; its digest, computed anew, is its proof."""

    proposal: bytes


@dataclass(frozen=True, slots=True)
class EnvelopeReceipt:
    """The envelope of this digest is on the receiver's disk."""

    digest: Hash32


@dataclass(frozen=True, slots=True)
class HeaderAnswer:
    """An encoded header and the record that it binds, both empty if it is not there."""

    header: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class RecoveriesAnswer:
    """Encoded certificates, ascending; each proves itself from the genesis document."""

    recoveries: tuple[bytes, ...]


Request: TypeAlias = (
    BlocksRequest | BatchRequest | EnvelopeDelivery | HeaderRequest | RecoveriesRequest
)
Answer: TypeAlias = BlocksAnswer | BatchAnswer | EnvelopeReceipt | HeaderAnswer | RecoveriesAnswer


def encode_request(request: Request) -> bytes:
    """The RLP of [kind, fields in order]."""
    match request:
        case BlocksRequest(first, count):
            return encode([1, first, count])
        case BatchRequest(digest):
            return encode([2, digest])
        case EnvelopeDelivery(organisation, payload):
            return encode([3, organisation.encode("ascii"), payload])
        case HeaderRequest(number, header_hash):
            return encode([4, number, header_hash])
        case RecoveriesRequest():
            return encode([5])


def decode_request(data: bytes) -> Request:
    """The request that `data` encodes; raises `InvalidEncoding`."""
    fields = decode_list(data, bytes_max=REQUEST_BYTES_MAX)
    kind = as_int(fields[0], "kind of request", bits=8) if fields else 0
    if kind == 1:
        as_list(fields, "blocks request", length=3)
        count = as_int(fields[2], "count", bits=16)
        if not 1 <= count <= BLOCKS_COUNT_MAX:
            raise InvalidEncoding(f"expected 1 to {BLOCKS_COUNT_MAX} blocks, got {count}")
        return BlocksRequest(as_int(fields[1], "first"), count)
    if kind == 2:
        as_list(fields, "batch request", length=2)
        return BatchRequest(as_hash(fields[1], "digest"))
    if kind == 3:
        as_list(fields, "envelope", length=3)
        name = as_bytes(fields[1], "organisation", bytes_max=ORGANISATION_BYTES_MAX)
        if not name.isascii():
            raise InvalidEncoding("expected an organisation's name in ASCII")
        payload = as_bytes(fields[2], "envelope", bytes_max=ENVELOPE_BYTES_MAX)
        return EnvelopeDelivery(name.decode("ascii"), payload)
    if kind == 4:
        as_list(fields, "header request", length=3)
        return HeaderRequest(as_int(fields[1], "number"), as_hash(fields[2], "header hash"))
    if kind == 5:
        as_list(fields, "recoveries request", length=1)
        return RecoveriesRequest()
    raise InvalidEncoding(f"expected a request of kind 1 to 5, got {kind}")


def encode_answer(answer: Answer) -> bytes:
    """The RLP of [kind, fields in order]; the kind is the request's."""
    fields: list[Encodable]
    match answer:
        case BlocksAnswer(blocks):
            fields = [1, [list(pair) for pair in blocks]]
        case BatchAnswer(proposal):
            fields = [2, proposal]
        case EnvelopeReceipt(digest):
            fields = [3, digest]
        case HeaderAnswer(header, record):
            fields = [4, [header, record]]
        case RecoveriesAnswer(recoveries):
            fields = [5, list(recoveries)]
    return encode(fields)


def decode_answer(data: bytes) -> Answer:
    """The answer that `data` encodes; raises `InvalidEncoding`."""
    kind_item, body = as_list(decode_list(data, bytes_max=ANSWER_BYTES_MAX), "answer", length=2)
    kind = as_int(kind_item, "kind of answer", bits=8)
    if kind == 1:
        blocks = []
        for item in as_list(body, "blocks", length_max=BLOCKS_COUNT_MAX):
            block, certificate = as_list(item, "block and certificate", length=2)
            blocks.append((as_bytes(block, "block"), as_bytes(certificate, "certificate")))
        return BlocksAnswer(tuple(blocks))
    if kind == 2:
        return BatchAnswer(as_bytes(body, "proposal"))
    if kind == 3:
        return EnvelopeReceipt(as_hash(body, "digest"))
    if kind == 4:
        header, record = as_list(body, "header and record", length=2)
        return HeaderAnswer(
            as_bytes(header, "header", bytes_max=HEADER_BYTES_MAX),
            as_bytes(record, "record", bytes_max=RECORD_BYTES_MAX),
        )
    if kind == 5:
        items = as_list(body, "recoveries", length_max=RECOVERIES_MAX)
        return RecoveriesAnswer(
            tuple(as_bytes(item, "recovery", bytes_max=RECOVERY_BYTES_MAX) for item in items)
        )
    raise InvalidEncoding(f"expected an answer of kind 1 to 5, got {kind}")
