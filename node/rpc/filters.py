"""Filters of `eth_newFilter` and its siblings: a cursor each, bounded in number, and expiring.

Blocks here are never undone, so a log or block filter is no more than the next block to look at.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from ledger.values import Hash32

from .errors import limit_exceeded, not_found
from .feed import GroupFeeds
from .limits import Limits
from .log_methods import LogQuery
from .view import GroupEvent, GroupView, NewPending


class FilterKind(Enum):
    """What a filter collects."""

    LOGS = "logs"
    BLOCKS = "blocks"
    PENDING = "pending"


@dataclass
class Filter:
    """A filter of one group. `next_block` is the first that the client has not seen."""

    kind: FilterKind
    group: str
    next_block: int
    query: LogQuery | None
    pending: deque[Hash32]
    stop_listening: Callable[[], None] | None
    used_s: float = field(default=0.0)


class FilterTable:
    """All filters of a node. Those not asked for `filter_idle_s_max` are forgotten."""

    def __init__(self, limits: Limits, feeds: GroupFeeds) -> None:
        self._limits = limits
        self._feeds = feeds
        self._filters: dict[str, Filter] = {}

    def add(self, group: GroupView, kind: FilterKind, query: LogQuery | None = None) -> str:
        """A new filter's id; raises RpcError when this node holds too many."""
        self._expire()
        if len(self._filters) >= self._limits.filters_max:
            raise limit_exceeded(
                f"this node holds {self._limits.filters_max} filters at most: uninstall one, "
                "or use eth_subscribe"
            )
        pending: deque[Hash32] = deque(maxlen=self._limits.filter_pending_max)

        def take(event: GroupEvent) -> None:
            if isinstance(event, NewPending):
                pending.append(event.hash)

        stop = self._feeds.listen(group, take) if kind is FilterKind.PENDING else None
        next_block = group.chain.head.number + 1
        if query is not None and query.start.number is not None:
            next_block = max(next_block, query.start.number)
        identifier = "0x" + secrets.token_hex(16)
        self._filters[identifier] = Filter(
            kind, group.name, next_block, query, pending, stop, self._now_s()
        )
        return identifier

    def get(self, group: GroupView, identifier: str) -> Filter:
        """A filter, its idle time starting anew; raises RpcError."""
        self._expire()
        found = self._filters.get(identifier)
        if found is None or found.group != group.name:
            raise not_found(
                "filter not found: it was uninstalled, or not asked for during "
                f"{self._limits.filter_idle_s_max} s; make a new one"
            )
        found.used_s = self._now_s()
        return found

    def remove(self, group: GroupView, identifier: str) -> bool:
        """Whether there was such a filter."""
        found = self._filters.get(identifier)
        if found is None or found.group != group.name:
            return False
        self._discard(identifier)
        return True

    def forget(self, group: str) -> None:
        """Drop the filters of a group that this node carries no more."""
        for identifier in [i for i, found in self._filters.items() if found.group == group]:
            self._discard(identifier)

    def _discard(self, identifier: str) -> None:
        stop = self._filters.pop(identifier).stop_listening
        if stop is not None:
            stop()

    def _expire(self) -> None:
        oldest_s = self._now_s() - self._limits.filter_idle_s_max
        for identifier in [i for i, f in self._filters.items() if f.used_s < oldest_s]:
            self._discard(identifier)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
