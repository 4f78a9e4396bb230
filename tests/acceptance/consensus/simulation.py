"""Three times 2,000 seeded simulations: no violation, liveness every time, within 40 minutes each.

Each seed makes at least 200 sequences, each kind of fault is met in at least 20 % of the seeds, and
a seed replays to the same trace, byte for byte, whatever Python's hash seed is. A trial runs fewer:
`--set seeds=100 --set starts=1,10001`; shares are judged from 100 seeds on.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
STARTS = (1, 10_001, 20_001)
SEEDS = 2_000
SECONDS_MAX = 40 * 60
SEQUENCES_MIN = 200
MET_PERCENT_MIN = 20
SEEDS_JUDGED_MIN = 100
SIZES = [4, 5, 6, 7, 10]
HASH_SEEDS = ("0", "17")


def run(
    folder: Path, *, seeds: int = SEEDS, starts: str | int | list[int] | tuple[int, ...] = STARTS
) -> dict[str, Any]:
    """The campaigns, then the replay of each one's first seed."""
    firsts = _numbers(starts)
    campaigns = [_campaign(start, seeds, folder / f"{start}.json") for start in firsts]
    return {
        "campaigns": campaigns,
        "replayed": {str(start): _replay(start) for start in firsts},
        "seconds_max": max(campaign["seconds"] for campaign in campaigns),
    }


def _numbers(starts: str | int | list[int] | tuple[int, ...]) -> list[int]:
    """A parameter's text, `1,10001`, may have been taken as a number or a list on its way."""
    if isinstance(starts, str):
        return [int(start) for start in starts.split(",")]
    return [starts] if isinstance(starts, int) else list(starts)


def _campaign(start: int, seeds: int, report: Path) -> dict[str, Any]:
    """One run of many seeds; what it prints passes through as it comes."""
    print(f"seeds {start} to {start + seeds - 1}", flush=True)
    options = ("--seeds", str(seeds), "--start", str(start), "--json", str(report))
    status = subprocess.run(_command(*options), cwd=ROOT, check=False).returncode
    assert report.is_file(), f"the simulations from seed {start} on ended with status {status}"
    figures: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    failed = figures["failed"]
    assert not failed, f"seeds {failed} failed; replay: make sim SEED={failed[0]}"
    assert status == 0, status
    assert figures["sequences_min"] >= SEQUENCES_MIN, figures["sequences_min"]
    if seeds >= SEEDS_JUDGED_MIN:
        assert figures["sizes"] == SIZES, figures["sizes"]
        rare = {k: v for k, v in figures["met_percent"].items() if v < MET_PERCENT_MIN}
        assert not rare, f"met in fewer than {MET_PERCENT_MIN} % of the seeds: {rare}"
    limit_s = SECONDS_MAX * max(1.0, seeds / SEEDS)
    assert figures["seconds"] <= limit_s, f"{figures['seconds']} s for {seeds} seeds"
    return figures


def _replay(seed: int) -> str:
    """The trace's hash of one seed, the same in fresh processes with different hash seeds."""
    traces = set()
    for hash_seed in HASH_SEEDS:
        told = subprocess.run(
            _command("--seed", str(seed)),
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(rf"^seed {seed}: trace ([0-9a-f]+)$", told.stdout, re.MULTILINE)
        assert found is not None, told.stdout + told.stderr[-2000:]
        assert told.returncode == 0, told.stdout + told.stderr[-2000:]
        traces.add(found[1])
    assert len(traces) == 1, f"seed {seed} has the traces {sorted(traces)}"
    return traces.pop()


def _command(*options: str) -> list[str]:
    return [sys.executable, "-u", "-m", "tests.simulation.run", *options]
