"""`debug_traceTransaction` with geth's callTracer: the frames of a stored transaction.

Its block is executed again up to the transaction, in the threads of `calls.py`; the block's gas
limit bounds the work and TRACE_BYTES_MAX the tree. Who may ask is `access`'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.engine import TraceTooLarge
from ledger.values import Hash32

from .context import Context
from .errors import (
    INVALID_INPUT,
    RpcError,
    invalid_parameters,
    limit_exceeded,
)
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry
from .reverts import said_in
from .values import HASH, Kind, shown

methods = Registry()

TRACER = "callTracer"
_FLAGS = ("onlyTopCall", "withLog")
FRAME_SCHEMA: dict[str, Any] = {"title": "call frame", "type": "object"}


@dataclass(frozen=True)
class TraceOptions:
    """What geth calls the tracerConfig of the callTracer."""

    only_top_call: bool = False
    with_log: bool = False


def _parse_options(name: str, value: Any) -> TraceOptions:
    if not isinstance(value, dict) or value.get("tracer") != TRACER:
        raise invalid_parameters(
            f'{name}: only the tracer "{TRACER}" is served here, as {{"tracer": "{TRACER}"}}; '
            f"got {shown(value)}"
        )
    config = value.get("tracerConfig", {})
    _require_known(name, value, ("tracer", "tracerConfig"))
    if not isinstance(config, dict):
        raise invalid_parameters(f"{name}.tracerConfig: expected an object, got {shown(config)}")
    _require_known(f"{name}.tracerConfig", config, _FLAGS)
    for flag, given in config.items():
        if not isinstance(given, bool):
            raise invalid_parameters(f"{name}.tracerConfig.{flag}: expected true or false")
    return TraceOptions(config.get("onlyTopCall", False), config.get("withLog", False))


def _require_known(name: str, value: dict[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise invalid_parameters(
            f"{name}: no option {shown(unknown[0])}; it takes {' and '.join(known)}"
        )


OPTIONS: Kind[TraceOptions] = Kind(
    _parse_options,
    {
        "type": "object",
        "required": ["tracer"],
        "properties": {
            "tracer": {"enum": [TRACER]},
            "tracerConfig": {
                "type": "object",
                "properties": {flag: {"type": "boolean"} for flag in _FLAGS},
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    },
)


@methods.method(
    "debug_traceTransaction",
    P("transactionHash", HASH),
    P("options", OPTIONS),
    summary="The call frames of an included transaction, by geth's callTracer",
    result=FRAME_SCHEMA,
)
async def trace_transaction(
    principal: Principal, context: Context, transaction_hash: bytes, options: TraceOptions
) -> dict[str, Any]:
    wanted = Hash32(transaction_hash)
    chain = context.group.chain
    status = await context.read(chain.transaction_status, wanted)
    if status is None or status.position is None:
        raise RpcError(INVALID_INPUT, "transaction not found")
    try:
        return await context.calls.run(lambda: shaped(chain.trace(wanted), options))
    except TraceTooLarge as problem:
        raise limit_exceeded(f"{problem}: this node does not answer with it") from problem


def shaped(tree: dict[str, Any], options: TraceOptions) -> dict[str, Any]:
    """An engine's tree as geth answers it: what a revert says in words, logs only if wanted.

    A failed frame has no logs, nor have those below it.
    """
    return _shaped(tree, options, keeps_logs=options.with_log)


def _shaped(frame: dict[str, Any], options: TraceOptions, *, keeps_logs: bool) -> dict[str, Any]:
    answer = {key: value for key, value in frame.items() if key not in ("calls", "logs")}
    keeps_logs = keeps_logs and "error" not in frame
    if "error" in frame and "output" in frame:
        reason = said_in(bytes.fromhex(frame["output"][2:]))
        if reason is not None:
            answer["revertReason"] = reason
    if keeps_logs and "logs" in frame:
        answer["logs"] = frame["logs"]
    if "calls" in frame and not options.only_top_call:
        answer["calls"] = [_shaped(call, options, keeps_logs=keeps_logs) for call in frame["calls"]]
    return answer
