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

from tests.zkp.equity_v2_cases import Sale, attempt, honest_statement, random_sale, secrets_of
from tests.zkp.forgery_cases import attempts
from zkp.circuits import equity_v2
from zkp.circuits.equity_rules import AMOUNT_NAMES
from zkp.field import InvalidElement, R

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
        for counted, found in pool.imap_unordered(_judge, _lawful(sales)):
            tried += counted
            passed += found
    (folder / "passed.txt").write_text("\n".join(passed), encoding="utf-8")
    assert not passed, passed[:5]
    assert tried.keys() >= KINDS, f"not tried: {KINDS - tried.keys()}"
    return {"sales": sales, "tried": dict(sorted(tried.items()))}


def _judge(sale: Sale) -> tuple[Counter[str], list[str]]:
    """How often each kind was tried on a sale, and what passed."""
    tried: Counter[str] = Counter()
    passed = []
    for case in (sale, sale.changed(paid=max(sale.record.financials.paid - 1, 0))):
        passed += _forged(case, tried)
    for name in AMOUNT_NAMES:
        passed += _replaced(sale, name, tried)
    return tried, passed


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


def _forged(sale: Sale, tried: Counter[str]) -> list[str]:
    circuit = equity_v2.build()
    inputs = equity_v2.inputs(honest_statement(sale), sale.record, secrets_of(sale))
    passed = []
    for kind, lies in attempts(circuit, inputs):
        tried[kind] += 1
        if circuit.system.first_unsatisfied(circuit.solve(inputs, lies)) is None:
            passed.append(f"{kind}: {sorted(lies)[:3]}")
    return passed


def _replaced(sale: Sale, name: str, tried: Counter[str]) -> list[str]:
    """An amount as its negative; as x + r it is no field element and cannot be committed to."""
    half = sale.record.core if hasattr(sale.record.core, name) else sale.record.financials
    value: int = getattr(half, name)
    passed = []
    if value:
        tried["amount as r - x"] += 1
        if attempt(sale.changed(**{name: R - value})) is None:
            passed.append(f"r - {name}")
    tried["amount as x + r"] += 1
    try:
        attempt(sale.changed(**{name: value + R}))
        passed.append(f"{name} + r")
    except InvalidElement:
        pass
    return passed
