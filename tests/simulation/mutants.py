"""Plants each known fault, or the one in a patch file, and sees whether anything finds it:
a scenario, a test of a rule, or a seed.

`python -m tests.simulation.mutants [--patch FILE] [--only NAME]`; the last line is `N of N planted
faults found`. A fault is planted in a copy of the tree, in a temporary folder, never in the tree.
"""

import argparse
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
PRODUCT = ("ledger", "consensus", "node", "zkp", "contracts")
COPIED = (*PRODUCT, "tests/simulation", "tests/consensus")
SEEDS_TO_A_HUNT = 10
SEEDS_TO_A_LINE = 50
_LIST_LOADED = (
    "import sys, tests.simulation.hunt\n"
    "print(*(getattr(m, '__file__', None) for m in sys.modules.values()), sep='\\n')"
)


class DoesNotApply(ValueError):
    """A patch that does not fit the tree, breaks it, or changes what no simulation runs."""


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
    """Apply a unified diff, with or without `a/` and `b/`, to the copy; raises DoesNotApply."""
    included = [f"--include={part}/*" for part in PRODUCT]
    for strip in ("-p1", "-p0"):
        applied = subprocess.run(
            ["git", "apply", strip, *included, str(patch.resolve())],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if applied.returncode != 0 or (changed := _changed(folder)):
            break
    if applied.returncode != 0 or not changed:
        raise DoesNotApply(
            f"{patch}: expected a unified diff against the repository's root, as `git diff` makes "
            f"it, of files in {', '.join(PRODUCT)}: "
            f"{applied.stderr.strip() or 'it changes nothing there'}"
        )
    _check_loads(patch, folder, changed)


def _changed(folder: Path) -> list[str]:
    """The files of the copy that are not the tree's."""
    return [
        str(path.relative_to(folder))
        for part in PRODUCT
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and not _is_same(path, ROOT / path.relative_to(folder))
    ]


def _is_same(path: Path, original: Path) -> bool:
    return original.is_file() and path.read_bytes() == original.read_bytes()


def _check_loads(patch: Path, folder: Path, changed: list[str]) -> None:
    """Raises DoesNotApply where the changed code is none, or none that a simulation runs."""
    for name in changed:
        if name.endswith(".py"):
            try:
                compile((folder / name).read_bytes(), name, "exec")
            except SyntaxError as error:
                raise DoesNotApply(
                    f"{patch}: it breaks {name}, line {error.lineno}: {error.msg}"
                ) from error
    loaded = _python(folder, "-c", _LIST_LOADED)
    if loaded.returncode != 0:
        raise DoesNotApply(
            f"{patch}: with it the code does not load: {loaded.stderr.strip().splitlines()[-1]}"
        )
    if not {str(folder / name) for name in changed} & set(loaded.stdout.splitlines()):
        raise DoesNotApply(
            f"{patch}: it changes {', '.join(changed)} only, which no simulation runs"
        )


def _python(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Python with the copy's code."""
    return subprocess.run(
        [sys.executable, *options],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def hunt(folder: Path, *options: str) -> str | None:
    """What found something wrong with the copy, None if nothing did."""
    run = _python(folder, "-m", "tests.simulation.hunt", *options)
    if run.returncode == 0:
        return None
    told = run.stdout.strip().splitlines()
    assert told, f"the hunt ended with status {run.returncode}: {run.stderr[-2000:]}"
    return told[-1]


def find_known(fault: PlantedFault) -> str | None:
    """What finds a known fault: scenarios, tests of the rules, short runs, then whole ones."""
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
    kind, name, *_ = found.split()
    if kind == "seed":
        again = hunt(ROOT, "--only=seeds", *options, "--start", name, "--seeds=1")
    else:
        again = hunt(ROOT, f"--only={kind}s")
    if again is not None:
        print(f"shows nothing, the unchanged tree fails as well: {again}", file=sys.stderr)
    return again is None


def find_patch(patch: Path) -> str | None:
    """What finds the fault in a patch: scenarios, tests, then 500 seeds shared by two processes."""
    with tempfile.TemporaryDirectory(prefix="quorate-mutant-") as name:
        folder = Path(name).resolve()
        copy_tree(folder)
        apply_patch(patch, folder)
        for kind in ("scenarios", "tests"):
            found = hunt(folder, f"--only={kind}")
            if found is not None and is_clean(found):
                return found
            print(f"not found by {kind}", file=sys.stderr)
        return _find_in_seeds(folder)


def _find_in_seeds(folder: Path) -> str | None:
    options = [
        ("--only=seeds", f"--start={start}", f"--seeds={SEEDS_TO_A_HUNT}")
        for start in range(1, SEEDS_MAX + 1, SEEDS_TO_A_HUNT)
    ]
    with ThreadPoolExecutor(PROCESSES) as pool:
        hunts = [pool.submit(hunt, folder, *each) for each in options]
        for count, done in enumerate(as_completed(hunts), 1):
            hit = done.result()
            if hit is not None and is_clean(hit):
                for waiting in hunts:
                    waiting.cancel()
                return hit
            if count * SEEDS_TO_A_HUNT % SEEDS_TO_A_LINE == 0:
                print(f"{count * SEEDS_TO_A_HUNT} of {SEEDS_MAX} seeds", file=sys.stderr)
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
    if hit is None:
        print(f"NOT FOUND by any scenario, test or in {SEEDS_MAX} seeds: {patch}")
    else:
        print(f"found by {hit}: {patch}")
        print(f"replay: git apply {patch}; {_replay(hit)}; git apply -R {patch}")
    print(f"{1 if hit else 0} of 1 planted faults found")
    return 0 if hit else 1


def _replay(hit: str) -> str:
    kind, name, *_ = hit.split()
    if kind == "seed":
        return f"make sim SEED={name}"
    if kind == "test":
        return f"pytest tests/consensus tests/simulation -k '{name}'"
    return f"python -m tests.consensus.scenario tests/consensus/scenarios/{name}.txt"


if __name__ == "__main__":
    sys.exit(main())
