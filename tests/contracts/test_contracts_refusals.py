"""The refusal table on chain, on both engines: every contract that verifies, and one that takes."""

from dataclasses import replace

import pytest

from contracts.bindings import keys
from contracts.compiler import InvalidArguments
from ledger.crate import why_missing
from node.engines import NATIVE, PY_EVM, engine_named
from tests.contracts.circuit_setting import Setting, prepared
from tests.zkp.refusals import TABLE, Row, honest, moved

EACH_ROW = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


@pytest.fixture(
    scope="module",
    params=[
        PY_EVM,
        pytest.param(
            NATIVE,
            marks=pytest.mark.skipif(bool(why_missing()), reason="quorate_native is not built"),
        ),
    ],
)
def setting(request: pytest.FixtureRequest) -> Setting:
    """The honest statement is taken already, by both of the taker's methods' rules."""
    base = prepared()
    it = honest()
    own = replace(base, group=base.group.copy())
    own.group.engine = engine_named(request.param)
    own.group.do("applicant", own.take("take_statement", it.proof, it.publics))
    own.group.do("applicant", own.take("take_nullifier", it.proof, it.publics))
    return own


def test_the_honest_statement_holds_everywhere(setting: Setting) -> None:
    it = honest()
    ask = setting.group.ask
    assert ask(setting.registry.verify(setting.entry, it.proof, it.publics))
    assert ask(setting.registry.verify_batch(setting.entry, [(it.proof, it.publics)] * 3))
    assert ask(setting.verify_generated(it.proof, it.publics))
    assert ask(setting.verify_generated_batch([(it.proof, it.publics)] * 3))
    assert ask(keys.verify(setting.circuit, it.proof, it.publics))


@EACH_ROW
def test_the_registry_answers_as_the_table_says(setting: Setting, row: Row) -> None:
    statement = row.change(honest())
    ask = setting.group.ask
    assert ask(setting.registry.verify(setting.entry, *statement)) is row.is_true
    it = honest()
    batch = [(it.proof, it.publics), statement, (it.proof, it.publics)]
    assert ask(setting.registry.verify_batch(setting.entry, batch)) is row.is_true


@EACH_ROW
def test_a_generated_verifier_answers_as_the_table_says(setting: Setting, row: Row) -> None:
    it, statement = honest(), row.change(honest())
    ask = setting.group.ask
    if row.changes_count:
        with pytest.raises(InvalidArguments):
            setting.verify_generated(*statement)
        return
    assert ask(setting.verify_generated(*statement)) is row.is_true
    for batch in ([(it.proof, it.publics), statement], [statement]):
        assert ask(setting.verify_generated_batch(batch)) is row.is_true


@EACH_ROW
def test_the_systems_verifier_answers_as_the_table_says(setting: Setting, row: Row) -> None:
    assert setting.group.ask(keys.verify(setting.circuit, *row.change(honest()))) is row.is_true


@EACH_ROW
def test_a_contract_that_took_the_statement_refuses_every_row(setting: Setting, row: Row) -> None:
    statement = row.change(honest())
    for method in ("take_statement", "take_nullifier"):
        outcome = setting.group.send("applicant", setting.take(method, *statement))
        assert not outcome.ok
        # A verifier that failed hard would have left the caller no gas to say why.
        assert outcome.revert in ("statement is used", "proof does not hold", NO_INPUT), outcome
        if row.is_true:
            assert outcome.revert == "statement is used"
    assert setting.group.ask(setting.taker.query("taken")) == 2


NO_INPUT = "no input at the nullifier's position"


def test_a_rerandomised_proof_is_taken_where_the_statement_was_not() -> None:
    """So it is the statement that is refused, not the proof."""
    base, it = prepared(), honest()
    group = base.group.copy()
    other = moved(it)
    group.do("applicant", base.take("take_statement", other, it.publics))
    outcome = group.send("applicant", base.take("take_statement", it.proof, it.publics))
    assert outcome.revert == "statement is used"


def test_two_false_statements_do_not_make_up_for_each_other(setting: Setting) -> None:
    """What one has too much the other has too little: a plain sum of equations would hold."""
    it = honest()
    first = (it.proof, (it.publics[0] + 1, *it.publics[1:]))
    second = (it.proof, (it.publics[0] - 1, *it.publics[1:]))
    ask = setting.group.ask
    assert not ask(setting.verify_generated_batch([first, second]))
    assert not ask(setting.registry.verify_batch(setting.entry, [first, second]))


def test_no_statements_are_no_true_batch(setting: Setting) -> None:
    assert not setting.group.ask(setting.verify_generated_batch([]))
    assert not setting.group.ask(setting.registry.verify_batch(setting.entry, []))
