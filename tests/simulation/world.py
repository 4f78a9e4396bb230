"""A whole network in one process, moved by one random generator: same seed, same run.

First a phase with faults, then a healed one in which the network has to converge. Violations are
raised where they happen; `counts` tells which faults a run really had, `trace_hash` what happened.
"""

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random

from consensus import wire
from consensus.effects import Alarm, AlarmKind
from consensus.messages import Signed
from ledger.certificate import Certificate
from ledger.parameters import Parameters
from ledger.proposal import Proposal
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32
from tests.simulation.byzantine_node import ByzantineNode
from tests.simulation.checkers import (
    PROGRESS_MS_MAX,
    AgreementChecker,
    CatchUpChecker,
    ProgressChecker,
    Violation,
    VoteChecker,
    check_acknowledged,
)
from tests.simulation.fake_suite import FAKE
from tests.simulation.faults import Faults
from tests.simulation.model_chain import (
    LIMITS,
    ModelBlock,
    ModelChain,
    limit_transaction,
    membership_transaction,
)
from tests.simulation.promise_checker import PromiseChecker
from tests.simulation.pure_memory import remembering
from tests.simulation.simulated_node import SimulatedNode

SEQUENCES_MIN = 200
FAULTY_SEQUENCES = 170
FAULTS_MS_MAX = 60_000
CONVERGE_MS_MAX = 120_000
EVENTS_MAX = 3_000_000
BACKLOG_MAX = 40
SIZES = (4,) * 11 + (5,) * 3 + (6,) * 2 + (7,) * 3 + (10,)


class World:
    """Nodes, the network between them and the load. `run` raises Violation or returns.

    lies, if given, replaces those drawn (no liars if empty). sequences: how many blocks a run makes
    at least; runs that look for a planted fault may be shorter.
    """

    def __init__(
        self,
        seed: int,
        *,
        node_class: type[SimulatedNode] = SimulatedNode,
        lies: frozenset[str] | None = None,
        sequences: int = SEQUENCES_MIN,
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.group: Hash32 = FAKE.hash(b"group %d" % seed)
        self.now_ms = 0
        self.sequences = sequences
        self.acknowledged: list[bytes] = []
        self.transactions: dict[Hash32, bytes] = {}
        self._names: dict[bytes, Hash32] = {}
        self.alarms: list[tuple[str, Alarm]] = []
        self.counts: Counter[str] = Counter()
        self.forged: set[bytes] = set()
        self.votes = VoteChecker()
        self.promises = PromiseChecker()
        self.progress = ProgressChecker()
        self.catching_up = CatchUpChecker()
        self.agreement = AgreementChecker(FAKE, self.group)
        self.window_blocks = self.random.choice([2, 4, 16])
        self.height = 0
        self._trace: list[bytes] = []
        self._queue: list[tuple[int, int, Callable[..., None], SimulatedNode | None]] = []
        self._scheduled = 0
        self._sent_transactions = 0
        self._is_loaded = True
        self._left: set[Address] = set()
        self._load_ms_max = self.random.choice([30, 100, 300])
        self.nodes: list[SimulatedNode] = []
        self._build(node_class, lies)
        self.by_address = {node.address: node for node in self.nodes}
        self.faults = Faults(self)

    def _build(self, node_class: type[SimulatedNode], lies: frozenset[str] | None) -> None:
        """Draw the network: who is in the set, who lies, who loses a log."""
        random = self.random
        self.size = random.choice(SIZES)
        spare = random.choice([0, 1, 1, 2]) if self.size < 10 else random.choice([0, 1])
        addresses = [FAKE.address_of((number + 1).to_bytes(32)) for number in range(self.size)]
        members = ValidatorSet.of(addresses)
        faulty = random.sample(range(1, self.size + 1), members.f)
        liars = [number for number in faulty if random.random() < 0.54]
        if lies is not None:
            liars = list(range(1, members.f + 1)) if lies else []
            faulty = liars or faulty
        self.faulty_max = len(faulty)
        for number in range(1, self.size + spare + 1):
            chain = ModelChain(
                FAKE, self.group, members, self.window_blocks, 3 * self.faulty_max + 1
            )
            node = (
                ByzantineNode(self, number, chain, lies)
                if number in liars
                else node_class(self, number, chain)
            )
            if number in faulty:
                node.has_bad_clock = random.random() < 0.2
                if number not in liars:
                    node.carelessness = random.choice(["lost log", "old log"])
            self.nodes.append(node)
        self.may_black_out = random.random() < 0.4
        self.crashes_max = self.size if self.may_black_out else members.f

    # -- the run ----------------------------------------------------------------------------------

    def run(self) -> None:
        with remembering():
            for node in self.nodes:
                node.start()
            self.faults.begin()
            self._next_transaction()
            faulty = self.sequences * FAULTY_SEQUENCES // SEQUENCES_MIN
            self._run_until(FAULTS_MS_MAX, lambda: self.height >= faulty)
            self.faults.heal()
            self.progress.begin(self.now_ms)
            end_ms = self.now_ms + self.sequences * PROGRESS_MS_MAX
            if not self._run_until(end_ms, self._has_progressed):
                raise Violation(f"healed, and no {self.sequences} blocks: {self._describe()}")
            self.progress.end()
            self._is_loaded = False
            if not self._run_until(self.now_ms + CONVERGE_MS_MAX, self._has_converged):
                count = len(self.acknowledged)
                raise Violation(f"{count} transactions, not converged: {self._describe()}")
            check_acknowledged(self.acknowledged, [n.chain for n in self.honest()])

    def _run_until(self, end_ms: int, is_done: Callable[[], bool]) -> bool:
        next_check_ms = self.now_ms
        queue = self._queue
        while queue and queue[0][0] <= end_ms:
            self.now_ms, number, action, to = heappop(queue)
            if to is None:
                action()
            elif to.is_up:
                action(to)
            if number > EVENTS_MAX:
                raise Violation(f"{EVENTS_MAX} events without an end: {self._describe()}")
            if self.now_ms >= next_check_ms:
                next_check_ms = self.now_ms + 300
                if is_done():
                    return True
        return is_done()

    def parameters_for(self, sequence: int) -> Parameters | None:
        """Those due by the longest store, None while no store is long enough to tell."""
        chain = max((node.chain for node in self.honest()), key=lambda chain: chain.height)
        if sequence > chain.height + self.window_blocks + 1:
            return None
        return chain.parameters_for(sequence)

    def honest(self) -> list[SimulatedNode]:
        return [node for node in self.nodes if node.is_honest]

    def _has_progressed(self) -> bool:
        try:
            self.progress.check(self.now_ms)
            for node in self.honest():
                self.catching_up.check(node.name, node.chain.height, self.height, self.now_ms)
        except Violation as violation:
            raise Violation(f"{violation}: {self._describe()}") from None
        return self.height >= self.sequences - 1

    def _has_converged(self) -> bool:
        heads = {node.chain.height for node in self.honest()}
        return (
            len(heads) == 1
            and self.height >= self.sequences
            and all(
                transaction in node.chain.executed
                for node in self.honest()
                for transaction in self.acknowledged
            )
        )

    def _describe(self) -> str:
        told = []
        for node in self.nodes:
            status = node.replica.status() if node.is_up else None
            place = (
                f"epoch {status.epoch} view {status.view} active {status.is_active} "
                f"voter {status.is_voter}"
                if status
                else "down"
            )
            executed = sum(tx in node.chain.executed for tx in self.acknowledged)
            lies = getattr(node, "lies", node.carelessness or "")
            told.append(f"{node.name} {node.chain.height} {place} has {executed} {lies}")
        return "; ".join(told)

    # -- network ----------------------------------------------------------------------------------

    def send(
        self, source: SimulatedNode, to: SimulatedNode, deliver: Callable[[SimulatedNode], None]
    ) -> None:
        """Deliver after some time, twice, or never."""
        if not source.is_up:
            return
        for delay_ms in self.faults.delays_ms(source, to):
            self._scheduled += 1
            heappush(self._queue, (self.now_ms + delay_ms, self._scheduled, deliver, to))

    def some_peers(self, node: SimulatedNode, count: int) -> list[SimulatedNode]:
        peers = [peer for peer in self.nodes if peer is not node]
        return self.random.sample(peers, min(count, len(peers)))

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        self._scheduled += 1
        heappush(self._queue, (self.now_ms + delay_ms, self._scheduled, action, None))

    def disk_delay_ms(self, node: SimulatedNode) -> int:
        return self.faults.disk_delay_ms(node)

    # -- load -------------------------------------------------------------------------------------

    def _next_transaction(self) -> None:
        if not self._is_loaded:
            return
        up = [node for node in self.honest() if node.is_up]
        if up and min(len(node.pool) for node in up) < BACKLOG_MAX:
            self._sent_transactions += 1
            transaction = b"tx%d" % self._sent_transactions
            draw = self.random.random()
            if draw < 0.05:
                transaction = self._membership_call()
            elif draw < 0.06:
                transaction = self._limit_call()
            self.random.choice(up).submit(transaction)
        self.after(self.random.randint(10, self._load_ms_max), self._next_transaction)

    def _membership_call(self) -> bytes:
        """A call of the validator contract, which keeps the list able to bear the faulty ones."""
        best = max((node.chain for node in self.honest()), key=lambda chain: chain.height)
        members = best.epochs[-1].validators.members
        outside = [node.address for node in self.nodes if node.address not in members]
        number = self._sent_transactions
        if outside and self.random.random() < 0.75:
            verb = self.random.choice(["ready", "add"])
            return membership_transaction(verb, self.random.choice(outside), number)
        return membership_transaction("remove", self.random.choice(members), number)

    def _limit_call(self) -> bytes:
        name = self.random.choice(sorted(LIMITS))
        return limit_transaction(name, self.random.choice(LIMITS[name]), self._sent_transactions)

    def name_of(self, transaction: bytes) -> Hash32:
        """Its hash, under which it is found in `transactions`."""
        name = self._names.get(transaction)
        if name is None:
            name = self._names[transaction] = FAKE.hash(transaction)
            self.transactions[name] = transaction
        return name

    # -- reports ----------------------------------------------------------------------------------

    def count(self, kind: str) -> None:
        """A fault of this kind really happened."""
        self.counts[kind] += 1

    def trace(self, node: SimulatedNode, payload: bytes) -> None:
        self._trace.append(b"%d %d %d %b" % (self.now_ms, node.number, len(payload), payload))

    @property
    def trace_hash(self) -> str:
        """Of every message that arrived, when and where, and of every stored block."""
        final = blake2b(b"".join(self._trace), digest_size=16)
        for node in self.nodes:
            for block in node.chain.blocks:
                final.update(block.header_hash)
        return final.hexdigest()

    def on_sent(self, node: SimulatedNode, signed: Signed) -> None:
        if node.is_honest and not node.has_old_log and signed.sender == node.address:
            self.votes.on_sent(signed)
            self.promises.on_sent(node, signed.message)

    def on_taken(self, node: SimulatedNode, payload: bytes) -> None:
        if payload in self.forged and node.is_honest:
            message = wire.decode_signed(FAKE, payload).message
            raise Violation(f"{node.name} takes up a forged {type(message).__name__}")

    def on_stored(self, node: SimulatedNode, block: ModelBlock, certificate: Certificate) -> None:
        self.agreement.on_stored(node.name, node.chain, block, certificate)
        if block.number > self.height:
            self.height = block.number
            self.progress.on_block(self.now_ms)
            self._count_change(node.chain, block.number)

    def _count_change(self, chain: ModelChain, number: int) -> None:
        """What an epoch that begins with this block changed: who joined and left, the limits."""
        due, before = chain.due(number), chain.due(max(1, number - 1))
        self.counts["limits changed"] += due.limits != before.limits
        joined = {*due.validators.members} - {*before.validators.members}
        left = {*before.validators.members} - {*due.validators.members}
        self.counts["members added"] += bool(joined - self._left)
        self.counts["members added again"] += bool(joined & self._left)
        self.counts["members removed"] += bool(left)
        self._left |= left

    def on_invalid(self, node: SimulatedNode, source: SimulatedNode, error: str) -> None:
        if source.is_honest:
            raise Violation(f"{node.name} refuses a message of honest {source.name}: {error}")

    def on_bad_batch(
        self, node: SimulatedNode, source: SimulatedNode, proposal: Proposal, error: str
    ) -> None:
        """A backup refuses a batch: an honest primary keeps to the limits of the block's epoch."""
        if source.is_honest and proposal.proposer == source.address and node.is_honest:
            raise Violation(f"{node.name} refuses the batch of honest {source.name}: {error}")

    def on_alarm(self, node: SimulatedNode, alarm: Alarm) -> None:
        self.alarms.append((node.name, alarm))
        if alarm.kind is AlarmKind.KEY_USED_TWICE and not node.has_old_log and node.is_honest:
            raise Violation(f"{node.name} does not know its own vote: {alarm.message}")

    def on_lost_log(self, node: SimulatedNode, why: str) -> None:
        if node.carelessness is None:
            raise Violation(f"{node.name} lost its log without anybody's fault: {why}")

    def on_halt(self, node: SimulatedNode, reason: str) -> None:
        if node.is_honest:
            raise Violation(f"{node.name} halted: {reason}")
