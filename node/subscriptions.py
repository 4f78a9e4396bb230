"""Who wants to hear of a group's events: bounded queues, of which a slow one loses the oldest.

A slow subscriber never holds up the group.
"""

from __future__ import annotations

import asyncio

from node.rpc.view import GroupEvent

EVENTS_QUEUED_MAX = 4_096


class Subscriptions:
    """The queues of one group."""

    def __init__(self) -> None:
        self._queues: list[asyncio.Queue[GroupEvent]] = []

    def add(self) -> asyncio.Queue[GroupEvent]:
        """A queue of what happens from now on."""
        queue: asyncio.Queue[GroupEvent] = asyncio.Queue(EVENTS_QUEUED_MAX)
        self._queues.append(queue)
        return queue

    def remove(self, queue: asyncio.Queue[GroupEvent]) -> None:
        """Stop filling a queue; one that is not filled anyway is no error."""
        self._queues = [other for other in self._queues if other is not queue]

    def tell(self, event: GroupEvent) -> None:
        """Put an event into every queue."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)
