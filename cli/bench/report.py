"""A run's outcome as tables for people."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.bench.outcome import Outcome
from cli.output import table

MIB = 1 << 20


def report(outcome: Outcome) -> RenderableType:
    """Summary, profile, memory and disk."""
    return Group(_summary(outcome), Text(), _profile(outcome), Text(), _nodes(outcome))


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


def _profile(outcome: Outcome) -> Table:
    mean = outcome.mean_profile_us()
    rows = [
        (stage, *(f"{node.profile_us[stage]:,.1f}" for node in outcome.nodes), f"{us:,.1f}")
        for stage, us in mean.items()
    ]
    sums = [sum(node.profile_us.values()) for node in outcome.nodes]
    rows.append(("all", *(f"{us:,.1f}" for us in sums), f"{sum(mean.values()):,.1f}"))
    columns = ("stage", *(node.name for node in outcome.nodes), "mean")
    return table("Processor time, µs per transaction", columns, rows)


def _nodes(outcome: Outcome) -> Table:
    rows = [
        (
            node.name,
            f"{node.memory.start / MIB:,.0f}",
            f"{node.memory.peak / MIB:,.0f}",
            f"{node.memory.end / MIB:,.0f}",
            *(f"{size / MIB:,.1f}" for size in node.disk_bytes.values()),
        )
        for node in outcome.nodes
    ]
    parts = outcome.nodes[0].disk_bytes
    columns = ("node", "memory before", "peak", "after", *(f"{part} grew" for part in parts))
    return table("Memory and disk, MiB", columns, rows)
