"""Puts structured forgeries of one sale to statement equity_v2."""

from collections import Counter

from tests.zkp.equity_v2_cases import Sale, attempt, honest_statement, secrets_of
from tests.zkp.forgery_cases import attempts
from zkp.circuits import equity_v2
from zkp.circuits.equity_rules import AMOUNT_NAMES
from zkp.field import InvalidElement, R


def judge(sale: Sale) -> tuple[Counter[str], list[str]]:
    """How often each kind was tried on a sale, and what passed."""
    tried: Counter[str] = Counter()
    passed = []
    for case in (sale, sale.changed(paid=max(sale.record.financials.paid - 1, 0))):
        passed += _forged(case, tried)
    for name in AMOUNT_NAMES:
        passed += _replaced(sale, name, tried)
    return tried, passed


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
    """An amount as its negative and as x + r, in a record that is committed to like that."""
    half = sale.record.core if hasattr(sale.record.core, name) else sale.record.financials
    value: int = getattr(half, name)
    passed = []
    for kind, other in (("r - x", R - value), ("x + r", value + R)):
        tried[f"amount as {kind}"] += 1
        try:
            broken = attempt(sale.changed(**{name: other}))
        except InvalidElement:
            # No field element, or a rule that has no number: nothing commits to it.
            continue
        if broken is None:
            passed.append(f"{name} as {kind}")
    return passed
