"""What goes wrong in a run: the network's faults, the disks', the clocks' and the operators'.

Drawn from the world's generator; what really happened is counted by kind.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.simulated_node import SimulatedNode
    from tests.simulation.world import World

KINDS = (
    "latency",
    "loss",
    "duplication",
    "reordering",
    "partitions",
    "crashes",
    "restarts",
    "torn or dropped bytes",
    "slow disks",
    "clock skew",
    "blackouts",
    "lost stores",
    "lost logs",
    "old logs",
    "members added",
    "members removed",
    "members added again",
    "limits changed",
)


class Faults:
    """The bad luck of one world, until `heal`."""

    def __init__(self, world: "World") -> None:
        random = world.random
        self._world = world
        self._draw = random.random
        self._is_healed = False
        self._sides: dict[str, int] = {}
        self._loss = random.choice([0.0, 0.02, 0.1, 0.2])
        self._duplication = random.choice([0.0, 0.05, 0.1])
        self._latest_ms: dict[tuple[int, int], int] = {}
        self._latency_ms_max = random.choice([10, 40, 120])
        self._late = random.choice([0.0, 0.01, 0.02])
        for node in world.nodes:
            node.clock_rate = random.uniform(0.8, 1.25)
            node.clock_skew_ms = random.choice([0, 0, -1500, 1500])
            if node.has_bad_clock:
                node.clock_skew_ms = random.choice([-20_000, 20_000])
            if node.clock_skew_ms:
                world.count("clock skew")
            node.disk_ms_max = random.choice([0, 0, 0, 60, 250])

    # -- the network ------------------------------------------------------------------------------

    def delays_ms(self, source: "SimulatedNode", to: "SimulatedNode") -> list[int]:
        """When the copies of a message arrive, in ms from now; none if it is lost."""
        draw, world = self._draw, self._world
        if self._is_healed:
            return [self._delay_ms()]
        if self._sides and self._sides[source.name] != self._sides[to.name]:
            world.count("partitions")
            return []
        if self._loss and draw() < self._loss:
            world.count("loss")
            return []
        # Each message draws its own delay: what is sent closely together overtakes each other.
        delays = [self._delay_ms()]
        if self._duplication and draw() < self._duplication:
            world.count("duplication")
            delays.append(self._delay_ms())
        if self._late and draw() < self._late:
            world.count("latency")
            delays[0] += world.random.randint(200, 2_000)
        arrival_ms, link = world.now_ms + delays[0], (source.number, to.number)
        if arrival_ms < self._latest_ms.get(link, 0):
            world.count("reordering")
        else:
            self._latest_ms[link] = arrival_ms
        return delays

    def _delay_ms(self) -> int:
        return 1 + int(self._draw() * self._latency_ms_max)

    def disk_delay_ms(self, node: "SimulatedNode") -> int:
        """How long a sync takes now."""
        if self._is_healed or not node.disk_ms_max:
            return 0
        if self._world.random.random() < 0.5:
            return self._world.random.randint(1, 5)
        self._world.count("slow disks")
        return self._world.random.randint(5, node.disk_ms_max)

    # -- the rest ---------------------------------------------------------------------------------

    def begin(self) -> None:
        self._next()
        for node in self._world.nodes:
            if node.carelessness is not None:
                careless_ms = self._world.random.randint(3_000, 14_000)
                copy_ms = self._world.random.randint(1_000, careless_ms - 1_000)
                self._world.after(copy_ms, node.keep_log_copy)
                self._world.after(careless_ms, lambda n=node: self._be_careless(n))

    def _next(self) -> None:
        if self._is_healed:
            return
        random = self._world.random
        faults = [self._crash_one, self._arm_power_cut, self._part, self._rejoin, self._rejoin]
        if self._world.may_black_out:
            faults.append(self._black_out)
        random.choice(faults)()
        self._world.after(random.randint(200, 2_500), self._next)

    def _be_careless(self, node: "SimulatedNode") -> None:
        """The log is gone with its disk, or an operator puts an old copy in its place."""
        if self._is_healed:
            return
        if node.is_up:
            node.crash()
        self._world.count("crashes")
        if node.carelessness == "old log":
            self._world.count("old logs")
            node.restore_old_log()
        else:
            self._world.count("lost logs")
            node.lose_log()
        self._restart_later(node)

    def _may_crash(self) -> "list[SimulatedNode]":
        up = [node for node in self._world.nodes if node.is_up]
        return up if len(self._world.nodes) - len(up) < self._world.crashes_max else []

    def _crash_one(self) -> None:
        if up := self._may_crash():
            node = self._world.random.choice(up)
            node.crash()
            self._world.count("crashes")
            if self._world.random.random() < 0.25:
                self._world.count("lost stores")
                node.lose_store()
            self._restart_later(node)

    def _black_out(self) -> None:
        """All lose power at once: only what the logs hold is left of every lock."""
        self._world.count("blackouts")
        for node in self._world.nodes:
            if node.is_up:
                node.crash()
                self._world.count("crashes")
                self._restart_later(node)

    def _arm_power_cut(self) -> None:
        if up := self._may_crash():
            self._world.random.choice(up).files.cut_after(self._world.random.randint(0, 6))

    def on_power_cut(self, node: "SimulatedNode") -> None:
        """The power is cut in a file operation, or the process ends there."""
        node.crash(is_power_cut=self._world.random.random() < 0.7)
        self._world.count("crashes")
        self._restart_later(node)

    def _restart_later(self, node: "SimulatedNode") -> None:
        def restart() -> None:
            if not node.is_up:
                self._world.count("restarts")
                self._start(node)

        self._world.after(self._world.random.randint(50, 4_000), restart)

    def _start(self, node: "SimulatedNode") -> None:
        node.start()
        for peer in self._world.nodes:
            if peer is not node and peer.is_up and self._is_linked(node, peer):
                peer.on_connected(node)
                node.on_connected(peer)

    def _is_linked(self, one: "SimulatedNode", other: "SimulatedNode") -> bool:
        return not self._sides or self._sides[one.name] == self._sides[other.name]

    def _part(self) -> None:
        self._sides = {node.name: self._world.random.randint(0, 1) for node in self._world.nodes}

    def _rejoin(self) -> None:
        before, self._sides = self._sides, {}
        for node in self._world.nodes if before else []:
            for peer in self._world.nodes:
                if before[node.name] != before[peer.name] and node.is_up and peer.is_up:
                    node.on_connected(peer)

    def heal(self) -> None:
        """From here on messages arrive, disks are fast and nobody crashes; liars go on."""
        self._is_healed = True
        self._rejoin()
        for node in self._world.nodes:
            node.files.cut_after(None)
            if not node.is_up:
                self._start(node)
