"""EdDSA-Poseidon on Baby Jubjub: circomlibjs' values, forged signatures, the same in a circuit."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zkp.planted import each_left_out
from zkp.babyjubjub import (
    BASE,
    COFACTOR,
    IDENTITY,
    SUBGROUP_ORDER,
    A,
    D,
    InvalidPoint,
    Point,
    add,
    is_on_curve,
    multiply,
)
from zkp.blake512 import blake512
from zkp.builder import Builder, Circuit, UnsatisfiedConstraint
from zkp.eddsa import (
    InvalidPrivateKey,
    Signature,
    check_public_key,
    fresh_private_key,
    public_key,
    sign,
    verify,
)
from zkp.field import InvalidElement, R
from zkp.gadgets import edwards
from zkp.gadgets.eddsa import SignatureSignals, verify_signature
from zkp.gadgets.ranges import decompose
from zkp.uniqueness.check import Answer, check
from zkp.uniqueness.roots import square_root

VECTORS = Path(__file__).parents[1] / "vectors" / "circomlib"
KEY, MESSAGE = bytes(range(32)), 2**250 + 12345
PUBLIC, SIGNATURE = public_key(KEY), sign(KEY, MESSAGE)
# A point of order 2, and one of order 4: x² = 1/a.
ORDER_TWO = Point(0, R - 1)
ORDER_FOUR = Point(square_root(pow(A, -1, R)) or 0, 0)


def test_circomlibjs_keys_and_signatures() -> None:
    vectors = json.loads((VECTORS / "eddsa.json").read_text())
    assert list(map(str, BASE)) == vectors["base8"]
    for case in vectors["cases"]:
        key, message = bytes.fromhex(case["private_key"]), int(case["message"])
        signature = sign(key, message)
        assert list(map(str, public_key(key))) == case["public_key"]
        assert list(map(str, signature.r8)) == case["r8"]
        assert str(signature.s) == case["s"]
        assert verify(public_key(key), message, signature)
    for case in vectors["multiples"]:
        assert list(map(str, multiply(BASE, int(case["k"])))) == case["point"]


def test_blake512_of_lengths_around_a_block() -> None:
    for length, digest in json.loads((VECTORS / "blake512.json").read_text()).items():
        assert blake512(b"\x07" * int(length)).hex() == digest


def test_the_reason_why_addition_is_complete() -> None:
    assert pow(A, (R - 1) // 2, R) == 1
    assert pow(D, (R - 1) // 2, R) == R - 1
    assert multiply(BASE, SUBGROUP_ORDER) == IDENTITY
    assert is_on_curve(ORDER_TWO)
    assert is_on_curve(ORDER_FOUR)
    assert multiply(ORDER_FOUR, 2) == ORDER_TWO


def test_the_group_law() -> None:
    for left, right in ((3, 5), (0, 7), (4, 4), (9, SUBGROUP_ORDER - 9)):
        total = add(multiply(BASE, left), multiply(BASE, right))
        assert total == multiply(BASE, (left + right) % SUBGROUP_ORDER)


FORGED: dict[str, tuple[Point, int, Signature]] = {
    "another message": (PUBLIC, MESSAGE + 1, SIGNATURE),
    "another key": (public_key(bytes(32)), MESSAGE, SIGNATURE),
    "s + order": (PUBLIC, MESSAGE, Signature(SIGNATURE.r8, SIGNATURE.s + SUBGROUP_ORDER)),
    "s + 1": (PUBLIC, MESSAGE, Signature(SIGNATURE.r8, SIGNATURE.s + 1)),
    "negated s": (PUBLIC, MESSAGE, Signature(SIGNATURE.r8, SUBGROUP_ORDER - SIGNATURE.s)),
    "R8 of mixed order": (
        PUBLIC,
        MESSAGE,
        Signature(add(SIGNATURE.r8, ORDER_TWO), SIGNATURE.s),
    ),
    "R8 off the curve": (PUBLIC, MESSAGE, Signature(Point(1, 1), SIGNATURE.s)),
    "the neutral point as a key": (IDENTITY, MESSAGE, Signature(multiply(BASE, 5), 5)),
    "a key of order two": (ORDER_TWO, MESSAGE, Signature(multiply(BASE, 5), 5)),
    "a key of order four": (ORDER_FOUR, MESSAGE, Signature(multiply(BASE, 5), 5)),
    "a key off the curve": (Point(2, 3), MESSAGE, Signature(multiply(BASE, 5), 5)),
}


@pytest.mark.parametrize("name", FORGED)
def test_forgeries_are_refused(name: str) -> None:
    assert not verify(*FORGED[name])


def test_unreduced_numbers_are_refused() -> None:
    assert not verify(PUBLIC, MESSAGE + R, SIGNATURE)
    assert not verify(Point(PUBLIC.x + R, PUBLIC.y), MESSAGE, SIGNATURE)
    with pytest.raises(InvalidElement, match="message"):
        sign(KEY, R)
    with pytest.raises(InvalidPrivateKey, match="32 bytes"):
        sign(b"short", 1)


def test_a_registry_takes_keys_of_the_subgroup_only() -> None:
    assert check_public_key(PUBLIC) == PUBLIC
    for point in (IDENTITY, ORDER_TWO, add(PUBLIC, ORDER_TWO), Point(1, 1)):
        with pytest.raises(InvalidPoint):
            check_public_key(point)
    fresh = fresh_private_key()
    assert verify(public_key(fresh), 7, sign(fresh, 7))


# --- in a circuit ---


def on_points(compute: object, bits: int = 0) -> Circuit:
    """A circuit with an output point of two input points and a number of `bits`."""
    builder = Builder("points")
    out = [builder.output(axis) for axis in "xy"]
    coordinates = [builder.private(name) for name in ("px", "py", "qx", "qy")]
    number = builder.private("n") if bits else None
    p = edwards.on_curve(builder, coordinates[0], coordinates[1], "p")
    q = edwards.on_curve(builder, coordinates[2], coordinates[3], "q")
    digits = decompose(builder, number, bits, "n", "a number") if number is not None else []
    point = compute(builder, p, q, digits)  # type: ignore[operator]
    for output, value in zip(out, point, strict=True):
        builder.expose(output, value, "expected the point")
    return builder.build()


ADD = on_points(lambda b, p, q, n: edwards.add_points(b, p, q, "sum"))
DOUBLE = on_points(lambda b, p, q, n: edwards.double_point(b, p, "double"))
FIXED = on_points(lambda b, p, q, n: edwards.fixed_multiple(b, BASE, n, "fixed"), 7)
ANY = on_points(lambda b, p, q, n: edwards.multiple(b, p, n, "any"), 4)


def outcome(circuit: Circuit, p: Point, q: Point, **n: int) -> Point:
    inputs = {"px": p.x, "py": p.y, "qx": q.x, "qy": q.y, **n}
    return Point(*circuit.publics(circuit.assign(inputs)))


small = st.integers(0, 40).map(lambda scalar: multiply(BASE, scalar))
points = st.one_of(small, st.sampled_from([IDENTITY, ORDER_TWO, ORDER_FOUR]))


@settings(max_examples=20, deadline=None)
@given(points, points, st.integers(0, 127))
def test_points_in_circuits_are_those_of_the_curve(p: Point, q: Point, n: int) -> None:
    assert outcome(ADD, p, q) == add(p, q)
    assert outcome(DOUBLE, p, q) == add(p, p)
    assert outcome(FIXED, p, q, n=n) == multiply(BASE, n)
    assert outcome(ANY, p, q, n=n % 16) == multiply(p, n % 16)


def test_a_point_off_the_curve_is_refused() -> None:
    with pytest.raises(UnsatisfiedConstraint, match="point on Baby Jubjub"):
        outcome(ADD, Point(1, 1), BASE)


@pytest.mark.parametrize("circuit", [ADD, DOUBLE, FIXED, ANY], ids=["add", "double", "fix", "any"])
def test_points_are_determined_by_the_law_of_the_curve(circuit: Circuit) -> None:
    verdict = check(circuit)
    assert verdict.answer is Answer.UNIQUE
    assert set(verdict.arguments) == {edwards.COMPLETENESS}


def test_each_constraint_of_an_addition_left_out_is_found() -> None:
    sample = {"px": BASE.x, "py": BASE.y, "qx": PUBLIC.x, "qy": PUBLIC.y}
    for name, damaged in each_left_out(ADD):
        if not name.startswith("sum."):
            # That the inputs are points demands something of them and determines nothing.
            continue
        assert check(damaged, [sample]).answer is Answer.COUNTEREXAMPLE, name


@cache
def signature_circuit() -> Circuit:
    builder = Builder("signature")
    message = builder.public("message")
    key = (builder.private("key_x"), builder.private("key_y"))
    signature = SignatureSignals(*(builder.private(name) for name in ("r8_x", "r8_y", "s")))
    verify_signature(builder, key, message, signature, "signature")
    return builder.build()


def signature_inputs(public: Point, message: int, signature: Signature) -> dict[str, int]:
    r8, s = signature
    return {
        **{"message": message, "key_x": public.x, "key_y": public.y},
        **{"r8_x": r8.x, "r8_y": r8.y, "s": s},
    }


def test_the_circuit_takes_a_signature() -> None:
    circuit = signature_circuit()
    circuit.assign(signature_inputs(PUBLIC, MESSAGE, SIGNATURE))
    assert len(circuit.system.constraints) == 5494


@pytest.mark.parametrize("name", FORGED)
def test_the_circuit_refuses_what_verify_refuses(name: str) -> None:
    with pytest.raises(UnsatisfiedConstraint):
        signature_circuit().assign(signature_inputs(*FORGED[name]))


def test_the_circuit_leaves_nothing_to_choose() -> None:
    verdict = check(signature_circuit())
    assert verdict.answer is Answer.UNIQUE
    assert verdict.arguments == (edwards.COMPLETENESS,)


def test_a_key_of_mixed_order_signs_like_its_part_in_the_subgroup() -> None:
    mixed = add(PUBLIC, ORDER_TWO)
    assert multiply(mixed, COFACTOR) == multiply(PUBLIC, COFACTOR)
    assert not verify(mixed, MESSAGE, SIGNATURE)  # the challenge has the key in it
