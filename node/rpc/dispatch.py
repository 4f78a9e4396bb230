"""JSON-RPC 2.0 itself: strict parsing, batches, notifications, one answer for each request.

It knows nothing of HTTP or of what the methods do.
"""

from __future__ import annotations

from itertools import groupby
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
from .gatekeeper import Gatekeeper, Visit
from .limits import Limits
from .nesting import DEPTH_MAX, is_too_deep
from .principal import Principal
from .registry import Registry

_Response = dict[str, Any] | None
"""None for a notification, which has no answer."""

_ABSENT = object()
_log = structlog.get_logger("rpc")


class Dispatcher:
    """Requests as bytes in, answers as bytes out."""

    def __init__(
        self, registry: Registry, limits: Limits, metrics: Metrics, gatekeeper: Gatekeeper
    ) -> None:
        self._registry = registry
        self._gatekeeper = gatekeeper
        self._limits = limits
        self._metrics = metrics

    async def answer(self, principal: Principal, context: Context, body: bytes) -> bytes | None:
        """The response to a request or batch; None if all of it were notifications."""
        visit = Visit(principal, context)
        answer = await self._metrics.stages.steps("rpc", self._answer(visit, body))
        try:
            await self._gatekeeper.settle(visit)
        except RpcError as problem:
            return msgspec.json.encode(_failure(None, problem))
        return answer

    async def _answer(self, visit: Visit, body: bytes) -> bytes | None:
        try:
            request = _parse(body)
        except RpcError as problem:
            return msgspec.json.encode(_failure(None, problem))
        if isinstance(request, list):
            return await self._answer_batch(visit, request)
        response = await self._answer_one(visit, request)
        return None if response is None else msgspec.json.encode(response)

    async def _answer_batch(self, visit: Visit, requests: list[Any]) -> bytes | None:
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
        for name, run in groupby(requests, self._name_together):
            # Neighbours that are answered as one stay one run; others are a run each.
            for part in [list(run)] if name is not None else [[request] for request in run]:
                if size > self._limits.response_bytes_max:
                    responses = self._too_long(part)
                elif name is not None and len(part) > 1:
                    responses = await self._answer_together(visit, name, part)
                else:
                    responses = [await self._answer_one(visit, part[0])]
                encoded = [msgspec.json.encode(one) for one in responses if one is not None]
                answers += encoded
                size += sum(map(len, encoded))
        return b"[" + b",".join(answers) + b"]" if answers else None

    def _name_together(self, request: Any) -> str | None:
        """The method, if neighbouring calls of it are answered as one."""
        name = request.get("method") if isinstance(request, dict) else None
        return name if isinstance(name, str) and self._registry.is_together(name) else None

    def _too_long(self, requests: list[Any]) -> list[_Response]:
        problem = RpcError(
            LIMIT_EXCEEDED,
            f"the answers before this one passed {self._limits.response_bytes_max} "
            "bytes; send smaller batches",
        )
        return [_failure(_id_of(request), problem) for request in requests]

    async def _answer_together(
        self, visit: Visit, name: str, requests: list[Any]
    ) -> list[_Response]:
        """As `_answer_one` for each request of a run, by one call of the method."""
        responses: list[_Response] = []
        calls: list[tuple[int, Any, Any, bool]] = []
        for place, request in enumerate(requests):
            try:
                identifier, _, params = _parse_request(request)
                is_logged = self._gatekeeper.check(visit, name, params)
                calls.append((place, identifier, params, is_logged))
                responses.append(None)
            except RpcError as problem:
                self._metrics.rpc_requests.labels("invalid", "error").inc()
                responses.append(_failure(_id_of(request), problem))
        answers: list[Any]
        try:
            given = [params for _, _, params, _ in calls]
            answers = await self._registry.call_together(
                visit.principal, visit.context, name, given
            )
        except Exception:
            answers = [self._fault(name)] * len(calls)
        else:
            failed = sum(isinstance(answer, RpcError) for answer in answers)
            self._metrics.rpc_requests.labels(name, "error").inc(failed)
            self._metrics.rpc_requests.labels(name, "ok").inc(len(answers) - failed)
        for (place, identifier, params, is_logged), answer in zip(calls, answers, strict=True):
            given_out = self._noted(visit, name, params, answer) if is_logged else answer
            responses[place] = _response(identifier, given_out)
        return responses

    async def _answer_one(self, visit: Visit, request: Any) -> _Response:
        try:
            identifier, name, params = _parse_request(request)
        except RpcError as problem:
            self._metrics.rpc_requests.labels("invalid", "error").inc()
            return _failure(_id_of(request), problem)
        label = name if name in self._registry else "unknown"
        answer: Any
        is_logged = False
        try:
            if name in self._registry:
                is_logged = self._gatekeeper.check(visit, name, params)
        except RpcError as problem:
            self._metrics.rpc_requests.labels(label, "refused").inc()
            return _response(identifier, problem)
        try:
            answer = await self._registry.call(visit.principal, visit.context, name, params)
            self._metrics.rpc_requests.labels(label, "ok").inc()
        except RpcError as problem:
            self._metrics.rpc_requests.labels(label, "error").inc()
            answer = problem
        except Exception:
            answer = self._fault(label)
        return _response(
            identifier, self._noted(visit, name, params, answer) if is_logged else answer
        )

    def _noted(self, visit: Visit, name: str, params: Any, answer: Any) -> Any:
        """The answer, once the audit log has its entry; otherwise why it cannot be given."""
        outcome = f"error {answer.code}" if isinstance(answer, RpcError) else "ok"
        try:
            self._gatekeeper.note(visit, name, params, outcome)
        except RpcError as problem:
            return problem
        return answer

    def _fault(self, name: str) -> RpcError:
        """A fault of ours must not close the connection, nor tell a caller about our insides."""
        _log.exception("rpc_handler_failed", method=name)
        self._metrics.rpc_requests.labels(name, "fault").inc()
        return RpcError(INTERNAL_ERROR, f"{name} failed inside this node; its log says how")


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


def _response(identifier: Any, answer: Any) -> _Response:
    """The response with a result or an `RpcError`; None for a notification."""
    if identifier is _ABSENT:
        return None
    if isinstance(answer, RpcError):
        return _failure(identifier, answer)
    return {"jsonrpc": "2.0", "id": identifier, "result": answer}


def _failure(identifier: Any, problem: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": problem.to_json()}
