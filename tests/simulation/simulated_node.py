"""A node of the simulation: one replica over a log that tears and a model chain.

What of the real node is pure is the real node's: the intake of messages with its clock check, the
vote log, the epochs. Rounds are the group driver's: all that a round logs is synced before anything
of it leaves. Everything that takes time goes through the world.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from consensus import effects as fx
from consensus import events as ev
from consensus import wire
from consensus.config import ReplicaConfig
from consensus.messages import Message, Signed
from consensus.replica import Replica
from consensus.status import Slot
from ledger.certificate import Certificate, InvalidCertificate, verify_certificate
from ledger.parameters import Parameters
from ledger.proposal import Proposal, propose
from ledger.values import ZERO_HASH, Address, Hash32
from node.admission import InvalidBatch
from node.consensus_intake import ConsensusIntake
from node.epochs import due_epochs, epoch_limits
from node.hearing import Hearing
from node.vote_log import HEAD_TAG, VoteLog
from node.wal import WriteAheadLog
from tests.simulation.fake_suite import FAKE, key_of
from tests.simulation.model_chain import ModelBlock, ModelChain
from tests.simulation.simulated_files import PowerCut, SimulatedFiles

if TYPE_CHECKING:
    from tests.simulation.world import World

TRANSACTION_BYTES_MAX = 100
EPOCH_MS = 1_700_000_000_000
SYNC_BLOCKS_MAX = 32
ROUND_EVENTS_MAX = 64
RESEND_TICKS = 10
QUIET_TICKS_MAX = 11
"""Shorter than the node's own, and than a view's time-out: hints of silence come in time to count.
"""

Item = fx.Effect | Signed
TICK = ev.Tick()


class SimulatedNode:
    """One process and its disk; `start` and `crash` may alternate."""

    is_honest = True

    def __init__(self, world: "World", number: int, chain: ModelChain) -> None:
        self.world = world
        self.number = number
        self.key = key_of(number)
        self.address: Address = FAKE.address_of(self.key)
        self.name = f"node{number}"
        self.chain = chain
        self.files = SimulatedFiles()
        self.journal: list[bytes] = []
        self.clock_rate = 1.0
        self.clock_skew_ms = 0
        self.disk_ms_max = 0
        self.carelessness: str | None = None
        self.has_bad_clock = False
        self.has_old_log = False
        self.incarnation = 0
        self.is_up = False
        self.halted: str | None = None
        self.replica = Replica(self._config(may_vote=True))
        WriteAheadLog.create(self.files, HEAD_TAG + world.group + self.address).close()
        self.old_files: SimulatedFiles | None = None
        self.speaker: SimulatedNode = self

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        self.incarnation += 1
        self.is_up = True
        self.is_busy = False
        self.inbox: deque[ev.Event] = deque()
        self.pool = {tx: None for tx in self.journal if tx not in self.chain.executed}
        self.votes = VoteLog.open(self.files, FAKE, self.world.group, self.address)
        if self.votes.lost is not None:
            self.world.on_lost_log(self, self.votes.lost)
        self.replica = Replica(self._config(may_vote=self.votes.lost is None))
        self.intake = self._new_intake()
        self.hearing = Hearing(QUIET_TICKS_MAX)
        self._every(100, self._tick)
        self._every(1_000, self._gossip)
        height = self.chain.height
        self.put(
            ev.Started(
                self.chain.certificates[-1] if height else None,
                self.chain.blocks[-1].proposal.digest if height else ZERO_HASH,
                due_epochs(cast(Any, self.chain), height),
                self.votes.entries,
            )
        )
        self.put(*(ev.RequestWaiting(self.world.name_of(tx)) for tx in self.pool))

    def crash(self, *, is_power_cut: bool = True) -> None:
        """Everything in memory is gone; after a power cut the disk keeps what was synced only."""
        self.is_up = False
        self.incarnation += 1
        for peer in self.world.nodes:
            if peer is not self and peer.is_up:
                peer.on_lost(self)
        if not is_power_cut:
            self.files.kill()
        elif self.files.crash(self.world.random):
            self.world.count("torn or dropped bytes")
        self.chain.crash()

    def lose_store(self) -> None:
        """The store is gone, the log is whole: blocks come back from peers."""
        self.chain.forget()

    def lose_log(self) -> None:
        """The votes are gone: this key may follow, and not vote again."""
        for name in self.files.names():
            self.files.remove(name)

    def keep_log_copy(self) -> None:
        self.old_files = self.files.copy()

    def restore_old_log(self) -> None:
        """An operator puts an old copy in the log's place: nothing at hand can tell."""
        if self.old_files is not None:
            self.files = self.old_files.copy()
            self.has_old_log = True

    def _config(self, *, may_vote: bool) -> ReplicaConfig:
        return ReplicaConfig(
            suite=FAKE,
            group=self.world.group,
            address=self.address,
            may_vote=may_vote,
            window_blocks=self.world.window_blocks,
            resend_ticks=RESEND_TICKS,
            lag_ticks=4,
            **asdict(epoch_limits(self.chain.parameters)),
        )

    def _new_intake(self) -> ConsensusIntake:
        intake = ConsensusIntake(
            chain=cast(Any, self.chain),
            check_batch=self._check_batch,
            heard=self._on_heard,
            later_epoch=lambda peer: self.synchronise(),
            metrics=cast(Any, NoMetrics()),
            group="simulated",
            now_ms=self.now_ms,
            steady_ms=lambda: self.world.now_ms,
        )
        intake._log = cast(Any, Refusals(self))
        return intake

    # -- the driver -------------------------------------------------------------------------------

    def put(self, *events: ev.Event) -> None:
        """Into the inbox; what waits there is taken as soon as the disk is free."""
        self.inbox.extend(events)
        self._rounds()

    def _rounds(self) -> None:
        try:
            while self.inbox and not self.is_busy and self.is_up:
                self._round()
        except PowerCut:
            self.world.faults.on_power_cut(self)

    def _round(self) -> None:
        items: list[Item] = []
        for _ in range(min(len(self.inbox), ROUND_EVENTS_MAX)):
            self._step(self.inbox.popleft(), items)
        while (slot := self.replica.proposal_slot()) is not None:
            if not self._propose(slot, items):
                break
        if not items:
            return
        logged = [item for item in items if isinstance(item, (fx.Persist, fx.Compact))]
        delay_ms = self.world.disk_delay_ms(self) if logged else 0
        if not delay_ms:
            self._finish(items, logged)
            return
        self.is_busy = True

        def finish() -> None:
            self.is_busy = False
            try:
                self._finish(items, logged)
            except PowerCut:
                self.world.faults.on_power_cut(self)
                return
            self._rounds()

        self._after(delay_ms, finish)

    def _finish(self, items: list[Item], logged: list[fx.Persist | fx.Compact]) -> None:
        """The round's log entries are synced, then its effects are carried out."""
        for effect in logged:
            self.write_log(effect)
        for item in items:
            self._perform(item)

    def write_log(self, effect: fx.Persist | fx.Compact) -> None:
        if isinstance(effect, fx.Compact):
            self.votes.replace(effect.entries)
        else:
            self.votes.append(effect.entries)

    def _step(self, event: ev.Event, items: list[Item]) -> None:
        """One event and the own messages that follow from it, signed; effects go to `items`."""
        own = []
        for effect in self.replica.step(event):
            if isinstance(effect, fx.Broadcast):
                signed = self.sign(effect.message)
                items.append(signed)
                own.append(ev.OwnSigned(signed))
            else:
                items.append(effect)
        for signed_one in own:
            self._step(signed_one, items)

    def _propose(self, slot: Slot, items: list[Item]) -> bool:
        """Fill the slot; False if there is nothing for it."""
        in_flight = {tx for p in self.replica.open_proposals() for tx in p.transactions}
        count_max = self.chain.parameters_for(slot.sequence).batch_transactions_max
        batch = [tx for tx in self.pool if tx not in in_flight][:count_max]
        if not batch and not slot.empty_due:
            return False
        proposal = propose(
            FAKE,
            group=self.world.group,
            epoch=slot.epoch,
            sequence=slot.sequence,
            origin_view=slot.view,
            proposer=self.address,
            timestamp_ms=self.now_ms(),
            transactions=tuple(batch),
        )
        self._step(ev.Propose(self.choose_proposal(proposal)), items)
        return True

    def choose_proposal(self, proposal: Proposal) -> Proposal:
        """The one to propose: honest nodes propose what they made."""
        return proposal

    def _perform(self, item: Item) -> None:
        world = self.world
        match item:
            case Signed():
                self.send_consensus(item, None)
            case fx.Resend(signed, to):
                self.send_consensus(signed, to)
            case fx.Persist() | fx.Compact():
                pass  # in the log by now
            case fx.Execute(proposal):
                self._after(world.random.randint(2, 40), lambda: self._execute(proposal))
            case fx.Stable(certificate):
                delay_ms = world.random.randint(1, 15) + world.disk_delay_ms(self)
                self._after(delay_ms, lambda: self._store(certificate))
            case fx.FetchBatch(_, digest):
                for peer in world.some_peers(self, 2):
                    world.send(self, peer, lambda p: p.on_fetch(self, digest))
            case fx.Synchronise():
                self.synchronise()
            case fx.Forward(transaction_hash, primary):
                transaction = world.transactions[transaction_hash]
                self._offer(world.by_address[primary], (transaction,))
            case fx.Alarm():
                world.on_alarm(self, item)
            case fx.Halt(reason):
                self.halted = reason
                world.on_halt(self, reason)

    def sign(self, message: Message) -> Signed:
        digest = wire.signing_digest(FAKE, self.world.group, message)
        return Signed(message, self.address, FAKE.sign(digest, self.key))

    def _check_batch(self, proposal: Proposal, parameters: Parameters) -> None:
        try:
            _check_form(proposal, parameters)
        except InvalidBatch as error:
            self.world.on_bad_batch(self, self.speaker, proposal, str(error))
            raise

    # -- messages ---------------------------------------------------------------------------------

    def send_consensus(self, signed: Signed, to: Address | None) -> None:
        self.world.on_sent(self, signed)
        self.send_payload(wire.encode_signed(signed), to)

    def send_payload(self, payload: bytes, to: Address | None) -> None:
        def arrive(peer: SimulatedNode) -> None:
            peer.on_payload(self, payload)

        for peer in self.world.nodes:
            if peer is not self and to in (None, peer.address):
                self.world.send(self, peer, arrive)

    def on_payload(self, source: "SimulatedNode", payload: bytes) -> None:
        self.world.trace(self, payload)
        self.speaker = source
        if events := self.intake.events(source.name, payload):
            self.world.on_taken(self, payload)
            self.put(*events)

    def _on_heard(self, peer: str, sender: Address) -> None:
        if sender == self.speaker.address:
            self.hearing.heard(sender)

    def on_lost(self, peer: "SimulatedNode") -> None:
        self.hearing.lost([peer.address])

    def on_connected(self, peer: "SimulatedNode") -> None:
        self.hearing.found([peer.address])
        self.put(ev.PeerConnected(peer.address))

    # -- execution and storage --------------------------------------------------------------------

    def _execute(self, proposal: Proposal) -> None:
        if proposal.sequence <= self.chain.height:
            return
        block = self.chain.execute(proposal)
        self.put(ev.Executed(block.number, proposal.digest, block.header_hash))

    def _store(self, certificate: Certificate) -> None:
        if certificate.number == self.chain.height + 1:
            self._commit(self.chain.overlay[certificate.number], certificate)

    def _commit(self, block: ModelBlock, certificate: Certificate) -> None:
        if self.is_honest:
            self.world.on_stored(self, block, certificate)
        self.chain.commit(block, certificate)
        epochs = due_epochs(cast(Any, self.chain), block.number)
        self.intake.learn(epochs)
        gone = [transaction for transaction in block.included if transaction in self.pool]
        for transaction in gone:
            del self.pool[transaction]
        count = len(block.proposal.transactions)
        count_max = self.chain.parameters_for(block.number).batch_transactions_max
        self.put(
            *(ev.RequestGone(self.world.name_of(transaction)) for transaction in gone),
            ev.Stored(certificate, block.proposal.digest, epochs, count, count < count_max),
        )

    # -- fetching ---------------------------------------------------------------------------------

    def on_fetch(self, asker: "SimulatedNode", digest: Hash32) -> None:
        body = self.replica.batch(digest)
        if body is not None:
            self.world.send(self, asker, lambda p: p.put(ev.BatchReceived(body)))

    def synchronise(self) -> None:
        for peer in self.world.some_peers(self, 2):
            start = self.chain.height
            self.world.send(self, peer, lambda p, s=start: p.on_sync_request(self, s))

    def on_sync_request(self, asker: "SimulatedNode", start: int) -> None:
        end = start + SYNC_BLOCKS_MAX
        blocks = list(
            zip(self.chain.blocks[start:end], self.chain.certificates[start:end], strict=True)
        )
        if blocks:
            self.world.send(self, asker, lambda p: p.on_sync_blocks(blocks))

    def on_sync_blocks(self, blocks: list[tuple[ModelBlock, Certificate]]) -> None:
        for block, certificate in blocks:
            if not self.is_up or block.number != self.chain.height + 1:
                continue
            due = self.chain.due(block.number)
            try:
                verify_certificate(FAKE, self.world.group, due.validators, certificate)
            except InvalidCertificate:
                return
            if certificate.epoch != due.number:
                return
            executed = self.chain.execute(block.proposal)
            if executed.header_hash != certificate.header_hash:
                return
            self._commit(executed, certificate)

    # -- transactions -----------------------------------------------------------------------------

    def submit(self, transaction: bytes) -> None:
        """A client's transaction: acknowledged once it is in the journal."""
        self.journal.append(transaction)
        self.world.acknowledged.append(transaction)
        self.on_transactions((transaction,))
        for peer in self.world.nodes:
            if peer is not self:
                self._offer(peer, (transaction,))

    def on_transactions(self, transactions: tuple[bytes, ...]) -> None:
        executed, pool = self.chain.executed, self.pool
        if new := [tx for tx in transactions if tx not in executed and tx not in pool]:
            pool.update(dict.fromkeys(new))
            self.put(*(ev.RequestWaiting(self.world.name_of(transaction)) for transaction in new))

    def _gossip(self) -> None:
        waiting = tuple(tx for tx in self.journal if tx not in self.chain.executed)[:16]
        for peer in self.world.nodes:
            if waiting and peer is not self:
                self._offer(peer, waiting)

    def _offer(self, peer: "SimulatedNode", transactions: tuple[bytes, ...]) -> None:
        self.world.send(self, peer, lambda p: p.on_transactions(transactions))

    # -- time -------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return EPOCH_MS + self.world.now_ms + self.clock_skew_ms

    def _tick(self) -> None:
        validators = frozenset(self.replica.validators) - {self.address}
        for event in self.hearing.tick(validators):
            self.put(event)
        self.put(TICK)

    def _every(self, interval_ms: int, action: Callable[[], None]) -> None:
        def repeat() -> None:
            action()
            self._after(int(interval_ms * self.clock_rate), repeat)

        self._after(self.world.random.randint(1, interval_ms), repeat)

    def _after(self, delay_ms: int, action: Callable[[], None]) -> None:
        incarnation = self.incarnation

        def run() -> None:
            if self.is_up and self.incarnation == incarnation:
                action()

        self.world.after(delay_ms, run)


class NoMetrics:
    """In the place of the node's metrics."""

    def __init__(self) -> None:
        self.frames_dropped = self

    def labels(self, reason: str) -> "NoMetrics":
        return self

    def inc(self) -> None:
        pass


class Refusals:
    """In the place of a node's log: what an honest node sends is never refused as invalid."""

    def __init__(self, node: SimulatedNode) -> None:
        self._node = node

    def warning(self, event: str, **fields: object) -> None:
        if event == "consensus.invalid":
            self._node.world.on_invalid(self._node, self._node.speaker, str(fields["error"]))


def _check_form(proposal: Proposal, parameters: Parameters) -> None:
    """What a backup refuses of a batch's form (rule 11)."""
    transactions, count_max = proposal.transactions, parameters.batch_transactions_max
    if len(transactions) > count_max or len(set(transactions)) < len(transactions):
        raise InvalidBatch("too many transactions, or one twice")
    if any(len(transaction) > TRANSACTION_BYTES_MAX for transaction in transactions):
        raise InvalidBatch("a transaction is too long")
