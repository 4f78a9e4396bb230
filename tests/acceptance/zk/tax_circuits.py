"""The tax circuits are satisfiable if and only if an independent rule calls the record lawful.

Random sales on and around the lines of the rule (`tests/zkp/equity_v2_cases.py`): values moved by
one, to 0, 2^64 and r - 1, lots named twice, ties of rounding. The record is committed to honestly
whatever it says. Each case is put to `equity_v2` and, without its lots, to `equity_v1`.
"""

import multiprocessing
import os
from collections import Counter
from pathlib import Path
from typing import Any

from tests.zkp.equity_judge import BATCH, judge
from zkp.circuits import equity_v1, equity_v2

CASES = 10_000
# Every line of the rule must have decided some case; in this many all of them do.
CASES_FOR_COVERAGE = 2_000
RULES = {"not_paid", "low_price", "holding", "basis", "share", "amount", "disposition", "gain"}


def run(folder: Path, cases: int = CASES, first_seed: int = 1) -> dict[str, Any]:
    """`cases` sales to both circuits, in batches by seed."""
    equity_v1.build()
    equity_v2.build()
    seeds = range(first_seed, first_seed + -(-cases // BATCH))
    ends: Counter[str] = Counter()
    disagreements: list[str] = []
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        for counted, found in pool.imap_unordered(judge, seeds):
            ends += counted
            disagreements += found
    (folder / "disagreements.txt").write_text("\n".join(disagreements), encoding="utf-8")
    assert not disagreements, disagreements[:3]
    decided = {end.split()[1] for end in ends}
    if cases >= CASES_FOR_COVERAGE:
        assert decided >= RULES, f"no case was decided by {RULES - decided}"
    return {"cases": BATCH * len(seeds), "ends": dict(sorted(ends.items()))}
