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
STRANGERS = (
    (
        "consensus/views.py",
        "        self._core.persist(VoteEntry(self._core.own_new_view))\n",
        "        # the NEW-VIEW is logged when it comes back\n",
    ),
    (
        "consensus/verify.py",
        "if len(senders) != validators.quorum or",
        "if len(senders) < validators.quorum - 1 or",
    ),
    (
        "node/wal.py",
        "        return log, records[1:]\n",
        "        return log, records[1 : max(1, len(records) - 1)]\n",
    ),
)
"""Such patches as somebody would write who knows the protocol and not these tests."""


def run(folder: Path) -> dict[str, Any]:
    """All known ones, then patches: three of a stranger, a bad, a harmless, an unfitting one."""
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
    strangers = [_found_by(folder, number) for number in range(len(STRANGERS))]
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
        "strangers": strangers,
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


def _found_by(folder: Path, number: int) -> list[str]:
    """What a hunt prints of a stranger's patch, in the format of `git diff`."""
    path, old, new = STRANGERS[number]
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text.count(old) == 1, path
    for side, content in (("a", text), ("b", text.replace(old, new))):
        file = folder / f"stranger-{number}" / side / path
        file.parent.mkdir(parents=True)
        file.write_text(content, encoding="utf-8")
    diff = subprocess.run(
        ["git", "diff", "--no-index", "--no-prefix", "a", "b"],
        cwd=folder / f"stranger-{number}",
        capture_output=True,
        text=True,
        check=False,
    )
    patch = folder / f"stranger-{number}.diff"
    patch.write_text(diff.stdout, encoding="utf-8")
    found = _hunt("--patch", str(patch))
    assert found.returncode == 0, found.stdout + found.stderr
    told = found.stdout.strip().splitlines()
    assert told[1].startswith(f"replay: git apply {patch}; "), told
    return told


def _hunt(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation.mutants", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
