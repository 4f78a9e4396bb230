"""The refusal table on both backends, and on the precompile's own Python."""

import pytest

from tests.zkp.refusals import TABLE, Row, honest
from zkp.backend import Backend
from zkp.own_precompiles import InvalidPrecompileInput, groth16_verify_call
from zkp.snarkjs.calldata import statement_words
from zkp.uniqueness.check import check


def test_the_honest_statement_holds(backend: Backend) -> None:
    it = honest()
    assert backend.verify(it.key, it.proof, it.publics)
    # Otherwise the rows of the unused signal would say nothing.
    assert check(it.circuit).unused == ("unused",)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_verifier_answers_as_the_table_says(backend: Backend, row: Row) -> None:
    it = honest()
    proof, publics = row.change(it)
    assert (proof, publics) != (it.proof, it.publics)
    assert backend.verify(it.key, proof, publics) is row.is_true


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_precompile_answers_as_the_table_says(row: Row) -> None:
    it = honest()
    proof, publics = row.change(it)
    words = statement_words(it.key, proof, publics)
    try:
        answer = any(groth16_verify_call(b"".join(word.to_bytes(32) for word in words)))
    except InvalidPrecompileInput:
        answer = False
    assert answer is row.is_true
