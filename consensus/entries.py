"""What a replica must find again after a crash: the entries of its write-ahead log.

Values only; `wire` makes bytes of them and `node.wal` keeps those. Own votes are logged unsigned:
a restarted replica has them signed and sent anew, and can never say anything else.
"""

from typing import TypeAlias

import msgspec

from consensus.messages import Checkpoint, NewView, PreparedCertificate, Signed, ViewChange, Vote
from ledger.certificate import Certificate
from ledger.proposal import Proposal
from ledger.values import Hash32


class BatchEntry(msgspec.Struct, frozen=True):
    """A batch that a vote names: logged before the vote, kept until its block is stored."""

    proposal: Proposal


class VoteEntry(msgspec.Struct, frozen=True):
    """An own vote (a PRE-PREPARE without its body), VIEW-CHANGE or NEW-VIEW."""

    message: Vote | ViewChange | NewView


class PreparedEntry(msgspec.Struct, frozen=True):
    """A prepared certificate: it survives view changes and goes only when its block is stored."""

    certificate: PreparedCertificate


class CheckpointEntry(msgspec.Struct, frozen=True):
    """An own CHECKPOINT and the digest that was executed: evidence that it was committed."""

    message: Checkpoint
    digest: Hash32


class ViewEntry(msgspec.Struct, frozen=True):
    """The NEW-VIEW that this replica entered a view by, as its primary signed it."""

    new_view: Signed


class MarkEntry(msgspec.Struct, frozen=True):
    """The certificate of one of the last blocks up to which this log was pruned."""

    certificate: Certificate


class RetiredEntry(msgspec.Struct, frozen=True):
    """A message under this replica's key that this log does not know: the key votes no more."""

    evidence: Signed


LogEntry: TypeAlias = (
    BatchEntry | VoteEntry | PreparedEntry | CheckpointEntry | ViewEntry | MarkEntry | RetiredEntry
)


def epoch_of(entry: LogEntry) -> int:
    """The epoch that an entry belongs to."""
    match entry:
        case BatchEntry(proposal):
            return proposal.epoch
        case PreparedEntry(certificate) | MarkEntry(certificate):
            return certificate.epoch
        case VoteEntry(message) | CheckpointEntry(message, _):
            return message.epoch
        case ViewEntry(signed) | RetiredEntry(signed):
            return signed.message.epoch
