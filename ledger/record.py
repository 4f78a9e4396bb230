"""A block's record: what consensus adds to an Ethereum header, bound by its `extraData`.

`extraData` is the keccak-256 of the record's RLP. The certificate is no part of it.
"""

from dataclasses import dataclass
from functools import cached_property

from ledger.codec import InvalidEncoding, as_address, as_hash, as_int, as_list, decode_list, encode
from ledger.values import Address, Hash32, keccak

RECORD_VERSION = 1
RECORD_BYTES_MAX = 512


@dataclass(frozen=True)
class Record:
    """Nine fields in the order of their encoding; hashes of sets and parameters by the suite."""

    epoch: int
    origin_view: int
    proposer: Address
    timestamp_ms: int
    proposal_digest: Hash32
    certifiers_hash: Hash32
    next_certifiers_hash: Hash32
    parameters_hash: Hash32
    version: int = RECORD_VERSION

    @cached_property
    def hash(self) -> Hash32:
        """What the header's `extraData` holds."""
        return keccak(encode_record(self))


def encode_record(record: Record) -> bytes:
    """The record's RLP, version first."""
    return encode(
        [
            record.version,
            record.epoch,
            record.origin_view,
            record.proposer,
            record.timestamp_ms,
            record.proposal_digest,
            record.certifiers_hash,
            record.next_certifiers_hash,
            record.parameters_hash,
        ]
    )


def decode_record(data: bytes) -> Record:
    """The record that `data` encodes; raises InvalidEncoding, also for another version."""
    fields = as_list(decode_list(data, bytes_max=RECORD_BYTES_MAX), "record", length=9)
    version = as_int(fields[0], "record version")
    if version != RECORD_VERSION:
        raise InvalidEncoding(f"record version: expected {RECORD_VERSION}, got {version}")
    return Record(
        epoch=as_int(fields[1], "record epoch"),
        origin_view=as_int(fields[2], "record origin view"),
        proposer=as_address(fields[3], "record proposer"),
        timestamp_ms=as_int(fields[4], "record timestamp"),
        proposal_digest=as_hash(fields[5], "record proposal digest"),
        certifiers_hash=as_hash(fields[6], "record certifiers hash"),
        next_certifiers_hash=as_hash(fields[7], "record next certifiers hash"),
        parameters_hash=as_hash(fields[8], "record parameters hash"),
    )
