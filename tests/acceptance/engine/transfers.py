"""Twenty blocks of 1,000 transfers: native at least 8,000 tx/s and 15 times py-evm, cold and warm.

1,000 senders on a state of 100,000 holders, in one process and one run, everything counted: decode,
recover, execute, state root, receipts, header, synced store. Cold is the first block after the
store is opened. The engines take turns and figures are medians, so that a neighbour on the machine
disturbs both alike; a table says where the microseconds go.
"""

from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.engines import measure, ratios, show
from node.engines import NATIVE

TPS_MIN = 8_000
RATIO_MIN = 15


def run(folder: Path) -> dict[str, Any]:
    """The benchmark with its default size; the table goes to the terminal."""
    figures = measure(folder)
    show(Console(), figures)
    native = figures[NATIVE]
    cold, warm = ratios(figures)
    assert native["blocks"] == 20, native["blocks"]
    for state, ratio in (("cold", cold), ("warm", warm)):
        tps = native[f"{state}_tps"]
        assert tps >= TPS_MIN, f"{state}: {tps:,.0f} tx/s, expected {TPS_MIN:,}"
        assert ratio >= RATIO_MIN, f"{state}: {ratio:.1f} times py-evm, expected {RATIO_MIN}"
    return {"ratio_cold": cold, "ratio_warm": warm, **figures}
