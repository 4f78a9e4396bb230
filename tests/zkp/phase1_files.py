"""Small powers of tau and a small circuit, made once a run, for the tests of phase 1."""

from functools import cache

from zkp.builder import Builder, Circuit
from zkp.field import R, inverse
from zkp.phase1.contribute import apply_beacon, contribute, first_powers
from zkp.phase1.prepare import prepare
from zkp.r1cs import ConstraintSystem, decode_r1cs, encode_r1cs
from zkp.snarkjs.contributions import Beacon
from zkp.snarkjs.ptau import PowersOfTau

POWER = 3
BEACON = Beacon(bytes.fromhex("0123456789abcdef"), 10)


@cache
def powers() -> PowersOfTau:
    """2^3 powers with two secret contributions and a beacon's."""
    once = contribute(first_powers(POWER), name="one", entropy="typed")
    return apply_beacon(contribute(once, name="two 二"), BEACON, name="beacon")


@cache
def prepared() -> PowersOfTau:
    """The same, prepared for phase 2."""
    return prepare(powers())


@cache
def small_circuit() -> Circuit:
    """Four constraints, an output, a public input that no constraint names, negative numbers."""
    builder = Builder("small")
    out = builder.output("out")
    limit, _ = builder.public("limit"), builder.public("free")
    x, y = builder.private("x"), builder.private("y")
    product = builder.multiply(x, y + 3, "product")
    square = builder.multiply(product - limit, product - limit, "square")
    builder.constrain(x, x - 5, 2 * y + 7, "relation", "expected x(x - 5) = 2y + 7")
    builder.expose(out, 12345 * square - 7 * x + 1, "the output is wrong")
    return builder.build()


def small_system() -> ConstraintSystem:
    """Its constraints, in the order of their file."""
    return decode_r1cs(encode_r1cs(small_circuit().system))


def small_witness() -> tuple[int, ...]:
    """A witness of it; y is a half, which is a field element like others."""
    y = 29 * inverse(2) % R
    return small_circuit().assign({"limit": 4, "free": 8, "x": 9, "y": y})
