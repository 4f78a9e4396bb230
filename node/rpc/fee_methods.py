"""Fees: there are none, and every method says so in the form that wallets expect."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from .context import Context
from .errors import invalid_parameters
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry, optional
from .selectors import NUMBER_OR_TAG, BlockSelector, resolve
from .values import QUANTITY, QUANTITY_SCHEMA, Kind, parse_quantity, quantity, shown

methods = Registry()
ZERO = quantity(0)
PERCENTILES_MAX = 100


def _parse_count(name: str, value: Any) -> int:
    """Older clients send the count as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return parse_quantity(name, value, bits_max=64)


def _parse_percentiles(name: str, value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) > PERCENTILES_MAX:
        raise invalid_parameters(
            f"{name}: expected an array of at most {PERCENTILES_MAX} numbers, got {shown(value)}"
        )
    numbers = [n for n in value if isinstance(n, int | float) and not isinstance(n, bool)]
    rising = all(a <= b for a, b in pairwise(numbers))
    if len(numbers) != len(value) or not rising or not all(0 <= n <= 100 for n in numbers):
        raise invalid_parameters(f"{name}: expected rising numbers from 0 to 100")
    return numbers


COUNT: Kind[int] = Kind(_parse_count, {"oneOf": [QUANTITY_SCHEMA, {"type": "integer"}]})
PERCENTILES: Kind[list[float]] = Kind(
    _parse_percentiles, {"type": "array", "items": {"type": "number"}}
)


@methods.method("eth_gasPrice", summary="The gas price: zero", result=QUANTITY.schema)
async def gas_price(principal: Principal, context: Context) -> str:
    return ZERO


@methods.method("eth_maxPriorityFeePerGas", summary="The tip: zero", result=QUANTITY.schema)
async def max_priority_fee(principal: Principal, context: Context) -> str:
    return ZERO


@methods.method("eth_blobBaseFee", summary="The blob fee: zero", result=QUANTITY.schema)
async def blob_base_fee(principal: Principal, context: Context) -> str:
    return ZERO


@methods.method(
    "eth_feeHistory",
    P("blockCount", COUNT),
    P("newestBlock", NUMBER_OR_TAG),
    optional("rewardPercentiles", PERCENTILES),
    summary="Fees of past blocks: all zero",
    result={"type": "object"},
)
async def fee_history(
    principal: Principal,
    context: Context,
    count: int,
    newest: BlockSelector,
    percentiles: list[float] | None,
) -> dict[str, Any]:
    if count < 1:
        raise invalid_parameters(f"blockCount: expected at least 1, got {count}")
    chain = context.group.chain
    last = resolve(chain, newest)
    blocks = min(count, last + 1, context.limits.fee_history_blocks_max)
    first = last - blocks + 1

    def ratios() -> list[float]:
        headers = [chain.header(number) for number in range(first, last + 1)]
        return [header.gas_used / header.gas_limit for header in headers]

    history: dict[str, Any] = {
        "oldestBlock": quantity(first),
        "baseFeePerGas": [ZERO] * (blocks + 1),
        "gasUsedRatio": await context.read(ratios),
        "baseFeePerBlobGas": [ZERO] * (blocks + 1),
        "blobGasUsedRatio": [0.0] * blocks,
    }
    if percentiles is not None:
        history["reward"] = [[ZERO] * len(percentiles) for _ in range(blocks)]
    return history
