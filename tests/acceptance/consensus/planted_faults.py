"""Each planted fault of the protocol and its persistence is found, and so is one from a patch file.

A harmless patch is not found, and one that does not apply is refused by name.
"""

import re
import subprocess
import sys
import time
from difflib import unified_diff
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
FAULTS_MIN = 20
PATH = "consensus/sequence_state.py"
GOOD = "        return signers if validators.primary(view) in signers else []"
BAD = "        return signers if signers else []"
HARMLESS = GOOD + "  # the primary's PRE-PREPARE is its vote"


def run(folder: Path) -> dict[str, Any]:
    """All known ones, then three patches."""
    began = time.monotonic()
    known = _hunt()
    last = known.stdout.strip().splitlines()[-1]
    counted = re.fullmatch(r"(\d+) of (\d+) planted faults found", last)
    assert counted is not None, last
    assert known.returncode == 0, known.stdout
    assert counted[1] == counted[2]
    assert int(counted[1]) >= FAULTS_MIN
    took_s = round(time.monotonic() - began, 1)
    found = _hunt("--patch", str(_patch(folder / "bad.diff", BAD)))
    assert found.returncode == 0, found.stdout
    harmless = _hunt("--patch", str(_patch(folder / "harmless.diff", HARMLESS)))
    assert harmless.returncode == 1, harmless.stdout
    unfitting_patch = _patch(folder / "unfitting.diff", BAD)
    text = unfitting_patch.read_text(encoding="utf-8")
    unfitting_patch.write_text(text.replace("signers", "others"), encoding="utf-8")
    unfitting = _hunt("--patch", str(unfitting_patch))
    assert unfitting.returncode == 2, unfitting.stdout
    assert "expected a unified diff" in unfitting.stderr, unfitting.stderr
    return {
        "found": last,
        "seconds": took_s,
        "patch": found.stdout.strip().splitlines(),
        "each": known.stdout.strip().splitlines()[:-1],
    }


def _patch(path: Path, new: str) -> Path:
    before = (ROOT / PATH).read_text(encoding="utf-8").splitlines(keepends=True)
    after = [f"{new}\n" if line == f"{GOOD}\n" else line for line in before]
    assert before != after
    diff = unified_diff(before, after, f"a/{PATH}", f"b/{PATH}")
    path.write_text("".join(diff), encoding="utf-8")
    return path


def _hunt(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation.mutants", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
