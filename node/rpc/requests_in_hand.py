"""How many requests about each group are being answered, for whoever must wait for the last."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class RequestsInHand:
    """Counts by a group's name; those of groups that are not there count for nobody."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._ended = asyncio.Event()

    @contextmanager
    def of(self, group: str) -> Iterator[None]:
        """A request is in hand meanwhile."""
        self._counts[group] += 1
        try:
            yield
        finally:
            self._counts[group] -= 1
            if not self._counts[group]:
                del self._counts[group]
                self._ended.set()

    async def wait_none(self, group: str) -> None:
        """Return once no request about the group is in hand."""
        while self._counts[group]:
            self._ended.clear()
            await self._ended.wait()
