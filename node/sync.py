"""Catching up: blocks by number and batches by digest, from any member, trusted for nothing.

A block counts once `Chain.import_block` verified it against the set that was due; a batch by its
digest. Which blocks are wanted is the replica's to say; here is only how they are had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from ledger.block import InvalidBlock, encode_block
from ledger.certificate import InvalidCertificate, encode_certificate
from ledger.chain import Chain, NeedsCut
from ledger.codec import InvalidEncoding
from ledger.proposal import Proposal, decode_proposal
from ledger.recovery import InvalidRecovery, Recovery, decode_recovery
from ledger.suite import Suite
from ledger.values import Hash32
from node.asking import Asking
from node.branch_trust import BranchTrust
from node.execution import Executor, StoredBlock
from node.group_network import RequestFailed
from node.requests import (
    BatchAnswer,
    BatchRequest,
    BlocksAnswer,
    BlocksRequest,
    RecoveriesAnswer,
    RecoveriesRequest,
)

BLOCKS_ASKED_COUNT = 32
ANSWER_BLOCKS_BYTES = 4 << 20
BATCH_FETCHES_COUNT_MAX = 64


class BlockSync:
    """Fetches blocks up to a number that only grows; one fetch at a time."""

    def __init__(
        self,
        chain: Chain,
        executor: Executor,
        asking: Asking,
        on_stored: Callable[[list[StoredBlock]], None],
        on_failure: Callable[[Exception], None],
        *,
        on_recovered: Callable[[Recovery], None],
        trust: BranchTrust,
    ) -> None:
        self._chain = chain
        self._executor = executor
        self._trust = trust
        self._asking = asking
        self._on_stored = on_stored
        self._on_failure = on_failure
        self._on_recovered = on_recovered
        self._target = 0
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("sync")

    @property
    def target(self) -> int:
        """The highest block that was asked for."""
        return self._target

    def want(self, number: int, first_peer: str | None = None) -> None:
        """Have blocks up to `number`; repeated calls raise the target or change nothing."""
        self._target = max(self._target, number)
        if self._target > self._chain.head.number and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(first_peer))

    async def close(self) -> None:
        """Stop fetching; what is imported stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, first_peer: str | None) -> None:
        """Ask one member after another; ends at the target or when nobody helps any further."""
        if not await self._trust.establish(self._target):
            return
        peers = self._asking.peers(first_peer)
        while peers and self._chain.head.number < self._target:
            try:
                if not await self._fetch_from(peers[0]):
                    peers.pop(0)
            except (InvalidBlock, InvalidCertificate) as error:
                if not await self._learn_recoveries(peers[0]):
                    self._log.warning("sync.peer_failed", peer=peers.pop(0), error=str(error))
            except (RequestFailed, InvalidEncoding) as error:
                self._log.warning("sync.peer_failed", peer=peers.pop(0), error=str(error))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self._on_failure(error)
                return

    async def _learn_recoveries(self, peer: str) -> bool:
        """Whether the peer's recovery certificates tell something new: then ask it once more.

        A certificate proves itself. One that makes blocks of ours void waits for our operator.
        """
        is_new = False
        try:
            answer = await self._asking.ask(peer, RecoveriesRequest())
            for data in answer.recoveries if isinstance(answer, RecoveriesAnswer) else ():
                recovery = decode_recovery(data)
                if await self._executor.adopt(recovery):
                    is_new = True
                    self._on_recovered(recovery)
        except (RequestFailed, InvalidEncoding, InvalidRecovery) as error:
            self._log.warning("sync.recovery_refused", peer=peer, reason=str(error))
        except NeedsCut as error:
            self._log.error(
                "sync.recovery_waits",
                peer=peer,
                reason=f"{error} for whoever follows recovery certificate {recovery.counter} of "
                f"{', '.join(recovery.organisations)}; if your organisation follows it, stop this "
                "node and run: quorate recovery apply",
            )
        return is_new

    async def _fetch_from(self, peer: str) -> bool:
        """Import one answer of a peer; False if it brought nothing.

        What the peer has beyond the target is as well proven, and the others moved on meanwhile.
        """
        first, count = self._chain.head.number + 1, BLOCKS_ASKED_COUNT
        answer = await self._asking.ask(peer, BlocksRequest(first, count))
        if not isinstance(answer, BlocksAnswer) or not answer.blocks:
            return False
        self._trust.check(answer.blocks[:count])
        stored = await self._executor.import_blocks(answer.blocks[:count])
        if stored:
            self._log.info("sync.imported", peer=peer, number=stored[-1].number)
            self._on_stored(stored)
        return self._chain.head.number >= first


class BatchFetch:
    """Fetches proposals by digest, from whichever member has them."""

    def __init__(self, suite: Suite, asking: Asking, on_batch: Callable[[Proposal], None]) -> None:
        self._suite = suite
        self._asking = asking
        self._on_batch = on_batch
        self._tasks: dict[Hash32, asyncio.Task[None]] = {}

    def want(self, digest: Hash32) -> None:
        """Ask for a batch unless it is being asked for; the replica repeats itself."""
        if digest not in self._tasks and len(self._tasks) < BATCH_FETCHES_COUNT_MAX:
            task = asyncio.create_task(self._run(digest))
            self._tasks[digest] = task
            task.add_done_callback(lambda _: self._tasks.pop(digest, None))

    async def close(self) -> None:
        """Stop fetching."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, digest: Hash32) -> None:
        for peer in self._asking.peers():
            try:
                answer = await self._asking.ask(peer, BatchRequest(digest))
                if isinstance(answer, BatchAnswer) and answer.proposal:
                    proposal = decode_proposal(self._suite, answer.proposal)
                    if proposal.digest == digest:
                        self._on_batch(proposal)
                        return
            except (RequestFailed, InvalidEncoding):
                continue


def answer_blocks(chain: Chain, request: BlocksRequest) -> BlocksAnswer:
    """The blocks asked for that are here, as many as fit; at least one if it is here."""
    pairs: list[tuple[bytes, bytes]] = []
    size_bytes = 0
    for number in _numbers(request, chain.head.number):
        certificate = chain.certificate(number)
        if certificate is None:
            break
        pair = encode_block(chain.block(number)), encode_certificate(certificate)
        size_bytes += len(pair[0]) + len(pair[1])
        if pairs and size_bytes > ANSWER_BLOCKS_BYTES:
            break
        pairs.append(pair)
    return BlocksAnswer(tuple(pairs))


def _numbers(request: BlocksRequest, stable: int) -> Iterable[int]:
    return range(max(request.first, 1), min(request.first + request.count - 1, stable) + 1)
