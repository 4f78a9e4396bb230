"""Structured forgeries of the tax circuits fail: quotients, digits of x + r, r - x, swaps.

Tried on lawful sales, where a forgery would be a second witness, and on sales that pay one fen too
little. Also every amount of a record replaced by r - x and by x + r, committed to like that.
"""

import multiprocessing
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

from tests.zkp.equity_v2_cases import Sale, attempt, random_sale
from tests.zkp.forgery_judge import judge
from zkp.circuits import equity_v2
from zkp.field import InvalidElement

SALES = 24
# Every kind must have been tried.
KINDS = {"quotient -1", "quotient +1", "quotient - 1, remainder + divisor", "the field's quotient"}
KINDS |= {"digits of x + r", "r - x", "gain/taxable and gain/loss swapped"}


def run(folder: Path, sales: int = SALES) -> dict[str, Any]:
    """Both tax circuits share their rules' signals; `equity_v2` has all of them."""
    equity_v2.build()
    tried: Counter[str] = Counter()
    passed: list[str] = []
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        for counted, found in pool.imap_unordered(judge, _lawful(sales)):
            tried += counted
            passed += found
    (folder / "passed.txt").write_text("\n".join(passed), encoding="utf-8")
    assert not passed, passed[:5]
    assert tried.keys() >= KINDS, f"not tried: {KINDS - tried.keys()}"
    return {"sales": sales, "tried": dict(sorted(tried.items()))}


def _lawful(count: int) -> list[Sale]:
    rng = random.Random(11)
    found: list[Sale] = []
    while len(found) < count:
        sale = random_sale(rng)
        try:
            is_lawful = attempt(sale) is None
        except InvalidElement:
            continue
        if is_lawful:
            found.append(sale)
    return found
