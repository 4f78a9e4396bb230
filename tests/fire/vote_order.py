"""Was each vote synced before it left? Answered from one node's system calls and its TLS keys.

A vote counts as synced once a power cut would leave it, and what it depends on, in the log.
"""

from collections import Counter
from dataclasses import dataclass, field

from consensus.entries import BatchEntry, CheckpointEntry, PreparedEntry, VoteEntry
from consensus.log_codec import decode_entry, encode_entry
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Position,
    Prepare,
    PrePrepare,
    ViewChange,
    without_body,
)
from consensus.wire import decode_signed
from ledger.suite import STANDARD
from ledger.values import Address
from tests.fire.sent_bytes import SentBytes
from tests.fire.synced_log import SyncedLog
from tests.fire.syscalls import Call

VOTES = (PrePrepare, Prepare, Commit, Checkpoint, ViewChange, NewView)
SENDS = ("sendto", "sendmsg", "write", "writev")


@dataclass
class Finding:
    """By kind of vote: how many different ones left, and how many of those too early."""

    sent: Counter[str] = field(default_factory=Counter)
    early: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


class VoteOrder:
    """Takes all calls of a node in their order; `finding` is asked once, at the end."""

    def __init__(self, log: SyncedLog, sent: SentBytes, own: Address) -> None:
        self.log = log
        self.sent = sent
        self._own = own
        self._first: dict[Message, int] = {}

    def take(self, call: Call) -> None:
        """One call. Connections that are not TLS (RPC's) are to be kept away."""
        if call.subject.startswith("TCP"):
            if call.name in SENDS and call.result is not None and call.result > 0:
                self._listen(call, call.data[: call.result])
            return
        self.log.take(call)

    def _listen(self, call: Call, data: bytes) -> None:
        for message in self.sent.take(call.subject, call.place, data):
            signed = decode_signed(STANDARD, message.payload)
            if signed.sender == self._own and not isinstance(signed.message, Position):
                # A message that others got before is found under the place where it left first.
                known = self._first.get(signed.message, message.place)
                self._first[signed.message] = min(known, message.place)

    def finding(self) -> Finding:
        """Every vote that left, against the log."""
        found = Finding()
        synced = _Synced(self.log)
        for message, place in self._first.items():
            kind = type(message).__name__
            found.sent[kind] += 1
            missing = synced.missing(message, place)
            if missing:
                found.early[kind] += 1
                found.examples.append(f"{missing} before {message!r:.200}")
        return found


class _Synced:
    """What of a vote had not been synced at some place."""

    def __init__(self, log: SyncedLog) -> None:
        self._since = log.since
        self._batches: dict[bytes, int] = {}
        self._prepared: dict[tuple[int, bytes], int] = {}
        self._checkpoints: dict[Checkpoint, int] = {}
        for data, place in log.since.items():
            match decode_entry(STANDARD, data):
                case BatchEntry(proposal):
                    self._batches[proposal.digest] = place
                case PreparedEntry(one):
                    key = one.sequence, one.digest
                    self._prepared[key] = min(place, self._prepared.get(key, place))
                case CheckpointEntry(message, _):
                    self._checkpoints[message] = place

    def missing(self, message: Message, place: int) -> str:
        """Empty if nothing was."""
        match message:
            case PrePrepare() | Prepare():
                needed = {
                    "its batch": self._batches.get(message.digest),
                    "the vote": self._vote(without_body(message)),
                }
            case Commit():
                certificate = self._prepared.get((message.sequence, message.digest))
                needed = {"its prepared certificate": certificate, "the vote": self._vote(message)}
            case Checkpoint():
                needed = {"the vote": self._checkpoints.get(message)}
            case ViewChange():
                needed = {
                    **{
                        f"batch {p.sequence}": self._batches.get(p.digest) for p in message.prepared
                    },
                    "the vote": self._vote(message),
                }
            case NewView():
                needed = {"the vote": self._vote(message)}
            case _:
                raise AssertionError(message)
        late = [what for what, since in needed.items() if since is None or since >= place]
        return ", ".join(f"{what} was not synced" for what in late)

    def _vote(self, message: PrePrepare | Prepare | Commit | ViewChange | NewView) -> int | None:
        return self._since.get(encode_entry(VoteEntry(message)))
