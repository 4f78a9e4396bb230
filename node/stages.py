"""Where a node's processor time goes: seconds of CPU by stage, whichever thread spent them.

It counts and decides nothing. A stage inside a stage is taken out of the outer one, so the stages
never add up to more than the process spent; what no stage claims is the rest of the process.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Awaitable, Generator, Iterator
from time import thread_time
from typing import Any, TypeVar

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

T = TypeVar("T")

STAGES = {
    "rpc": "JSON-RPC: parsing requests, running methods, writing answers",
    "decode": "raw transactions to values",
    "recover": "checks of form, senders recovered from signatures",
    "pool": "checks on the state, order of arrival, choosing batches, pruning after blocks",
    "gossip": "transactions to and from other nodes' pools",
    "consensus": "messages, signatures, the replica, its write-ahead log",
    "execute": "blocks run by the engine; with py-evm its state root as well",
    "root": "state root of the native engine, roots of transactions and receipts",
    "store": "a block's batch written and synced",
    "index": "a block, its receipts and indexes made into that batch",
    "journal": "acknowledged transactions written and synced",
    "p2p": "frames to and from peers, and their TLS",
}
NAME = "quorate_stage_seconds"
DOCUMENTATION = "Processor time by stage of a transaction's way"


class _Open(threading.local):
    """One thread's open stages, innermost last, and what it spent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.seconds: dict[str, float] | None = None


class Span:
    """One stage from `with` to its end, in one thread and without an `await` between."""

    __slots__ = ("_open", "_stage", "_stages", "_start_s", "inner_s")

    def __init__(self, stages: Stages, open_here: _Open, stage: str) -> None:
        self._stages = stages
        self._open = open_here
        self._stage = stage
        self._start_s = 0.0
        self.inner_s = 0.0
        """What stages inside this one spent."""

    def __enter__(self) -> Span:
        self._open.spans.append(self)
        self._start_s = thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        spent_s = thread_time() - self._start_s
        spans = self._open.spans
        ended = spans.pop()
        assert ended is self, "an await inside a stage, or stages that cross"
        if spans:
            spans[-1].inner_s += spent_s
        self._stages.add(self._stage, spent_s - self.inner_s)


class Stages(Collector):
    """A node's seconds by stage; a collector for its metrics."""

    def __init__(self) -> None:
        self._open = _Open()
        self._threads: list[dict[str, float]] = []

    def measure(self, stage: str) -> Span:
        """What happens inside the `with` is of this stage. Not for code that awaits."""
        return Span(self, self._open, stage)

    def add(self, stage: str, seconds: float) -> None:
        """Count seconds of the calling thread; negative ones move time out of a stage."""
        here = self._open.seconds
        if here is None:
            # Each thread adds to a table of its own: no lock, and nothing lost between threads.
            here = self._open.seconds = dict.fromkeys(STAGES, 0.0)
            self._threads.append(here)
        here[stage] += seconds

    async def steps(self, stage: str, work: Awaitable[T]) -> T:
        """Await `work`; each of its steps between two suspensions is of this stage."""
        return await self._steps(stage, work)

    @types.coroutine
    def _steps(self, stage: str, work: Awaitable[T]) -> Generator[Any, Any, T]:
        steps = work.__await__()
        with self.measure(stage):
            try:
                waiting = next(steps)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
        while True:
            failure: BaseException | None = None
            value: Any = None
            try:
                value = yield waiting
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # a cancellation, mostly: it belongs to the work
                failure = error
            with self.measure(stage):
                try:
                    waiting = steps.send(value) if failure is None else steps.throw(failure)
                except StopIteration as done:
                    return done.value  # type: ignore[no-any-return]

    def seconds(self) -> dict[str, float]:
        """Seconds by stage since the node began."""
        threads = list(self._threads)
        return {stage: sum(seconds[stage] for seconds in threads) for stage in STAGES}

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One counter with a series for each stage."""
        family = CounterMetricFamily(NAME, DOCUMENTATION, labels=["stage"])
        for stage, seconds in self.seconds().items():
            family.add_metric([stage], seconds)
        yield family
