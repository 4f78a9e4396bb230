"""One group of a running node: a single task with one inbox drives the replica and its effects.

The driver does nothing clever: what may be said and when is the replica's, what a block means the
chain's. Work that blocks (fsync, execution) runs in threads and comes back through the inbox.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from consensus.config import ReplicaConfig
from consensus.effects import (
    Alarm,
    AlarmKind,
    Broadcast,
    Compact,
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
    Event,
    Executed,
    OwnSigned,
    PeerConnected,
    ProposalRefused,
    Propose,
    Received,
    RequestGone,
    RequestWaiting,
    Started,
    Stored,
    Tick,
)
from consensus.messages import Message, PrePrepare, Signed
from consensus.replica import Replica
from consensus.verify import UnknownEpoch, Verifier
from consensus.wire import InvalidMessage, decode_signed, encode_signed, signing_digest
from ledger.chain import Chain
from ledger.codec import InvalidEncoding
from ledger.gate import SystemGate
from ledger.genesis import Genesis
from ledger.parameters import Parameters
from ledger.proposal import Proposal, encode_proposal, propose
from ledger.suite import Signer
from ledger.transactions import InvalidTransaction
from ledger.values import Address, Hash32
from node.admission import Admission, InvalidBatch
from node.clock_check import ClockCheck
from node.envelopes import EnvelopePost
from node.epochs import due_epochs, previous_epoch
from node.execution import Executor, StoredBlock
from node.gossip import decode_gossip, encode_gossip
from node.group_network import Channel, GroupNetwork
from node.group_status import GroupStatus
from node.journal import Journal, JournalClosed, Refusal
from node.metrics import Metrics
from node.ordered import OrderedTransactions
from node.pool import RETURNING, BatchLimits, Pool, PoolLimits
from node.requests import (
    BatchAnswer,
    BatchRequest,
    BlocksRequest,
    EnvelopeDelivery,
    decode_request,
    encode_answer,
)
from node.rpc.view import GroupEvent, NewHead, NewPending, Unavailable
from node.subscriptions import Subscriptions
from node.sync import BatchFetch, BlockSync, answer_blocks
from node.transaction_memory import TransactionMemory
from node.vote_log import VoteLog

TICK_MS = 100
INBOX_MESSAGES_MAX = 20_000
ROUND_ITEMS_MAX = 512
GOSSIP_DELAY_MS = 5
BATCH_DELAY_MS = 20
EPOCHS_KNOWN_MAX = 64

Work = Callable[[], Iterable[Event]]


class GroupStopped(Unavailable):
    """The group takes no transactions: it halted or the node is stopping."""


@dataclass(frozen=True)
class GroupSetup:
    """What a group is made of. `validators` maps addresses of consensus keys to node ids."""

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
    validators: Mapping[Address, str]
    metrics: Metrics
    pool_limits: PoolLimits
    tick_ms: int = TICK_MS


def replica_config(
    parameters: Parameters, chain: Chain, address: Address, *, may_vote: bool, tick_ms: int
) -> ReplicaConfig:
    """The group's parameters in ticks."""
    view_ticks = max(2, parameters.view_timeout_ms // tick_ms)
    return ReplicaConfig(
        suite=chain.suite,
        group=chain.group,
        address=address,
        window_blocks=parameters.window_blocks,
        may_vote=may_vote,
        view_ticks=view_ticks,
        view_ticks_max=max(view_ticks, parameters.view_timeout_ms_max // tick_ms),
        request_ticks=view_ticks * 3 // 2,
        execution_ticks_max=min(parameters.block_execution_ms_max // tick_ms, view_ticks - 1),
        heartbeat_ticks=max(1, parameters.heartbeat_ms // tick_ms),
    )


class GroupDriver:
    """Runs one group. `start`, then the read side and `submit`, then `stop`."""

    def __init__(self, setup: GroupSetup) -> None:
        self._setup = setup
        self._chain = setup.chain
        self._suite = setup.chain.suite
        self._parameters = setup.chain.parameters
        self._network = setup.network
        self._votes = setup.votes
        self._journal = setup.journal
        self._metrics = setup.metrics
        self._log = structlog.get_logger("group").bind(group=setup.name)
        self._replica = Replica(
            replica_config(
                self._parameters,
                setup.chain,
                setup.signer.address,
                may_vote=setup.votes.lost is None,
                tick_ms=setup.tick_ms,
            )
        )
        self._admission = Admission(
            self._parameters, SystemGate(), setup.chain.latest_state, setup.memory.decode
        )
        self._pool = Pool(setup.pool_limits, self._admission.nonce_of)
        self._ordered = OrderedTransactions(self._pool, setup.memory.decode)
        self._clock = ClockCheck(self._parameters.clock_tolerance_ms)
        self._executor = Executor(setup.chain, setup.memory.decode, setup.name)
        self._sync = BlockSync(
            setup.chain, self._executor, setup.network, self._on_imported, self._on_failure
        )
        self._fetch = BatchFetch(self._suite, setup.network, self._on_batch)
        self._epochs: dict[int, Epoch] = {}
        self._verifier = Verifier(
            self._suite, setup.chain.group, self._epochs.get, self._parameters.window_blocks
        )
        self._status = GroupStatus(setup.name, setup.chain, setup.validators)
        self._subscriptions = Subscriptions()
        self._inbox: deque[Work] = deque()
        self._inbox_messages = 0
        self._wake = asyncio.Event()
        self._requests: set[Hash32] = set()
        self._gossip: list[bytes] = []
        self._gossip_timer: asyncio.TimerHandle | None = None
        self._tick_timer: asyncio.TimerHandle | None = None
        self._propose_timer: asyncio.TimerHandle | None = None
        self._proposed_s = 0.0
        self._is_tick_waiting = False
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
        return self._pool

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
        status = self._replica.status()
        if status.is_behind:
            return f"catching up: block {self._chain.head.number} of {self._sync.target}"
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
            pool=len(self._pool),
        )

    def transaction_status(self, transaction_hash: Hash32) -> Mapping[str, Any] | None:
        """`{status, block, reason}`, None for a transaction that this node does not know."""
        found = self._chain.transaction_status(transaction_hash)
        if found is not None and found.status == "executed":
            return {"status": "executed", "block": found.number, "reason": None}
        if transaction_hash in self._pool:
            is_ordered = self._pool.is_ordered(transaction_hash)
            return {
                "status": "ordered" if is_ordered else "pending", "block": None, "reason": None,
            }  # fmt: skip
        if found is not None:
            return {"status": "dropped", "block": found.number, "reason": found.reason}
        refusal = self._pool.refusal(transaction_hash) or self._journal.refusals.get(
            transaction_hash
        )
        if refusal is not None:
            return {"status": "dropped", "block": None, "reason": refusal.reason}
        return None

    def subscribe(self) -> asyncio.Queue[GroupEvent]:
        """A bounded queue of what happens from now on; a full queue loses its oldest event."""
        return self._subscriptions.add()

    def unsubscribe(self, events: asyncio.Queue[GroupEvent]) -> None:
        """Stop filling a queue."""
        self._subscriptions.remove(events)

    async def submit(self, raw: bytes) -> Hash32:
        """Check, pool and journal a signed transaction; returns once it is synced.

        Raises `InvalidTransaction` (its reasons, and the pool's) and `GroupStopped`.
        """
        if self._halted is not None or self._is_stopping:
            raise GroupStopped(
                f"group {self.name} takes no transactions on this node "
                f"({self._halted or 'it is stopping'}); send it to another node"
            )
        transaction, sender = self._admission.examine(raw)
        is_new = self._pool.add(transaction, sender, asyncio.get_running_loop().time())
        if is_new:
            self._on_pooled(transaction.hash)
        try:
            await self._journal.add(transaction.hash, raw)
        except (JournalClosed, OSError) as error:
            raise GroupStopped(f"the transaction is not kept here: {error}") from error
        if transaction.hash not in self._pool:
            # A block took it while the journal synced: its fate is known, nothing to keep.
            self._journal.settle(transaction.hash)
        if is_new:
            self._spread(raw)
        return transaction.hash

    # -- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up the recovered log and the journal, open to the network, begin to tick."""
        self._restore_pool()
        head = self._chain.head
        self._learn_epochs(head.number)
        if self._votes.lost is not None:
            self._log.error("votes.lost", reason=self._votes.lost, effect="observer for good")
        started = Started(
            head.certificate,
            head.record.proposal_digest,
            due_epochs(self._chain, head.number),
            self._votes.entries,
        )
        self._put(lambda: (started, *self._request_changes()))
        self._network.open(self)
        for peer in sorted(self._network.connected()):
            self.on_connected(peer)
        self._setup.envelopes.start()
        await self._round()
        self._schedule_tick()
        self._task = asyncio.create_task(self._run(), name=f"group-{self.name}")
        self._log.info("group.started", stable=head.number, address=self._setup.signer.address)

    async def stop(self) -> None:
        """Leave the network, finish what is being written, close journal and log."""
        await self._cease()
        await self._journal.close()
        await asyncio.to_thread(self._votes.close)
        self._log.info("group.stopped", stable=self._chain.head.number)

    async def crash(self) -> None:
        """End as if the process had died: nothing more is written, sent or closed in order."""
        await self._cease()

    async def _cease(self) -> None:
        self._is_stopping = True
        self._network.close()
        for timer in (self._tick_timer, self._gossip_timer, self._propose_timer):
            if timer is not None:
                timer.cancel()
        tasks = [task for task in (self._task, *self._work) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._setup.envelopes.stop()
        await self._sync.close()
        await self._fetch.close()
        await self._executor.close()

    def _restore_pool(self) -> None:
        """Acknowledged transactions come back to the pool, or their fate is settled."""
        now_s = asyncio.get_running_loop().time()
        for transaction_hash, raw in list(self._journal.transactions.items()):
            key = Hash32(transaction_hash)
            found = self._chain.transaction_status(key)
            if found is not None and found.reason not in RETURNING:
                self._journal.settle(key)  # executed, or dropped for good
                continue
            try:
                transaction, sender = self._admission.examine(raw)
                self._pool.add(transaction, sender, now_s)
            except InvalidTransaction as error:
                self._refuse(key, Refusal(str(error.code), error.message))
        if len(self._pool):
            self._log.info("journal.restored", transactions=len(self._pool))

    # -- the task ---------------------------------------------------------------------------------

    def _put(self, work: Work) -> None:
        self._inbox.append(work)
        self._wake.set()

    async def _run(self) -> None:
        """Rounds: what waits in the inbox, one sync for all that it persists, then the rest."""
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
        effects: list[Effect | Signed] = []
        for _ in range(min(len(self._inbox), ROUND_ITEMS_MAX)):
            for event in self._inbox.popleft()():
                effects += self._step(event)
        effects += self._propose()
        logged = [effect for effect in effects if isinstance(effect, Persist | Compact)]
        if logged:
            # Everything logged in the round is synced before anything of the round leaves: earlier
            # than its place asks for, which is always safe.
            await asyncio.to_thread(self._write_log, logged)
        for effect in effects:
            self._perform(effect)
        self._ordered.follow(self._replica.open_proposals())
        self._publish()

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
        digest = signing_digest(self._suite, self._chain.group, message)
        return Signed(message, self._setup.signer.address, self._setup.signer.sign(digest))

    def _write_log(self, effects: list[Persist | Compact]) -> None:
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
                self._spawn(self._execute(proposal))
            case Stable(certificate):
                self._spawn(self._commit(certificate))
            case FetchBatch(_, digest):
                self._fetch.want(digest)
            case Synchronise(certificate):
                self._sync.want(certificate.number)
            case Forward(transaction_hash, primary):
                self._forward(transaction_hash, primary)
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
        elif (peer_id := self._setup.validators.get(to)) is not None:
            self._network.send(peer_id, Channel.CONSENSUS, payload)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(self._guard(work))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _guard(self, work: Any) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._on_failure(error)

    # -- proposing --------------------------------------------------------------------------------

    def _propose(self) -> list[Effect | Signed]:
        """Fill the replica's slots: at once when nothing is open, else as a batch gathers."""
        effects: list[Effect | Signed] = []
        self._ordered.follow(self._replica.open_proposals())
        while (slot := self._replica.proposal_slot()) is not None:
            is_idle = slot.sequence == self._chain.head.number + 1
            # Block 1 is made at once: it shows everyone that the network works.
            is_owed = slot.empty_due or slot.sequence == 1
            if not is_idle and not self._is_batch_due():
                break
            batch = self._pool.take_batch(self._batch_limits())
            if not batch and not is_owed:
                break
            proposal = propose(
                self._suite,
                group=self._chain.group,
                epoch=slot.epoch,
                sequence=slot.sequence,
                origin_view=slot.view,
                proposer=self._setup.signer.address,
                timestamp_ms=time.time_ns() // 1_000_000,
                transactions=tuple(entry.transaction.raw for entry in batch),
            )
            self._proposed_s = asyncio.get_running_loop().time()
            effects += self._step(Propose(proposal))
            self._ordered.follow(self._replica.open_proposals())
        return effects

    def _batch_limits(self) -> BatchLimits:
        parameters = self._parameters
        return BatchLimits(
            parameters.gas_limit, parameters.batch_transactions_max, parameters.batch_bytes_max
        )

    def _is_batch_due(self) -> bool:
        """While blocks are on their way, a short wait lets the next batch gather."""
        loop = asyncio.get_running_loop()
        due_s = self._proposed_s + BATCH_DELAY_MS / 1000
        if loop.time() >= due_s:
            return True
        if self._propose_timer is None:
            self._propose_timer = loop.call_at(due_s, self._on_propose_timer)
        return False

    def _on_propose_timer(self) -> None:
        self._propose_timer = None
        self._put(lambda: ())

    # -- execution and storage --------------------------------------------------------------------

    async def _execute(self, proposal: Proposal) -> None:
        executed = await self._executor.execute(proposal)
        if executed is not None:
            event = Executed(proposal.sequence, proposal.digest, executed.header.hash)
            self._put(partial(_only, event))

    async def _commit(self, certificate: Any) -> None:
        stored = await self._executor.commit(certificate)
        if stored is not None:
            self._put(partial(self._on_stored, stored))

    def _on_imported(self, blocks: list[StoredBlock]) -> None:
        for block in blocks:
            self._put(partial(self._on_stored, block))

    def _on_stored(self, block: StoredBlock) -> Iterable[Event]:
        """A block is final: the pool prunes, subscribers hear of it, the replica moves on."""
        for epoch in block.epochs:
            self._epochs[epoch.number] = epoch
        while len(self._epochs) > EPOCHS_KNOWN_MAX:
            del self._epochs[min(self._epochs)]
        for transaction_hash in block.outcome.included:
            self._journal.settle(transaction_hash)
        for transaction_hash, refusal in self._pool.apply_block(block.outcome):
            found = self._chain.transaction_status(transaction_hash)
            if found is not None and found.status == "executed":
                self._journal.settle(transaction_hash)  # by a later block that is stored already
            else:
                self._refuse(transaction_hash, refusal)
        self._metrics.transactions_included.labels(self.name).inc(len(block.outcome.included))
        self._subscriptions.tell(NewHead(block.number))
        self._log.info(
            "block.stable",
            number=block.number,
            hash=block.certificate.header_hash,
            transactions=len(block.outcome.included),
            dropped=len(block.outcome.dropped),
        )
        yield Stored(
            block.certificate,
            block.digest,
            block.epochs,
            transactions=block.transactions,
            has_room=block.has_room,
        )
        yield from self._request_changes()

    def _on_batch(self, proposal: Proposal) -> None:
        self._put(partial(_only, BatchReceived(proposal)))

    def _learn_epochs(self, number: int) -> None:
        for epoch in due_epochs(self._chain, number):
            self._epochs[epoch.number] = epoch
        before = previous_epoch(self._chain, min(self._epochs), number)
        if before is not None:
            self._epochs[before.number] = before

    # -- transactions -----------------------------------------------------------------------------

    def _on_pooled(self, transaction_hash: Hash32) -> None:
        self._subscriptions.tell(NewPending(transaction_hash))
        entry = self._pool.entry(transaction_hash)
        assert entry is not None
        if entry.nonce == self._pool.state_nonce(entry.sender):
            self._requests.add(transaction_hash)
            self._put(partial(_only, RequestWaiting(transaction_hash)))
        else:
            self._put(lambda: ())

    def _request_changes(self) -> Iterable[Event]:
        """What could execute next now and could not before, and the other way round."""
        waiting = {entry.hash: entry for entry in self._pool.executable_next()}
        for gone in self._requests - waiting.keys():
            yield RequestGone(gone)
        for entry in sorted(waiting.values(), key=lambda entry: entry.arrival):
            if entry.hash not in self._requests:
                yield RequestWaiting(entry.hash)
        self._requests = set(waiting)

    def _refuse(self, transaction_hash: Hash32, refusal: Refusal) -> None:
        self._pool.remember_refusal(transaction_hash, refusal)
        self._journal.refuse(transaction_hash, refusal.reason, refusal.message)
        self._metrics.transactions_refused.labels(self.name, refusal.reason).inc()

    def _spread(self, raw: bytes) -> None:
        self._gossip.append(raw)
        if self._gossip_timer is None:
            self._gossip_timer = asyncio.get_running_loop().call_later(
                GOSSIP_DELAY_MS / 1000, self._send_gossip
            )

    def _send_gossip(self) -> None:
        raws, self._gossip, self._gossip_timer = self._gossip, [], None
        for payload in encode_gossip(raws):
            for peer in self._network.connected():
                self._network.send(peer, Channel.GOSSIP, payload)

    def _forward(self, transaction_hash: Hash32, primary: Address) -> None:
        transaction = self._pool.get(transaction_hash)
        peer = self._setup.validators.get(primary)
        if transaction is None or peer is None or peer == self._setup.node_id:
            return
        for payload in encode_gossip([transaction.raw]):
            self._network.send(peer, Channel.GOSSIP, payload)

    # -- the network ------------------------------------------------------------------------------

    def on_connected(self, peer: str) -> None:
        """Tell the replica, and give the peer what was acknowledged here."""
        self._log.info("peer.connected", peer=peer)
        self._setup.envelopes.on_connected()
        for payload in encode_gossip(self._journal.transactions.values()):
            self._network.send(peer, Channel.GOSSIP, payload)
        for address, node_id in self._setup.validators.items():
            if node_id == peer:
                self._put(partial(_only, PeerConnected(address)))

    def on_disconnected(self, peer: str) -> None:
        """Only said; the replica notices silence by itself."""
        self._log.info("peer.disconnected", peer=peer)

    def on_message(self, peer: str, channel: Channel, payload: bytes) -> None:
        """Queue a member's message, or drop it when too many wait: peers repeat themselves."""
        if self._inbox_messages >= INBOX_MESSAGES_MAX:
            self._metrics.frames_dropped.labels("group inbox full").inc()
            return
        self._inbox_messages += 1
        handle = self._on_gossip if channel is Channel.GOSSIP else self._on_consensus
        self._put(partial(handle, peer, payload))

    async def on_request(self, peer: str, payload: bytes) -> bytes:
        """Answer a member. Raises `InvalidEncoding` for a malformed question."""
        request = decode_request(payload)
        match request:
            case BlocksRequest():
                return encode_answer(await asyncio.to_thread(answer_blocks, self._chain, request))
            case BatchRequest(digest):
                body = self._replica.batch(digest)
                return encode_answer(BatchAnswer(b"" if body is None else encode_proposal(body)))
            case EnvelopeDelivery():
                receipt = await self._setup.envelopes.receive(peer, request)
                return encode_answer(receipt)

    def _on_gossip(self, peer: str, payload: bytes) -> Iterable[Event]:
        self._inbox_messages -= 1
        try:
            raws = decode_gossip(payload)
        except InvalidEncoding as error:
            self._log.warning("gossip.malformed", peer=peer, error=str(error))
            return ()
        now_s = asyncio.get_running_loop().time()
        for raw in raws:
            try:
                transaction, sender = self._admission.examine(raw)
                if self._pool.add(transaction, sender, now_s):
                    self._on_pooled(transaction.hash)
            except InvalidTransaction as error:
                self._metrics.transactions_refused.labels(self.name, str(error.code)).inc()
        return ()

    def _on_consensus(self, peer: str, payload: bytes) -> Iterable[Event]:
        self._inbox_messages -= 1
        try:
            signed = decode_signed(self._suite, payload)
            self._verifier.verify(signed)
        except UnknownEpoch as error:
            if error.epoch > max(self._epochs):
                self._sync.want(self._chain.head.number + 1, peer)
            return ()
        except InvalidMessage as error:
            self._metrics.frames_dropped.labels("invalid consensus message").inc()
            self._log.warning("consensus.invalid", peer=peer, error=str(error))
            return ()
        self._status.heard(signed.sender)
        message = signed.message
        if isinstance(message, PrePrepare) and message.proposal is not None:
            refused = self._refuse_proposal(message.proposal)
            if refused is not None:
                self._log.warning("proposal.refused", sequence=message.sequence, reason=refused)
                return (ProposalRefused(message.epoch, message.view, message.sequence),)
        return (Received(signed),)

    def _refuse_proposal(self, proposal: Proposal) -> str | None:
        """Why a PRE-PREPARE's proposal is not voted on; its transactions enter the pool if not."""
        if proposal.is_null:
            return "a null request stands in a NEW-VIEW's list only"
        late = self._clock.refuse(proposal, time.time_ns() // 1_000_000)
        if late is not None:
            return late
        try:
            checked = self._admission.check_batch(proposal)
        except InvalidBatch as error:
            return str(error)
        now_s = asyncio.get_running_loop().time()
        for transaction, sender in checked:
            if transaction.nonce < self._admission.nonce_of(sender):
                continue
            try:
                if self._pool.add(transaction, sender, now_s):
                    self._on_pooled(transaction.hash)
            except InvalidTransaction:
                continue  # no place here: whoever acknowledged it keeps it
        return None

    # -- time, alarms, the end --------------------------------------------------------------------

    def _schedule_tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._tick_timer = loop.call_later(self._setup.tick_ms / 1000, self._on_tick_timer)

    def _on_tick_timer(self) -> None:
        self._schedule_tick()
        if not self._is_tick_waiting:
            self._is_tick_waiting = True
            self._put(self._tick)

    def _tick(self) -> Iterable[Event]:
        self._is_tick_waiting = False
        return (Tick(),)

    def _on_alarm(self, kind: AlarmKind, message: str) -> None:
        self._status.alarm(kind, message)
        if kind is AlarmKind.VIEW_CHANGE:
            self._metrics.view_changes.labels(self.name).inc()
        self._log.warning("consensus.alarm", kind=kind.value, message=message)

    def _on_failure(self, error: Exception) -> None:
        self._log.error("group.failed", error=repr(error), exc_info=error)
        self._halt(f"{type(error).__name__}: {error}")

    def _halt(self, reason: str) -> None:
        if self._halted is None:
            self._halted = reason
            self._has_halted.set()
            self._log.error("group.halted", reason=reason)
            self._wake.set()

    def _publish(self) -> None:
        status = self._replica.status()
        metrics, name = self._metrics, self.name
        metrics.stable_height.labels(name).set(status.stable)
        metrics.sequence.labels(name).set(status.executed)
        metrics.epoch.labels(name).set(status.epoch)
        metrics.view.labels(name).set(status.view)
        metrics.pool_transactions.labels(name).set(len(self._pool))


def _only(event: Event) -> Iterable[Event]:
    return (event,)
