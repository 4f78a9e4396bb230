"""Each constraint of each shipped circuit deleted in turn: for at least 95 % a forgery is found.

A forgery is an assignment that breaks the deleted constraint and no other: a second witness of
lawful inputs, or a witness of a false statement. Whatever is left must be known to be implied by
the other constraints (`REDUNDANT`). Of `credential` those that only the signature depends on are
left out of the circuit before it compares the signature's points: what is found there is another
point, not a forged signature.
"""

import multiprocessing
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.zkp.deletion_cases import BEFORE_COMPARISON, CASES, judge, judged_rows

FOUND_AT_LEAST = 0.95
# Names of constraints that the others imply, by circuit.
REDUNDANT: Mapping[str, frozenset[str]] = {
    # By `is_top.zero` one of its factors is 0, unless the challenge has the upper half of r - 1.
    # The challenge is a hash, so of 2^126 signatures one is like that. `tests/zkp` has a number of
    # that kind in the place of the hash, and there the constraint is missed.
    BEFORE_COMPARISON: frozenset({"signature.challenge.is_top.inverse"}),
}


def run(folder: Path, every: int = 1, offset: int = 0, only: str = "") -> dict[str, Any]:
    """Every constraint, or each `every`-th from `offset` on; of all circuits, or of one."""
    figures = {}
    for name in [only] if only else CASES:
        figures[name] = _deleted(folder, name, every, offset)
    return figures


def _deleted(folder: Path, name: str, every: int, offset: int) -> dict[str, Any]:
    rows = judged_rows(name)[offset::every]
    random.Random(1).shuffle(rows)
    open_ones = []
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        for row, is_forged in pool.imap_unordered(judge, [(name, row) for row in rows]):
            if not is_forged:
                open_ones.append(row)
    (folder / f"{name.replace(' ', '-')}.txt").write_text(
        "\n".join(sorted(open_ones)), encoding="utf-8"
    )
    share = 1 - len(open_ones) / len(rows)
    assert share >= FOUND_AT_LEAST, f"{name}: a forgery for {share:.1%} only: {open_ones[:20]}"
    unexplained = set(open_ones) - REDUNDANT.get(name, frozenset())
    assert not unexplained, f"{name}: neither forged nor redundant: {sorted(unexplained)[:20]}"
    return {"constraints": len(rows), "forged": len(rows) - len(open_ones), "redundant": open_ones}
