"""A run's outcome as tables for people."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.bench.outcome import Outcome, mean
from cli.output import table

MIB = 1 << 20


def report(outcome: Outcome) -> RenderableType:
    """Summary, profile, memory and disk."""
    stages = _processor(outcome, "stage", [node.profile_us for node in outcome.nodes])
    threads = _processor(outcome, "thread", [node.threads_us for node in outcome.nodes])
    parts = (_summary(outcome), stages, threads, _nodes(outcome))
    return Group(*(piece for part in parts for piece in (part, Text())))


def _summary(outcome: Outcome) -> Table:
    plan, load = outcome.plan, outcome.load
    rate = "as fast as they become final" if plan.rate is None else f"{plan.rate} tx/s asked for"
    machine = outcome.machine
    rows = [
        ("transactions", f"{load.transactions:,} by {plan.senders:,} senders, {rate}"),
        ("validators", f"{len(outcome.nodes)} of 4, {plan.engine}, over {plan.transport}"),
        ("throughput", f"{outcome.tps:,.0f} tx/s to the last certificate on every node"),
        (
            "finality",
            f"p50 {load.finality.p50_ms:,.0f} ms, p95 {load.finality.p95_ms:,.0f} ms, "
            f"max {load.finality.max_ms:,.0f} ms",
        ),
        ("blocks", f"{load.blocks}, {load.transactions / load.blocks:,.0f} transactions each"),
        ("disk", f"{outcome.disk_bytes_per_transaction:,.0f} bytes per transaction and node"),
        (
            "load generator",
            f"{outcome.generator_us:,.0f} µs per transaction, {load.resent} sent again, "
            f"{load.late_ms_max:,.0f} ms late at most",
        ),
        (
            "machine",
            f"{machine.processors} processors, {machine.busy_elsewhere:.2f} of them at other work",
        ),
    ]
    return table("Network", ("", ""), rows)


def _processor(outcome: Outcome, title: str, parts: Sequence[dict[str, float]]) -> Table:
    rows = [
        (name, *(f"{part[name]:,.1f}" for part in parts), f"{us:,.1f}")
        for name, us in mean(parts).items()
    ]
    sums = [sum(part.values()) for part in parts]
    rows.append(("all", *(f"{us:,.1f}" for us in (*sums, sum(sums) / len(sums)))))
    columns = (title, *(node.name for node in outcome.nodes), "mean")
    return table("Processor time, µs per transaction", columns, rows)


def _nodes(outcome: Outcome) -> Table:
    rows = [
        (
            node.name,
            f"{node.memory.start / MIB:,.0f}",
            f"{node.memory.peak / MIB:,.0f}",
            f"{node.memory.end / MIB:,.0f}",
            f"{node.memory.mapped / MIB:,.0f}",
            *(f"{size / MIB:,.1f}" for size in node.disk_bytes.values()),
        )
        for node in outcome.nodes
    ]
    parts = outcome.nodes[0].disk_bytes
    columns = (
        "node",
        "memory before",
        "peak",
        "after",
        "mapped files",
        *(f"{part} grew" for part in parts),
    )
    return table("Memory and disk, MiB", columns, rows)
