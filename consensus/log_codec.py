"""Bytes of write-ahead log entries. The log frames and checksums them; here they get their form."""

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
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PrePrepare,
    ViewChange,
)
from consensus.wire import (
    MESSAGE_BYTES_MAX,
    InvalidMessage,
    message_items,
    message_of,
    prepared_items,
    prepared_of,
    signed_items,
    signed_of,
)
from ledger.certificate import decode_certificate, encode_certificate
from ledger.codec import (
    Encodable,
    InvalidEncoding,
    Item,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
)
from ledger.proposal import decode_proposal, encode_proposal
from ledger.suite import Suite

ENTRY_BYTES_MAX = 2 * MESSAGE_BYTES_MAX
_BATCH, _VOTE, _PREPARED, _CHECKPOINT, _VIEW, _MARK, _RETIRED = range(1, 8)
_FIELD_COUNTS = {
    _BATCH: 1,
    _VOTE: 2,
    _PREPARED: 6,
    _CHECKPOINT: 3,
    _VIEW: 4,
    _MARK: 1,
    _RETIRED: 4,
}


class InvalidEntry(ValueError):
    """Bytes that no replica of this version logged."""


def encode_entry(entry: LogEntry) -> bytes:  # noqa: PLR0911 - one case for each kind
    """The RLP of [kind, fields]."""
    match entry:
        case BatchEntry(proposal):
            return encode([_BATCH, [encode_proposal(proposal)]])
        case VoteEntry(message):
            return encode([_VOTE, message_items(message)])
        case PreparedEntry(certificate):
            return encode([_PREPARED, prepared_items(certificate)])
        case CheckpointEntry(message, digest):
            fields: list[Encodable] = [*message_items(message), digest]
            return encode([_CHECKPOINT, fields])
        case ViewEntry(new_view):
            return encode([_VIEW, signed_items(new_view)])
        case MarkEntry(mark):
            return encode([_MARK, [encode_certificate(mark)]])
        case RetiredEntry(evidence):
            return encode([_RETIRED, signed_items(evidence)])


def decode_entry(suite: Suite, data: bytes) -> LogEntry:
    """The entry that `data` encodes; raises InvalidEntry."""
    try:
        kind, fields = as_list(decode_list(data, bytes_max=ENTRY_BYTES_MAX), "entry", length=2)
        number = as_int(kind, "entry kind", bits=8)
        # A kind that is not there is refused by name below.
        length = _FIELD_COUNTS.get(number)
        return _entry(suite, number, as_list(fields, "entry fields", length=length))
    except (InvalidEncoding, InvalidMessage) as error:
        raise InvalidEntry(f"expected a log entry of this version: {error}") from error


def _entry(  # noqa: PLR0911 - one case for each kind
    suite: Suite, kind: int, fields: list[Item]
) -> LogEntry:
    match kind:
        case 1:
            return BatchEntry(decode_proposal(suite, as_bytes(fields[0], "batch")))
        case 2:
            message = message_of(fields)
            if isinstance(message, PrePrepare | Prepare | Commit | ViewChange | NewView):
                return VoteEntry(message)
            raise InvalidEntry(f"a {type(message).__name__} is not logged as a vote")
        case 3:
            return PreparedEntry(prepared_of(fields))
        case 4:
            message = message_of(fields)
            if isinstance(message, Checkpoint):
                return CheckpointEntry(message, as_hash(fields[2], "digest"))
            raise InvalidEntry(f"expected a Checkpoint, got a {type(message).__name__}")
        case 5:
            return ViewEntry(signed_of(fields))
        case 6:
            return MarkEntry(decode_certificate(as_bytes(fields[0], "mark")))
        case 7:
            return RetiredEntry(signed_of(fields))
        case _:
            raise InvalidEntry(f"expected an entry kind of 1 to 7, got {kind}")
