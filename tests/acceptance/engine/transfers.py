"""Twenty blocks of 1,000 transfers: native at least 8,000 tx/s and 15 times py-evm, cold and warm.

1,000 senders on a state of 100,000 holders, in one process and one run, everything counted: decode,
recover, execute, state root, receipts, header, synced store. Cold are the 20 blocks after the store
is opened, to receivers that were never met; warm the 20 after those, to receivers that were. The
engines take turns block by block, so that a neighbour on the machine disturbs both alike; a table
says where the microseconds go, and what the very first block took.
"""

from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.engines import STATES, measure, ratios, show
from node.engines import NATIVE

BLOCKS = 20
TPS_MIN = 8_000
RATIO_MIN = 15


def run(folder: Path) -> dict[str, Any]:
    """The benchmark; the table goes to the terminal."""
    figures = measure(folder, blocks=BLOCKS)
    show(Console(), figures)
    found = dict(zip(STATES, ratios(figures), strict=True))
    for state, ratio in found.items():
        native = figures[NATIVE][state]
        assert len(native["block_ms"]) == BLOCKS, native["block_ms"]
        assert native["tps"] >= TPS_MIN, f"{state}: {native['tps']:,.0f} tx/s, wanted {TPS_MIN:,}"
        assert ratio >= RATIO_MIN, f"{state}: {ratio:.1f} times py-evm, wanted {RATIO_MIN}"
    return {"ratios": found, **figures}
