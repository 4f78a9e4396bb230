"""The frames of a snapshot file: kind and fields as RLP, length first, a digest at the end.

Framing only: a file that ends early or was damaged is found here, what it says is checked in
`restore.py`.
"""

from collections.abc import Callable, Iterator
from enum import IntEnum

import sha3

from ledger.codec import (
    Encodable,
    InvalidEncoding,
    Item,
    as_bytes,
    as_int,
    as_list,
    decode_list,
    encode,
)

MAGIC = b"quorate/snapshot/2\n"
FRAME_BYTES_MAX = 64 << 20
LENGTH_BYTES = 4

Write = Callable[[bytes], object]
Read = Callable[[int], bytes]
"""At most so many bytes; fewer only at the end."""


class InvalidSnapshot(ValueError):
    """A file that is no whole snapshot, or does not follow from the genesis document."""


class Kind(IntEnum):
    """What a frame holds; the frames come in this order."""

    HEAD = 1
    EPOCH = 2
    HEADER = 3
    BLOCK = 4
    ACCOUNT = 5
    SLOTS = 6
    CODE = 7
    END = 8


class FrameWriter:
    """Writes frames, and the digest of all of them when it is finished."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._digest = sha3.keccak_256()
        self._put(MAGIC)

    def add(self, kind: Kind, *fields: Encodable) -> None:
        """One frame."""
        self._put_frame(encode([int(kind), list(fields)]))

    def finish(self) -> None:
        """The last frame: the digest of everything before it."""
        self._put_frame(encode([int(Kind.END), [self._digest.digest()]]))

    def _put_frame(self, payload: bytes) -> None:
        assert len(payload) <= FRAME_BYTES_MAX, "no frame of ours is that large"
        self._put(len(payload).to_bytes(LENGTH_BYTES) + payload)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._write(data)


def read_frames(read: Read) -> Iterator[tuple[Kind, list[Item]]]:
    """Each frame's kind and fields; the last one's digest is checked. Raises InvalidSnapshot."""
    digest = sha3.keccak_256()
    if read(len(MAGIC)) != MAGIC:
        raise InvalidSnapshot(
            "not a snapshot of this format; make one with: quorate snapshot export"
        )
    digest.update(MAGIC)
    while True:
        prefix = _exactly(read, LENGTH_BYTES)
        length = int.from_bytes(prefix)
        if length > FRAME_BYTES_MAX:
            raise InvalidSnapshot(
                f"expected frames of at most {FRAME_BYTES_MAX} bytes, got {length}"
            )
        payload = _exactly(read, length)
        kind, fields = _decode(payload)
        if kind is Kind.END:
            if as_bytes(fields[0] if len(fields) == 1 else b"", "digest") != digest.digest():
                raise InvalidSnapshot("the file's digest is wrong: it was damaged, copy it again")
            return
        digest.update(prefix + payload)
        yield kind, fields


def _decode(payload: bytes) -> tuple[Kind, list[Item]]:
    try:
        parts = as_list(decode_list(payload, bytes_max=FRAME_BYTES_MAX), "frame", length=2)
        return Kind(as_int(parts[0], "kind", bits=8)), as_list(parts[1], "fields")
    except (InvalidEncoding, ValueError) as error:
        raise InvalidSnapshot(f"a frame does not decode: {error}") from error


def _exactly(read: Read, size: int) -> bytes:
    data = read(size)
    if len(data) != size:
        raise InvalidSnapshot("the file ends too early: copy it again")
    return data
