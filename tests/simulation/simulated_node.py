"""A node of the simulation: the driver of one replica, over a log that tears and a model chain.

It does what effects say and nothing clever. Everything that takes time goes through the world.
"""

from typing import TYPE_CHECKING

from consensus import effects as fx
from consensus import events as ev
from consensus.config import ReplicaConfig
from consensus.entries import LogEntry
from consensus.log_codec import decode_entry, encode_entry
from consensus.messages import Message, PrePrepare, Signed
from consensus.replica import Replica
from consensus.verify import InvalidMessage, UnknownEpoch, Verifier
from consensus.wire import signing_digest
from ledger.certificate import Certificate, InvalidCertificate, verify_certificate
from ledger.proposal import Proposal, propose
from ledger.values import ZERO_HASH, Address, Hash32
from node.wal import LostLog, WriteAheadLog
from tests.simulation.checkers import Violation
from tests.simulation.fake_suite import FAKE, key_of
from tests.simulation.model_chain import ModelBlock, ModelChain
from tests.simulation.simulated_files import PowerCut, SimulatedFiles

if TYPE_CHECKING:
    from tests.simulation.world import World

BATCH_TRANSACTIONS_MAX = 8
CLOCK_TOLERANCE_MS = 5_000
EPOCH_MS = 1_700_000_000_000
SYNC_BLOCKS_MAX = 32
HEAD = b"simulated log"


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
        self.may_lose_disk = False
        self.incarnation = 0
        self.is_up = False
        self.replica = Replica(self._config(may_vote=True))
        self.halted: str | None = None
        WriteAheadLog.create(self.files, HEAD).close()

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        self.incarnation += 1
        self.is_up = True
        self.pool = {tx: None for tx in self.journal if tx not in self.chain.executed}
        self.first_receipts: dict[Hash32, int] = {}
        self.is_syncing = False
        records: list[bytes] = []
        try:
            self.log, records = WriteAheadLog.recover(self.files, HEAD)
            self.replica = Replica(self._config(may_vote=True))
        except LostLog:
            self.replica = Replica(self._config(may_vote=False))
        entries = tuple(decode_entry(FAKE, record) for record in records)
        self.verifier = Verifier(FAKE, self.world.group, self.chain.epoch, self.world.window_blocks)
        self._every(100, self._tick)
        self._every(700, self._gossip)
        self.step(self._started(entries))
        self._watch_pool()

    def crash(self) -> None:
        """Power cut: everything in memory is gone, the disk keeps what was synced."""
        self.is_up = False
        self.incarnation += 1
        self.files.crash(self.world.random)
        self.chain.crash()

    def lose_store(self) -> None:
        """The store is gone, the log is whole: blocks come back from peers."""
        self.chain.forget()

    def lose_log(self) -> None:
        """The votes are gone: this key may follow, and not vote again."""
        for name in self.files.names():
            self.files.remove(name)

    def _config(self, *, may_vote: bool) -> ReplicaConfig:
        return ReplicaConfig(
            suite=FAKE,
            group=self.world.group,
            address=self.address,
            may_vote=may_vote,
            window_blocks=self.world.window_blocks,
            view_ticks=15,
            view_ticks_max=60,
            request_ticks=20,
            execution_ticks_max=5,
            heartbeat_ticks=40,
            resend_ticks=5,
            lag_ticks=4,
        )

    def _started(self, entries: tuple[LogEntry, ...]) -> ev.Started:
        height = self.chain.height
        return ev.Started(
            self.chain.certificates[-1] if height else None,
            self.chain.blocks[-1].proposal.digest if height else ZERO_HASH,
            self.chain.epochs_after(height),
            entries,
        )

    # -- the driver -------------------------------------------------------------------------------

    def step(self, event: ev.Event) -> None:
        """Step the replica and carry out what follows, until nothing does."""
        try:
            pending: list[ev.Event] = [event]
            while pending:
                if not self.is_up:
                    return
                own: list[ev.Event] = []
                for effect in self.replica.step(pending.pop(0)):
                    self._carry_out(effect, own)
                pending[:0] = own
                if not pending:
                    pending.extend(self._proposal())
        except PowerCut:
            self.world.on_power_cut(self)

    def _carry_out(self, effect: fx.Effect, own: list[ev.Event]) -> None:
        world = self.world
        match effect:
            case fx.Persist(entries):
                self.log.append([encode_entry(entry) for entry in entries])
            case fx.Compact(entries):
                self.log.replace([encode_entry(entry) for entry in entries])
            case fx.Broadcast(message):
                signed = self.sign(message)
                self.send_consensus(signed, None)
                own.append(ev.OwnSigned(signed))
            case fx.Resend(signed, to):
                self.send_consensus(signed, to)
            case fx.Execute(proposal):
                self._after(world.random.randint(2, 40), lambda: self._execute(proposal))
            case fx.Stable(certificate):
                self._after(world.random.randint(1, 15), lambda: self._store(certificate))
            case fx.FetchBatch(_, digest):
                for peer in world.some_peers(self, 2):
                    world.send(self, peer, lambda p: p.on_fetch(self, digest))
            case fx.Synchronise():
                self.synchronise()
            case fx.Forward(transaction_hash, primary):
                for transaction in self.pool:
                    if FAKE.hash(transaction) == transaction_hash:
                        self._offer(world.by_address[primary], (transaction,))
            case fx.Alarm():
                world.on_alarm(self, effect)
            case fx.Halt(reason):
                self.halted = reason
                world.on_halt(self, reason)

    def sign(self, message: Message) -> Signed:
        digest = signing_digest(FAKE, self.world.group, message)
        return Signed(message, self.address, FAKE.sign(digest, self.key))

    def send_consensus(self, signed: Signed, to: Address | None) -> None:
        world = self.world
        if self.is_honest and signed.sender == self.address:
            world.votes.on_sent(signed)
        for peer in world.nodes:
            if peer is not self and to in (None, peer.address):
                world.send(self, peer, lambda p: p.on_consensus(signed))

    def on_consensus(self, signed: Signed) -> None:
        message = signed.message
        try:
            self.verifier.verify(signed)
        except UnknownEpoch:
            self.synchronise()
            return
        except InvalidMessage as error:
            if self.world.by_address[signed.sender].is_honest:
                raise Violation(f"{self.name} refuses an honest message: {error}") from error
            return
        if isinstance(message, PrePrepare) and not self._is_timely(message):
            self.step(ev.ProposalRefused(message.epoch, message.view, message.sequence))
            return
        self.step(ev.Received(signed))

    def _is_timely(self, message: PrePrepare) -> bool:
        proposal = message.proposal
        if proposal is None or proposal.origin_view != message.view:
            return True
        first = self.first_receipts.setdefault(proposal.digest, self.now_ms())
        return abs(first - proposal.timestamp_ms) <= CLOCK_TOLERANCE_MS

    def _proposal(self) -> list[ev.Event]:
        slot = self.replica.proposal_slot()
        if slot is None:
            return []
        in_flight = {tx for p in self.replica.open_proposals() for tx in p.transactions}
        batch = [tx for tx in self.pool if tx not in in_flight][:BATCH_TRANSACTIONS_MAX]
        if not batch and not slot.empty_due:
            return []
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
        return [ev.Propose(proposal)]

    def _execute(self, proposal: Proposal) -> None:
        if proposal.sequence <= self.chain.height:
            return
        block = self.chain.execute(proposal)
        self.step(ev.Executed(block.number, proposal.digest, block.header_hash))

    def _store(self, certificate: Certificate) -> None:
        if certificate.number == self.chain.height + 1:
            self._commit(self.chain.overlay[certificate.number], certificate)

    def _commit(self, block: ModelBlock, certificate: Certificate) -> None:
        if self.is_honest:
            self.world.agreement.on_stored(self.name, self.chain, block, certificate)
        self.chain.commit(block, certificate)
        for transaction in block.included:
            self.pool.pop(transaction, None)
            self.step(ev.RequestGone(FAKE.hash(transaction)))
        self.step(
            ev.Stored(
                certificate,
                block.proposal.digest,
                self.chain.epochs_after(block.number),
                len(block.proposal.transactions),
                len(block.proposal.transactions) < BATCH_TRANSACTIONS_MAX,
            )
        )

    # -- fetching ---------------------------------------------------------------------------------

    def on_fetch(self, asker: "SimulatedNode", digest: Hash32) -> None:
        body = self.replica.batch(digest)
        if body is None:
            stored = [b.proposal for b in self.chain.blocks[-SYNC_BLOCKS_MAX:]]
            body = next((p for p in stored if p.digest == digest), None)
        if body is not None:
            found = body
            self.world.send(self, asker, lambda p: p.step(ev.BatchReceived(found)))

    def synchronise(self) -> None:
        for peer in self.world.some_peers(self, 2):
            start = self.chain.height
            self.world.send(self, peer, lambda p, s=start: p.on_sync_request(self, s))

    def on_sync_request(self, asker: "SimulatedNode", start: int) -> None:
        end = start + SYNC_BLOCKS_MAX
        blocks = list(zip(self.chain.blocks, self.chain.certificates, strict=True))[start:end]
        if blocks:
            self.world.send(self, asker, lambda p: p.on_sync_blocks(blocks))

    def on_sync_blocks(self, blocks: list[tuple[ModelBlock, Certificate]]) -> None:
        for block, certificate in blocks:
            if not self.is_up or block.number != self.chain.height + 1:
                continue
            epoch = self.chain.epochs_after(self.chain.height)[0]
            try:
                verify_certificate(FAKE, self.world.group, epoch.validators, certificate)
            except InvalidCertificate:
                return
            if certificate.epoch != epoch.number:
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
        self._gossip_one(transaction)

    def on_transactions(self, transactions: tuple[bytes, ...]) -> None:
        for transaction in transactions:
            if transaction not in self.chain.executed and transaction not in self.pool:
                self.pool[transaction] = None
                self.step(ev.RequestWaiting(FAKE.hash(transaction)))

    def _watch_pool(self) -> None:
        for transaction in list(self.pool):
            self.step(ev.RequestWaiting(FAKE.hash(transaction)))

    def _gossip(self) -> None:
        waiting = tuple(tx for tx in self.journal if tx not in self.chain.executed)[:16]
        for peer in self.world.nodes:
            if waiting and peer is not self:
                self._offer(peer, waiting)

    def _gossip_one(self, transaction: bytes) -> None:
        for peer in self.world.nodes:
            if peer is not self:
                self._offer(peer, (transaction,))

    def _offer(self, peer: "SimulatedNode", transactions: tuple[bytes, ...]) -> None:
        self.world.send(self, peer, lambda p: p.on_transactions(transactions))

    # -- time -------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return EPOCH_MS + self.world.now_ms + self.clock_skew_ms

    def _tick(self) -> None:
        self.step(ev.Tick())

    def _every(self, interval_ms: int, action: "object") -> None:
        assert callable(action)

        def repeat() -> None:
            action()
            self._after(int(interval_ms * self.clock_rate), repeat)

        self._after(self.world.random.randint(1, interval_ms), repeat)

    def _after(self, delay_ms: int, action: "object") -> None:
        assert callable(action)
        incarnation = self.incarnation

        def run() -> None:
            if self.is_up and self.incarnation == incarnation:
                action()

        self.world.after(delay_ms, run)
