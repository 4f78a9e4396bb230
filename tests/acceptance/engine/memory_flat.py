"""After 200,000 transactions a node's memory is flat: every cache has a bound, and it is reached.

What grows until then has names: 32,768 decoded transactions, 128 MiB of trie nodes in the native
engine, the database's buffers. The last of them is full some 150,000 transfers after the start, so
60,000 more show whether anything else grows: 250 bytes kept for each would already be seen. What
counts is own memory: the pages of mapped files are the system's and follow the store's size.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.acceptance.network_bench import bench_network, figures

FULL_TRANSACTIONS = 200_000
TRANSACTIONS = 260_000
WINDOW_TRANSACTIONS = 20_000
STEP_TRANSACTIONS = 20_000
GROWTH_SHARE_MAX = 0.05
"""Of the memory at 200,000: the allocator's own coming and going."""
RUN_S_MAX = 3_600
MIB = 1 << 20


def run(folder: Path) -> dict[str, Any]:
    """Memory of each node by transactions, and its growth from one end of the flat part on."""
    outcome = bench_network(folder, RUN_S_MAX, "--transactions", str(TRANSACTIONS))
    timeline = outcome["load"]["timeline"]
    before = (FULL_TRANSACTIONS - WINDOW_TRANSACTIONS, FULL_TRANSACTIONS)
    after = (TRANSACTIONS - WINDOW_TRANSACTIONS, TRANSACTIONS)
    grown, by_node = {}, {}
    for node in outcome["nodes"]:
        samples = node["memory"]["samples"]
        full = _median_mib(samples, timeline, before)
        grown[node["name"]] = _median_mib(samples, timeline, after) / full - 1
        by_node[node["name"]] = {
            str(count): round(_median_mib(samples, timeline, (count - STEP_TRANSACTIONS, count)))
            for count in range(STEP_TRANSACTIONS, TRANSACTIONS + 1, STEP_TRANSACTIONS)
        }
    _print(by_node)
    assert all(share <= GROWTH_SHARE_MAX for share in grown.values()), f"{grown}; {by_node}"
    return {
        "memory_mib_by_transactions": by_node,
        "growth_after_200000": {name: round(share, 4) for name, share in grown.items()},
        "run": figures(outcome),
    }


def _median_mib(
    samples: Sequence[tuple[float, int]],
    timeline: Sequence[tuple[float, int]],
    counts: tuple[int, int],
) -> float:
    """The median while the transactions from one count to the other became final."""
    first_s, last_s = (_reached_s(timeline, count) for count in counts)
    return median(size for at_s, size in samples if first_s <= at_s <= last_s) / MIB


def _reached_s(timeline: Sequence[tuple[float, int]], count: int) -> float:
    return next(at_s for at_s, final in timeline if final >= count) if count else 0.0


def _print(by_node: dict[str, dict[str, int]]) -> None:
    table = Table("transactions", *by_node, title="Own memory, MiB (medians)")
    for count in next(iter(by_node.values())):
        table.add_row(f"{int(count):,}", *(str(sizes[count]) for sizes in by_node.values()))
    Console().print(table)
