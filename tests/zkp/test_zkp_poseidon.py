"""Poseidon against circomlib's published results and circom's own witnesses."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkp.builder import Builder
from zkp.expressions import Expression, constant
from zkp.field import InvalidElement, R
from zkp.gadgets import poseidon as gadget
from zkp.grain import parameters
from zkp.poseidon import poseidon


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        # From circomlib's own tests: test/poseidoncircuit.js and test/poseidonjs.js.
        ((1, 2), 0x115CC0F5E7D690413DF64C6B9662E9CF2A3617F2743245519E19607A4417189A),
        ((1, 2, 3, 4), 0x299C867DB6C1FDD79DCEFA40E4510B9837E60EBB1CE0663DBAA525DF65250465),
        (
            tuple(range(1, 17)),
            9989051620750914585850546081941653841776809718687451684622678807385399211877,
        ),
    ],
)
def test_published_results(inputs: tuple[int, ...], expected: int) -> None:
    assert poseidon(*inputs) == expected


@pytest.mark.parametrize("name", ["m500", "m4k"])
def test_the_merkle_roots_of_circoms_circuits(name: str, vectors: Path) -> None:
    given_inputs = json.loads((vectors / f"{name}.input.json").read_text())
    root = int(given_inputs["leaf"][0])
    for sibling, bit in zip(given_inputs["sib"][0], given_inputs["bit"][0], strict=True):
        pair = (int(sibling), root) if bit == "1" else (root, int(sibling))
        root = poseidon(*pair)
    assert root == int(json.loads((vectors / f"{name}.public.json").read_text())[0])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, R - 1), min_size=1, max_size=10))
def test_the_circuit_computes_the_same(inputs: list[int]) -> None:
    builder = Builder("hash")
    claimed = builder.public("claimed")
    signals = [builder.private(f"input{index}") for index in range(len(inputs))]
    builder.equal(gadget.poseidon(builder, list(signals), "hash"), claimed, "equal", "a hash")
    circuit = builder.build()
    values = {f"input{index}": value for index, value in enumerate(inputs)}
    circuit.assign({**values, "claimed": poseidon(*inputs)})
    with pytest.raises(ValueError, match="a hash"):
        circuit.assign({**values, "claimed": (poseidon(*inputs) + 1) % R})


def test_constants_cost_no_constraints() -> None:
    def constraints(first: Expression | None) -> int:
        builder = Builder("hash")
        signals = [first or builder.private("first"), builder.private("second")]
        gadget.poseidon(builder, signals, "hash")
        return len(builder.build().system.constraints)

    rounds = parameters(3)
    # The capacity element's first S-box is a constant in both, the tag's in one.
    assert constraints(None) == 3 * (3 * 8 + rounds.partial_rounds - 1)
    assert constraints(constant(5)) == constraints(None) - 3


@pytest.mark.parametrize("value", [-1, R])
def test_unreduced_inputs_are_refused(value: int) -> None:
    with pytest.raises(InvalidElement, match="poseidon input 1"):
        poseidon(1, value)
