"""Run simulations: `python -m tests.simulation.run --seed N`, or `--seeds K --start N`."""

import argparse
import sys
import time
import traceback

from tests.simulation.world import World


def run_seed(seed: int) -> str | None:
    """None, or what went wrong."""
    try:
        World(seed).run()
    except Exception:
        return traceback.format_exc()
    return None


def main() -> int:
    """Exit status 1 if a run failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="replay one run")
    parser.add_argument("--seeds", type=int, default=100, help="how many runs")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    options = parser.parse_args()
    start, count = (options.seed, 1) if options.seed is not None else (options.start, options.seeds)
    began = time.monotonic()
    failed = []
    for seed in range(start, start + count):
        report = run_seed(seed)
        if report is not None:
            failed.append(seed)
            print(report, file=sys.stderr)
            print(f"seed {seed} failed; replay it with: make sim SEED={seed}", flush=True)
    took = time.monotonic() - began
    print(f"{count - len(failed)} of {count} simulations passed in {took:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
