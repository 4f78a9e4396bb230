"""JSON-RPC 2.0 itself: strict parsing, batches, notifications, one answer for each request.

It knows nothing of HTTP or of what the methods do.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from node.metrics import Metrics

from .context import Context
from .errors import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    LIMIT_EXCEEDED,
    PARSE_ERROR,
    RpcError,
)
from .limits import Limits
from .nesting import DEPTH_MAX, is_too_deep
from .principal import Principal
from .registry import Registry

_ABSENT = object()
_log = structlog.get_logger("rpc")


class Dispatcher:
    """Requests as bytes in, answers as bytes out."""

    def __init__(self, registry: Registry, limits: Limits, metrics: Metrics) -> None:
        self._registry = registry
        self._limits = limits
        self._metrics = metrics

    async def answer(self, principal: Principal, context: Context, body: bytes) -> bytes | None:
        """The response to a request or batch; None if all of it were notifications."""
        return await self._metrics.stages.steps("rpc", self._answer(principal, context, body))

    async def _answer(self, principal: Principal, context: Context, body: bytes) -> bytes | None:
        try:
            request = _parse(body)
        except RpcError as problem:
            return msgspec.json.encode(_failure(None, problem))
        if isinstance(request, list):
            return await self._answer_batch(principal, context, request)
        response = await self._answer_one(principal, context, request)
        return None if response is None else msgspec.json.encode(response)

    async def _answer_batch(
        self, principal: Principal, context: Context, requests: list[Any]
    ) -> bytes | None:
        if not requests:
            return msgspec.json.encode(
                _failure(None, RpcError(INVALID_REQUEST, "a batch holds at least one request"))
            )
        if len(requests) > self._limits.batch_items_max:
            problem = RpcError(
                LIMIT_EXCEEDED,
                f"a batch holds at most {self._limits.batch_items_max} requests, "
                f"got {len(requests)}; send several",
            )
            return msgspec.json.encode(_failure(None, problem))
        answers: list[bytes] = []
        size = 0
        for request in requests:
            if size > self._limits.response_bytes_max:
                problem = RpcError(
                    LIMIT_EXCEEDED,
                    f"the answers before this one passed {self._limits.response_bytes_max} "
                    "bytes; send smaller batches",
                )
                response: dict[str, Any] | None = _failure(_id_of(request), problem)
            else:
                response = await self._answer_one(principal, context, request)
            if response is not None:
                answers.append(msgspec.json.encode(response))
                size += len(answers[-1])
        return b"[" + b",".join(answers) + b"]" if answers else None

    async def _answer_one(
        self, principal: Principal, context: Context, request: Any
    ) -> dict[str, Any] | None:
        try:
            identifier, name, params = _parse_request(request)
        except RpcError as problem:
            self._metrics.rpc_requests.labels("invalid", "error").inc()
            return _failure(_id_of(request), problem)
        label = name if name in self._registry else "unknown"
        try:
            result = await self._registry.call(principal, context, name, params)
        except RpcError as problem:
            self._metrics.rpc_requests.labels(label, "error").inc()
            return None if identifier is _ABSENT else _failure(identifier, problem)
        except Exception:
            # A fault of ours must not close the connection, nor tell a caller about our insides.
            _log.exception("rpc_handler_failed", method=name)
            self._metrics.rpc_requests.labels(label, "fault").inc()
            fault = RpcError(INTERNAL_ERROR, f"{name} failed inside this node; its log says how")
            return None if identifier is _ABSENT else _failure(identifier, fault)
        self._metrics.rpc_requests.labels(label, "ok").inc()
        if identifier is _ABSENT:
            return None
        return {"jsonrpc": "2.0", "id": identifier, "result": result}


def _parse(body: bytes) -> Any:
    if is_too_deep(body):
        raise RpcError(PARSE_ERROR, f"the request is nested deeper than {DEPTH_MAX}")
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise RpcError(PARSE_ERROR, f"the request is not JSON: {problem}") from problem


def _parse_request(request: Any) -> tuple[Any, str, Any]:
    if not isinstance(request, dict):
        raise RpcError(INVALID_REQUEST, "a request is a JSON object")
    if request.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'a request says "jsonrpc": "2.0"')
    name = request.get("method")
    if not isinstance(name, str):
        raise RpcError(INVALID_REQUEST, "a request names its method as a string")
    identifier = request.get("id", _ABSENT)
    if identifier is not _ABSENT and not _is_id(identifier):
        raise RpcError(INVALID_REQUEST, "an id is a string, a number or null")
    return identifier, name, request.get("params")


def _is_id(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _id_of(request: Any) -> Any:
    identifier = request.get("id") if isinstance(request, dict) else None
    return identifier if _is_id(identifier) else None


def _failure(identifier: Any, problem: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": problem.to_json()}
