"""Logs: `eth_getLogs`, and the parsing of a filter object, shared with filters and subscriptions.

Ranges and results are bounded; a request over a bound says how to make it smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.chain import Chain
from ledger.header import Header
from ledger.logs import FoundLog, InvalidFilter, LogFilter
from ledger.values import Address, Hash32

from .context import Context
from .errors import invalid_parameters, limit_exceeded, not_found
from .formats import Place, log_json
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry
from .selectors import LATEST, NUMBER_OR_TAG, BlockSelector, find
from .values import ADDRESS_SCHEMA, HASH_SCHEMA, Kind, parse_fixed, shown

methods = Registry()
TOPICS_MAX = 4
_FIELDS = frozenset({"fromBlock", "toBlock", "blockHash", "address", "topics"})


@dataclass(frozen=True, slots=True)
class LogQuery:
    """A filter object. No addresses take any; a topic None takes any word there."""

    start: BlockSelector
    end: BlockSelector
    block_hash: Hash32 | None
    addresses: frozenset[Address]
    topics: tuple[frozenset[Hash32] | None, ...]

    def over(self, first: int, last: int) -> LogFilter:
        """The ledger's filter for a range of blocks, both ends included."""
        return LogFilter(first, last, self.addresses, self.topics)


def _parse_query(name: str, value: Any) -> LogQuery:
    if not isinstance(value, dict):
        raise invalid_parameters(f"{name}: expected an object, got {shown(value)}")
    given = {key: part for key, part in value.items() if part is not None}
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise invalid_parameters(f"{name}: no field {unknown[0]!r} in a log filter")
    block_hash = None
    if "blockHash" in given:
        if "fromBlock" in given or "toBlock" in given:
            raise invalid_parameters(f"{name}: either blockHash or fromBlock and toBlock (EIP-234)")
        block_hash = Hash32(parse_fixed(f"{name}.blockHash", given["blockHash"], 32))
    return LogQuery(
        _selector(f"{name}.fromBlock", given.get("fromBlock")),
        _selector(f"{name}.toBlock", given.get("toBlock")),
        block_hash,
        _addresses(f"{name}.address", given.get("address")),
        _topics(f"{name}.topics", given.get("topics", [])),
    )


def _selector(name: str, value: Any) -> BlockSelector:
    return LATEST if value is None else NUMBER_OR_TAG.parse(name, value)


def _addresses(name: str, value: Any) -> frozenset[Address]:
    if value is None:
        return frozenset()
    items = value if isinstance(value, list) else [value]
    return frozenset(Address(parse_fixed(name, item, 20)) for item in items)


def _topics(name: str, value: Any) -> tuple[frozenset[Hash32] | None, ...]:
    if not isinstance(value, list) or len(value) > TOPICS_MAX:
        raise invalid_parameters(
            f"{name}: expected an array of at most {TOPICS_MAX}, got {shown(value)}"
        )
    return tuple(_topic(f"{name}[{place}]", choices) for place, choices in enumerate(value))


def _topic(name: str, value: Any) -> frozenset[Hash32] | None:
    """One place: null takes any word, an array any of its words, an empty array any too."""
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    if any(item is None for item in items):
        return None
    return frozenset(Hash32(parse_fixed(name, item, 32)) for item in items) or None


_TOPIC_SCHEMA: dict[str, Any] = {
    "oneOf": [{"type": "null"}, HASH_SCHEMA, {"type": "array", "items": HASH_SCHEMA}]
}
LOG_QUERY: Kind[LogQuery] = Kind(
    _parse_query,
    {
        "title": "filter",
        "type": "object",
        "properties": {
            "fromBlock": NUMBER_OR_TAG.schema,
            "toBlock": NUMBER_OR_TAG.schema,
            "blockHash": HASH_SCHEMA,
            "address": {"oneOf": [ADDRESS_SCHEMA, {"type": "array", "items": ADDRESS_SCHEMA}]},
            "topics": {"type": "array", "items": _TOPIC_SCHEMA, "maxItems": TOPICS_MAX},
        },
        "additionalProperties": False,
    },
)
LOGS_SCHEMA: dict[str, Any] = {"type": "array", "items": {"title": "log", "type": "object"}}


def block_range(chain: Chain, query: LogQuery) -> tuple[int, int] | None:
    """First and last block of a query within what is stored, None for none; raises RpcError."""
    if query.block_hash is not None:
        number = chain.number_of(query.block_hash)
        if number is None:
            raise not_found(f"block with hash 0x{query.block_hash.hex()} not found")
        return number, number
    if query.start.number is not None and query.end.number is not None:
        first, last = query.start.number, query.end.number
        if first > last:
            raise invalid_parameters(f"fromBlock {first} is above toBlock {last}")
    head = chain.head.number
    begin, end = find(chain, query.start), find(chain, query.end)
    if begin is None:  # it starts after the head
        return None
    return (begin, head if end is None else end) if end is None or begin <= end else None


def find_logs(chain: Chain, query: LogQuery, first: int, last: int) -> list[dict[str, Any]]:
    """Matching logs of a range, in order; raises RpcError over a bound of the ledger's."""
    try:
        found: list[FoundLog] = chain.logs(query.over(first, last))
    except InvalidFilter as problem:
        raise limit_exceeded(str(problem)) from problem
    headers: dict[int, Header] = {}
    answers = []
    for entry in found:
        if entry.number not in headers:
            headers[entry.number] = chain.header(entry.number)
        place = Place(headers[entry.number], entry.transaction_index)
        answers.append(log_json(entry.log, place, entry.transaction_hash, entry.log_index))
    return answers


@methods.method(
    "eth_getLogs",
    P("filter", LOG_QUERY),
    summary="Logs that match, in the order of blocks",
    result=LOGS_SCHEMA,
)
async def get_logs(principal: Principal, context: Context, query: LogQuery) -> list[dict[str, Any]]:
    chain = context.group.chain

    def read() -> list[dict[str, Any]]:
        wanted = block_range(chain, query)
        return [] if wanted is None else find_logs(chain, query, *wanted)

    return await context.read(read)
