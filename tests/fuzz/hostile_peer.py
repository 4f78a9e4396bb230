"""A peer with a valid certificate that sends whatever it is told: TLS, hello, then raw bytes.

It reads what it is sent, so that it learns group, generation and real messages to damage; it never
blocks for good on a node that takes nothing more.
"""

import secrets
import select
import socket
import ssl
import time
from collections import deque

from node.p2p.frames import (
    PREFIX_BYTES,
    Bye,
    Credit,
    Data,
    Frame,
    Hello,
    InvalidFrame,
    Lane,
    Open,
    decode_body,
    decode_prefix,
    encode_frame,
)
from node.pki import NodeIdentity

CHUNK_BYTES_MAX = 16_384
DOCUMENT_BYTES_MAX = 4 << 20
KEPT_MESSAGES = 64
KEPT_BYTES_MAX = 1 << 18
TIMEOUT_S = 5.0
OWN_GENERATION = 1


class PeerGone(Exception):
    """The node closed the connection, or took nothing for too long."""


class HostilePeer:
    """One connection. `generations` are the node's by group; `heard` its messages by lane."""

    def __init__(
        self, address: tuple[str, int], identity: NodeIdentity, hello: bytes | None = None
    ):
        """Handshake and hello (or other bytes in its place). Raises PeerGone."""
        self.generations: dict[bytes, int] = {}
        self.heard: dict[Lane, deque[bytes]] = {lane: deque(maxlen=KEPT_MESSAGES) for lane in Lane}
        self.farewell: str | None = None
        self._partial: dict[tuple[bytes, Lane], bytearray] = {}
        self._unread = bytearray()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(identity.certificate_path, identity.key_path)
        plain = None
        try:
            plain = socket.create_connection(address, TIMEOUT_S)
            self._socket = context.wrap_socket(plain)
        except OSError as error:
            if plain is not None:
                plain.close()
            raise PeerGone(str(error)) from error
        self._socket.setblocking(False)
        self.send(encode_frame(Hello(secrets.token_bytes(16), 0)) if hello is None else hello)

    def close(self) -> None:
        """End the connection without a word."""
        self._socket.close()

    def send(self, data: bytes, *, is_reading: bool = True) -> None:
        """Send bytes and meanwhile take what comes. Raises PeerGone."""
        deadline, view = time.monotonic() + TIMEOUT_S, memoryview(data)
        while view:
            if is_reading:
                self.read()
            try:
                view = view[self._socket.send(view) :]
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                if time.monotonic() > deadline:
                    raise PeerGone("it takes nothing") from None
                select.select([self._socket] if is_reading else [], [self._socket], [], 0.1)
            except (OSError, ValueError) as error:
                raise PeerGone(str(error)) from error

    def wait_open(self) -> None:
        """Wait until the node opened a group for us. Raises PeerGone."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self.generations:
            if time.monotonic() > deadline:
                raise PeerGone("no group was opened")
            select.select([self._socket], [], [], 0.1)
            self.read()

    def read(self) -> None:
        """Take what is there, answer OPEN and give back credit. Raises PeerGone."""
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except (OSError, ValueError) as error:
                raise PeerGone(str(error)) from error
            if not data:
                raise PeerGone(self.farewell or "closed")
            self._unread += data
            for frame in self._frames():
                self._on_frame(frame)

    def _frames(self) -> list[Frame]:
        frames = []
        while len(self._unread) >= PREFIX_BYTES:
            try:
                kind, size = decode_prefix(
                    bytes(self._unread[:PREFIX_BYTES]),
                    chunk_bytes_max=CHUNK_BYTES_MAX,
                    document_bytes_max=DOCUMENT_BYTES_MAX,
                )
                if len(self._unread) < PREFIX_BYTES + size:
                    break
                body = bytes(self._unread[PREFIX_BYTES : PREFIX_BYTES + size])
                frames.append(decode_body(kind, body))
            except InvalidFrame as error:
                raise AssertionError(f"the node itself sent a broken frame: {error}") from error
            del self._unread[: PREFIX_BYTES + size]
        return frames

    def _on_frame(self, frame: Frame) -> None:
        match frame:
            case Open():
                if frame.generation:
                    is_new = frame.group not in self.generations
                    self.generations[frame.group] = frame.generation
                    if is_new:
                        self._answer(Open(frame.group, OWN_GENERATION, wants_reply=False))
                else:
                    self.generations.pop(frame.group, None)
            case Data():
                self._keep(frame)
                cost = len(frame.part) + 256
                self._answer(Credit(frame.group, frame.lane, frame.generation, cost))
            case Bye():
                self.farewell = frame.reason
            case _:
                pass

    def _keep(self, data: Data) -> None:
        partial = self._partial.setdefault((data.group, data.lane), bytearray())
        partial += data.part
        if len(partial) >= data.total:
            if len(partial) <= KEPT_BYTES_MAX:
                self.heard[data.lane].append(bytes(partial))
            del self._partial[(data.group, data.lane)]

    def _answer(self, frame: Frame) -> None:
        try:
            self._socket.send(encode_frame(frame))
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass  # credit that is not given back only makes the node wait
        except (OSError, ValueError) as error:
            raise PeerGone(str(error)) from error
