"""`eth_call` and `eth_estimateGas`: the EVM on a stored state, nothing written.

The estimate is a limit with which execution was seen to go the same way as with the most gas: gas
is free, so a few executions that find a generous limit beat many that find the least. Calls run in
threads of their own (`calls.py`).
"""

from __future__ import annotations

from typing import Any

from ledger.engine import CallResult, Message
from ledger.gas import GAS_TRANSACTION, data_gas

from .call_messages import CALL, CallRequest
from .context import Context
from .errors import INVALID_INPUT, TRANSACTION_REJECTED, RpcError, invalid_parameters
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry, optional
from .reverts import reverted
from .selectors import BLOCK, LATEST, BlockSelector, resolve
from .values import DATA_SCHEMA, QUANTITY_SCHEMA, Kind, data, quantity

methods = Registry()

GAS_STIPEND = 2_300


def _refuse_overrides(name: str, value: Any) -> None:
    if value != {}:
        raise invalid_parameters(f"{name}: overrides of state and block are not supported here")


OVERRIDES: Kind[None] = Kind(_refuse_overrides, {"type": "object", "maxProperties": 0})


@methods.method(
    "eth_call",
    P("transaction", CALL),
    optional("block", BLOCK, LATEST),
    optional("stateOverrides", OVERRIDES),
    summary="What a message returns on the state after a block; a revert is error 3",
    result=DATA_SCHEMA,
)
async def call(
    principal: Principal,
    context: Context,
    request: CallRequest,
    selector: BlockSelector,
    overrides: None,
) -> str:
    number = resolve(context.group.chain, selector)
    result = await _run(context, request, _gas_ceiling(context, request), number)
    return data(_output(result))


@methods.method(
    "eth_estimateGas",
    P("transaction", CALL),
    optional("block", BLOCK, LATEST),
    optional("stateOverrides", OVERRIDES),
    summary="A gas limit with which a message succeeds",
    result=QUANTITY_SCHEMA,
)
async def estimate_gas(
    principal: Principal,
    context: Context,
    request: CallRequest,
    selector: BlockSelector,
    overrides: None,
) -> str:
    number = resolve(context.group.chain, selector)
    enough = _gas_ceiling(context, request)
    result = await _run(context, request, enough, number)
    _output(result)
    if request.to is not None and result.gas_used <= GAS_TRANSACTION + data_gas(request.data):
        return quantity(result.gas_used)  # nothing was executed: a transfer needs no more
    too_little = max(result.gas_used, GAS_TRANSACTION) - 1
    # A frame passes on 63/64 of its gas (EIP-150) and refunds come at the end, so more than what
    # was used may be needed; this first guess nearly always suffices.
    tried = (result.gas_used + GAS_STIPEND) * 64 // 63
    for _ in range(context.limits.estimate_calls_max):
        if not too_little < tried < enough:
            break
        if _same_way(result, await _run(context, request, tried, number)):
            return quantity(tried)
        too_little = tried
        tried = (too_little + enough) // 2 if 2 * tried > enough else 2 * tried
    return quantity(enough)


def _same_way(full: CallResult, tried: CallResult) -> bool:
    """Whether less gas made no difference: a contract may survive the failure of a frame within."""
    return (full.success, full.output, full.gas_used) == (
        tried.success,
        tried.output,
        tried.gas_used,
    )


def _gas_ceiling(context: Context, request: CallRequest) -> int:
    expected = context.group.genesis.parameters.chain_id
    if request.chain_id is not None and request.chain_id != expected:
        raise RpcError(
            TRANSACTION_REJECTED,
            f"transaction.chainId: this group's is {expected}, got {request.chain_id}",
            {"reason": "WRONG_CHAIN"},
        )
    limit = context.group.chain.head.header.gas_limit
    return limit if request.gas is None else min(request.gas, limit)


async def _run(context: Context, request: CallRequest, gas: int, number: int) -> CallResult:
    message = Message(
        sender=request.sender,
        to=request.to,
        data=request.data,
        gas=gas,
        value=request.value,
        access_list=request.access_list,
    )
    return await context.calls.run(context.group.chain.call, message, number)


def _output(result: CallResult) -> bytes:
    if result.reverted:
        raise reverted(result.output)
    if result.error is not None:
        raise RpcError(INVALID_INPUT, f"execution failed: {result.error}")
    return result.output
