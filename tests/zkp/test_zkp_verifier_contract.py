"""The Vyper text of a verifier: what it says, for which keys there is one, and that it compiles."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.compiler import compile_source
from tests.zkp.refusals import honest, outside_the_subgroup
from zkp.groth16.keys import InvalidKey
from zkp.key_words import encode_key, key_hash
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.calldata import statement_words
from zkp.verifier_contract import INPUTS_MAX, InvalidName, verifier_source

CODE_BYTES_MAX = 24_576
"""EIP-170."""

IT = honest()
CIRCUIT = circuit_id(encode_r1cs(IT.circuit.system))


def test_the_text_names_circuit_and_key_and_follows_from_them() -> None:
    text = verifier_source(IT.key, CIRCUIT, "refusals")
    assert f"circuit  0x{CIRCUIT.hex()}" in text
    assert f"key      0x{key_hash(IT.key).hex()}" in text
    assert text == verifier_source(IT.key, CIRCUIT, "refusals")
    assert text != verifier_source(honest(2).key, CIRCUIT, "refusals")
    assert max(map(len, text.splitlines())) <= 100
    assert "$" not in text


def test_a_keys_words_are_the_precompiles() -> None:
    words = statement_words(IT.key, IT.proof, IT.publics)
    whole = b"".join(word.to_bytes(32) for word in words)
    assert whole.startswith(encode_key(IT.key))
    assert len(whole) - len(encode_key(IT.key)) == 32 * (8 + len(IT.publics))


@pytest.mark.parametrize("count", [1, INPUTS_MAX])
def test_the_smallest_and_the_largest_fit_into_a_contract(count: int, tmp_path: Path) -> None:
    key = replace(IT.key, ic=(IT.key.ic[0], *[IT.key.ic[1]] * count))
    source = tmp_path / "verifier.vy"
    source.write_text(verifier_source(key, CIRCUIT, "verifier"))
    compiled = compile_source(source)
    assert len(compiled.runtime) <= CODE_BYTES_MAX
    assert {item["name"] for item in compiled.abi} == {
        "verifyProof",
        "verifyBatch",
        "CIRCUIT",
        "KEY",
    }
    (verify,) = [item for item in compiled.abi if item["name"] == "verifyProof"]
    types = [field["type"] for field in verify["inputs"]]
    assert types == ["uint256[2]", "uint256[2][2]", "uint256[2]", f"uint256[{count}]"]


def test_keys_that_nobody_may_rely_on_have_no_verifier() -> None:
    first, *rest = IT.key.ic
    for ic, reason in (
        ((first,), "0 public inputs"),
        ((first, *rest[:1] * (INPUTS_MAX + 1)), "65 public inputs"),
        ((first, rest[0], None, rest[2]), r"public inputs \[1\] bind nothing"),
        ((first, (1, 3)), "IC is no point"),
    ):
        with pytest.raises(InvalidKey, match=reason):
            verifier_source(replace(IT.key, ic=ic), CIRCUIT, "verifier")
    damaged = replace(IT.key, delta2=outside_the_subgroup())
    with pytest.raises(InvalidKey, match="delta is no point"):
        verifier_source(damaged, CIRCUIT, "verifier")


@pytest.mark.parametrize("name", ["", "1st", "a b", 'x"""\n', "电路", "x" * 65])
def test_names_that_could_change_the_text_are_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        verifier_source(IT.key, CIRCUIT, name)
