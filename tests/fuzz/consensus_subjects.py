"""Consensus: what travels between replicas, and what a replica writes down before it votes."""

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
from consensus.log_codec import InvalidEntry, decode_entry, encode_entry
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Position,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Signed,
    ViewChange,
)
from consensus.wire import InvalidMessage, decode_signed, encode_signed
from ledger.certificate import Certificate
from ledger.suite import SIGNATURE_BYTES, STANDARD
from ledger.values import Address
from tests.fuzz.ledger_subjects import ADDRESS, HASH, proposals
from tests.fuzz.subject import Subject

_SIGNATURE = bytes(range(SIGNATURE_BYTES))
_SIGNERS = tuple(Address(bytes([number]) * 20) for number in range(1, 4))
_STABLE = Certificate(1, 8, HASH, _SIGNERS, (_SIGNATURE,) * 3)
_PREPARED = PreparedCertificate(1, 2, 9, HASH, _SIGNERS, (_SIGNATURE,) * 3)


def _signed(message: Message) -> Signed:
    return Signed(message, ADDRESS, _SIGNATURE)


def _messages() -> list[Message]:
    proposal = proposals()[0]
    changes = (ViewChange(1, 4, _STABLE, (_PREPARED,)), ViewChange(1, 4, None, ()))
    return [
        PrePrepare(1, 3, 9, proposal.digest, proposal=proposal),
        PrePrepare(1, 3, 9, HASH),
        Prepare(1, 3, 9, HASH),
        Commit(1, 3, 9, HASH),
        Checkpoint(1, 9, HASH),
        *changes,
        NewView(1, 4, tuple(_signed(change) for change in changes), 9, (HASH, HASH)),
        Position(1, 4, True, _STABLE),
        Position(1, 4, False, None),
    ]


def log_entries() -> list[LogEntry]:
    """One of each kind."""
    messages = _messages()
    new_view = messages[7]
    assert isinstance(new_view, NewView)
    return [
        BatchEntry(proposals()[0]),
        *(
            VoteEntry(m)
            for m in messages[1:]
            if isinstance(m, PrePrepare | Prepare | Commit | ViewChange | NewView)
        ),
        PreparedEntry(_PREPARED),
        CheckpointEntry(Checkpoint(1, 9, HASH), HASH),
        ViewEntry(_signed(new_view)),
        MarkEntry(_STABLE),
        RetiredEntry(_signed(Prepare(1, 3, 9, HASH))),
    ]


def subjects() -> list[Subject]:
    """Both."""
    return [
        Subject(
            "consensus message",
            [encode_signed(_signed(message)) for message in _messages()],
            lambda data: decode_signed(STANDARD, data),
            encode_signed,
            (InvalidMessage,),
        ),
        Subject(
            "log entry",
            [encode_entry(entry) for entry in log_entries()],
            lambda data: decode_entry(STANDARD, data),
            encode_entry,
            (InvalidEntry,),
        ),
    ]
