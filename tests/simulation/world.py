"""A whole network in one process, moved by one random generator: same seed, same run.

First a phase with faults, then a healed one in which the network has to converge. Violations are
raised where they happen.
"""

import heapq
from collections.abc import Callable
from random import Random

from consensus.effects import Alarm
from ledger.validators import ValidatorSet
from ledger.values import Hash32
from tests.simulation.byzantine_node import LIES, ByzantineNode
from tests.simulation.checkers import (
    AgreementChecker,
    Violation,
    VoteChecker,
    check_acknowledged,
)
from tests.simulation.fake_suite import FAKE
from tests.simulation.model_chain import ModelChain, set_transaction
from tests.simulation.simulated_node import SimulatedNode

FAULTS_MS = 14_000
CONVERGE_MS_MAX = 90_000
EVENTS_MAX = 3_000_000


class World:
    """Nodes, the network between them and the faults. `run` raises Violation or returns."""

    def __init__(
        self,
        seed: int,
        *,
        node_class: type[SimulatedNode] = SimulatedNode,
        lies: frozenset[str] | None = None,
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.group: Hash32 = FAKE.hash(b"group %d" % seed)
        self.now_ms = 0
        self.acknowledged: list[bytes] = []
        self.alarms: list[tuple[str, Alarm]] = []
        self.votes = VoteChecker()
        self.agreement = AgreementChecker(FAKE, self.group)
        self.window_blocks = self.random.choice([2, 4, 16])
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._scheduled = 0
        self._sides: dict[str, int] = {}
        self._is_healed = False
        self._loss = self.random.choice([0.0, 0.02, 0.1, 0.25])
        self._duplication = self.random.choice([0.0, 0.05])
        self._latency_ms_max = self.random.choice([10, 40, 150])
        self._sent_transactions = 0
        self.nodes = self._build(node_class, lies)
        self.by_address = {node.address: node for node in self.nodes}

    def _build(
        self, node_class: type[SimulatedNode], lies: frozenset[str] | None
    ) -> list[SimulatedNode]:
        """Draw the network; `lies`, if given, replaces those drawn (no liars if empty)."""
        random = self.random
        validators = random.choice([4, 4, 4, 5, 7])
        spare = random.choice([0, 0, 1])
        addresses = [FAKE.address_of((number + 1).to_bytes(32)) for number in range(validators)]
        members = ValidatorSet.of(addresses)
        liars: dict[int, set[str]] = {}
        if random.random() < 0.6:
            for number in random.sample(range(1, validators + 1), members.f):
                liars[number] = set(random.sample(LIES, random.choice([1, 1, 2])))
        if lies is not None:
            liars = {number: set(lies) for number in range(1, members.f + 1) if lies}
        careless = [] if liars else random.sample(range(1, validators + 1), members.f)
        nodes: list[SimulatedNode] = []
        for number in range(1, validators + spare + 1):
            chain = ModelChain(FAKE, self.group, members, self.window_blocks)
            if number in liars:
                nodes.append(ByzantineNode(self, number, chain, liars[number]))
            else:
                nodes.append(node_class(self, number, chain))
        for node in nodes:
            node.clock_rate = random.uniform(0.8, 1.25)
            node.clock_skew_ms = random.choice([0, 0, -1500, 1500])
            node.may_lose_disk = node.number in careless
        self._faulty_max = max(len(liars), len(careless))
        self._crashes_max = members.f if not liars else 0
        if random.random() < 0.3:
            self._crashes_max = validators  # the whole network may be down at once
        return nodes

    # -- the run ----------------------------------------------------------------------------------

    def run(self) -> None:
        for node in self.nodes:
            node.start()
        self._next_fault()
        self._next_transaction()
        self._run_until(FAULTS_MS, lambda: False)
        self._heal()
        goal = len(self.acknowledged)
        if not self._run_until(self.now_ms + CONVERGE_MS_MAX, self._has_converged):
            raise Violation(f"{goal} transactions, not converged: {self._describe()}")
        check_acknowledged(self.acknowledged, [n.chain for n in self._honest()])

    def _run_until(self, end_ms: int, is_done: Callable[[], bool]) -> bool:
        next_check_ms = self.now_ms
        while self._queue and self._queue[0][0] <= end_ms:
            self.now_ms, number, action = heapq.heappop(self._queue)
            action()
            if number > EVENTS_MAX:
                raise Violation(f"{EVENTS_MAX} events without an end: {self._describe()}")
            if self.now_ms >= next_check_ms:
                next_check_ms = self.now_ms + 500
                if is_done():
                    return True
        return is_done()

    def _honest(self) -> list[SimulatedNode]:
        return [node for node in self.nodes if node.is_honest]

    def _has_converged(self) -> bool:
        heads = {node.chain.height for node in self._honest()}
        return len(heads) == 1 and all(
            transaction in node.chain.executed
            for node in self._honest()
            for transaction in self.acknowledged
        )

    def _describe(self) -> str:
        told = []
        for node in self.nodes:
            status = node.replica.status() if node.is_up else None
            place = f"view {status.view} active {status.is_active}" if status else "down"
            executed = sum(tx in node.chain.executed for tx in self.acknowledged)
            lies = getattr(node, "lies", "")
            told.append(f"{node.name} {node.chain.height} {place} has {executed} {lies}")
        return "; ".join(told)

    # -- network ----------------------------------------------------------------------------------

    def send(
        self, source: SimulatedNode, to: SimulatedNode, deliver: Callable[[SimulatedNode], None]
    ) -> None:
        """Deliver after some time, twice, or never."""
        if not source.is_up:
            return
        copies = 1
        if not self._is_healed:
            if self._sides.get(source.name, 0) != self._sides.get(to.name, 0):
                return
            if self.random.random() < self._loss:
                return
            copies += self.random.random() < self._duplication
        for _ in range(copies):
            delay = self.random.randint(1, self._latency_ms_max)
            if self.random.random() < 0.02 and not self._is_healed:
                delay += self.random.randint(0, 2_000)

            def arrive() -> None:
                if to.is_up:
                    deliver(to)

            self.after(delay, arrive)

    def some_peers(self, node: SimulatedNode, count: int) -> list[SimulatedNode]:
        peers = [peer for peer in self.nodes if peer is not node]
        return self.random.sample(peers, min(count, len(peers)))

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        self._scheduled += 1
        heapq.heappush(self._queue, (self.now_ms + delay_ms, self._scheduled, action))

    # -- faults -----------------------------------------------------------------------------------

    def _next_fault(self) -> None:
        if self._is_healed:
            return
        faults = [self._crash_one, self._arm_power_cut, self._partition, self._rejoin]
        if self._crashes_max == len(self.nodes[0].chain.epochs[0].validators):
            faults.append(self._blackout)
        self.random.choice(faults)()
        self.after(self.random.randint(200, 2_500), self._next_fault)

    def _crash_one(self) -> None:
        up = [node for node in self.nodes if node.is_up]
        if len(self.nodes) - len(up) < self._crashes_max and up:
            node = self.random.choice(up)
            node.crash()
            if node.may_lose_disk and self.random.random() < 0.3:
                self.random.choice([node.lose_store, node.lose_log])()
            self._restart_later(node)

    def _blackout(self) -> None:
        """All lose power at once: only what the logs hold is left of every lock."""
        for node in self.nodes:
            if node.is_up:
                node.crash()
                self._restart_later(node)

    def _arm_power_cut(self) -> None:
        up = [node for node in self.nodes if node.is_up]
        if len(self.nodes) - len(up) < self._crashes_max and up:
            self.random.choice(up).files.cut_after(self.random.randint(0, 6))

    def on_power_cut(self, node: SimulatedNode) -> None:
        node.crash()
        self._restart_later(node)

    def _restart_later(self, node: SimulatedNode) -> None:
        def restart() -> None:
            if not node.is_up:
                node.start()

        self.after(self.random.randint(50, 4_000), restart)

    def _partition(self) -> None:
        self._sides = {node.name: self.random.randint(0, 1) for node in self.nodes}

    def _rejoin(self) -> None:
        self._sides = {}

    def _heal(self) -> None:
        self._is_healed = True
        self._sides = {}
        for node in self.nodes:
            node.files.cut_after(None)
            if not node.is_up:
                node.start()

    # -- load -------------------------------------------------------------------------------------

    def _next_transaction(self) -> None:
        if self._is_healed:
            return
        up = [node for node in self._honest() if node.is_up]
        if up:
            self._sent_transactions += 1
            transaction = b"tx%d" % self._sent_transactions
            if self.random.random() < 0.04:
                transaction = self._change_of_set()
            if transaction not in self.acknowledged:
                self.random.choice(up).submit(transaction)
        self.after(self.random.randint(20, 600), self._next_transaction)

    def _change_of_set(self) -> bytes:
        """All nodes but at most one, as long as the rest tolerates the faulty ones among it."""
        members = [node.address for node in self.nodes]
        if (len(members) - 2) // 3 >= self._faulty_max and self.random.random() < 0.7:
            leaver = self.random.choice(self._honest())
            members.remove(leaver.address)
        return set_transaction(members)

    # -- reports ----------------------------------------------------------------------------------

    def on_alarm(self, node: SimulatedNode, alarm: Alarm) -> None:
        self.alarms.append((node.name, alarm))

    def on_halt(self, node: SimulatedNode, reason: str) -> None:
        if node.is_honest:
            raise Violation(f"{node.name} halted: {reason}")
