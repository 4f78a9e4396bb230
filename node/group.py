"""One group of a running node: a single task with one inbox drives the replica and its effects.

The driver does nothing clever: what may be said and when is the replica's, what a block means the
chain's. Work that blocks (fsync, execution) runs in threads and comes back through the inbox.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from consensus.config import ReplicaConfig
from consensus.effects import (
    Alarm,
    AlarmKind,
    Broadcast,
    Compact,
    CompareHeaders,
    Effect,
    Execute,
    FetchBatch,
    Forward,
    Halt,
    Persist,
    Resend,
    Stable,
    Synchronise,
)
from consensus.epochs import Epoch
from consensus.events import (
    BatchReceived,
    EpochRecovered,
    Event,
    Executed,
    OwnSigned,
    PeerConnected,
    Propose,
    Started,
    Stored,
    Tick,
)
from consensus.messages import Message, Signed
from consensus.replica import Replica
from consensus.wire import encode_signed, signing_digest
from ledger.certificate import Certificate
from ledger.chain import Chain
from ledger.genesis import Genesis
from ledger.pin import Pin
from ledger.proposal import Proposal, encode_proposal
from ledger.protocol import BuildTooOld
from ledger.recovery import Recovery, encode_recovery
from ledger.suite import Signer
from ledger.transactions import InvalidTransaction
from ledger.values import Address, Hash32
from node.asking import Asking
from node.branch_trust import BranchTrust
from node.consensus_intake import ConsensusIntake
from node.envelopes import EnvelopePost
from node.epochs import TICK_MS, due_epochs, epoch_limits
from node.execution import Executor, StoredBlock
from node.group_members import GroupMembers
from node.group_network import Channel, GroupNetwork
from node.group_status import GroupStatus
from node.header_comparison import HeaderComparison, HeaderMismatch, answer_header
from node.hearing import Hearing
from node.journal import Journal
from node.metrics import Metrics
from node.pool import Pool, PoolLimits
from node.proposer import Proposer
from node.rare_lines import RareLines
from node.requests import (
    BatchAnswer,
    BatchRequest,
    BlocksRequest,
    EnvelopeDelivery,
    HeaderRequest,
    RecoveriesAnswer,
    RecoveriesRequest,
    decode_request,
    encode_answer,
)
from node.rpc.view import GroupEvent, NewHead, Unavailable
from node.subscriptions import Subscriptions
from node.sync import BatchFetch, BlockSync, answer_blocks
from node.transaction_desk import TransactionDesk
from node.transaction_memory import TransactionMemory
from node.upgrades import Lack, lack_ahead
from node.vote_log import VoteLog

INBOX_MESSAGES_MAX = 20_000
ROUND_ITEMS_MAX = 512
SMALL_MESSAGE_BYTES_MAX = 4_096
"""A longer message may carry a batch, which is decoded away from the event loop."""

T = TypeVar("T")
Work = Callable[[], Iterable[Event]]


@dataclass(frozen=True)
class GroupSetup:
    """What a group is made of."""

    name: str
    node_id: str
    genesis: Genesis
    chain: Chain
    signer: Signer
    network: GroupNetwork
    votes: VoteLog
    journal: Journal
    memory: TransactionMemory
    envelopes: EnvelopePost
    members: GroupMembers
    metrics: Metrics
    pool_limits: PoolLimits
    tick_ms: int = TICK_MS
    pin: Pin | None = None
    """A block of the history that this node shall believe, if its operator names one."""


def replica_config(setup: GroupSetup) -> ReplicaConfig:
    """What the replica is told once; `Started` brings the limits of its epoch."""
    parameters = setup.chain.parameters
    return ReplicaConfig(
        suite=setup.chain.suite,
        group=setup.chain.group,
        address=setup.signer.address,
        window_blocks=parameters.window_blocks,
        may_vote=setup.votes.lost is None,
        **asdict(epoch_limits(parameters, setup.tick_ms)),
    )


class GroupDriver:
    """Runs one group. `start`, then the read side and `submit`, then `stop`."""

    def __init__(self, setup: GroupSetup) -> None:
        self._setup = setup
        self._chain = setup.chain
        self._network = setup.network
        self._votes = setup.votes
        self._metrics = setup.metrics
        self._measure = setup.metrics.stages.measure
        self._log = structlog.get_logger("group").bind(group=setup.name)
        self._alarms = RareLines(self._log, "kind")
        self._replica = Replica(replica_config(setup))
        self._status = GroupStatus(
            setup.name,
            setup.chain,
            setup.members,
            setup.signer.address,
            has_voted=bool(setup.votes.entries),
            tick_ms=setup.tick_ms,
        )
        self._hearing = Hearing()
        self._subscriptions = Subscriptions()
        self._desk = TransactionDesk(
            name=setup.name,
            chain=setup.chain,
            memory=setup.memory,
            network=setup.network,
            journal=setup.journal,
            limits=setup.pool_limits,
            metrics=setup.metrics,
            subscriptions=self._subscriptions,
            put=self._put_events,
        )
        self._proposer = Proposer(
            setup.chain, self._desk.pool, setup.signer.address, partial(self._put_events, ())
        )
        self._executor = Executor(
            setup.chain, setup.memory.decode, setup.name, setup.metrics.stages, setup.tick_ms
        )
        self._asking = Asking(setup.network, self._is_heard)
        self._sync = BlockSync(
            setup.chain,
            self._executor,
            self._asking,
            self._on_imported,
            self._on_failure,
            on_recovered=self._on_recovered,
            trust=BranchTrust(
                setup.chain, self._asking, lambda: setup.members.organisations, setup.pin
            ),
        )
        self._fetch = BatchFetch(setup.chain.suite, self._asking, self._on_batch)
        self._comparison = HeaderComparison(
            setup.name,
            self._asking,
            self._executor.sealed,
            setup.members.node_of,
            self._on_mismatch,
        )
        self._intake = ConsensusIntake(
            chain=setup.chain,
            check_batch=self._desk.check_batch,
            heard=self._on_heard,
            later_epoch=lambda peer: self._sync.want(self._chain.head.number + 1, peer),
            metrics=setup.metrics,
            group=setup.name,
        )
        self._log_writer = ThreadPoolExecutor(1, thread_name_prefix=f"log-{setup.name}")
        self._inbox: deque[Work] = deque()
        self._inbox_messages = 0
        self._wake = asyncio.Event()
        self._tick_timer: asyncio.TimerHandle | None = None
        self._is_tick_waiting = False
        self._lack: Lack | None = None
        self._halted: str | None = None
        self._has_halted = asyncio.Event()
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None
        self._work: set[asyncio.Task[None]] = set()

    # -- the read side ----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def genesis(self) -> Genesis:
        return self._setup.genesis

    @property
    def group_id(self) -> Hash32:
        return self._chain.group

    @property
    def chain(self) -> Chain:
        return self._chain

    @property
    def pool(self) -> Pool:
        return self._desk.pool

    @property
    def envelopes(self) -> EnvelopePost:
        """Deliveries between the group's nodes."""
        return self._setup.envelopes

    @property
    def role(self) -> str:
        """`validator` while this node's votes count, else `observer`."""
        return "validator" if self._replica.status().is_voter else "observer"

    @property
    def halted(self) -> str | None:
        """Why the group stopped for good, None while it runs."""
        return self._halted

    def unready(self) -> str | None:
        """Why this node should not be asked about the group now, None if it may."""
        if self._halted is not None:
            return f"halted: {self._halted}"
        if self._replica.status().is_catching_up:
            return f"catching up from block {self._chain.head.number}"
        if self._chain.head.number == 0:
            return "no block is stable yet"
        return None

    async def wait_halted(self) -> str:
        """The reason, once the group stopped for good."""
        await self._has_halted.wait()
        assert self._halted is not None
        return self._halted

    def status(self) -> Mapping[str, Any]:
        """The group's object in `quorate_status`: plain integers, the hash as `0x…`."""
        return self._status.as_dict(
            self._replica.status(),
            role=self.role,
            halted=self._halted,
            log_lost=self._votes.lost,
            pool=len(self._desk.pool),
            clock=self._intake.clock,
        )

    def transaction_status(self, transaction_hash: Hash32) -> Mapping[str, Any] | None:
        """`{status, block, reason}`, None for a transaction that this node does not know."""
        return self._desk.status(transaction_hash)

    def subscribe(self) -> asyncio.Queue[GroupEvent]:
        """A bounded queue of what happens from now on; a full queue loses its oldest event."""
        return self._subscriptions.add()

    def unsubscribe(self, events: asyncio.Queue[GroupEvent]) -> None:
        """Stop filling a queue."""
        self._subscriptions.remove(events)

    async def submit(self, raw: bytes) -> Hash32:
        """As `submit_batch` for one; raises what that answers."""
        [answer] = await self.submit_batch([raw])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def submit_batch(
        self, raws: Sequence[bytes]
    ) -> Sequence[Hash32 | InvalidTransaction | Unavailable]:
        """Check, pool and journal signed transactions; returns once those taken are synced.

        Each has its own answer: the hash, or why it is not taken.
        """
        if self._halted is not None or self._is_stopping:
            closed = Unavailable(
                f"group {self.name} takes no transactions on this node "
                f"({self._halted or 'it is stopping'}); send it to another node"
            )
            return [closed] * len(raws)
        return await self._desk.submit(raws)

    async def adopt(self, recovery: Recovery) -> bool:
        """Follow a recovery certificate while the group runs; False if it is followed already.

        It is on disk before the replica hears of it. Raises `InvalidRecovery`, and `NeedsCut` for
        one that makes blocks of this node void: it is taken up at the next start.
        """
        is_new = await self._executor.adopt(recovery)
        if is_new:
            self._on_recovered(recovery)
        return is_new

    # -- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up the recovered log and the journal, open to the network, begin to tick."""
        self._desk.restore()
        head = self._chain.head
        if self._votes.lost is not None:
            self._log.error("votes.lost", reason=self._votes.lost, effect="observer for good")
        started = Started(
            head.certificate,
            head.record.proposal_digest,
            due_epochs(self._chain, head.number, self._setup.tick_ms),
            self._votes.entries,
        )
        if self._is_build_fit():
            self._put(lambda: (started, *self._desk.request_changes()))
        else:
            self._replica.step(started)  # so that its status is told; nothing of it leaves
        self._network.open(self)
        for peer in sorted(self._network.connected()):
            self.on_connected(peer)
        self._setup.envelopes.start()
        if self._halted is None:
            await self._round()
            self._schedule_tick()
        self._task = asyncio.create_task(self._run(), name=f"group-{self.name}")
        self._log.info("group.started", stable=head.number, address=self._setup.signer.address)

    async def stop(self) -> None:
        """Leave the network, finish what is being written, close journal and log."""
        await self._cease()
        await self._setup.journal.close()
        await asyncio.to_thread(self._votes.close)
        self._log.info("group.stopped", stable=self._chain.head.number)

    async def abandon(self) -> None:
        """End as a killed process would: what is not on disk yet never will be."""
        await self._cease()
        await self._setup.journal.abandon()
        self._votes.close()

    async def _cease(self) -> None:
        self._is_stopping = True
        self._network.close()
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        self._proposer.close()
        tasks = [task for task in (self._task, *self._work) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._desk.close()
        await self._setup.envelopes.stop()
        await self._sync.close()
        await self._fetch.close()
        await self._executor.close()
        await asyncio.to_thread(self._log_writer.shutdown)

    # -- the task ---------------------------------------------------------------------------------

    def _put(self, work: Work) -> None:
        self._inbox.append(work)
        self._wake.set()

    def _put_events(self, events: Iterable[Event]) -> None:
        self._put(lambda: events)

    async def _run(self) -> None:
        try:
            while self._halted is None:
                await self._wake.wait()
                self._wake.clear()
                while self._inbox and self._halted is None:
                    await self._round()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._on_failure(error)

    async def _round(self) -> None:
        """Take what waits in the inbox; one sync for all that it persists, then its effects."""
        with self._measure("consensus"):
            effects = self._take_round()
        logged = [effect for effect in effects if isinstance(effect, Persist | Compact)]
        if logged:
            # Everything logged in the round is synced before anything of the round leaves: earlier
            # than its place asks for, which is always safe.
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._log_writer, self._write_log, logged)
        with self._measure("consensus"):
            for effect in effects:
                self._perform(effect)
            self._publish()

    def _take_round(self) -> list[Effect | Signed]:
        effects: list[Effect | Signed] = []
        for _ in range(min(len(self._inbox), ROUND_ITEMS_MAX)):
            for event in self._inbox.popleft()():
                effects += self._step(event)
        return effects + self._propose()

    def _step(self, event: Event) -> list[Effect | Signed]:
        """One event and the own messages that follow from it; a `Broadcast` becomes its message."""
        effects: list[Effect | Signed] = []
        waiting = deque([event])
        while waiting:
            own: list[Event] = []
            for effect in self._replica.step(waiting.popleft()):
                if isinstance(effect, Broadcast):
                    signed = self._sign(effect.message)
                    effects.append(signed)
                    own.append(OwnSigned(signed))
                else:
                    effects.append(effect)
            waiting.extendleft(reversed(own))
        return effects

    def _sign(self, message: Message) -> Signed:
        digest = signing_digest(self._chain.suite, self._chain.group, message)
        return Signed(message, self._setup.signer.address, self._setup.signer.sign(digest))

    def _propose(self) -> list[Effect | Signed]:
        effects: list[Effect | Signed] = []
        while True:
            with self._measure("pool"):
                self._desk.follow(self._replica.open_proposals())
            slot = self._replica.proposal_slot()
            with self._measure("pool"):
                proposal = None if slot is None else self._proposer.fill(slot)
            if proposal is None:
                return effects
            effects += self._step(Propose(proposal))

    def _write_log(self, effects: list[Persist | Compact]) -> None:
        with self._measure("consensus"):
            for effect in effects:
                if isinstance(effect, Compact):
                    self._votes.replace(effect.entries)
                else:
                    self._votes.append(effect.entries)

    def _perform(self, effect: Effect | Signed) -> None:
        match effect:
            case Signed():
                self._send(effect, None)
            case Resend(signed, to):
                self._send(signed, to)
            case Execute(proposal):
                self._spawn(self._execute, proposal)
            case Stable(certificate):
                self._spawn(self._commit, certificate)
            case FetchBatch(_, digest):
                self._fetch.want(digest)
            case Synchronise(certificate):
                self._sync.want(certificate.number)
            case CompareHeaders():
                self._spawn(self._comparison.compare, effect)
            case Forward(transaction_hash, primary):
                peer = self._setup.members.node_of(primary) or self._setup.node_id
                self._desk.forward(transaction_hash, peer)
            case Alarm(kind, message):
                self._on_alarm(kind, message)
            case Halt(reason):
                self._halt(reason)
            case _:
                assert isinstance(effect, Persist | Compact), effect

    def _send(self, signed: Signed, to: Address | None) -> None:
        payload = encode_signed(signed)
        if to is None:
            for peer in self._network.connected():
                self._network.send(peer, Channel.CONSENSUS, payload)
        elif (peer_id := self._setup.members.node_of(to)) is not None:
            self._network.send(peer_id, Channel.CONSENSUS, payload)

    # -- execution and storage --------------------------------------------------------------------

    def _spawn(
        self, work: Callable[[T], Coroutine[None, None, None]], about: T
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guard(work, about))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def _guard(self, work: Callable[[T], Coroutine[None, None, None]], about: T) -> None:
        try:
            await work(about)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._on_failure(error)

    async def _execute(self, proposal: Proposal) -> None:
        executed = await self._executor.execute(proposal)
        if executed is not None:
            self._put_events((Executed(proposal.sequence, proposal.digest, executed.hash),))

    async def _commit(self, certificate: Certificate) -> None:
        stored = await self._executor.commit(certificate)
        if stored is not None:
            self._put(partial(self._on_stored, stored))

    def _on_recovered(self, recovery: Recovery) -> None:
        """A recovery certificate is on disk: the replica, the members and the sync hear of it."""
        self._log.warning(
            "group.recovered",
            after=recovery.number,
            epoch=recovery.epoch,
            counter=recovery.counter,
            signed_by=recovery.organisations,
        )
        self._put(partial(self._recovered, recovery))
        self._want_recovered()

    def _recovered(self, recovery: Recovery) -> Iterable[Event]:
        epochs = due_epochs(self._chain, self._chain.head.number, self._setup.tick_ms)
        self._intake.learn(epochs)
        self._setup.members.recover(epochs)
        self._network.refresh()
        self._log.info("members.changed", nodes=sorted(self._setup.members.node_ids))
        first = recovery.number + 1
        yield EpochRecovered(Epoch(recovery.epoch, first, recovery.validators))

    def _want_recovered(self) -> None:
        """Block H of a certificate exists, though nobody may speak of it in an epoch known here."""
        if self._chain.recoveries:
            self._sync.want(self._chain.recoveries[-1].number)

    def _on_imported(self, blocks: list[StoredBlock]) -> None:
        for block in blocks:
            self._put(partial(self._on_stored, block))

    def _on_stored(self, block: StoredBlock) -> Iterable[Event]:
        """A block is final: the pool prunes, subscribers hear of it, the replica moves on."""
        self._intake.learn(block.epochs)
        if self._setup.members.follow(block.epochs, nodes_changed=block.nodes_changed):
            self._network.refresh()
            self._log.info("members.changed", nodes=sorted(self._setup.members.node_ids))
        with self._measure("pool"):
            self._desk.apply_block(block.outcome)
        self._subscriptions.tell(NewHead(block.number))
        self._log.info(
            "block.stable",
            number=block.number,
            hash=block.certificate.header_hash,
            transactions=len(block.outcome.included),
            dropped=len(block.outcome.dropped),
        )
        if not self._is_build_fit():
            return
        yield Stored(
            block.certificate,
            block.digest,
            block.epochs,
            transactions=block.transactions,
            has_room=block.has_room,
        )
        with self._measure("pool"):
            changes = list(self._desk.request_changes())
        yield from changes

    def _on_batch(self, proposal: Proposal) -> None:
        self._put_events((BatchReceived(proposal),))

    # -- the network ------------------------------------------------------------------------------

    def on_connected(self, peer: str) -> None:
        """Tell the replica, and give the peer what was acknowledged here."""
        self._log.info("peer.connected", peer=peer)
        self._setup.envelopes.on_connected()
        self._desk.greet(peer)
        keys = self._setup.members.keys_of(peer)
        self._hearing.found(keys)
        self._put_events(tuple(map(PeerConnected, keys)))
        self._want_recovered()

    def on_disconnected(self, peer: str) -> None:
        """Said, and taken as a hint that its validator may be down."""
        self._log.info("peer.disconnected", peer=peer)
        self._hearing.lost(self._setup.members.keys_of(peer))

    def _on_heard(self, peer: str, sender: Address) -> None:
        """What others pass on says nothing about its sender's node."""
        if self._setup.members.node_of(sender) == peer:
            self._hearing.heard(sender)

    def _is_heard(self, peer: str) -> bool:
        """Whether the node may answer soon. An observer, which need not speak, counts as heard."""
        return self._hearing.unheard.isdisjoint(self._setup.members.keys_of(peer))

    def on_message(self, peer: str, channel: Channel, payload: bytes) -> Awaitable[None] | None:
        """Queue a member's message, or drop it when too many wait: peers repeat themselves.

        The answer, if any, is awaited before the peer's next message in this channel.
        """
        if channel is Channel.GOSSIP:
            return self._desk.on_gossip(peer, payload)
        if channel is not Channel.CONSENSUS:
            self._metrics.frames_dropped.labels("unused channel").inc()
            return None
        if self._inbox_messages >= INBOX_MESSAGES_MAX:
            self._metrics.frames_dropped.labels("group inbox full").inc()
            return None
        if len(payload) > SMALL_MESSAGE_BYTES_MAX:
            return self._spawn(partial(self._take_proposal, peer), payload)
        self._inbox_messages += 1
        self._put(partial(self._take_message, peer, payload))
        return None

    def _take_message(self, peer: str, payload: bytes) -> Iterable[Event]:
        self._inbox_messages -= 1
        return self._intake.events(peer, payload)

    async def _take_proposal(self, peer: str, payload: bytes) -> None:
        """As `_take_message`, with the batch decoded away from the event loop first."""
        with self._measure("consensus"):
            opened = self._intake.open(peer, payload)
        if opened is None:
            return
        if opened.proposal is not None:
            await self._desk.prepare_batch(opened.proposal)
        self._put(partial(self._intake.judge, opened))

    async def on_request(self, peer: str, payload: bytes) -> bytes:
        """Answer a member. Raises `ValueError` for what the member asked wrongly."""
        request = decode_request(payload)
        match request:
            case BlocksRequest():
                return encode_answer(await asyncio.to_thread(answer_blocks, self._chain, request))
            case BatchRequest(digest):
                body = self._replica.batch(digest)
                return encode_answer(BatchAnswer(b"" if body is None else encode_proposal(body)))
            case HeaderRequest(number):
                sealed = self._executor.sealed(number)
                return encode_answer(answer_header(sealed, request))
            case RecoveriesRequest():
                known = tuple(encode_recovery(entry) for entry in self._chain.recoveries)
                return encode_answer(RecoveriesAnswer(known))
            case EnvelopeDelivery():
                return encode_answer(await self._setup.envelopes.receive(peer, request))

    # -- time, alarms, the end --------------------------------------------------------------------

    def _schedule_tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._tick_timer = loop.call_later(self._setup.tick_ms / 1000, self._on_tick_timer)

    def _on_tick_timer(self) -> None:
        """A driver that fell behind skips ticks: one at most waits."""
        self._schedule_tick()
        if not self._is_tick_waiting:
            self._is_tick_waiting = True
            self._put(self._tick)

    def _tick(self) -> Iterable[Event]:
        self._is_tick_waiting = False
        validators = set(self._replica.validators) - {self._setup.signer.address}
        news = self._hearing.tick(validators)
        if news:
            self._asking.give_up_on_the_silent()
        return (*news, Tick())

    def _is_build_fit(self) -> bool:
        """Whether this build knows the next block's rules. If not, the group stops here: no vote
        for it ever leaves. What is to come is told once, when it is voted."""
        lack = lack_ahead(self._chain)
        if lack != self._lack and lack is not None:
            self._log.error("upgrade.due", block=lack.number, reason=lack.reason)
        self._lack = lack
        if lack is not None and lack.number <= self._chain.head.number + 1:
            self._halt(lack.reason)
        return self._halted is None

    def _on_alarm(self, kind: AlarmKind, message: str) -> None:
        self._status.alarm(kind, message)
        if kind is AlarmKind.VIEW_CHANGE:
            self._metrics.view_changes.labels(self.name).inc()
        self._alarms.warning("consensus.alarm", kind=kind.value, message=message)

    def _on_mismatch(self, mismatch: HeaderMismatch) -> None:
        self._status.mismatch(mismatch)
        self._log.error("headers.differ", **asdict(mismatch))

    def _on_failure(self, error: Exception) -> None:
        """What should not happen ends the group by name: a wrong vote would be worse."""
        if isinstance(error, BuildTooOld):
            self._halt(str(error))
            return
        self._log.error("group.failed", error=repr(error), exc_info=error)
        self._halt(f"{type(error).__name__}: {error}")

    def _halt(self, reason: str) -> None:
        if self._halted is None:
            self._halted = reason
            self._has_halted.set()
            self._wake.set()
            self._log.error("group.halted", reason=reason)

    def _publish(self) -> None:
        status = self._replica.status()
        metrics, name = self._metrics, self.name
        metrics.stable_height.labels(name).set(status.stable)
        metrics.sequence.labels(name).set(status.executed)
        metrics.epoch.labels(name).set(status.epoch)
        metrics.view.labels(name).set(status.view)
        metrics.pool_transactions.labels(name).set(len(self._desk.pool))
