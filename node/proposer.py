"""When a primary proposes, and what: at once while nothing is open, else as a batch gathers.

The replica says where it may propose; whether a proposal is sound is everyone's to check.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from consensus.status import Slot
from ledger.chain import Chain
from ledger.proposal import Proposal, propose
from ledger.values import Address
from node.pool import BatchLimits, Pool

BATCH_DELAY_MS = 20
"""How long a batch gathers for each block that is on its way: where blocks queue, fewer and larger
ones cost everyone fewer votes and syncs and are through sooner."""
BATCH_DELAY_MS_MAX = 160


class Proposer:
    """Fills slots from the pool. `wake` is called when a batch that gathered is due."""

    def __init__(
        self, chain: Chain, pool: Pool, address: Address, wake: Callable[[], None]
    ) -> None:
        self._chain = chain
        self._pool = pool
        self._address = address
        self._wake = wake
        self._proposed_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def fill(self, slot: Slot) -> Proposal | None:
        """The proposal for a slot, None while there is nothing to propose or more to wait for."""
        if not self._is_batch_due(slot.sequence - self._chain.head.number - 1):
            return None
        parameters = self._chain.parameters_for(slot.sequence)
        batch = self._pool.take_batch(
            BatchLimits(
                parameters.gas_limit, parameters.batch_transactions_max, parameters.batch_bytes_max
            )
        )
        # Block 1 is made at once: it shows everyone that the network works.
        if not batch and not slot.empty_due and slot.sequence != 1:
            return None
        self._proposed_s = asyncio.get_running_loop().time()
        return propose(
            self._chain.suite,
            group=self._chain.group,
            epoch=slot.epoch,
            sequence=slot.sequence,
            origin_view=slot.view,
            proposer=self._address,
            timestamp_ms=time.time_ns() // 1_000_000,
            transactions=tuple(entry.transaction.raw for entry in batch),
        )

    def close(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _is_batch_due(self, blocks_open: int) -> bool:
        """While blocks are on their way, a short wait lets the next batch gather."""
        if blocks_open <= 0:
            return True
        loop = asyncio.get_running_loop()
        delay_ms = min(BATCH_DELAY_MS * blocks_open, BATCH_DELAY_MS_MAX)
        due_s = self._proposed_s + delay_ms / 1000
        if loop.time() >= due_s:
            return True
        if self._timer is None:
            self._timer = loop.call_at(due_s, self._on_due)
        return False

    def _on_due(self) -> None:
        self._timer = None
        self._wake()
