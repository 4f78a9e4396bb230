"""Plants each known fault, or the one in a patch file, and sees whether simulation finds it.

`python -m tests.simulation.mutants [--patch FILE]`; the last line is `N of N planted faults found`.
A patch is applied to a copy of the tree below build/, never to the tree itself.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tests.simulation.planted_faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "mutant"
SEEDS_MAX = 500
COPIED = ("ledger", "consensus", "node", "zkp", "tests/simulation")


def find_known() -> tuple[int, int]:
    """How many of the known faults a seed finds, and how many there are."""
    found = 0
    for fault in FAULTS:
        hit = fault.find(SEEDS_MAX)
        if hit is None:
            print(f"NOT FOUND in {SEEDS_MAX} seeds: {fault.name}", flush=True)
            continue
        seed, error = hit
        found += 1
        words = (str(error).splitlines() or [""])[0]
        print(f"found by seed {seed}: {fault.name} ({type(error).__name__}: {words})", flush=True)
    return found, len(FAULTS)


def find_patch(patch: Path) -> tuple[int, int]:
    """Whether a simulation of the patched copy fails."""
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in COPIED:
        shutil.copytree(ROOT / folder, COPY / folder, ignore=shutil.ignore_patterns("__pycache__"))
    applied = subprocess.run(
        ["git", "apply", "--verbose", "--directory", str(COPY.relative_to(ROOT)), patch.resolve()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if applied.returncode != 0:
        sys.exit(f"{patch}: does not apply: {applied.stderr.strip()}")
    for seed in range(1, SEEDS_MAX + 1):
        run = subprocess.run(
            [sys.executable, "-m", "tests.simulation.run", "--seed", str(seed)],
            cwd=COPY,
            capture_output=True,
            check=False,
        )
        if run.returncode != 0:
            print(f"found by seed {seed}: {patch}")
            return 1, 1
    print(f"NOT FOUND in {SEEDS_MAX} seeds: {patch}")
    return 0, 1


def main() -> int:
    """0 if every fault was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patch", type=Path, help="a fault as a patch file")
    options = parser.parse_args()
    found, planted = find_known() if options.patch is None else find_patch(options.patch)
    print(f"{found} of {planted} planted faults found")
    return 0 if found == planted else 1


if __name__ == "__main__":
    sys.exit(main())
