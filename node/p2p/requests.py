"""Requests and responses between nodes of a group: their bytes, and those that wait for an answer.

Sync, batch fetches and envelopes use them. A request is one message in the REQUEST lane, its answer
one in the RESPONSE lane; both are bounded as messages are.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

METHOD_LENGTH_MAX = 64
REASON_BYTES_MAX = 512

_REQUEST = struct.Struct(">QB")
_RESPONSE = struct.Struct(">QB")

RESPONSE_HEADER_BYTES = _RESPONSE.size

ServeRequest = Callable[[str, bytes], Awaitable[bytes]]
"""`(peer, payload) -> response`; raises RefusedRequest for what the peer asked wrongly."""


class Outcome(StrEnum):
    """Why a request brought no answer."""

    NOT_CONNECTED = "not_connected"
    NOT_MEMBER = "not_member"
    TOO_MANY = "too_many"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    UNKNOWN_METHOD = "unknown_method"
    REFUSED = "refused"
    FAILED = "failed"
    MALFORMED = "malformed"


class RequestFailed(Exception):
    """A request that brought no answer; `outcome` tells whether another peer may do better."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class RefusedRequest(Exception):
    """Raised by a server's handler: the message goes to the peer that asked."""


class InvalidRequest(ValueError):
    """Bytes in a REQUEST or RESPONSE lane that are neither."""


class Status(IntEnum):
    """The first byte of an answer after its id."""

    OK = 0
    UNKNOWN_METHOD = 1
    REFUSED = 2
    FAILED = 3


@dataclass(frozen=True)
class Request:
    """`method` of a group's server with an opaque payload."""

    number: int
    method: str
    payload: bytes


@dataclass(frozen=True)
class Response:
    """The answer to request `number`: the payload, or for other statuses a sentence."""

    number: int
    status: Status
    payload: bytes


def encode_request(request: Request) -> bytes:
    """Number (8), method length (1), method (ASCII), payload."""
    method = request.method.encode("ascii")
    assert 0 < len(method) <= METHOD_LENGTH_MAX
    return _REQUEST.pack(request.number, len(method)) + method + request.payload


def decode_request(data: bytes) -> Request:
    """Raises InvalidRequest."""
    if len(data) < _REQUEST.size:
        raise InvalidRequest(f"expected a request of {_REQUEST.size} bytes or more")
    number, method_bytes = _REQUEST.unpack_from(data)
    method = data[_REQUEST.size : _REQUEST.size + method_bytes]
    if not 0 < method_bytes <= METHOD_LENGTH_MAX or len(method) != method_bytes:
        raise InvalidRequest(f"expected a method name of 1 to {METHOD_LENGTH_MAX} bytes")
    if not method.isascii():
        raise InvalidRequest("expected a method name in ASCII")
    return Request(number, method.decode(), data[_REQUEST.size + method_bytes :])


def encode_response(response: Response) -> bytes:
    """Number (8), status (1), payload."""
    return _RESPONSE.pack(response.number, response.status) + response.payload


def decode_response(data: bytes) -> Response:
    """Raises InvalidRequest."""
    if len(data) < _RESPONSE.size:
        raise InvalidRequest(f"expected a response of {_RESPONSE.size} bytes or more")
    number, status = _RESPONSE.unpack_from(data)
    try:
        return Response(number, Status(status), data[_RESPONSE.size :])
    except ValueError as error:
        raise InvalidRequest(f"expected a status up to {max(Status)}, got {status}") from error


class PendingRequests:
    """Own requests on one connection that wait for their answer."""

    def __init__(self, requests_pending_max: int) -> None:
        self._requests_pending_max = requests_pending_max
        self._next_number = 0
        self._waiting: dict[tuple[bytes, int], asyncio.Future[bytes]] = {}

    def add(self, group: bytes) -> tuple[int, asyncio.Future[bytes]]:
        """A number and the future of its answer. Raises RequestFailed(TOO_MANY)."""
        if len(self._waiting) >= self._requests_pending_max:
            raise RequestFailed(
                Outcome.TOO_MANY,
                f"expected at most {self._requests_pending_max} requests at a time to one peer: "
                "wait for answers first",
            )
        self._next_number += 1
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[group, self._next_number] = future
        return self._next_number, future

    def remove(self, group: bytes, number: int) -> None:
        """Nobody waits any longer; a late answer will be dropped."""
        self._waiting.pop((group, number), None)

    def answer(self, group: bytes, response: Response) -> bool:
        """Hand an answer to whoever waits. False if nobody does."""
        future = self._waiting.pop((group, response.number), None)
        if future is None or future.done():
            return False
        if response.status is Status.OK:
            future.set_result(response.payload)
            return True
        outcome = {
            Status.UNKNOWN_METHOD: Outcome.UNKNOWN_METHOD,
            Status.REFUSED: Outcome.REFUSED,
            Status.FAILED: Outcome.FAILED,
        }[response.status]
        reason = response.payload[:REASON_BYTES_MAX].decode("utf-8", "replace")
        future.set_exception(RequestFailed(outcome, f"the peer answered: {reason}"))
        return True

    def fail(self, outcome: Outcome, message: str, group: bytes | None = None) -> None:
        """End all that wait, or those of one group."""
        for key, future in list(self._waiting.items()):
            if group in (None, key[0]):
                del self._waiting[key]
                if not future.done():
                    future.set_exception(RequestFailed(outcome, message))
