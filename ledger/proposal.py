"""A proposal: an ordered batch of transactions at a sequence number, and its digest.

It carries no state root: execution follows agreement. A null request is the empty proposal that
fills a gap after a view change; its digest depends on group, epoch and sequence only.
"""

import msgspec

from ledger.codec import (
    Encodable,
    InvalidEncoding,
    as_address,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
)
from ledger.suite import Suite
from ledger.values import ZERO_ADDRESS, Address, Hash32

PROPOSAL_TAG = b"quorate/proposal/1"
NULL_TAG = b"quorate/null/1"

PROPOSAL_BYTES_MAX = 8 * 1024 * 1024
"""Bound of an encoded proposal on the wire and on disk; parameters bound batches more narrowly."""
PROPOSAL_TRANSACTIONS_MAX = 16_384
_FIELDS = 8


class Proposal(msgspec.Struct, frozen=True):
    """A batch at a sequence. Build it with `propose`, `null_request` or `decode_proposal`."""

    group: Hash32
    epoch: int
    sequence: int
    origin_view: int
    proposer: Address
    timestamp_ms: int
    transactions: tuple[bytes, ...]
    is_null: bool
    digest: Hash32


def propose(
    suite: Suite,
    *,
    group: Hash32,
    epoch: int,
    sequence: int,
    origin_view: int,
    proposer: Address,
    timestamp_ms: int,
    transactions: tuple[bytes, ...],
) -> Proposal:
    """A proposal with its digest: the hash of the RLP of a tag and all fields in order."""
    fields: list[Encodable] = [group, epoch, sequence, origin_view, proposer, timestamp_ms]
    digest = suite.hash(encode([PROPOSAL_TAG, *fields, list(transactions)]))
    return Proposal(
        group, epoch, sequence, origin_view, proposer, timestamp_ms, transactions, False, digest
    )


def null_request(suite: Suite, *, group: Hash32, epoch: int, sequence: int) -> Proposal:
    """The proposal that stands where a new view found nothing prepared."""
    digest = suite.hash(encode([NULL_TAG, group, epoch, sequence]))
    return Proposal(group, epoch, sequence, 0, ZERO_ADDRESS, 0, (), True, digest)


def encode_proposal(proposal: Proposal) -> bytes:
    """The RLP of [is null, group, epoch, sequence, origin view, proposer, time, transactions]."""
    return encode(
        [
            int(proposal.is_null),
            proposal.group,
            proposal.epoch,
            proposal.sequence,
            proposal.origin_view,
            proposal.proposer,
            proposal.timestamp_ms,
            list(proposal.transactions),
        ]
    )


def decode_proposal(suite: Suite, data: bytes) -> Proposal:
    """The proposal that `data` encodes, its digest computed anew; raises InvalidEncoding."""
    fields = as_list(decode_list(data, bytes_max=PROPOSAL_BYTES_MAX), "proposal", length=_FIELDS)
    is_null = as_int(fields[0], "proposal is null", bits=1)
    group = as_hash(fields[1], "proposal group")
    epoch = as_int(fields[2], "proposal epoch")
    sequence = as_int(fields[3], "proposal sequence")
    origin_view = as_int(fields[4], "proposal origin view")
    proposer = as_address(fields[5], "proposal proposer")
    timestamp_ms = as_int(fields[6], "proposal timestamp")
    batch = as_list(fields[7], "proposal batch", length_max=PROPOSAL_TRANSACTIONS_MAX)
    transactions = tuple(as_bytes(item, "proposal transaction") for item in batch)
    if is_null:
        null = null_request(suite, group=group, epoch=epoch, sequence=sequence)
        if (origin_view, proposer, timestamp_ms, transactions) != (0, ZERO_ADDRESS, 0, ()):
            raise InvalidEncoding("a null request carries nothing but group, epoch and sequence")
        return null
    return propose(
        suite,
        group=group,
        epoch=epoch,
        sequence=sequence,
        origin_view=origin_view,
        proposer=proposer,
        timestamp_ms=timestamp_ms,
        transactions=transactions,
    )
