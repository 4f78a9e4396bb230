"""One authenticated connection: it reads frames, writes what its outbox gives, and closes once.

It does not know what frames mean; `node.p2p.network` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Coroutine

from cryptography import x509

from node.allowance import Allowance
from node.membership import MEMBERSHIP_BYTES_MAX
from node.p2p.frames import (
    PREFIX_BYTES,
    Bye,
    Frame,
    Hello,
    InvalidFrame,
    Ping,
    decode_body,
    decode_prefix,
    encode_frame,
)
from node.p2p.inbox import Inbox
from node.p2p.limits import Limits
from node.p2p.outbox import Outbox
from node.stages import Stages

READ_BUFFER_BYTES = 131_072
_WRITES_PER_TURN = 16
_READS_PER_TURN = 64
"""What has arrived is read without waiting: thousands of small frames would be one turn."""


class Link:
    """A connection with the node `node_id`, which showed `certificate`.

    `dialled` tells whether this side made the connection. `close_reason` is set once, by whoever
    ends it first.
    """

    def __init__(
        self,
        node_id: str,
        certificate: x509.Certificate,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        limits: Limits,
        *,
        dialled: bool,
        stages: Stages,
    ) -> None:
        self._stages = stages
        self.node_id = node_id
        self.certificate = certificate
        self.dialled = dialled
        self.peer = Hello(b"", 0)
        self.since_ms = int(time.time() * 1000)
        self.outbox = Outbox(limits)
        self.inbox = Inbox(limits)
        self.close_reason: str | None = None
        self.close_detail = ""
        self.documents = Allowance(limits.documents_interval_s)
        self.revocations = Allowance(limits.documents_interval_s)
        self._limits = limits
        self._reader, self._writer = streams
        self._writer.transport.set_write_buffer_limits(high=limits.write_buffer_bytes_max)
        self._heard_at_s = time.monotonic()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()

    async def exchange_hello(self, own: Hello) -> Hello:
        """Send our hello and await the peer's. Raises InvalidFrame, OSError or EOFError.

        The peer judges our certificate after our side of the handshake ended (RFC 8446, 4.4.2), so
        its refusal also shows here.
        """
        async with asyncio.timeout(self._limits.hello_timeout_s):
            self._writer.write(encode_frame(own))
            await self._writer.drain()
            frame = await self._read_frame()
        if isinstance(frame, Bye):
            raise InvalidFrame(f"the peer closed: {frame.reason}")
        if not isinstance(frame, Hello):
            raise InvalidFrame(f"expected a hello first, got {type(frame).__name__}")
        if frame.version != own.version:
            raise InvalidFrame(
                f"expected protocol version {own.version}, got {frame.version}: "
                "run matching versions of the program"
            )
        self.peer = frame
        return frame

    async def run(self, on_frame: Callable[[Link, Frame], None]) -> None:
        """Carry frames until someone closes; then `close_reason` says why.

        `on_frame` may raise InvalidFrame to have the peer disconnected.
        """
        tasks = [
            asyncio.create_task(self._stages.steps("p2p", self._guard(work)))
            for work in (self._read_frames(on_frame), self._write_frames())
        ]
        try:
            await self._closing.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.abandon()

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def silent_s(self) -> float:
        """Seconds since the peer was last heard."""
        return time.monotonic() - self._heard_at_s

    def tick(self) -> None:
        """Ask for a sign of life, and close if the last one is too old."""
        if self.silent_s() > self._limits.idle_timeout_s:
            self.close("idle", f"nothing heard for {self._limits.idle_timeout_s} s")
            return
        self.outbox.control(Ping(time.monotonic_ns()))
        self.wake()

    def close(self, reason: str, detail: str = "") -> None:
        """End the connection. The first reason stands."""
        if self.close_reason is None:
            self.close_reason, self.close_detail = reason, detail
            self._closing.set()

    def abandon(self) -> None:
        """Close the transport: politely if the peer listens, at once if it does not."""
        if self._writer.is_closing():
            return
        with contextlib.suppress(OSError, RuntimeError):
            if self.close_reason is not None:
                self._writer.write(encode_frame(Bye(self.close_reason)))
            self._writer.close()
        # TLS's own closing waits for the peer; a peer that does not answer is not waited for.
        asyncio.get_running_loop().call_later(
            self._limits.close_timeout_s, self._writer.transport.abort
        )

    async def wait_transport_closed(self) -> None:
        """Wait until the socket is gone, at most `close_timeout_s` and a little."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2 * self._limits.close_timeout_s):
                await self._writer.wait_closed()

    async def _guard(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except InvalidFrame as error:
            self.close("framing", str(error))
        except TimeoutError:
            self.close("write_timeout", f"nothing taken for {self._limits.write_timeout_s} s")
        except EOFError:
            self.close("peer_closed")
        except (ssl.SSLError, OSError) as error:
            self.close("connection_lost", str(error))
        except Exception as error:
            # Our own bug must not leave a connection that neither reads nor ends.
            self.close("internal_error", repr(error))
            raise

    async def _read_frames(self, on_frame: Callable[[Link, Frame], None]) -> None:
        read = 0
        while self.close_reason is None:
            frame = await self._read_frame()
            self._heard_at_s = time.monotonic()
            on_frame(self, frame)
            read += 1
            if read % _READS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _read_frame(self) -> Frame:
        prefix = await self._reader.readexactly(PREFIX_BYTES)
        kind, body_bytes = decode_prefix(
            prefix,
            chunk_bytes_max=self._limits.chunk_bytes_max,
            document_bytes_max=MEMBERSHIP_BYTES_MAX,
        )
        return decode_body(kind, await self._reader.readexactly(body_bytes))

    async def _write_frames(self) -> None:
        written = 0
        while True:
            frame = self.outbox.next_frame()
            if frame is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            self._writer.write(frame)
            written += 1
            if written % _WRITES_PER_TURN == 0:
                await asyncio.sleep(0)
            async with asyncio.timeout(self._limits.write_timeout_s):
                await self._writer.drain()
