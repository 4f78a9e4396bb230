"""One worker thread per group, in which blocks are executed, stored and imported, one at a time.

Calls come from the event loop and are awaited there; what they touch of the chain beyond reading
is touched in this thread only. Which block comes next is the replica's decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from consensus.epochs import Epoch
from ledger.block import decode_block
from ledger.certificate import Certificate, decode_certificate
from ledger.chain import Chain, ExecutedBlock
from ledger.engine import DecodeBatch
from ledger.gate import GATE_CONTRACT
from ledger.header import Header
from ledger.participants import is_nodes_slot
from ledger.proposal import Proposal
from ledger.record import Record
from ledger.recovery import Recovery
from ledger.transactions import InvalidTransaction
from ledger.values import Hash32
from node.epochs import TICK_MS, due_epochs
from node.pool import BlockOutcome
from node.stages import Stages

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block that is in the store, with what the pool and the replica need to know of it."""

    certificate: Certificate
    digest: Hash32
    epochs: tuple[Epoch, ...]
    outcome: BlockOutcome
    has_room: bool
    nodes_changed: bool
    """Whether the block wrote into the group's list of admitted nodes."""

    @property
    def number(self) -> int:
        return self.certificate.number

    @property
    def transactions(self) -> int:
        """How many were included or dropped."""
        return len(self.outcome.included) + len(self.outcome.dropped)


class Executor:
    """Runs one chain's work in order. Close it before the chain's store."""

    def __init__(
        self,
        chain: Chain,
        decode: DecodeBatch,
        name: str,
        stages: Stages,
        tick_ms: int = TICK_MS,
    ) -> None:
        self._stages = stages
        self._tick_ms = tick_ms
        self._chain = chain
        self._decode = decode
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"execute-{name}")
        self._executed: dict[int, ExecutedBlock] = {}

    async def execute(self, proposal: Proposal) -> ExecutedBlock | None:
        """The proposal's block on its parent, stored or not; None if it is stored by now."""
        return await self._run(lambda: self._execute(proposal))

    async def commit(self, certificate: Certificate) -> StoredBlock | None:
        """Store the executed block under its certificate; None if it is stored by now."""
        return await self._run(lambda: self._commit(certificate))

    async def import_blocks(self, pairs: Sequence[tuple[bytes, bytes]]) -> list[StoredBlock]:
        """Verify, execute and store blocks that a peer gave; skips those stored by now.

        Raises `InvalidBlock`, `InvalidEncoding` or `InvalidCertificate` for the peer's fault, and
        `Divergence` for ours; the blocks before the bad one stay stored.
        """
        return await self._run(lambda: self._import(pairs))

    def sealed(self, number: int) -> tuple[Header, Record] | None:
        """Header and record to which this node came for a block, stored or not; None if it has
        none. The latest execution counts."""
        executed = self._executed.get(number)
        if executed is not None:
            return executed.header, executed.record
        if not 0 <= number <= self._chain.head.number:
            return None
        return self._chain.header(number), self._chain.record(number)

    async def adopt(self, recovery: Recovery) -> bool:
        """Follow a recovery certificate, on disk on return; False if it was followed already.

        Raises `InvalidRecovery`, and `NeedsCut` where stored blocks are void.
        """
        return await self._run(lambda: self._adopt(recovery))

    async def close(self) -> None:
        """Finish the job at hand, drop those that wait."""
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)

    async def _run(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, job)

    def _execute(self, proposal: Proposal) -> ExecutedBlock | None:
        stable = self._chain.head.number
        if proposal.sequence <= stable or self._chain.is_void(proposal.epoch, proposal.sequence):
            return None
        parent = self._executed.get(proposal.sequence - 1)
        if proposal.sequence == stable + 1:
            parent = None
        with self._stages.measure("execute"):
            executed = self._chain.execute(proposal, parent)
        self._executed[proposal.sequence] = executed
        return executed

    def _commit(self, certificate: Certificate) -> StoredBlock | None:
        number = certificate.number
        if number <= self._chain.head.number or self._chain.is_void(certificate.epoch, number):
            return None
        executed = self._executed[certificate.number]
        with self._stages.measure("index"):
            self._chain.commit(executed, certificate)
        self._forget_stored()
        return self._stored(executed, certificate)

    def _adopt(self, recovery: Recovery) -> bool:
        is_new = self._chain.adopt(recovery, may_cut=False)
        if is_new:
            self._executed = {n: b for n, b in self._executed.items() if n <= recovery.number}
        return is_new

    def _import(self, pairs: Sequence[tuple[bytes, bytes]]) -> list[StoredBlock]:
        stored = []
        for block_bytes, certificate_bytes in pairs:
            block = decode_block(self._chain.suite, block_bytes)
            certificate = decode_certificate(certificate_bytes)
            if block.number <= self._chain.head.number:
                continue
            with self._stages.measure("execute"):
                executed = self._chain.import_block(block, certificate)
            stored.append(self._stored(executed, certificate))
        self._forget_stored()
        return stored

    def _forget_stored(self) -> None:
        stable = self._chain.head.number
        self._executed = {n: block for n, block in self._executed.items() if n > stable}

    def _stored(self, executed: ExecutedBlock, certificate: Certificate) -> StoredBlock:
        result = executed.result
        return StoredBlock(
            certificate=certificate,
            digest=executed.proposal.digest,
            epochs=due_epochs(self._chain, certificate.number, self._tick_ms),
            outcome=BlockOutcome(
                tuple(entry.transaction.hash for entry in result.included),
                tuple((entry.hash, entry.reason) for entry in result.dropped),
                result.writes.accounts,
                is_gate_changed=GATE_CONTRACT in result.writes.storage,
            ),
            has_room=self._has_room(executed.proposal),
            nodes_changed=any(map(is_nodes_slot, result.writes.storage.get(GATE_CONTRACT, ()))),
        )

    def _has_room(self, proposal: Proposal) -> bool:
        """Whether the batch is at most half full: then any one more would have found its place."""
        parameters = self._chain.parameters_for(proposal.sequence)
        gas = sum(
            decoded.gas
            for decoded in self._decode(proposal.transactions)
            if not isinstance(decoded, InvalidTransaction)
        )
        return (
            2 * gas <= parameters.gas_limit
            and 2 * len(proposal.transactions) <= parameters.batch_transactions_max
            and 2 * sum(map(len, proposal.transactions)) <= parameters.batch_bytes_max
        )
