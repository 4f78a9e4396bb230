"""What a handler works with: the node, one group, the server's shared parts, the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ledger.suite import Suite, suite_named

from .limits import Limits
from .view import GroupView, NodeView

if TYPE_CHECKING:
    from .calls import CallDesk
    from .filters import FilterTable
    from .registry import Registry
    from .websocket import Connection

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Context:
    """`connection` is None over HTTP: subscriptions need a WebSocket."""

    node: NodeView
    group: GroupView
    limits: Limits
    filters: FilterTable
    calls: CallDesk
    registry: Registry
    connection: Connection | None = None

    @property
    def suite(self) -> Suite:
        """The group's crypto suite."""
        return suite_named(self.group.genesis.parameters.suite)

    async def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading of the store off the event loop."""
        return await asyncio.to_thread(work, *args, **kwargs)
