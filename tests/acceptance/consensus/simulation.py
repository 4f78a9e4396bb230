"""Three times 2,000 seeded simulations: no violation, liveness every time, within 40 minutes each.

Each seed makes at least 200 sequences, each kind of fault is met in at least 20 % of the seeds, and
a seed replays to the same trace, byte for byte, whatever Python's hash seed is.
"""

import json
import os
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
SIZES = [4, 5, 6, 7, 10]
REPLAYED = (1, 10_007)


def run(folder: Path) -> dict[str, Any]:
    """The three campaigns, then the replays."""
    campaigns = [_campaign(start, folder / f"{start}.json") for start in STARTS]
    return {
        "campaigns": campaigns,
        "replayed": {str(seed): _replay(seed) for seed in REPLAYED},
        "seconds_max": max(campaign["seconds"] for campaign in campaigns),
    }


def _campaign(start: int, report: Path) -> dict[str, Any]:
    made = _simulate("--seeds", str(SEEDS), "--start", str(start), "--json", str(report))
    print(made.stdout, flush=True)
    figures: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    assert made.returncode == 0, f"seeds {figures['failed']} failed:\n{made.stderr[-4000:]}"
    assert figures["sequences_min"] >= SEQUENCES_MIN, figures["sequences_min"]
    assert figures["sizes"] == SIZES, figures["sizes"]
    rare = {k: v for k, v in figures["met_percent"].items() if v < MET_PERCENT_MIN}
    assert not rare, f"met in fewer than {MET_PERCENT_MIN} % of the seeds: {rare}"
    assert figures["seconds"] <= SECONDS_MAX, f"{figures['seconds']} s for {SEEDS} seeds"
    return figures


def _replay(seed: int) -> str:
    traces = set()
    for hash_seed in ("0", "17"):
        told = _simulate("--seed", str(seed), hash_seed=hash_seed).stdout
        traces.add(next(line for line in told.splitlines() if "trace" in line))
    assert len(traces) == 1, traces
    return traces.pop()


def _simulate(*options: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation.run", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
