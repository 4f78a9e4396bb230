"""Watches the nodes' certified heads over WebSocket, and counts what has become final.

Cheap while it runs: a notification a block and node, and one node's counters a few times a second.
Which transactions the blocks hold is asked when all is over.
"""

import asyncio
import re
import time
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import msgspec

from cli.bench.streams import ANSWER_BYTES_MAX, StreamBroken

COUNT_PERIOD_S = 0.2
INCLUDED = re.compile(r"^quorate_transactions_included_total\{[^}]*\} (\S+)$", re.MULTILINE)


class Heads:
    """Open it with `start`; `final` counts on the first node, `seen_s` is by node and number."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls = urls
        self._first = next(iter(urls))
        self._open = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._moved = asyncio.Condition()
        self.seen_s: dict[str, dict[int, float]] = {name: {} for name in urls}
        self.start_number = 0
        self.final = 0
        self.timeline: list[tuple[float, int]] = []

    async def start(self) -> None:
        """Subscribe on every node. Raises StreamBroken."""
        self._session = await self._open.enter_async_context(aiohttp.ClientSession())
        self.start_number = await self.number()
        for name, url in self._urls.items():
            socket = await self._open.enter_async_context(
                self._session.ws_connect(url, max_msg_size=ANSWER_BYTES_MAX)
            )
            await socket.send_str(
                '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'
            )
            await socket.receive()
            self._tasks.append(asyncio.create_task(self._watch(name, socket)))
        self._tasks.append(asyncio.create_task(self._count()))

    async def close(self) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._open.aclose()

    async def number(self) -> int:
        """The first node's certified head."""
        return int(await self._ask("eth_blockNumber"), 16)

    def last(self, name: str) -> int:
        """The highest certified block that a node told of."""
        return max(self.seen_s[name], default=self.start_number)

    async def wait_moved(self, timeout_s: float) -> None:
        """Until any count or head moves. Raises TimeoutError, StreamBroken."""
        async with asyncio.timeout(timeout_s), self._moved:
            await self._moved.wait()
        for task in self._tasks:
            if task.done():
                raise StreamBroken(f"a node hung up: {task.exception()}")

    async def hashes(self, last: int) -> dict[int, list[str]]:
        """The transactions of all blocks since the start, by block number."""
        found: dict[int, list[str]] = {}
        for number in range(self.start_number + 1, last + 1):
            block = await self._ask("eth_getBlockByNumber", hex(number), False)
            found[number] = block["transactions"]
        return found

    async def _watch(self, name: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        seen = self.seen_s[name]
        known = self.start_number
        async for message in socket:
            now = time.monotonic()
            number = int(msgspec.json.decode(message.data)["params"]["result"]["number"], 16)
            for each in range(known + 1, number + 1):
                seen[each] = now
            known = max(known, number)
            await self._tell()
        raise StreamBroken(f"{name} closed its WebSocket")

    async def _count(self) -> None:
        before = await self._included()
        start = asyncio.get_running_loop().time()
        counted_number = self.start_number
        while True:
            start += COUNT_PERIOD_S
            await asyncio.sleep(max(0.0, start - asyncio.get_running_loop().time()))
            if self.last(self._first) == counted_number:
                continue
            counted_number = self.last(self._first)
            self.final = await self._included() - before
            self.timeline.append((time.monotonic(), self.final))
            await self._tell()

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def _included(self) -> int:
        assert self._session is not None
        async with self._session.get(f"{self._urls[self._first]}/metrics") as answer:
            found = INCLUDED.search(await answer.text())
        return 0 if found is None else int(float(found[1]))

    async def _ask(self, method: str, *parameters: object) -> Any:
        assert self._session is not None
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        async with self._session.post(self._urls[self._first], json=body) as answer:
            found = await answer.json()
        if "result" not in found:
            raise StreamBroken(f"{method}: {found}")
        return found["result"]
