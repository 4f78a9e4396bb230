"""The verifier on chain, judged by proofs that snarkjs made."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.bindings import keys
from contracts.bindings.contract import Call
from ledger.pyevm import PyEvmEngine
from ledger.values import Hash32, keccak
from tests.contracts.contract_group import Group, new_group
from tests.contracts.test_contracts_keys import approve
from zkp.field import R
from zkp.groth16.keys import Proof
from zkp.snarkjs.texts import decode_proof, decode_publics, decode_verifying_key

VECTORS = Path(__file__).parents[1] / "vectors" / "snarkjs"
P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
CASES = ("m500", "m4k")


@dataclass(frozen=True)
class Case:
    circuit: Hash32
    proof: Proof
    publics: tuple[int, ...]


@pytest.fixture(scope="module")
def registered() -> Group:
    group = new_group()
    for name in CASES:
        key = decode_verifying_key((VECTORS / f"{name}.vkey.json").read_text())
        circuit = keccak(name.encode())
        group.do("author", keys.register(circuit, key, test_only=True))
        approve(group, keys.approve_key(keys.key_id(circuit, key, test_only=True)))
    return group


def case(name: str) -> Case:
    return Case(
        keccak(name.encode()),
        decode_proof((VECTORS / f"{name}.proof.json").read_text()),
        decode_publics((VECTORS / f"{name}.public.json").read_text()),
    )


def holds(group: Group, case: Case, proof: Proof, publics: tuple[int, ...]) -> bool:
    answer: bool = group.ask(keys.verify(case.circuit, proof, publics))
    return answer


@pytest.mark.parametrize("name", CASES)
def test_snarkjs_proofs_hold(registered: Group, name: str) -> None:
    it = case(name)
    assert holds(registered, it, it.proof, it.publics)


def test_py_evms_own_curve_agrees(registered: Group) -> None:
    group, it = registered.copy(), case("m500")
    group.engine = PyEvmEngine()
    assert holds(group, it, it.proof, it.publics)
    assert not holds(group, it, it.proof._replace(c=it.proof.a), it.publics)


def test_arguments_are_those_of_snarkjs_calldata() -> None:
    text = (VECTORS / "m500.calldata.txt").read_text()
    a, b, c, publics = json.loads(f"[{text}]")
    words = keys.proof_arguments(case("m500").proof)
    assert words[0] == tuple(int(word, 16) for word in a)
    assert words[1] == tuple(tuple(int(word, 16) for word in row) for row in b)
    assert words[2] == tuple(int(word, 16) for word in c)
    assert case("m500").publics == tuple(int(word, 16) for word in publics)


def flip(value: int, bit: int) -> int:
    return value ^ (1 << bit)


@pytest.mark.parametrize("part", ["a", "b", "c"])
@pytest.mark.parametrize("bit", [0, 200])
def test_a_proof_with_one_bit_changed_fails(registered: Group, part: str, bit: int) -> None:
    it = case("m500")
    if part == "b":
        (x0, x1), y = it.proof.b
        altered = it.proof._replace(b=((flip(x0, bit), x1), y))
    else:
        x, y = getattr(it.proof, part)
        altered = it.proof._replace(**{part: (flip(x, bit), y)})
    assert not holds(registered, it, altered, it.publics)


def test_points_of_the_curve_that_are_not_the_proofs_fail(registered: Group) -> None:
    it = case("m500")
    assert not holds(registered, it, it.proof._replace(a=it.proof.c), it.publics)
    assert not holds(registered, it, it.proof._replace(c=it.proof.a), it.publics)
    x, y = it.proof.a
    assert not holds(registered, it, it.proof._replace(a=(x, P - y)), it.publics)
    assert not holds(registered, it, it.proof._replace(a=(0, 0)), it.publics)


def test_coordinates_from_p_on_fail(registered: Group) -> None:
    it = case("m500")
    x, y = it.proof.a
    for altered in ((x + P, y), (x, y + P)):
        assert not holds(registered, it, it.proof._replace(a=altered), it.publics)
    x, y = it.proof.c
    assert not holds(registered, it, it.proof._replace(c=(x, y + P)), it.publics)


@pytest.mark.parametrize("position", [0, 1])
def test_an_input_plus_r_fails(registered: Group, position: int) -> None:
    it = case("m500")
    publics = list(it.publics)
    publics[position] += R
    assert publics[position] < 2**256
    assert not holds(registered, it, it.proof, tuple(publics))


def test_other_inputs_fail(registered: Group) -> None:
    it = case("m500")
    first, second = it.publics
    for publics in (
        (first + 1, second),
        (second, first),
        (first,),
        (first, second, 0),
        (),
        (0,) * 32,
    ):
        assert not holds(registered, it, it.proof, publics)


def test_another_circuits_proof_fails(registered: Group) -> None:
    it, other = case("m500"), case("m4k")
    assert not holds(registered, it, other.proof, other.publics)


def test_a_circuit_without_a_key_fails(registered: Group) -> None:
    it = case("m500")
    assert not registered.ask(keys.verify(keccak(b"unknown"), it.proof, it.publics))


def test_a_malformed_proof_leaves_the_caller_its_gas(registered: Group) -> None:
    it = case("m500")
    x, y = it.proof.a
    call = keys.verify(it.circuit, it.proof._replace(a=(x, y ^ 1)), it.publics)
    receipt = registered.do("applicant", Call(call.to, call.data))
    assert receipt.gas_used < 500_000
