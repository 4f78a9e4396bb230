"""Frames on a connection between two nodes: their bytes, and nothing about when they are sent.

Layout: length (4 bytes, big-endian, of what follows), kind (1 byte), body. The length is checked
against the kind's own maximum before the body is read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from node.pki import CRL_BYTES_MAX

PROTOCOL_VERSION = 2
GROUP_BYTES = 32
INSTANCE_BYTES = 16
AUTHORITY_BYTES = 32
PREFIX_BYTES = 5
BYE_REASON_BYTES_MAX = 64

_MAGIC = b"quorate\x00"
_PREFIX = struct.Struct(">IB")
_HELLO = struct.Struct(f">8sH{INSTANCE_BYTES}sQ")
_OPEN = struct.Struct(f">{GROUP_BYTES}sI?")
_DATA = struct.Struct(f">{GROUP_BYTES}sBIII")
_CREDIT = struct.Struct(f">{GROUP_BYTES}sBII")
_PING = struct.Struct(">Q")

DATA_HEADER_BYTES = _DATA.size


class InvalidFrame(ValueError):
    """Bytes that break the framing rules: their sender is disconnected."""


class Channel(IntEnum):
    """What a payload is for; a lower number goes first."""

    CONSENSUS = 0
    GOSSIP = 1
    BULK = 2


class Lane(IntEnum):
    """A stream of messages of one group: the three channels, and both halves of requests.

    Requests and responses travel beside BULK in its class, but each in order of its own: a
    response never waits for the service of a request, so two nodes cannot block each other.
    """

    CONSENSUS = 0
    GOSSIP = 1
    BULK = 2
    REQUEST = 3
    RESPONSE = 4

    @property
    def channel(self) -> Channel:
        return Channel(min(self, Channel.BULK))


class Kind(IntEnum):
    """The frame kinds, by their byte."""

    HELLO = 0
    OPEN = 1
    DATA = 2
    CREDIT = 3
    PING = 4
    PONG = 5
    BYE = 6
    MEMBERSHIP = 7
    REVOCATIONS = 8


@dataclass(frozen=True)
class Hello:
    """First frame of both sides. It names no group.

    `instance` is drawn once per process; `membership_version` lets the newer document travel.
    """

    instance: bytes
    membership_version: int
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True)
class Open:
    """The sender is ready for frames of a group. Only a member of that group is ever told.

    A new `generation` (above 0) gives full credit in every lane; 0 closes the group.
    """

    group: bytes
    generation: int
    wants_reply: bool


@dataclass(frozen=True)
class Data:
    """`part` of a message of `total` bytes, at `offset`, under the receiver's `generation`."""

    group: bytes
    lane: Lane
    generation: int
    offset: int
    total: int
    part: bytes


@dataclass(frozen=True)
class Credit:
    """`count` more bytes may be sent in a lane."""

    group: bytes
    lane: Lane
    generation: int
    count: int


@dataclass(frozen=True)
class Ping:
    """A sign of life that asks for one."""

    nonce: int


@dataclass(frozen=True)
class Pong:
    """The answer to Ping."""

    nonce: int


@dataclass(frozen=True)
class Bye:
    """Why the sender closes: for the other side's log only."""

    reason: str


@dataclass(frozen=True)
class MembershipDocument:
    """The network's membership document, when the receiver's is older."""

    document: bytes


@dataclass(frozen=True)
class RevocationDocument:
    """An organisation's own revocation list (PEM), and which CA of the network signed it."""

    authority: bytes
    document: bytes


Frame = Hello | Open | Data | Credit | Ping | Pong | Bye | MembershipDocument | RevocationDocument


def encode_frame(frame: Frame) -> bytes:
    """The frame with its prefix."""
    match frame:
        case Data():
            return encode_data(
                frame.group,
                frame.lane,
                frame.generation,
                offset=frame.offset,
                total=frame.total,
                part=frame.part,
            )
        case Hello():
            kind = Kind.HELLO
            body = _HELLO.pack(_MAGIC, frame.version, frame.instance, frame.membership_version)
        case Open():
            kind, body = Kind.OPEN, _OPEN.pack(frame.group, frame.generation, frame.wants_reply)
        case Credit():
            kind = Kind.CREDIT
            body = _CREDIT.pack(frame.group, frame.lane, frame.generation, frame.count)
        case Ping():
            kind, body = Kind.PING, _PING.pack(frame.nonce)
        case Pong():
            kind, body = Kind.PONG, _PING.pack(frame.nonce)
        case Bye():
            kind, body = Kind.BYE, frame.reason.encode("ascii", "replace")[:BYE_REASON_BYTES_MAX]
        case MembershipDocument():
            kind, body = Kind.MEMBERSHIP, frame.document
        case RevocationDocument():
            assert len(frame.authority) == AUTHORITY_BYTES
            kind, body = Kind.REVOCATIONS, frame.authority + frame.document
    return _PREFIX.pack(1 + len(body), kind) + body


def encode_data(
    group: bytes,
    lane: Lane,
    generation: int,
    *,
    offset: int,
    total: int,
    part: bytes | memoryview,
) -> bytes:
    """A DATA frame without an object in between: the busiest path."""
    header = _DATA.pack(group, lane, generation, offset, total)
    prefix = _PREFIX.pack(1 + DATA_HEADER_BYTES + len(part), Kind.DATA)
    return b"".join((prefix, header, part))


def decode_prefix(
    prefix: bytes, *, chunk_bytes_max: int, document_bytes_max: int
) -> tuple[Kind, int]:
    """Kind and body length of the frame that starts with these PREFIX_BYTES.

    Raises InvalidFrame for an unknown kind and for a length that this kind cannot have.
    """
    length, number = _PREFIX.unpack(prefix)
    try:
        kind = Kind(number)
    except ValueError:
        raise InvalidFrame(f"expected a frame kind up to {max(Kind)}, got {number}") from None
    least, most = {
        Kind.HELLO: (_HELLO.size, _HELLO.size),
        Kind.OPEN: (_OPEN.size, _OPEN.size),
        Kind.DATA: (DATA_HEADER_BYTES, DATA_HEADER_BYTES + chunk_bytes_max),
        Kind.CREDIT: (_CREDIT.size, _CREDIT.size),
        Kind.PING: (_PING.size, _PING.size),
        Kind.PONG: (_PING.size, _PING.size),
        Kind.BYE: (0, BYE_REASON_BYTES_MAX),
        Kind.MEMBERSHIP: (1, document_bytes_max),
        Kind.REVOCATIONS: (AUTHORITY_BYTES + 1, AUTHORITY_BYTES + CRL_BYTES_MAX),
    }[kind]
    body_bytes = length - 1
    if not least <= body_bytes <= most:
        raise InvalidFrame(
            f"expected a {kind.name} frame of {least} to {most} bytes, got {body_bytes}"
        )
    return kind, body_bytes


def decode_body(kind: Kind, body: bytes) -> Frame:  # noqa: PLR0911, PLR0912 - one per kind
    """The frame of a body whose length `decode_prefix` accepted. Raises InvalidFrame."""
    match kind:
        case Kind.DATA:
            group, lane, generation, offset, total = _DATA.unpack_from(body)
            part = body[DATA_HEADER_BYTES:]
            if offset + len(part) > total or (not part and total):
                raise InvalidFrame(
                    f"expected a part within {total} bytes, got {len(part)} at {offset}"
                )
            return Data(group, _lane(lane), generation, offset, total, part)
        case Kind.CREDIT:
            group, lane, generation, count = _CREDIT.unpack(body)
            return Credit(group, _lane(lane), generation, count)
        case Kind.OPEN:
            if body[-1] > 1:
                raise InvalidFrame(f"expected a flag 0 or 1, got {body[-1]}")
            return Open(*_OPEN.unpack(body))
        case Kind.PING:
            return Ping(*_PING.unpack(body))
        case Kind.PONG:
            return Pong(*_PING.unpack(body))
        case Kind.HELLO:
            magic, version, instance, membership_version = _HELLO.unpack(body)
            if magic != _MAGIC:
                raise InvalidFrame("expected a hello of this protocol, got another one's")
            return Hello(instance, membership_version, version)
        case Kind.BYE:
            if not body.isascii():
                raise InvalidFrame("expected the reason of a BYE in ASCII")
            return Bye(body.decode("ascii"))
        case Kind.MEMBERSHIP:
            return MembershipDocument(body)
        case Kind.REVOCATIONS:
            return RevocationDocument(body[:AUTHORITY_BYTES], body[AUTHORITY_BYTES:])


def _lane(number: int) -> Lane:
    try:
        return Lane(number)
    except ValueError:
        raise InvalidFrame(f"expected a lane up to {max(Lane)}, got {number}") from None
