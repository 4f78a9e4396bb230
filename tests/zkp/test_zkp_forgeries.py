"""Structured forgeries of every statement fail; without the rule that refuses one, it passes."""

from tests.zkp.equity_v2_cases import secrets_of
from tests.zkp.forgery_cases import attempts, unrefused
from tests.zkp.planted import without
from tests.zkp.test_zkp_equity_v2 import LAWFUL
from zkp.builder import Builder
from zkp.circuit import Circuit
from zkp.circuits import equity_v1
from zkp.gadgets.divide import divide
from zkp.gadgets.ranges import in_bits


def division() -> Circuit:
    builder = Builder("division")
    x = in_bits(builder, builder.private("x"), 40, "x")
    divide(builder, x, 20_000, 30, "due")
    return builder.build()


DIVISION = division()
SALTS = {"salt_tax": secrets_of(LAWFUL).salt_tax, "salt_reg": secrets_of(LAWFUL).salt_reg}


def test_no_structured_forgery_of_a_tax_passes() -> None:
    for paid in (1_525, 1_524):
        record = LAWFUL.changed(paid=paid).record
        statement = equity_v1.public_inputs(record, **SALTS, rate_bps=2000, ctx=5)
        inputs = equity_v1.inputs(statement, record, **SALTS)
        assert not unrefused(equity_v1.build(), inputs)
        kinds = {kind for kind, _ in attempts(equity_v1.build(), inputs)}
        assert len(kinds) == 7, kinds


def test_a_division_without_one_of_its_rules_lets_a_forgery_pass() -> None:
    assert not unrefused(DIVISION, {"x": 123_456_789})
    names = [label.name for label in DIVISION.labels]
    for missing, kind in (
        ("due.quotient", "the field's quotient"),
        ("due", "quotient -1"),
        ("due", "quotient +1"),
    ):
        damaged = without(DIVISION, names.index(missing))
        passed = {found for found, _ in unrefused(damaged, {"x": 123_456_789})}
        assert kind in passed, (missing, passed)
