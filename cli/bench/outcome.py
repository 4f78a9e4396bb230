"""All that one run found out, as `--json` prints it."""

import msgspec

from cli.bench.job import Load
from cli.bench.plan import Plan
from cli.bench.usage import Memory


class Machine(msgspec.Struct, frozen=True):
    """What the figures were measured on; `busy_elsewhere` cores were at other work."""

    processors: int
    busy_elsewhere: float


class NodeOutcome(msgspec.Struct, frozen=True):
    """One node: its profile in microseconds of processor time per transaction, memory, disk."""

    name: str
    profile_us: dict[str, float]
    memory: Memory
    disk_bytes: dict[str, int]


class Outcome(msgspec.Struct, frozen=True):
    """A whole run. `disk_bytes_per_transaction` is the mean of a node."""

    plan: Plan
    stopped: str | None
    tps: float
    load: Load
    nodes: tuple[NodeOutcome, ...]
    disk_bytes_per_transaction: float
    generator_us: float
    machine: Machine

    def mean_profile_us(self) -> dict[str, float]:
        """The mean over the nodes, by stage."""
        stages = self.nodes[0].profile_us
        return {
            stage: sum(node.profile_us[stage] for node in self.nodes) / len(self.nodes)
            for stage in stages
        }
