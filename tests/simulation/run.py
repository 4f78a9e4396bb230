"""Run simulations: `python -m tests.simulation.run --seed N`, or `--seeds K --start N`.

Many seeds are shared among two processes, tell every hundredth run on standard error, and end with
a table: which fault was met in how many runs. One seed prints its trace's hash: the same seed and
commit give the same hash, byte for byte.
"""

import argparse
import gc
import json
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.simulation.byzantine_node import LIES
from tests.simulation.faults import KINDS
from tests.simulation.world import World

PROCESSES = 2
RUNS_TO_A_LINE = 100


@dataclass(frozen=True)
class Outcome:
    """One run: `error` is a traceback, None if all went well; `wait_ms_max` is the longest time
    between two blocks once the network was healed, `lag_ms_max` that of an honest replica in which
    it stood still and others had more."""

    seed: int
    error: str | None
    sequences: int
    size: int
    wait_ms_max: int
    lag_ms_max: int
    cpu_s: float
    trace_hash: str
    kinds: list[str] = field(default_factory=list)


def run_seed(seed: int) -> Outcome:
    """One whole run, whatever happens in it."""
    began = time.process_time()
    error = None
    # A run makes few cycles, and looking for them again and again is a tenth of its time.
    gc.collect()
    gc.disable()
    world = World(seed)
    try:
        world.run()
    except Exception:
        error = traceback.format_exc()
    finally:
        gc.enable()
    return Outcome(
        seed,
        error,
        world.height,
        world.size,
        world.progress.wait_ms_max,
        world.catching_up.lag_ms_max,
        time.process_time() - began,
        world.trace_hash,
        sorted(kind for kind, count in world.counts.items() if count),
    )


def table(outcomes: list[Outcome]) -> list[tuple[str, int]]:
    """Each kind of fault, and how many per cent of the runs met it."""
    met = Counter(kind for outcome in outcomes for kind in outcome.kinds)
    return [(kind, 100 * met[kind] // len(outcomes)) for kind in (*KINDS, *LIES)]


def main() -> int:
    """Exit status 1 if a run failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="replay one run")
    parser.add_argument("--seeds", type=int, default=100, help="how many runs")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    start, count = (options.seed, 1) if options.seed is not None else (options.start, options.seeds)
    began = time.monotonic()
    outcomes = []
    # What is imported stays for good: the collection before each run need not look at it again.
    with ProcessPoolExecutor(min(PROCESSES, count), initializer=gc.freeze) as pool:
        for outcome in pool.map(run_seed, range(start, start + count)):
            outcomes.append(outcome)
            if outcome.error is not None:
                print(outcome.error, file=sys.stderr)
                print(f"seed {outcome.seed} failed; replay: make sim SEED={outcome.seed}")
            if count == 1:
                print(f"seed {outcome.seed}: trace {outcome.trace_hash}")
                print(f"{outcome.size} validators, {outcome.sequences} sequences")
            if len(outcomes) % RUNS_TO_A_LINE == 0:
                print(_progress(outcomes, count, time.monotonic() - began), file=sys.stderr)
            sys.stdout.flush()
    took_s = time.monotonic() - began
    failed = [outcome.seed for outcome in outcomes if outcome.error is not None]
    if count > 1:
        _print_table(outcomes)
    print(f"{count - len(failed)} of {count} simulations passed in {took_s:.1f} s")
    if options.json is not None:
        figures = {
            "start": start,
            "seeds": count,
            "failed": failed,
            "seconds": round(took_s, 1),
            "cpu_seconds": round(sum(outcome.cpu_s for outcome in outcomes), 1),
            "sequences_min": min(outcome.sequences for outcome in outcomes),
            "wait_ms_max": max(outcome.wait_ms_max for outcome in outcomes),
            "lag_ms_max": max(outcome.lag_ms_max for outcome in outcomes),
            "sizes": sorted({outcome.size for outcome in outcomes}),
            "met_percent": dict(table(outcomes)),
            "slowest": asdict(max(outcomes, key=lambda outcome: outcome.cpu_s)),
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 1 if failed else 0


def _progress(outcomes: list[Outcome], count: int, took_s: float) -> str:
    failed = sum(outcome.error is not None for outcome in outcomes)
    return f"{len(outcomes)} of {count} simulations, {failed} failed, {took_s:.0f} s"


def _print_table(outcomes: list[Outcome]) -> None:
    print("met in % of runs:")
    for kind, percent in table(outcomes):
        print(f"  {percent:3d}  {kind}")
    sizes = Counter(outcome.size for outcome in outcomes)
    print("validators: " + ", ".join(f"{size}: {sizes[size]} runs" for size in sorted(sizes)))
    fewest = min(outcome.sequences for outcome in outcomes)
    cpu_s = sum(outcome.cpu_s for outcome in outcomes) / len(outcomes)
    wait_s = max(outcome.wait_ms_max for outcome in outcomes) / 1_000
    print(f"sequences in a run: {fewest} or more; {cpu_s:.2f} s of processor time each")
    lag_s = max(outcome.lag_ms_max for outcome in outcomes) / 1_000
    print(f"longest wait for a block, once healed: {wait_s:.1f} s")
    print(f"longest standstill behind the others, once healed: {lag_s:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
