"""One subscription per group, fanned out to connections and filters.

A listener is a plain function and never waits; whoever is slow bounds its own queue.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from .view import GroupEvent, GroupView

Listener = Callable[[GroupEvent], None]


class GroupFeeds:
    """Starts following a group with its first listener and stops with its last."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._followers: dict[str, asyncio.Task[None]] = {}

    def listen(self, group: GroupView, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each event from now on; the answer undoes it."""
        listeners = self._listeners.setdefault(group.name, set())
        listeners.add(listener)
        if group.name not in self._followers:
            # Subscribed here, not in the task: what happens before its first step counts too.
            events = group.subscribe()
            self._followers[group.name] = asyncio.create_task(self._follow(group, events))

        def stop_listening() -> None:
            listeners.discard(listener)
            if not listeners and group.name in self._followers:
                self._followers.pop(group.name).cancel()

        return stop_listening

    async def _follow(self, group: GroupView, events: asyncio.Queue[GroupEvent]) -> None:
        listeners = self._listeners[group.name]
        try:
            while True:
                event = await events.get()
                for listener in tuple(listeners):
                    listener(event)
        finally:
            group.unsubscribe(events)

    async def stop(self) -> None:
        """End all following."""
        followers = list(self._followers.values())
        self._followers.clear()
        self._listeners.clear()
        for follower in followers:
            follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await follower
