"""What the command and its load generator, a process of its own, hand to each other as files."""

import msgspec

from cli.bench.workload import Workload


class Job(msgspec.Struct, frozen=True):
    """What the generator is to do. `urls` are the nodes' that run; `result` is a file to write.

    `rate` is in transactions a second over all nodes, None for as fast as they become final.
    """

    workload: Workload
    chain_id: int
    urls: dict[str, str]
    transports: tuple[str, ...]
    rate: int | None
    result: str


class Finality(msgspec.Struct, frozen=True):
    """Milliseconds from sending to the certified head, seen on the node that it was sent to."""

    p50_ms: float
    p95_ms: float
    max_ms: float


class Load(msgspec.Struct, frozen=True):
    """What the generator saw. Seconds are of the run unless the name says otherwise."""

    transactions: int
    started_s: float
    """When the first transaction was sent, by this machine's monotonic clock."""
    run_s: float
    """From the first transaction sent to the last one's certificate on every node."""
    sending_s: float
    signing_s: float
    """Before the clock started."""
    generator_cpu_s: float
    late_ms_max: float
    """How far sending fell behind the rate."""
    resent: int
    """Sent again because a pool was full."""
    blocks: int
    finality: Finality
    last_certificate_s: dict[str, float]
    """By node, since the first transaction was sent."""
    timeline: tuple[tuple[float, int], ...]
    """Seconds since the first transaction, and transactions final by then."""
