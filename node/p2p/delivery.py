"""Hands a connection's messages to their handlers: in order within a lane, lanes apart.

A handler that waits holds back its own lane of its own group, and through credit its sender;
nothing else.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from node.p2p.frames import Lane
from node.p2p.inbox import Message

Handle = Callable[[Message], Awaitable[None] | None]


@dataclass
class _Work:
    waiting: deque[Message] = field(default_factory=deque)
    running: int = 0


class Delivery:
    """Of one connection.

    `handle` takes a message; what it returns, if anything, is awaited. `failed` is called within
    the exception of a message that could not be handled, `done` after every message.
    """

    def __init__(
        self,
        handle: Handle,
        done: Callable[[Message], None],
        failed: Callable[[Message], None],
        *,
        requests_served_max: int,
    ) -> None:
        self._handle = handle
        self._done = done
        self._failed = failed
        self._requests_served_max = requests_served_max
        self._work: dict[tuple[bytes, Lane], _Work] = {}
        self._tasks: dict[asyncio.Task[None], bytes] = {}

    def deliver(self, message: Message) -> None:
        """Handle a message now, if the handler need not wait; else when its turn comes."""
        key = (message.group, message.lane)
        work = self._work.setdefault(key, _Work())
        width = self._requests_served_max if message.lane is Lane.REQUEST else 1
        if work.running >= width:
            work.waiting.append(message)
            return
        rest = self._begin(message)
        if rest is None:
            return
        work.running += 1
        task = asyncio.create_task(self._run(work, rest, message))
        self._tasks[task] = message.group
        task.add_done_callback(self._tasks.pop)
        if inspect.iscoroutine(rest):
            # A task that is cancelled before its first step would leave it unawaited.
            task.add_done_callback(lambda _: rest.close())

    def forget(self, group: bytes) -> None:
        """Drop a group's messages, those in a handler's hands too."""
        for lane in Lane:
            self._work.pop((group, lane), None)
        for task, owner in list(self._tasks.items()):
            if owner == group:
                task.cancel()

    def close(self) -> None:
        """Drop all messages and cancel the handlers."""
        self._work.clear()
        for task in list(self._tasks):
            task.cancel()

    def _begin(self, message: Message) -> Awaitable[None] | None:
        """Call the handler; what is left to await, or None if the message is done."""
        rest: Awaitable[None] | None = None
        try:
            rest = self._handle(message)
        except Exception:
            self._failed(message)
        if rest is None:
            self._done(message)
        return rest

    async def _run(self, work: _Work, rest: Awaitable[None] | None, message: Message) -> None:
        try:
            while True:
                if rest is not None:
                    await self._finish(rest, message)
                if not work.waiting:
                    return
                message = work.waiting.popleft()
                rest = self._begin(message)
        finally:
            work.running -= 1

    async def _finish(self, rest: Awaitable[None], message: Message) -> None:
        try:
            await rest
        except Exception:
            self._failed(message)
        self._done(message)
