"""Sends the transfers over all streams: at a steady rate, or as many as the nodes make final.

Each sender keeps to one stream, so that its nonces reach one node in order.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from cli.bench.heads import Heads
from cli.bench.job import Job
from cli.bench.streams import Answer, Stream, StreamBroken, open_stream
from cli.bench.workload import Transfer

CONNECTIONS = 2
"""Streams to each node by each transport."""
BATCH_COUNT_MAX = 100
BATCH_PERIOD_S = 0.2
"""At a steady rate a batch holds what is due in this time."""
OUTSTANDING_MAX = 6_000
"""At full speed this many wait at most: enough for full blocks, well below a pool's room."""
RETRY_S = 0.05
FULL = ("POOL_FULL", "SENDER_FULL")


class SendingFailed(Exception):
    """The load could not be brought to its end; the message says what a node answered."""


@dataclass
class Lane:
    """A stream to a node, and what goes through it."""

    node: str
    stream: Stream
    waiting: deque[tuple[Transfer, bytes]] = field(default_factory=deque)


class Sender:
    """One run's sending. `sent` tells when each transfer was (to be) sent, and to which node."""

    def __init__(self, job: Job, transfers: Sequence[Transfer], heads: Heads) -> None:
        self._job = job
        self._heads = heads
        self._outstanding = 0
        self._total = len(transfers)
        places = [
            (node, transport)
            for _ in range(CONNECTIONS)
            for transport in job.transports
            for node in job.urls
        ]
        self._lanes = [
            Lane(node, open_stream(transport, job.urls[node])) for node, transport in places
        ]
        for transfer in transfers:
            lane = self._lanes[transfer.sender % len(self._lanes)]
            lane.waiting.append((transfer, _request(len(lane.waiting), transfer.raw)))
        self.sent: dict[bytes, tuple[float, str]] = {}
        self._taken = 0
        self.start_s = 0.0
        self.sending_s = 0.0
        self.late_s_max = 0.0
        self.resent = 0

    async def run(self) -> None:
        """Send everything. Raises StreamBroken, SendingFailed."""
        self.start_s = time.monotonic()
        try:
            async with asyncio.TaskGroup() as lanes:
                for lane in self._lanes:
                    if lane.waiting:  # fewer senders than lanes leave some without
                        lanes.create_task(self._drain(lane))
        except* (StreamBroken, SendingFailed) as failed:
            raise failed.exceptions[0] from None
        finally:
            for lane in self._lanes:
                await lane.stream.close()
        self.sending_s = time.monotonic() - self.start_s

    async def _drain(self, lane: Lane) -> None:
        if self._job.rate is None:
            while lane.waiting:
                await self._wait_room()
                batch = _take(lane, BATCH_COUNT_MAX)
                await self._send(lane, batch, time.monotonic())
            return
        # A lane's share of the rate is its share of the transfers, so all lanes end together.
        rate = self._job.rate * len(lane.waiting) / max(1, self._total)
        size = max(1, min(BATCH_COUNT_MAX, round(rate * BATCH_PERIOD_S)))
        due_s = self.start_s + size / rate * self._lanes.index(lane) / len(self._lanes)
        while lane.waiting:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            self.late_s_max = max(self.late_s_max, time.monotonic() - due_s)
            batch = _take(lane, size)
            # What is late counts from when it was due: a slow node must not slow its own measure.
            await self._send(lane, batch, due_s)
            due_s += len(batch) / rate

    async def _wait_room(self) -> None:
        while self._taken - self._heads.final > OUTSTANDING_MAX:
            await self._heads.wait_moved(60.0)
        self._taken += BATCH_COUNT_MAX

    async def _send(self, lane: Lane, batch: list[tuple[Transfer, bytes]], at_s: float) -> None:
        for transfer, _ in batch:
            self.sent[transfer.hash] = (at_s, lane.node)
        while batch:
            answers = await lane.stream.send([request for _, request in batch])
            if len(answers) != len(batch):
                raise StreamBroken(f"{lane.node}: {len(answers)} answers to {len(batch)} requests")
            batch = [
                entry
                for entry, answer in zip(batch, answers, strict=True)
                if _is_refused_for_now(lane.node, answer)
            ]
            if batch:
                self.resent += len(batch)
                await asyncio.sleep(RETRY_S)


def _take(lane: Lane, count: int) -> list[tuple[Transfer, bytes]]:
    return [lane.waiting.popleft() for _ in range(min(count, len(lane.waiting)))]


def _request(identifier: int, raw: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%d,"method":"eth_sendRawTransaction","params":["0x%b"]}' % (
        identifier,
        raw.hex().encode(),
    )


def _is_refused_for_now(node: str, answer: Answer) -> bool:
    if answer.error is None:
        return False
    reason = (answer.error.get("data") or {}).get("reason")
    if reason in FULL:
        return True
    raise SendingFailed(f"{node} refused a transaction: {answer.error.get('message')}")
