"""A block as it is stored and transferred: header, record and the whole batch.

What was included and what dropped is recomputed by execution. The certificate travels beside it.
"""

from dataclasses import dataclass

from ledger.codec import as_bytes, as_list, decode_list, encode
from ledger.header import HEADER_BYTES_MAX, Header, decode_header, encode_header
from ledger.proposal import PROPOSAL_BYTES_MAX, Proposal, decode_proposal, encode_proposal
from ledger.record import RECORD_BYTES_MAX, Record, decode_record, encode_record
from ledger.suite import Suite
from ledger.values import Hash32

BLOCK_BYTES_MAX = PROPOSAL_BYTES_MAX + HEADER_BYTES_MAX + RECORD_BYTES_MAX + 64


class InvalidBlock(ValueError):
    """A block that does not follow from its parent and its batch."""


@dataclass(frozen=True)
class Block:
    """A header, the record that its `extra_data` binds, the proposal that the record binds."""

    header: Header
    record: Record
    proposal: Proposal

    @property
    def number(self) -> int:
        """The block number."""
        return self.header.number

    @property
    def hash(self) -> Hash32:
        """The header's hash."""
        return self.header.hash

    def check_bindings(self) -> None:
        """Raises InvalidBlock unless header, record and proposal bind each other."""
        if self.header.extra_data != self.record.hash:
            raise InvalidBlock(f"block {self.number}: extraData is not the record's hash")
        if self.record.proposal_digest != self.proposal.digest:
            raise InvalidBlock(f"block {self.number}: the record binds another proposal")
        if self.proposal.sequence != self.number:
            raise InvalidBlock(
                f"block {self.number}: its proposal is for sequence {self.proposal.sequence}"
            )


def encode_block(block: Block) -> bytes:
    """The RLP of [header, record, proposal], each encoded."""
    return encode(
        [encode_header(block.header), encode_record(block.record), encode_proposal(block.proposal)]
    )


def decode_block(suite: Suite, data: bytes) -> Block:
    """The block that `data` encodes, its digest computed anew; raises InvalidEncoding."""
    parts = as_list(decode_list(data, bytes_max=BLOCK_BYTES_MAX), "block", length=3)
    header, record, proposal = (as_bytes(part, "block part") for part in parts)
    return Block(decode_header(header), decode_record(record), decode_proposal(suite, proposal))
