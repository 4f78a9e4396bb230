"""What a recovered log says, folded: own votes, locks, view and batches above the stable block."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from consensus.entries import (
    BatchEntry,
    CheckpointEntry,
    LogEntry,
    MarkEntry,
    PreparedEntry,
    RetiredEntry,
    ViewEntry,
    VoteEntry,
)
from consensus.messages import (
    Commit,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Signed,
    ViewChange,
)
from ledger.certificate import Certificate
from ledger.proposal import Proposal
from ledger.values import Hash32


@dataclass(slots=True)
class Recovered:
    """The latest of each kind, by sequence where it has one."""

    batches: dict[Hash32, Proposal] = field(default_factory=dict)
    votes: dict[int, PrePrepare | Prepare] = field(default_factory=dict)
    commits: dict[int, Commit] = field(default_factory=dict)
    prepared: dict[int, PreparedCertificate] = field(default_factory=dict)
    checkpoints: dict[int, CheckpointEntry] = field(default_factory=dict)
    view_change: ViewChange | None = None
    own_new_view: NewView | None = None
    entered: Signed | None = None


def find_marks(entries: Iterable[LogEntry]) -> tuple[Certificate, ...]:
    """The certificates up to which the log was pruned, by number; none if it never was."""
    marks = {e.certificate.number: e.certificate for e in entries if isinstance(e, MarkEntry)}
    return tuple(mark for _, mark in sorted(marks.items()))


def find_retirement(entries: Iterable[LogEntry]) -> Signed | None:
    """The message for which this key votes no more, None if it may vote."""
    return next((entry.evidence for entry in entries if isinstance(entry, RetiredEntry)), None)


def recover(entries: Iterable[LogEntry], *, epoch: int, stable: int) -> Recovered:
    """Fold a log, oldest entry first, leaving out other epochs and stored sequences."""
    found = Recovered()
    for entry in entries:
        match entry:
            case BatchEntry(proposal):
                if proposal.epoch == epoch and proposal.sequence > stable:
                    found.batches[proposal.digest] = proposal
            case PreparedEntry(certificate):
                if certificate.epoch == epoch and certificate.sequence > stable:
                    found.prepared[certificate.sequence] = certificate
            case CheckpointEntry(message, _):
                if message.epoch == epoch and message.number > stable:
                    found.checkpoints[message.number] = entry
            case ViewEntry(new_view):
                if new_view.message.epoch == epoch:
                    found.entered = new_view
            case VoteEntry(message):
                if message.epoch == epoch:
                    _fold_vote(found, message, stable)
            case MarkEntry() | RetiredEntry():
                pass
    return found


def _fold_vote(
    found: Recovered, message: PrePrepare | Prepare | Commit | ViewChange | NewView, stable: int
) -> None:
    match message:
        case ViewChange():
            found.view_change = message
        case NewView():
            found.own_new_view = message
        case Commit():
            if message.sequence > stable:
                found.commits[message.sequence] = message
        case PrePrepare() | Prepare():
            if message.sequence > stable:
                found.votes[message.sequence] = message
