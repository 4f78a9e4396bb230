"""What benchmarks/zk.py makes of its measurements, and the memory of a child."""

import subprocess
import sys
from typing import Any

from benchmarks.snarkjs_worker import ROOT
from benchmarks.zk import OURS, PROVE, PROVE_FROM_FILE, SETUP, compared, lost, theirs

LARGE_BYTES = 200_000_000


def row(verb: str, by: str, milliseconds: float, mib: int | None = None) -> dict[str, Any]:
    kib = None if mib is None else mib * 1024
    return {
        "size": 500,
        "verb": verb,
        "by": by,
        "ms_median": milliseconds,
        "ms": [milliseconds],
        "peak_kib": kib,
    }


ROWS = [
    row(PROVE, OURS, 20, 200),
    row(PROVE, theirs(PROVE), 100, 150),
    row(PROVE_FROM_FILE, OURS, 125),
    row(PROVE_FROM_FILE, theirs(PROVE_FROM_FILE), 100),
    row(SETUP, OURS, 50, 70),
    row(SETUP, theirs(SETUP), 60, 80),
]


def test_ratios_say_how_many_times_as_fast_ours_is() -> None:
    pairs = compared(ROWS)
    assert {verb: pair["ratio"] for (_, verb), pair in pairs.items()} == {
        PROVE: 5.0,
        PROVE_FROM_FILE: 0.8,
        SETUP: 1.2,
    }
    assert (pairs[500, PROVE]["ours_mib"], pairs[500, PROVE]["theirs_mib"]) == (200, 150)


def test_what_is_lost_is_said() -> None:
    assert lost(ROWS) == [
        "500: prove: 200 MiB, snarkjs 150",
        "500: prove, key loaded too: snarkjs is 1.25 times as fast",
    ]


def test_a_child_is_not_charged_for_who_started_it() -> None:
    """Linux hands a parent's peak on to what it starts."""
    mine = bytearray(LARGE_BYTES)
    done = subprocess.run(
        [sys.executable, "-S", str(ROOT / "benchmarks" / "peak.py"), "true"],
        check=True,
        capture_output=True,
    )
    assert int(done.stdout) * 1024 < len(mine) / 2


def test_a_command_that_fails_is_no_measurement() -> None:
    command = [sys.executable, "-S", str(ROOT / "benchmarks" / "peak.py"), "false"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
