"""Connections that carry batches of requests to a node: HTTP that is kept alive, or a WebSocket.

A stream sends one batch at a time and answers with what each request came to, in order.
"""

from typing import Any, Protocol

import aiohttp
import msgspec

ANSWER_BYTES_MAX = 64 * 1024 * 1024
ANSWER_S_MAX = 120.0


class Answer(msgspec.Struct, frozen=True):
    """One JSON-RPC answer; `result` stands where there is no `error`."""

    id: int
    result: Any = None
    error: dict[str, Any] | None = None


class StreamBroken(Exception):
    """A node answered with something else than a batch of answers, or not at all."""


class Stream(Protocol):
    """A way into one node."""

    async def send(self, requests: list[bytes]) -> list[Answer]:
        """The answers by ascending id. Raises StreamBroken."""

    async def close(self) -> None:
        """End the connection."""


_ANSWERS = msgspec.json.Decoder(list[Answer])


def _answers(body: bytes | str) -> list[Answer]:
    try:
        return sorted(_ANSWERS.decode(body), key=lambda answer: answer.id)
    except msgspec.DecodeError as error:
        raise StreamBroken(f"expected a batch of answers, got {body[:200]!r}: {error}") from error


class HttpStream:
    """One kept-alive HTTP connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1),
            headers={"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX),
        )

    async def send(self, requests: list[bytes]) -> list[Answer]:
        try:
            async with self._session.post(
                self._url, data=b"[" + b",".join(requests) + b"]"
            ) as answer:
                return _answers(await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StreamBroken(f"{self._url}: {error!r}") from error

    async def close(self) -> None:
        await self._session.close()


class WebSocketStream:
    """One WebSocket."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def send(self, requests: list[bytes]) -> list[Answer]:
        try:
            if self._socket is None:
                self._socket = await self._session.ws_connect(
                    self._url, max_msg_size=ANSWER_BYTES_MAX
                )
            await self._socket.send_bytes(b"[" + b",".join(requests) + b"]")
            message = await self._socket.receive(timeout=ANSWER_S_MAX)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise StreamBroken(f"{self._url}: {error!r}") from error
        if not isinstance(message.data, str | bytes):
            raise StreamBroken(f"{self._url}: the WebSocket closed: {message.extra}")
        return _answers(message.data)

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        await self._session.close()


def open_stream(transport: str, url: str) -> Stream:
    """A stream to the node at `url` by `http` or `websocket`."""
    if transport == "http":
        return HttpStream(url)
    return WebSocketStream(aiohttp.ClientSession(), url)
