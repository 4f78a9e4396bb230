"""A Vyper contract that calls the precompiles of ours on both engines: the pages' example."""

from pathlib import Path

import pytest

from contracts.bindings.contract import Contract
from contracts.compiler import SOURCES, compile_source, deploy_data
from ledger.crate import why_missing
from node.engines import NATIVE, PY_EVM, engine_named
from tests.contracts.contract_group import Group, new_group
from zkp.field import R
from zkp.poseidon import poseidon
from zkp.snarkjs.calldata import statement_words
from zkp.snarkjs.texts import decode_proof, decode_publics, decode_verifying_key

VECTORS = Path(__file__).parents[1] / "vectors" / "snarkjs"
SOURCE = SOURCES / "examples" / "proofs.vy"
KEY_WORDS, PROOF_WORDS = 20, 8


def statement() -> tuple[bytes, bytes, tuple[int, ...]]:
    """Key, proof and public inputs of a statement that snarkjs proved."""
    key = decode_verifying_key((VECTORS / "m500.vkey.json").read_text())
    proof = decode_proof((VECTORS / "m500.proof.json").read_text())
    publics = decode_publics((VECTORS / "m500.public.json").read_text())
    words = [word.to_bytes(32) for word in statement_words(key, proof, publics)]
    proof_end = KEY_WORDS + PROOF_WORDS
    assert len(words) == proof_end + len(publics)
    return b"".join(words[:KEY_WORDS]), b"".join(words[KEY_WORDS:proof_end]), publics


@pytest.fixture(
    params=[
        PY_EVM,
        pytest.param(
            NATIVE,
            marks=pytest.mark.skipif(bool(why_missing()), reason="quorate_native is not built"),
        ),
    ]
)
def deployed(request: pytest.FixtureRequest) -> tuple[Group, Contract]:
    group = new_group()
    group.engine = engine_named(request.param)
    key, _, _ = statement()
    receipt = group.do("author", deploy_data(SOURCE, key))
    assert receipt.contract_address is not None
    return group, Contract(receipt.contract_address, compile_source(SOURCE).abi)


def test_a_contract_hashes(deployed: tuple[Group, Contract]) -> None:
    group, contract = deployed
    assert group.ask(contract.query("hash_of", 1, R - 1)) == poseidon(1, R - 1)


def test_a_number_that_is_not_reduced_reverts(deployed: tuple[Group, Contract]) -> None:
    group, contract = deployed
    with pytest.raises(AssertionError):
        group.ask(contract.query("hash_of", 1, R))


def test_a_contract_verifies(deployed: tuple[Group, Contract]) -> None:
    group, contract = deployed
    _, proof, (first, second) = statement()
    assert group.ask(contract.query("holds", proof, first, second))
    assert not group.ask(contract.query("holds", proof, first + 1, second))
    other = proof[:192] + proof[:64]  # A in the place of C
    assert not group.ask(contract.query("holds", other, first, second))


def test_what_is_malformed_does_not_hold_and_does_not_take_all_gas(
    deployed: tuple[Group, Contract],
) -> None:
    group, contract = deployed
    _, proof, (first, second) = statement()
    assert not group.ask(contract.query("holds", bytes(256), first, second))
    assert not group.ask(contract.query("holds", proof, first, second + R))
