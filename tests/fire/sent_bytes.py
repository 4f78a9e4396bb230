"""What a node told its peers, from the bytes of its system calls: TLS 1.3 opened with its own keys.

The keys come from a key log, as OpenSSL writes it (`SSLKEYLOGFILE`'s format); RFC 8446, 5.2 and 7.3
say how records are protected. A record that no key opens is an error: nothing goes unread.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from node.membership import MEMBERSHIP_BYTES_MAX
from node.p2p.frames import PREFIX_BYTES, Data, Lane, decode_body, decode_prefix
from node.p2p.limits import Limits

PROTECTED, APPLICATION_DATA = 23, 23
HEADER_BYTES = 5
NONCE_BYTES = 12


@dataclass(frozen=True)
class Sent:
    """A whole message of the consensus lane; `place` is where its first byte left."""

    place: int
    connection: str
    payload: bytes


class _Key:
    """One direction's traffic secret with one cipher; records count from 0."""

    def __init__(self, secret: bytes, cipher: Callable[[bytes], AESGCM], key_bytes: int) -> None:
        self._cipher = cipher(_expand(secret, b"key", key_bytes))
        self._iv = int.from_bytes(_expand(secret, b"iv", NONCE_BYTES))
        self._count = 0

    def open(self, record: bytes) -> bytes:
        """Type and content of a record, padding removed. Raises InvalidTag."""
        nonce = (self._iv ^ self._count).to_bytes(NONCE_BYTES)
        plain = self._cipher.decrypt(nonce, record[HEADER_BYTES:], record[:HEADER_BYTES])
        self._count += 1
        return plain.rstrip(b"\0")


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446, 7.1)."""
    full = b"tls13 " + label
    info = length.to_bytes(2) + bytes([len(full)]) + full + b"\0"
    return HKDFExpand(SHA384() if len(secret) == 48 else SHA256(), length, info).derive(secret)


def secrets_of(key_log: Path) -> list[bytes]:
    """Every traffic secret in a key log."""
    rows = [line.split() for line in key_log.read_text(encoding="ascii").splitlines()]
    return [bytes.fromhex(row[2]) for row in rows if len(row) == 3 and "_TRAFFIC_" in row[0]]


def _keys(secret: bytes) -> list[_Key]:
    if len(secret) == 48:
        return [_Key(secret, AESGCM, 32)]
    return [_Key(secret, AESGCM, 16), _Key(secret, ChaCha20Poly1305, 32)]  # type: ignore[arg-type]


@dataclass
class _Stream:
    """One connection's outgoing bytes: first as records, then as frames, then as messages."""

    raw: bytearray = field(default_factory=bytearray)
    raw_place: int = 0
    key: _Key | None = None
    plain: bytearray = field(default_factory=bytearray)
    plain_place: int = 0
    parts: bytearray = field(default_factory=bytearray)
    parts_place: int = 0


class SentBytes:
    """Takes what was sent in order, and tells the consensus messages in it."""

    def __init__(self, secrets: list[bytes]) -> None:
        self._secrets = secrets
        self._streams: dict[str, _Stream] = {}
        self._limits = Limits()

    @property
    def connections(self) -> int:
        """On how many connections something was read."""
        return sum(stream.key is not None for stream in self._streams.values())

    def take(self, connection: str, place: int, data: bytes) -> Iterator[Sent]:
        """Bytes that one call sent; the messages that are whole with them."""
        stream = self._streams.setdefault(connection, _Stream())
        for began, record in _cut_records(stream, place, data):
            if record[0] != PROTECTED:
                continue
            opened = self._open(stream, connection, record)
            if opened[-1] == APPLICATION_DATA:
                for first, frame in self._cut_frames(stream, began, opened[:-1]):
                    yield from _join_parts(stream, connection, first, frame)

    def _open(self, stream: _Stream, connection: str, record: bytes) -> bytes:
        if stream.key is not None:
            try:
                return stream.key.open(record)
            except InvalidTag:
                pass  # the handshake's key has given way to the traffic's
        for secret in self._secrets:
            for key in _keys(secret):
                try:
                    opened = key.open(record)
                except InvalidTag:
                    continue
                stream.key = key
                self._secrets.remove(secret)
                return opened
        raise AssertionError(f"no key of the key log opens a record sent on {connection}")

    def _cut_frames(self, stream: _Stream, place: int, data: bytes) -> Iterator[tuple[int, Data]]:
        if not stream.plain:
            stream.plain_place = place
        stream.plain += data
        while len(stream.plain) >= PREFIX_BYTES:
            kind, length = decode_prefix(
                bytes(stream.plain[:PREFIX_BYTES]),
                chunk_bytes_max=self._limits.chunk_bytes_max,
                document_bytes_max=MEMBERSHIP_BYTES_MAX,
            )
            if len(stream.plain) < PREFIX_BYTES + length:
                return
            frame = decode_body(kind, bytes(stream.plain[PREFIX_BYTES : PREFIX_BYTES + length]))
            del stream.plain[: PREFIX_BYTES + length]
            if isinstance(frame, Data):
                yield stream.plain_place, frame
            stream.plain_place = place


def _cut_records(stream: _Stream, place: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    if not stream.raw:
        stream.raw_place = place
    stream.raw += data
    while len(stream.raw) >= HEADER_BYTES:
        end = HEADER_BYTES + int.from_bytes(stream.raw[3:HEADER_BYTES])
        if len(stream.raw) < end:
            return
        record = bytes(stream.raw[:end])
        del stream.raw[:end]
        yield stream.raw_place, record
        stream.raw_place = place


def _join_parts(stream: _Stream, connection: str, place: int, frame: Data) -> Iterator[Sent]:
    if frame.lane is not Lane.CONSENSUS:
        return
    if frame.offset == 0:
        stream.parts.clear()
        stream.parts_place = place
    stream.parts += frame.part
    if len(stream.parts) == frame.total:
        yield Sent(stream.parts_place, connection, bytes(stream.parts))
