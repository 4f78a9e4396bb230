"""`eth_newFilter`, its siblings, and what they answer."""

from __future__ import annotations

from typing import Any

from ledger.logs import LOG_RANGE_BLOCKS_MAX

from .context import Context
from .errors import invalid_parameters
from .filters import FilterKind
from .log_methods import LOG_QUERY, LogQuery, block_range, find_logs
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry
from .values import QUANTITY_SCHEMA, Kind, data, parse_data

methods = Registry()


def _parse_identifier(name: str, value: Any) -> str:
    parse_data(name, value, bytes_max=16)
    return str(value)


IDENTIFIER: Kind[str] = Kind(_parse_identifier, QUANTITY_SCHEMA)
CHANGES_SCHEMA: dict[str, Any] = {"type": "array"}


@methods.method(
    "eth_newFilter",
    P("filter", LOG_QUERY),
    summary="A filter for logs of blocks to come",
    result=QUANTITY_SCHEMA,
)
async def new_filter(principal: Principal, context: Context, query: LogQuery) -> str:
    if query.block_hash is not None:
        raise invalid_parameters("filter: blockHash is for eth_getLogs; name fromBlock or nothing")
    return context.filters.add(context.group, FilterKind.LOGS, query)


@methods.method(
    "eth_newBlockFilter", summary="A filter for new blocks' hashes", result=QUANTITY_SCHEMA
)
async def new_block_filter(principal: Principal, context: Context) -> str:
    return context.filters.add(context.group, FilterKind.BLOCKS)


@methods.method(
    "eth_newPendingTransactionFilter",
    summary="A filter for hashes that enter the pool",
    result=QUANTITY_SCHEMA,
)
async def new_pending_filter(principal: Principal, context: Context) -> str:
    return context.filters.add(context.group, FilterKind.PENDING)


@methods.method(
    "eth_uninstallFilter",
    P("filterId", IDENTIFIER),
    summary="Forget a filter",
    result={"type": "boolean"},
)
async def uninstall_filter(principal: Principal, context: Context, identifier: str) -> bool:
    return context.filters.remove(context.group, identifier)


@methods.method(
    "eth_getFilterChanges",
    P("filterId", IDENTIFIER),
    summary="What is new since the last time",
    result=CHANGES_SCHEMA,
)
async def get_filter_changes(principal: Principal, context: Context, identifier: str) -> list[Any]:
    found = context.filters.get(context.group, identifier)
    if found.kind is FilterKind.PENDING:
        hashes = [data(transaction_hash) for transaction_hash in found.pending]
        found.pending.clear()
        return hashes
    chain = context.group.chain
    # One answer covers a bounded range; the cursor stands where the next one goes on.
    head = chain.head.number
    first = found.next_block
    last = min(head, first + LOG_RANGE_BLOCKS_MAX - 1)
    if first > last:
        return []
    if found.kind is FilterKind.BLOCKS:
        found.next_block = last + 1
        return await context.read(
            lambda: [data(chain.header(number).hash) for number in range(first, last + 1)]
        )
    assert found.query is not None
    found.next_block = last + 1
    end = found.query.end.number
    wanted = last if end is None else min(last, end)
    if first > wanted:
        return []
    return await context.read(find_logs, chain, found.query, first, wanted)


@methods.method(
    "eth_getFilterLogs",
    P("filterId", IDENTIFIER),
    summary="All logs that match a log filter",
    result=CHANGES_SCHEMA,
)
async def get_filter_logs(principal: Principal, context: Context, identifier: str) -> list[Any]:
    found = context.filters.get(context.group, identifier)
    if found.query is None:
        raise invalid_parameters("filterId: not a filter for logs; use eth_getFilterChanges")
    chain = context.group.chain
    query = found.query

    def read() -> list[Any]:
        wanted = block_range(chain, query)
        return [] if wanted is None else find_logs(chain, query, *wanted)

    return await context.read(read)
