"""A circuit's program run by both backends gives the same witness, or the same refusal in the same
words, as a prover that evaluates everything anew; and what the crate refuses to run."""

import struct
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zkp.gadget_circuits import CASES
from tests.zkp.programs import (
    SMALL,
    assignments,
    circuits,
    elements,
    filled,
    outcome,
    refusal,
)
from zkp import hints, reference
from zkp.backend import BACKENDS, Backend
from zkp.builder import Builder, Circuit, UnsatisfiedConstraint
from zkp.expressions import Expression
from zkp.field import R
from zkp.gadgets.ranges import in_bits
from zkp.hints import Verb
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.witness import PackedWitness, pack

FORMS: dict[Verb, Callable[[Any, Any], hints.Hint]] = {
    Verb.PRODUCT: hints.product,
    Verb.RATIO: hints.ratio,
    Verb.QUOTIENT: hints.quotient,
    Verb.REMAINDER: hints.remainder,
    Verb.EQUAL: hints.is_equal,
    Verb.EXCESS: hints.excess,
}
EXPECTED: dict[Verb, Callable[[int, int], int]] = {
    Verb.PRODUCT: lambda x, y: x * y % R,
    Verb.RATIO: lambda x, y: x * pow(y, R - 2, R) % R,
    Verb.QUOTIENT: lambda x, y: x if y == 0 else x // y,
    Verb.REMAINDER: lambda x, y: 0 if y == 0 else x % y,
    Verb.EQUAL: lambda x, y: 1 if x == y else 0,
    Verb.EXCESS: lambda x, y: x - y if x > y else 0,
}


def attempt(
    circuit: Circuit, inputs: Mapping[str, int], backend: Backend
) -> tuple[tuple[int, ...] | None, str, UnsatisfiedConstraint | None]:
    try:
        return tuple(circuit.witness(inputs, backend)), "", None
    except UnsatisfiedConstraint as error:
        return None, str(error), error


def assert_alike(circuit: Circuit, inputs: Mapping[str, int]) -> None:
    values, words = outcome(circuit, inputs)
    told = set()
    for backend in BACKENDS:
        witness, text, error = attempt(circuit, inputs, backend)
        assert refusal(error) == words
        if not words:
            assert witness == tuple(values)
        told.add(text)
    assert len(told) == 1
    assert list(circuit.solve(inputs)) == values


@settings(max_examples=150, deadline=None)
@given(circuit=circuits(), inputs=assignments)
def test_random_programs_are_run_alike(circuit: Circuit, inputs: dict[str, int]) -> None:
    assert_alike(circuit, inputs)


@pytest.mark.parametrize("name", [name for name in CASES if name != "sha256"])
def test_gadgets_are_run_alike(name: str) -> None:
    """With lawful inputs, and with unlawful ones: each sample's as they are, and at the edges."""
    case = CASES[name]
    circuit = case.build()
    for sample in case.samples:
        assert_alike(circuit, sample)
        for value in (0, R - 1):
            assert_alike(circuit, {**sample, circuit.inputs[-1]: value})


def two_inputs(hint: Callable[[Expression, Expression], hints.Hint]) -> Circuit:
    builder = Builder("two_inputs")
    x, y = builder.private("x"), builder.private("y")
    builder.computed("answer", hint(x, y))
    return builder.build()


HINTED = {verb: two_inputs(form) for verb, form in FORMS.items()}


@pytest.mark.parametrize("verb", FORMS)
@settings(max_examples=60, deadline=None)
@given(x=elements, y=elements)
def test_verbs_say_the_same_of_any_two_elements(verb: Verb, x: int, y: int) -> None:
    for left, right in ((x, y), (x, x), (x, 0)):
        for backend in BACKENDS:
            witness = HINTED[verb].witness({"x": left, "y": right}, backend)
            assert witness[3] == EXPECTED[verb](left, right)


@pytest.mark.parametrize("place", [0, 1, 63, 64, 127, 253, 254, 255, 256, 2**64, R - 1])
def test_digits_of_any_place(place: int, backend: Backend) -> None:
    circuit = two_inputs(lambda x, _: hints.digit(x, place))
    for value in SMALL:
        expected = value // 2**place % 2 if place < 256 else 0
        assert circuit.witness({"x": value, "y": 0}, backend)[3] == expected


def test_a_program_with_a_callable_is_run_by_python() -> None:
    builder = Builder("mixed")
    x = builder.private("x")
    half = builder.computed("half", lambda value: value(x + 1) // 2)
    builder.multiply(in_bits(builder, half, 8, "half"), x, "product")
    circuit = builder.build()
    assert_alike(circuit, {"x": 9})
    assert_alike(circuit, {"x": 999})
    for backend in BACKENDS:
        assert isinstance(circuit.witness({"x": 9}, backend), tuple)


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_read_too_early_is_zero(side: str) -> None:
    builder = Builder("early")
    out = builder.output("out")
    x = builder.private("x")
    early, late = out + x, Expression({**x.terms})
    pair = (early, late) if side == "left" else (late, early)
    square = builder.multiply(*pair, "square")
    builder.multiply(*pair, "again")
    builder.expose(out, square, "the square")
    builder.multiply(*pair, "later")
    circuit = builder.build()
    for value in (0, 1, R - 1):
        assert_alike(circuit, {"x": value})
    assert circuit.solve({"x": 3}) == (1, 9, 3, 9, 9, 36)


def test_lies_are_followed_by_what_comes_after() -> None:
    builder = Builder("chain")
    x = builder.private("x")
    first = builder.multiply(x, x, "first")
    second = builder.multiply(first + x, x, "second")
    builder.computed("third", hints.remainder(second + first, 10))
    circuit = builder.build()
    assert circuit.solve({"x": 3}) == (1, 3, 9, 36, 5)
    assert circuit.solve({"x": 3}, {"first": 4}) == (1, 3, 4, 21, 5)
    assert circuit.solve({"x": 3}, {"first": 4, "third": R + 1}) == (1, 3, 4, 21, 1)
    assert circuit.solve({"x": 3}, {"second": 1}) == (1, 3, 9, 1, 0)


def test_a_packed_witness_reads_as_its_values() -> None:
    values = (1, 0, R - 1, 2**200, 7)
    packed = PackedWitness(pack(values))
    assert (len(packed), tuple(packed), packed[2], packed[-1]) == (5, values, R - 1, 7)
    assert (packed[1:3], packed[::-2], packed[9:]) == (values[1:3], values[::-2], ())
    assert encode_wtns(packed) == encode_wtns(values)
    assert decode_wtns(encode_wtns(packed)) == values
    for place in (5, -6):
        with pytest.raises(IndexError):
            packed[place]


# --- the crate ---

PLAN: dict[str, Any] = {
    "shape": (4, 5, 1, 2),
    "coefficients": [1, 5],
    "terms": [(1, 0), (2, 1)],
    "steps": [(0, 4, 0, 2), (1, 3, 4, 4)],
    "rows": [(4, 4, 3), (1, 2, 3)],
}

FAULTS: dict[str, dict[str, Any]] = {
    "no wires": {"shape": (0, 0, 1, 0)},
    "too many wires": {"shape": (2**24 + 1, 2**24 + 1, 1, 2)},
    "fewer slots than wires": {"shape": (4, 3, 1, 2)},
    "a slot without a step": {"shape": (4, 7, 1, 2)},
    "slots without end": {"shape": (4, 2**40, 1, 2)},
    "an input for the constant": {"shape": (4, 5, 0, 2)},
    "inputs past the wires": {"shape": (4, 5, 1, 4)},
    "a first input past the wires": {"shape": (4, 5, 9, 0)},
    "more inputs than numbers": {"shape": (4, 5, 1, 2**63)},
    "a coefficient of r": {"coefficients": [1, R]},
    "half a coefficient": {"coefficients": b"\1" * 33},
    "a term of no slot": {"terms": [(5, 0)]},
    "a term of no coefficient": {"terms": [(1, 0), (1, 2)]},
    "half a term": {"terms": bytes(12)},
    "no such verb": {"steps": [(8, 4, 0, 2)]},
    "a step into no slot": {"steps": [(0, 4, 0, 2), (1, 5, 4, 4)]},
    "a product of no slot": {"steps": [(0, 4, 0, 2), (1, 3, 4, 5)]},
    "a ratio of no slot": {"steps": [(0, 4, 0, 2), (2, 3, 2**32 - 1, 1)]},
    "a sum past the terms": {"steps": [(0, 4, 0, 3)]},
    "a sum from its end to its beginning": {"steps": [(0, 4, 2, 1)]},
    "half a step": {"steps": bytes(24)},
    "a row of no slot": {"rows": [(4, 4, 3), (1, 2, 5)]},
    "half a row": {"rows": bytes(16)},
}


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    flat = [number for row in value for number in row]
    return struct.pack(f"<{len(flat)}I", *flat)


def program(**changes: Any) -> Any:
    crate = pytest.importorskip("quorate_native")
    pytest.importorskip("zkp.native", exc_type=ImportError)
    plan = {**PLAN, **changes}
    coefficients = plan["coefficients"]
    packed = coefficients if isinstance(coefficients, bytes) else pack(coefficients)
    rest = [_bytes(plan[name]) for name in ("terms", "steps", "rows")]
    return crate.WitnessProgram(plan["shape"], packed, *rest)


def test_the_crate_runs_a_plan() -> None:
    """(x + 5y)² in wire 3, which is x · y only by accident."""
    sound = program()
    packed, broken = sound.fill(pack([2, 3]))
    assert (tuple(PackedWitness(packed)), broken) == ((1, 2, 3, 289), 1)
    assert sound.fill(pack([0, 0])) == (pack([1, 0, 0, 0]), None)
    for wrong in (b"", pack([2]), pack([2, 3, 4]), pack([2, R]), pack([2, 3])[:-1]):
        with pytest.raises(ValueError, match="expected"):
            sound.fill(wrong)


@pytest.mark.parametrize("name", FAULTS)
def test_the_crate_refuses_a_plan_that_is_none(name: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        program(**FAULTS[name])


@settings(max_examples=300, deadline=None)
@given(
    shape=st.tuples(*[st.integers(0, 8)] * 4),
    terms=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=4),
    steps=st.lists(st.tuples(st.integers(0, 8), *[st.integers(0, 9)] * 3), max_size=5),
    rows=st.lists(st.tuples(*[st.integers(0, 9)] * 3), max_size=3),
    value=elements,
)
def test_any_numbers_are_refused_or_run(
    shape: tuple[int, ...],
    terms: list[tuple[int, ...]],
    steps: list[tuple[int, ...]],
    rows: list[tuple[int, ...]],
    value: int,
) -> None:
    try:
        made = program(shape=shape, terms=terms, steps=steps, rows=rows)
    except ValueError:
        return
    packed, broken = made.fill(pack([value] * shape[3]))
    assert len(packed) == 32 * shape[0]
    assert broken is None or broken < len(rows)


def test_the_reference_is_asked_where_nothing_is_built() -> None:
    assert reference in BACKENDS
    circuit = HINTED[Verb.EXCESS]
    inputs = {"x": 5, "y": 3}
    assert reference.fill(circuit._plan, [5, 3]) == (tuple(filled(circuit, inputs)), None)
