"""Where calls into the EVM run: a few threads, so that calls cannot take the node's time.

Waiting is bounded by the server's requests in flight; running by the block's gas limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from .limits import Limits

P = ParamSpec("P")
T = TypeVar("T")


class CallDesk:
    """Runs at most `calls_in_flight_max` calls at a time."""

    def __init__(self, limits: Limits) -> None:
        self._threads = ThreadPoolExecutor(
            limits.calls_in_flight_max, thread_name_prefix="rpc-call"
        )

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work` in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: work(*args, **kwargs)
        )

    def close(self) -> None:
        """Take no more calls; those that run end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
