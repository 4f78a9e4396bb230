"""Bytes of consensus messages: one canonical, bounded RLP for each, and what their signatures sign.

Decoding checks form alone; `verify` checks signatures. Raises InvalidMessage for others' bytes.
"""

from collections.abc import Callable

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
from ledger.certificate import (
    Certificate,
    checkpoint_digest,
    decode_certificate,
    encode_certificate,
)
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
from ledger.proposal import PROPOSAL_BYTES_MAX, decode_proposal, encode_proposal
from ledger.suite import SIGNATURE_BYTES, Suite
from ledger.validators import VALIDATORS_MAX
from ledger.values import Hash32

MESSAGE_TAG = b"quorate/consensus/1"
MESSAGE_BYTES_MAX = 2 * PROPOSAL_BYTES_MAX
WINDOW_BLOCKS_MAX = 1024

_PRE_PREPARE, _PREPARE, _COMMIT, _CHECKPOINT, _VIEW_CHANGE, _NEW_VIEW, _POSITION = range(1, 8)


class InvalidMessage(ValueError):
    """A message that is malformed, forged, or proves less than it claims."""


def signing_digest(suite: Suite, group: Hash32, message: Message) -> Hash32:
    """What the sender signs: the hash of the RLP of tag, kind, group and every field.

    A PRE-PREPARE's body is bound by its digest; a CHECKPOINT signs `ledger`'s checkpoint digest.
    """
    if isinstance(message, Checkpoint):
        return checkpoint_digest(suite, group, message.epoch, message.number, message.header_hash)
    return suite.hash(encode([MESSAGE_TAG, _kind(message), group, _fields(message)]))


def encode_signed(signed: Signed) -> bytes:
    """The RLP of [kind, fields, sender, signature, body of the proposal or empty]."""
    proposal = signed.message.proposal if isinstance(signed.message, PrePrepare) else None
    body = b"" if proposal is None else encode_proposal(proposal)
    return encode([*_signed_items(signed), body])


def decode_signed(suite: Suite, data: bytes) -> Signed:
    """The message that `data` encodes, not verified; raises InvalidMessage.

    A proposal in it has the digest that its PRE-PREPARE names.
    """
    try:
        items = as_list(decode_list(data, bytes_max=MESSAGE_BYTES_MAX), "message", length=5)
        signed = _signed(items[:4])
        body = as_bytes(items[4], "proposal", bytes_max=PROPOSAL_BYTES_MAX)
        if not body:
            return signed
        message = signed.message
        if not isinstance(message, PrePrepare):
            raise InvalidMessage("a proposal travels with a PRE-PREPARE only")
        proposal = decode_proposal(suite, body)
    except InvalidEncoding as error:
        raise InvalidMessage(str(error)) from error
    if proposal.digest != message.digest:
        raise InvalidMessage(
            f"the proposal's digest is {proposal.digest.hex()}, its PRE-PREPARE names "
            f"{message.digest.hex()}"
        )
    full = PrePrepare(
        message.epoch, message.view, message.sequence, message.digest, proposal=proposal
    )
    return Signed(full, signed.sender, signed.signature)


def message_items(message: Message) -> list[Encodable]:
    """Kind and fields of an unsigned message, for the log."""
    return [_kind(message), _fields(message)]


def message_of(items: list[Item]) -> Message:
    """The message of `message_items`; raises InvalidEncoding or InvalidMessage."""
    kind = as_int(items[0], "message kind", bits=8)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise InvalidMessage(f"expected a message kind of 1 to {len(_DECODERS)}, got {kind}")
    count, build = decoder
    return build(as_list(items[1], "message fields", length=count))


def signed_items(signed: Signed) -> list[Encodable]:
    """A signed message without a proposal's body, nested or for the log."""
    return _signed_items(signed)


def signed_of(item: Item) -> Signed:
    """The message of `signed_items`; raises InvalidEncoding or InvalidMessage."""
    return _signed(as_list(item, "signed message", length=4))


def prepared_items(certificate: PreparedCertificate) -> list[Encodable]:
    """The RLP items of a prepared certificate."""
    return [
        certificate.epoch,
        certificate.view,
        certificate.sequence,
        certificate.digest,
        list(certificate.signers),
        list(certificate.signatures),
    ]


def prepared_of(item: Item) -> PreparedCertificate:
    """The certificate of `prepared_items`, not verified; raises InvalidEncoding."""
    fields = as_list(item, "prepared certificate", length=6)
    signers = as_list(fields[4], "prepared signers", length_max=VALIDATORS_MAX)
    signatures = as_list(fields[5], "prepared signatures", length=len(signers))
    return PreparedCertificate(
        as_int(fields[0], "prepared epoch"),
        as_int(fields[1], "prepared view"),
        as_int(fields[2], "prepared sequence"),
        as_hash(fields[3], "prepared digest"),
        tuple(as_address(signer, "prepared signer") for signer in signers),
        tuple(as_bytes(s, "prepared signature", size=SIGNATURE_BYTES) for s in signatures),
    )


def _kind(message: Message) -> int:
    return _KINDS[type(message)]


def _fields(message: Message) -> list[Encodable]:
    match message:
        case PrePrepare() | Prepare() | Commit():
            return [message.epoch, message.view, message.sequence, message.digest]
        case Checkpoint():
            return [message.epoch, message.number, message.header_hash]
        case ViewChange():
            prepared: list[Encodable] = [prepared_items(item) for item in message.prepared]
            return [message.epoch, message.view, _stable_bytes(message.stable), prepared]
        case NewView():
            nested: list[Encodable] = [_signed_items(item) for item in message.view_changes]
            digests: list[Encodable] = list(message.digests)
            return [message.epoch, message.view, nested, message.first_sequence, digests]
        case Position():
            stable = _stable_bytes(message.stable)
            return [message.epoch, message.view, int(message.is_active), stable]


def _signed_items(signed: Signed) -> list[Encodable]:
    message = signed.message
    return [_kind(message), _fields(message), signed.sender, signed.signature]


def _signed(items: list[Item]) -> Signed:
    return Signed(
        message_of(items),
        as_address(items[2], "sender"),
        as_bytes(items[3], "signature", size=SIGNATURE_BYTES),
    )


def _stable_bytes(stable: Certificate | None) -> bytes:
    return b"" if stable is None else encode_certificate(stable)


def _stable_of(item: Item) -> Certificate | None:
    data = as_bytes(item, "stable certificate")
    return decode_certificate(data) if data else None


def _pre_prepare_of(fields: list[Item]) -> PrePrepare:
    return PrePrepare(*_vote_of(fields))


def _prepare_of(fields: list[Item]) -> Prepare:
    return Prepare(*_vote_of(fields))


def _commit_of(fields: list[Item]) -> Commit:
    return Commit(*_vote_of(fields))


def _vote_of(fields: list[Item]) -> tuple[int, int, int, Hash32]:
    return (
        as_int(fields[0], "epoch"),
        as_int(fields[1], "view"),
        as_int(fields[2], "sequence"),
        as_hash(fields[3], "digest"),
    )


def _checkpoint_of(fields: list[Item]) -> Checkpoint:
    return Checkpoint(
        as_int(fields[0], "epoch"), as_int(fields[1], "number"), as_hash(fields[2], "header hash")
    )


def _view_change_of(fields: list[Item]) -> ViewChange:
    prepared = as_list(fields[3], "prepared certificates", length_max=WINDOW_BLOCKS_MAX)
    return ViewChange(
        as_int(fields[0], "epoch"),
        as_int(fields[1], "view"),
        _stable_of(fields[2]),
        tuple(prepared_of(item) for item in prepared),
    )


def _new_view_of(fields: list[Item]) -> NewView:
    nested = as_list(fields[2], "VIEW-CHANGE messages", length_max=VALIDATORS_MAX)
    # Only a VIEW-CHANGE may stand here: a NEW-VIEW inside a NEW-VIEW is refused before it nests.
    for item in nested:
        kind = as_int(as_list(item, "signed message", length=4)[0], "message kind", bits=8)
        if kind != _VIEW_CHANGE:
            raise InvalidMessage(f"a NEW-VIEW holds VIEW-CHANGE messages, got kind {kind}")
    digests = as_list(fields[4], "NEW-VIEW digests", length_max=WINDOW_BLOCKS_MAX)
    return NewView(
        as_int(fields[0], "epoch"),
        as_int(fields[1], "view"),
        tuple(signed_of(item) for item in nested),
        as_int(fields[3], "first sequence"),
        tuple(as_hash(item, "digest") for item in digests),
    )


def _position_of(fields: list[Item]) -> Position:
    return Position(
        as_int(fields[0], "epoch"),
        as_int(fields[1], "view"),
        bool(as_int(fields[2], "is active", bits=1)),
        _stable_of(fields[3]),
    )


_KINDS: dict[type, int] = {
    PrePrepare: _PRE_PREPARE,
    Prepare: _PREPARE,
    Commit: _COMMIT,
    Checkpoint: _CHECKPOINT,
    ViewChange: _VIEW_CHANGE,
    NewView: _NEW_VIEW,
    Position: _POSITION,
}

_DECODERS: dict[int, tuple[int, Callable[[list[Item]], Message]]] = {
    _PRE_PREPARE: (4, _pre_prepare_of),
    _PREPARE: (4, _prepare_of),
    _COMMIT: (4, _commit_of),
    _CHECKPOINT: (3, _checkpoint_of),
    _VIEW_CHANGE: (4, _view_change_of),
    _NEW_VIEW: (5, _new_view_of),
    _POSITION: (4, _position_of),
}
