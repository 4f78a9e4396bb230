"""All that one run found out, as `--json` prints it."""

from collections.abc import Sequence

import msgspec

from cli.bench.job import Load
from cli.bench.plan import Plan
from cli.bench.usage import Memory


class Machine(msgspec.Struct, frozen=True):
    """What the figures were measured on; `busy_elsewhere` processors were at other work."""

    processors: int
    busy_elsewhere: float


class NodeOutcome(msgspec.Struct, frozen=True):
    """One node: microseconds of processor time per transaction by stage, and the same time by
    thread; its memory; the bytes by which its files grew."""

    name: str
    profile_us: dict[str, float]
    threads_us: dict[str, float]
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


def mean(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each entry; all have the same ones."""
    return {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
