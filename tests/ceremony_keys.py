"""A key of few points for ceremonies in tests: x^3 + x + 5 = out, made with delta 1."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from zkp.ceremony.contribute import apply_beacon, contribute
from zkp.ceremony.key_file import CeremonyKey, decode_key
from zkp.ceremony.transcript import transcript_of
from zkp.curve import jacobian
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2
from zkp.field import R
from zkp.groth16.setup import setup
from zkp.phase1.contribute import contribute as contribute_powers
from zkp.phase1.contribute import first_powers
from zkp.phase1.prepare import prepare
from zkp.r1cs import Constraint, ConstraintSystem
from zkp.snarkjs.contributions import Beacon, Contribution
from zkp.snarkjs.ptau import encode_ptau
from zkp.snarkjs.randomness import hash_to_g2
from zkp.snarkjs.zkey import encode_zkey

# Wires: 1, out, x, x^2, x^3.
SYSTEM = ConstraintSystem(
    wires=5,
    public_outputs=1,
    public_inputs=0,
    private_inputs=1,
    constraints=(
        Constraint({2: 1}, {2: 1}, {3: 1}),
        Constraint({3: 1}, {2: 1}, {4: 1}),
        Constraint({4: 1, 2: 1, 0: 5}, {0: 1}, {1: 1}),
    ),
)
WITNESS = (1, 35, 3, 9, 27)
BEACON = Beacon(bytes(range(32)), 10)
EXPONENT = 10


@cache
def initial_file() -> bytes:
    """The key as a set-up from a phase 1 would make it, though one party drew all of it here."""
    last_is_one = iter((71, 72, 73, 0))
    return encode_zkey(setup(SYSTEM, lambda below: next(last_is_one) % below))


@cache
def powers_file() -> bytes:
    """A phase 1 that one party made, large enough for the circuit."""
    return encode_ptau(prepare(contribute_powers(first_powers(4), name="tax")))


def initial() -> CeremonyKey:
    return decode_key(initial_file())


@cache
def three() -> tuple[CeremonyKey, CeremonyKey, CeremonyKey]:
    """The states of the key after one, two and three contributions."""
    first = contribute(initial(), "tax")
    second = contribute(first, "market", "dice: 3 1 6")
    return first, second, contribute(second, "data")


@cache
def finished() -> CeremonyKey:
    return apply_beacon(three()[2], BEACON, "beacon")


def with_last(key: CeremonyKey, change: Callable[[Contribution], Contribution]) -> CeremonyKey:
    """The key with its last contribution changed."""
    *before, last = key.history.contributions
    return replace(key, history=replace(key.history, contributions=(*before, change(last))))


def moved(point: G1Point | None) -> G1Point | None:
    """Another point of the group."""
    return G1.add(point, G1.generator)


def forged(parent: CeremonyKey, secret: int, proven: int, name: str = "forger") -> CeremonyKey:
    """A child by `secret` whose proof of knowledge is of another factor, and bound as it should."""
    history = parent.history
    g1_s = G1.generator
    g1_sx = jacobian.multiply(g1_s, proven)
    assert g1_sx is not None
    transcript = transcript_of(history.circuit_hash, history.contributions, g1_s, g1_sx)
    g2_spx = G2.multiply(hash_to_g2(transcript), proven)
    delta1 = jacobian.multiply(parent.delta1, secret)
    delta2 = G2.multiply(parent.delta2, secret)
    assert g2_spx is not None
    assert delta1 is not None
    assert delta2 is not None
    by_secret = pow(secret, -1, R)
    made = Contribution(delta1, g1_s, g1_sx, g2_spx, transcript)
    return replace(
        parent,
        delta1=delta1,
        delta2=delta2,
        l=[jacobian.multiply(point, by_secret) for point in parent.l],
        h=[jacobian.multiply(point, by_secret) for point in parent.h],
        history=replace(history, contributions=(*history.contributions, made)),
    )
