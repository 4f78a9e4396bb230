"""Decoding transactions and recovering their senders away from the event loop, in batches.

What comes while a batch is under way makes the next one: the more comes, the larger they get. What
a transaction may do in the present state is `admission.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ledger.transactions import InvalidTransaction
from node.admission import CheckedTransaction

BATCH_COUNT_MAX = 4_096
"""Transactions after which a batch takes no more requests in; a larger request stays whole."""

Form = CheckedTransaction | InvalidTransaction
"""A transaction with its sender, or why it is none."""


class ChecksClosed(Exception):
    """The node is stopping: nothing is checked any more."""


class FormChecks:
    """One group's worker. `check` runs in its thread; `is_known` says that it would be quick."""

    def __init__(
        self,
        check: Callable[[Sequence[bytes]], list[Form]],
        is_known: Callable[[Sequence[bytes]], bool],
        name: str,
    ) -> None:
        self._check = check
        self._is_known = is_known
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"forms-{name}")
        self._waiting: list[tuple[Sequence[bytes], asyncio.Future[list[Form]]]] = []
        self._running: asyncio.Task[None] | None = None
        self._is_closed = False

    async def check(self, raws: Sequence[bytes]) -> list[Form]:
        """The form of each, in order. Raises `ChecksClosed`."""
        if self._is_closed:
            raise ChecksClosed("the node is stopping; send the transaction to another node")
        if not self._waiting and self._is_known(raws):
            return self._check(raws)
        done: asyncio.Future[list[Form]] = asyncio.get_running_loop().create_future()
        self._waiting.append((raws, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await done

    async def close(self) -> None:
        """Finish the batch under way; whoever waits behind it is told that it closed."""
        self._is_closed = True
        for _, done in self._waiting:
            if not done.done():
                done.set_exception(ChecksClosed("the node is stopping"))
        self._waiting = []
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)
        await asyncio.to_thread(self._worker.shutdown)

    async def _run(self) -> None:
        while self._waiting:
            requests = self._gather()
            batch = [raw for raws, _ in requests for raw in raws]
            loop = asyncio.get_running_loop()
            try:
                forms = await loop.run_in_executor(self._worker, self._check, batch)
            except Exception as error:
                for _, done in requests:
                    if not done.done():
                        done.set_exception(error)
                continue
            start = 0
            for raws, done in requests:
                if not done.done():
                    done.set_result(forms[start : start + len(raws)])
                start += len(raws)

    def _gather(self) -> list[tuple[Sequence[bytes], asyncio.Future[list[Form]]]]:
        count = size = 0
        while count < len(self._waiting) and size < BATCH_COUNT_MAX:
            size += len(self._waiting[count][0])
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken
