"""Plants each known fault, or the one in a patch file, and sees whether anything finds it.

`python -m tests.simulation.mutants [--patch FILE] [--only NAME]`; the last line is `N of N planted
faults found`. A fault is planted in a copy of the tree, in a temporary folder, never in the tree.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.simulation.planted_faults import FAULTS, PlantedFault

ROOT = Path(__file__).resolve().parents[2]
SEEDS_MAX = 500
SHORT_SEQUENCES = 40
SHORT_SEEDS = 60
PROCESSES = 2
COPIED = ("ledger", "consensus", "node", "zkp", "contracts", "tests/simulation", "tests/consensus")


class DoesNotApply(ValueError):
    """A patch that does not fit the tree."""


def copy_tree(folder: Path) -> None:
    """What a hunt imports, and nothing else."""
    for part in COPIED:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))


def plant(fault: PlantedFault, folder: Path) -> None:
    """Change the copy. Raises DoesNotApply if the source moved on without the fault."""
    path = folder / fault.path
    text = path.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        raise DoesNotApply(
            f"{fault.name}: its text is {text.count(fault.old)} times in {fault.path}"
        )
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")


def apply_patch(patch: Path, folder: Path) -> None:
    """Apply a unified diff to the copy; raises DoesNotApply."""
    included = [f"--include={part}/*" for part in COPIED]
    applied = subprocess.run(
        ["git", "apply", "--verbose", *included, str(patch.resolve())],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    changed = any(
        (folder / part).is_dir() and _differ(ROOT / part, folder / part) for part in COPIED
    )
    if applied.returncode != 0 or not changed:
        raise DoesNotApply(
            f"{patch}: expected a unified diff against the repository's root that changes "
            f"{', '.join(COPIED)}: {applied.stderr.strip() or 'it changes nothing there'}"
        )


def _differ(original: Path, copy: Path) -> bool:
    return any(
        path.read_bytes() != (original / path.relative_to(copy)).read_bytes()
        for path in copy.rglob("*")
        if path.is_file() and (original / path.relative_to(copy)).is_file()
    )


def hunt(folder: Path, *options: str) -> str | None:
    """What found something wrong with the copy, None if nothing did."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation.hunt", *options],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 0:
        return None
    told = run.stdout.strip().splitlines()
    return told[-1] if told else f"an error on loading: {run.stderr.strip().splitlines()[-1]}"


def find_known(fault: PlantedFault) -> str | None:
    """What finds a known fault: scenarios, then short runs, then whole ones."""
    with tempfile.TemporaryDirectory(prefix="quorate-mutant-") as name:
        folder = Path(name)
        copy_tree(folder)
        plant(fault, folder)
        lies = [] if fault.lies is None else [f"--lies={fault.lies}"]
        start = ["--start", str(fault.seed)]
        short = ["--sequences", str(SHORT_SEQUENCES)]
        found = hunt(folder, *start, *lies, *short, "--seeds", str(SHORT_SEEDS))
        if found is None:
            short = []
            found = hunt(folder, "--only=seeds", *start, *lies, "--seeds", str(SEEDS_MAX))
        return found if found and is_clean(found, *lies, *short) else None


def is_clean(found: str, *options: str) -> bool:
    """Whether the unchanged tree passes where the changed one failed: else nothing was shown."""
    seed = re.match(r"seed (\d+) ", found)
    if seed is None:
        return hunt(ROOT, "--only=scenarios") is None
    return hunt(ROOT, "--only=seeds", *options, "--start", seed[1], "--seeds=1") is None


def find_patch(patch: Path) -> str | None:
    """What finds the fault in a patch: all scenarios, then 500 seeds shared by two processes."""
    with tempfile.TemporaryDirectory(prefix="quorate-mutant-") as name:
        folder = Path(name)
        copy_tree(folder)
        apply_patch(patch, folder)
        found = hunt(folder, "--only=scenarios")
        if found is not None:
            return found if is_clean(found) else None
        block = 10
        with ThreadPoolExecutor(PROCESSES) as pool:
            starts = range(1, SEEDS_MAX + 1, block)
            hunts = [
                pool.submit(hunt, folder, "--only=seeds", f"--start={start}", f"--seeds={block}")
                for start in starts
            ]
            for done in as_completed(hunts):
                hit = done.result()
                if hit is not None and is_clean(hit):
                    for waiting in hunts:
                        waiting.cancel()
                    return hit
    return None


def main() -> int:
    """0 if every fault was found, 2 if a patch does not apply."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patch", type=Path, help="a fault as a unified diff")
    parser.add_argument("--only", help="the known faults whose names contain this")
    options = parser.parse_args()
    if options.patch is not None:
        return _report_patch(options.patch)
    faults = [fault for fault in FAULTS if not options.only or options.only in fault.name]
    found = 0
    with ThreadPoolExecutor(PROCESSES) as pool:
        for fault, hit in zip(faults, pool.map(find_known, faults), strict=True):
            found += hit is not None
            print(
                f"found by {hit}: {fault.name}" if hit else f"NOT FOUND: {fault.name}", flush=True
            )
    print(f"{found} of {len(faults)} planted faults found")
    return 0 if found == len(faults) else 1


def _report_patch(patch: Path) -> int:
    if not patch.is_file():
        print(f"{patch}: no such file", file=sys.stderr)
        return 2
    try:
        hit = find_patch(patch)
    except DoesNotApply as error:
        print(error, file=sys.stderr)
        return 2
    print(f"found by {hit}: {patch}" if hit else f"NOT FOUND in {SEEDS_MAX} seeds: {patch}")
    print(f"{1 if hit else 0} of 1 planted faults found")
    return 0 if hit else 1


if __name__ == "__main__":
    sys.exit(main())
