"""Beside circom, its wasm and snarkjs in one run: proofs 4 times as fast, witnesses no slower.

Compile, witness, set-up, prove, verify at about 500, 4,000 and 30,000 constraints, interleaved,
median of 9 (set-ups of 9, 3 and 1: the largest take minutes), process start apart, the same key and
cores, each side's witness, key and proof checked by the other; peak memory of each verb. Where the
other side is faster or smaller stands in `lost`. For the witness circuit and program are both
loaded before; rows of their own say what loading adds. Takes some 20 to 25 minutes on two idle
cores: on a busy machine it takes as many times longer, and ratios hold less well.
"""

import os
import sys
from pathlib import Path
from typing import Any

from benchmarks import zk as benchmark
from benchmarks.zk_files import SIZES
from zkp.backend import backend_named


def run(
    folder: Path,
    sizes: list[int] | None = None,
    rounds: int = benchmark.ROUNDS,
    setup_rounds: int | None = None,
) -> dict[str, Any]:
    """All sizes, or those named; the two promised ratios are asserted at each of them."""
    assert backend_named("native"), "the native backend is not built: make native builds it"
    cores = len(os.sched_getaffinity(0))
    found = benchmark.measured(list(SIZES) if sizes is None else sizes, rounds, setup_rounds, _told)
    assert found.workers == cores, f"snarkjs computes with {found.workers} threads, we with {cores}"
    benchmark.show(found.rows)
    compared = benchmark.compared(found.rows)
    least = {
        benchmark.PROVE: benchmark.PROVE_RATIO_MIN,
        benchmark.WITNESS: benchmark.WITNESS_RATIO_MIN,
    }
    missed = [
        f"{size:,}: {verb}: {pair['ratio']:.2f} times as fast, expected {least[verb]}"
        for (size, verb), pair in compared.items()
        if pair["ratio"] < least.get(verb, 0)
    ]
    figures = {
        "cores": cores,
        "constraints": {f"{row['size']:,}": row["constraints"] for row in found.rows},
        "figures": {
            f"{size:,}: {verb}": {**pair, "ratio": round(pair["ratio"], 2)}
            for (size, verb), pair in compared.items()
        },
        "lost": benchmark.lost(found.rows),
    }
    assert not missed, f"{'; '.join(missed)}; of {figures}"
    return figures


def _told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
