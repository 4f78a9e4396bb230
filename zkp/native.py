"""The backend in Rust (arkworks, both cores): the verbs of `zkp.reference` over `quorate_native`.

Importing it raises `ImportError` where the crate is not built, or built for another version;
`zkp.backend` knows what then.
Numbers cross as 32 bytes big-endian, points as EIP-196 and EIP-197 write them; only what belongs to
a witness is little-endian, as its file is.
"""

import secrets
import struct
import weakref
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar, cast

import quorate_native as crate
from quorate_native import (
    INTERFACE as BUILT_INTERFACE,
)
from quorate_native import (
    Groth16ProvingKey,
    Groth16VerifyingKey,
    WitnessProgram,
    g1_combinations,
    g1_sum_of_multiples,
    g2_combinations,
    g2_sum_of_multiples,
)

from zkp import filling
from zkp.combinations import Sum
from zkp.curve.g1 import G1, G1Point, P
from zkp.curve.g2 import G2Point
from zkp.curve.group import Group
from zkp.field import ELEMENT_BYTES, R
from zkp.filling import Plan
from zkp.groth16.keys import InvalidKey, Proof, ProvingKey, VerifyingKey
from zkp.groth16.prove import check_witness, unproven
from zkp.hints import Verb
from zkp.precompiles import InvalidCurveInput
from zkp.r1cs import ConstraintSystem
from zkp.snarkjs import zkey
from zkp.snarkjs.calldata import g1_words, g2_words, key_words, proof_words
from zkp.witness import PackedWitness, pack

__all__ = [
    "NAME",
    "combine",
    "decode_zkey",
    "ecadd",
    "ecmul",
    "ecpairing",
    "evaluate",
    "fill",
    "interpolate",
    "multi_scalar_multiply",
    "multiply_each",
    "pairing_product_is_one",
    "prove",
    "verify",
]

NAME = "native"

INTERFACE = 9
"""The `INTERFACE` of `native/src/lib.rs` that this code speaks; the two change together."""

if BUILT_INTERFACE != INTERFACE:
    raise ImportError(f"expected quorate_native's interface {INTERFACE}, found {BUILT_INTERFACE}")

Point = TypeVar("Point")


def decode_zkey(data: bytes) -> ProvingKey:
    """The key in a file, its rows left as bytes that Rust has checked.

    Raises `InvalidFile` for its form and `InvalidKey` for its points.
    """
    try:
        loaded = Groth16ProvingKey(data)
    except ValueError as error:
        # The reference's own words, where it finds the fault as well.
        zkey.decode_zkey(data)
        raise _damaged(error) from None
    key = zkey.open_zkey(data)
    _keep(key, loaded)
    return key


def prove(
    key: ProvingKey,
    witness: Sequence[int],
    *,
    system: ConstraintSystem | None = None,
    randbelow: Callable[[int], int] = secrets.randbelow,
) -> tuple[Proof, tuple[int, ...]]:
    """A proof and its public signals. Raises `InvalidWitness` if the witness proves nothing.

    The first proof with a key that `decode_zkey` did not read hands it over to Rust, which takes
    longer than a proof. `randbelow` blinds the proof: a predictable one gives the witness away.
    """
    check_witness(key, witness, system)
    r, s = randbelow(R), randbelow(R)
    made = _loaded(key).prove(pack(witness), _encode([r]), _encode([s]))
    if made is None:
        raise unproven()
    return _decode_proof(made), tuple(witness[1 : key.verifying.publics + 1])


def fill(plan: Plan, inputs: Sequence[int]) -> tuple[Sequence[int], int | None]:
    """All wires from the inputs, and the number of the first constraint that does not hold.

    A plan with an author's own callable in it is followed by Python.
    """
    if not plan.is_data:
        return filling.fill(plan, inputs)
    program = _programs.get(plan)
    if program is None:
        program = _programs[plan] = _program(plan)
    packed, broken = program.fill(pack(inputs))
    return PackedWitness(packed), None if broken is None else plan.open_rows[broken][0]


def verify(key: VerifyingKey, proof: Proof, publics: Sequence[int]) -> bool:
    """Whether the proof shows the statement with these public inputs.

    False for points off their curve or subgroup, for a wrong number of inputs, and for inputs
    not below r. Raises `InvalidKey` for a key that `VerifyingKey.check` would refuse.
    """
    words = proof_words(proof)
    flat = (*words.a, *words.b, *words.c)
    if not all(0 <= value < P for value in flat) or not all(0 <= value < R for value in publics):
        return False
    return bool(_prepared(key).verify(_encode(flat), _encode(publics)))


def multi_scalar_multiply(
    group: Group[Point], points: Sequence[Point | None], scalars: Sequence[int]
) -> Point | None:
    """The sum of scalar · point over both sequences, scalars in [0, r)."""
    # A group's name decides what its points are, which types cannot say.
    if group.name == G1.name:
        flat = _encode_g1(cast(Sequence[G1Point | None], points))
        x, y = _decode(g1_sum_of_multiples(flat, _encode(scalars)))
        return cast(Point, (x, y)) if x or y else None
    flat = _encode_g2(cast(Sequence[G2Point | None], points))
    x1, x0, y1, y0 = _decode(g2_sum_of_multiples(flat, _encode(scalars)))
    return cast(Point, ((x0, x1), (y0, y1))) if any((x0, x1, y0, y1)) else None


def combine(
    group: Group[Point],
    points: Sequence[Point | None],
    lists: Sequence[Sequence[tuple[int, int]]],
) -> list[Point | None]:
    """For each list of (place, number) the sum of number · points[place], numbers in [0, r)."""
    terms = [term for row in lists for term in row]
    places, scalars = (_numbers([place for place, _ in terms]), _encode([n for _, n in terms]))
    lengths = _numbers([len(row) for row in lists])
    if group.name == G1.name:
        flat = _encode_g1(cast(Sequence[G1Point | None], points))
        words = _decode(g1_combinations(flat, places, scalars, lengths))
        pairs = zip(words[::2], words[1::2], strict=True)
        return [cast(Point, pair) if any(pair) else None for pair in pairs]
    flat = _encode_g2(cast(Sequence[G2Point | None], points))
    words = _decode(g2_combinations(flat, places, scalars, lengths))
    return [
        cast(Point, ((x0, x1), (y0, y1))) if any((x0, x1, y0, y1)) else None
        for x1, x0, y1, y0 in zip(*(words[place::4] for place in range(4)), strict=True)
    ]


def multiply_each(
    group: Group[Point], points: Sequence[Point | None], scalars: Sequence[int]
) -> list[Point | None]:
    """scalar · point place by place, scalars in [0, r), on all cores."""
    return combine(group, points, [[term] for term in enumerate(scalars)])


def evaluate(coefficients: Sequence[int]) -> list[int]:
    """Values at all n-th roots of unity, n a power of two."""
    return _decode(crate.fft(_encode(coefficients)))


def interpolate(values: Sequence[int]) -> list[int]:
    """Coefficients of the polynomial with these values at the n-th roots of unity."""
    return _decode(crate.fft(_encode(values), inverse=True))


def pairing_product_is_one(pairs: Sequence[tuple[G1Point | None, G2Point | None]]) -> bool:
    """Whether the product of e(g1, g2) over the pairs is one.

    Raises `InvalidCurveInput` for points off their curve or subgroup.
    """
    data = b"".join(_encode_g1([left]) + _encode_g2([right]) for left, right in pairs)
    return any(ecpairing(data))


def ecadd(data: bytes) -> bytes:
    """Address 6: the sum of two points of G1; missing bytes are zeros, more are ignored."""
    return _refusing(crate.ecadd, data)


def ecmul(data: bytes) -> bytes:
    """Address 7: a point of G1 times a 256-bit number."""
    return _refusing(crate.ecmul, data)


def ecpairing(data: bytes) -> bytes:
    """Address 8: 1 as a word if the product of the pairings is one, else 0."""
    return _refusing(crate.ecpairing, data)


def _refusing(precompile: Callable[[bytes], bytes], data: bytes) -> bytes:
    try:
        return precompile(data)
    except ValueError as error:
        raise InvalidCurveInput(str(error)) from None


@lru_cache(maxsize=64)
def _prepared(key: VerifyingKey) -> Groth16VerifyingKey:
    alpha, beta, gamma, delta, ic = key_words(key)
    words = (*alpha, *beta, *gamma, *delta, *(value for point in ic for value in point))
    try:
        return Groth16VerifyingKey(_encode(words))
    except (ValueError, OverflowError) as error:
        raise InvalidKey(f"the verification key is damaged: {error}") from None


# Keys that Rust has read, by the identity of the Python value, which has no hash of its own.
_keys: dict[int, tuple["weakref.ref[ProvingKey]", Groth16ProvingKey]] = {}


def _loaded(key: ProvingKey) -> Groth16ProvingKey:
    identity = id(key)
    if identity not in _keys:
        try:
            loaded = Groth16ProvingKey(zkey.encode_zkey(key))
        except ValueError as error:
            raise _damaged(error) from None
        _keep(key, loaded)
    return _keys[identity][1]


def _keep(key: ProvingKey, loaded: Groth16ProvingKey) -> None:
    """Until the Python value is gone, before its identity can mean another one."""
    identity = id(key)
    _keys[identity] = weakref.ref(key, lambda _: _keys.pop(identity, None)), loaded


def _damaged(error: ValueError) -> InvalidKey:
    return InvalidKey(f"the proving key is damaged: {error}")


# Programs that Rust has read; dropped with their plans.
_programs: "weakref.WeakKeyDictionary[Plan, WitnessProgram]" = weakref.WeakKeyDictionary()

# The verb of a step that fills in a sum: its sides are where the sum's terms begin and end.
_SUM = 0


def _program(plan: Plan) -> WitnessProgram:
    places: dict[int, int] = {}
    terms: list[int] = []
    steps: list[int] = []
    for slot, by, left, right in plan.steps:
        if isinstance(by, Verb):
            steps += (by, slot, left, right)
            continue
        assert isinstance(by, Sum), "a plan that is data has no callables"
        start = len(terms) // 2
        for used, coefficient in zip(by.uses, by.coefficients, strict=True):
            terms += (used, places.setdefault(coefficient, len(places)))
        steps += (_SUM, slot, start, len(terms) // 2)
    shape = (plan.wires, plan.slots, plan.first_input, plan.inputs)
    rows = [slot for _, row in plan.open_rows for slot in row]
    return WitnessProgram(shape, pack(list(places)), *map(_numbers, (terms, steps, rows)))


def _numbers(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _encode(values: Sequence[int]) -> bytes:
    return b"".join([value.to_bytes(ELEMENT_BYTES) for value in values])


def _decode(data: bytes) -> list[int]:
    starts = range(0, len(data), ELEMENT_BYTES)
    return [int.from_bytes(data[start : start + ELEMENT_BYTES]) for start in starts]


def _encode_g1(points: Sequence[G1Point | None]) -> bytes:
    return b"".join(_encode(g1_words(point)) for point in points)


def _encode_g2(points: Sequence[G2Point | None]) -> bytes:
    return b"".join(
        bytes(4 * ELEMENT_BYTES) if point is None else _encode(g2_words(point)) for point in points
    )


def _decode_proof(data: bytes) -> Proof:
    ax, ay, bx1, bx0, by1, by0, cx, cy = _decode(data)
    return Proof((ax, ay), ((bx0, bx1), (by0, by1)), (cx, cy))
