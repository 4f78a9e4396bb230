"""What encryption at rest costs: the same blocks on a plain and on a sealed store, in one run.

`python benchmarks/sealed_store.py` runs blocks of transfers through a whole chain (decode, recover,
execute, root, header, synced store); the two stores take turns, and each is opened anew in each
round, so that one block of it reads from disk. Beside it single reads and writes. It prints the
ratios and writes build/bench/sealed_store.json.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from engines import Bench
from rich.console import Console
from rich.table import Table

from ledger.chain import Chain
from ledger.keyvalue import KeyValueStore, LevelDB
from ledger.sealed_store import opened
from ledger.sealing import Sealer
from ledger.store import BlockStore
from ledger.suite import STANDARD
from node.engines import engine_named, installed_engines

ROOT = Path(__file__).resolve().parents[1]
SEALER = Sealer(bytes(range(32)), b"store/benchmark")
KINDS = ("plain", "sealed")
VALUE_BYTES = 200
"""About what a trie node's entry has."""


def _open(folder: Path, kind: str) -> KeyValueStore:
    return opened(LevelDB(folder / kind), SEALER if kind == "sealed" else None)


def blocks(
    folder: Path, *, rounds: int, warm_blocks: int, senders: int, holders: int
) -> dict[str, Any]:
    """Seconds a block of either store, medians, and their ratios; headers must agree."""
    bench, engine = Bench(senders, holders), installed_engines()[0]
    took: dict[str, dict[str, list[float]]] = {
        kind: {"cold": [], "warm": [], "processor": []} for kind in KINDS
    }
    heads: dict[str, str] = {}
    for _ in range(rounds):
        for kind in KINDS:
            chain = Chain(
                bench.genesis, BlockStore(_open(folder, kind), STANDARD), engine_named(engine)
            )
            for place in range(1 + warm_blocks):
                batch = bench.batch(chain.head.number)
                start, processor = time.perf_counter(), time.process_time()
                bench.extend(chain, batch)
                took[kind]["warm" if place else "cold"].append(time.perf_counter() - start)
                took[kind]["processor"].append(time.process_time() - processor)
            heads[kind] = chain.head.hash.hex()
            chain.close()
    assert heads["plain"] == heads["sealed"], "the stores hold different chains"
    middle = {
        kind: {name: statistics.median(values) for name, values in found.items()}
        for kind, found in took.items()
    }
    sizes = {kind: sum(path.stat().st_size for path in (folder / kind).iterdir()) for kind in KINDS}
    return {
        "engine": engine,
        "transactions_a_block": senders,
        "block_ms": {kind: {n: s * 1e3 for n, s in middle[kind].items()} for kind in KINDS},
        "ratio": {name: middle["sealed"][name] / middle["plain"][name] for name in took["plain"]},
        "size_ratio": sizes["sealed"] / sizes["plain"],
    }


def single(folder: Path, count: int = 20_000) -> dict[str, Any]:
    """Microseconds of processor for a read and a written entry of either store."""
    entries = {os.urandom(33): os.urandom(VALUE_BYTES) for _ in range(count)}
    found: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        store = _open(folder / "single", kind)
        start = time.process_time()
        store.write(entries, sync=True)
        written = time.process_time()
        for key in entries:
            store.get(key)
        read = time.process_time()
        found[kind] = {
            "write": (written - start) / count * 1e6,
            "read": (read - written) / count * 1e6,
        }
        store.close()
    return {
        "microseconds": found,
        "ratio": {name: found["sealed"][name] / found["plain"][name] for name in ("write", "read")},
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--warm-blocks", type=int, default=3)
    parser.add_argument("--senders", type=int, default=500)
    parser.add_argument("--holders", type=int, default=20_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = {
            "blocks": blocks(Path(temporary), **vars(arguments)),
            "single": single(Path(temporary)),
        }
    table = Table("", "plain", "sealed", "ratio")
    of_blocks, of_single = figures["blocks"], figures["single"]
    for name, ratio in of_blocks["ratio"].items():
        pair = [f"{of_blocks['block_ms'][kind][name]:.0f} ms" for kind in KINDS]
        table.add_row(f"a block, {name}", *pair, f"{ratio:.2f}")
    for name, ratio in of_single["ratio"].items():
        pair = [f"{of_single['microseconds'][kind][name]:.1f} us" for kind in KINDS]
        table.add_row(f"one {name}, processor", *pair, f"{ratio:.2f}")
    table.add_row("size on disk", "", "", f"{of_blocks['size_ratio']:.2f}")
    Console().print(table)
    target = ROOT / "build/bench/sealed_store.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
