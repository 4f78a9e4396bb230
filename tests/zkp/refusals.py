"""The refusal table: what is done to an honest proof, and what becomes of it.

One table for every verifier there is: both backends, the contracts on both engines, a running
network. A verifier says True to the honest statement and, but for the first row, False to a row. A
contract that took the honest statement refuses every row.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from zkp.builder import Builder, Circuit
from zkp.curve.g1 import G1, G1Point, P
from zkp.curve.g2 import G2, G2Point
from zkp.field import R
from zkp.groth16.keys import Proof, ProvingKey, VerifyingKey
from zkp.groth16.prove import prove
from zkp.groth16.rerandomise import rerandomise
from zkp.groth16.setup import setup

WORD_MAX = 2**256 - 1
PUBLICS = 3
NULLIFIER, ROOT, UNUSED = range(PUBLICS)


@dataclass(frozen=True)
class Honest:
    """A statement that holds: three public inputs, the last of them in no constraint."""

    circuit: Circuit
    proving: ProvingKey
    proof: Proof
    publics: tuple[int, ...]

    @property
    def key(self) -> VerifyingKey:
        """What a verifier needs."""
        return self.proving.verifying


@dataclass(frozen=True)
class Row:
    """What is done to an honest statement. `is_true` where a verifier has to say True even so."""

    name: str
    change: Callable[[Honest], tuple[Proof, tuple[int, ...]]]
    is_true: bool = False

    @property
    def changes_count(self) -> bool:
        """Whether it has another number of inputs, which some interfaces cannot even say."""
        return "number of inputs" in self.name


@cache
def build_circuit() -> Circuit:
    """Nullifier and root bound to secrets; `unused` is a public signal of no constraint."""
    builder = Builder("refusals")
    nullifier, root, _ = (builder.public(name) for name in ("nullifier", "root", "unused"))
    secret, place = builder.private("secret"), builder.private("place")
    builder.equal(builder.multiply(secret, secret, "mark"), nullifier, "nullifier", "of the secret")
    builder.equal(builder.multiply(secret, place, "leaf"), root, "root", "of secret and place")
    return builder.build()


@cache
def honest(seed: int = 1) -> Honest:
    """The same statement for the same seed: key, proof and inputs."""
    draw = random.Random(seed)
    circuit = build_circuit()
    key = setup(circuit.system, draw.randrange)
    secret, place = 3 + seed, 5
    values = {"nullifier": secret**2, "root": secret * place, "unused": 77}
    witness = circuit.assign({**values, "secret": secret, "place": place})
    proof, publics = prove(key, witness, randbelow=draw.randrange)
    return Honest(circuit, key, proof, publics)


def moved(it: Honest) -> Proof:
    """Another proof of the same statement, made without its witness."""
    return rerandomise(it.key, it.proof, random.Random(3).randrange)


def outside_the_subgroup() -> G2Point:
    """A point of the twist whose order is not r: x = 1, 2, … until one has a root."""
    b0, b1 = 3 * 9 * pow(82, -1, P) % P, -3 * pow(82, -1, P) % P
    for x in range(1, 100):
        c0 = (x**3 + b0) % P
        norm = pow(c0 * c0 + b1 * b1, (P + 1) // 4, P)
        for sign in (norm, P - norm):
            y0 = pow((c0 + sign) * pow(2, -1, P), (P + 1) // 4, P)
            point = ((x, 0), (y0, b1 * pow(2 * y0, -1, P) % P))
            if G2.is_on_curve(point):
                assert not G2.is_in_subgroup(point)
                return point
    raise AssertionError("no point found")


def _g1(point: G1Point | None) -> G1Point:
    assert point is not None
    return point


def _g2(point: G2Point | None) -> G2Point:
    assert point is not None
    return point


def _with(name: str, change: Callable[[Honest], Proof], *, is_true: bool = False) -> Row:
    return Row(name, lambda it: (change(it), it.publics), is_true)


def _coordinate(name: str, part: str, place: int, change: Callable[[int], int]) -> Row:
    """A proof of which one of a point's coordinates is changed, in the order of the words."""

    def changed(it: Honest) -> Proof:
        if part == "b":
            words = [*it.proof.b[0], *it.proof.b[1]]
            words[place] = change(words[place])
            return it.proof._replace(b=((words[0], words[1]), (words[2], words[3])))
        point = list(getattr(it.proof, part))
        point[place] = change(point[place])
        return it.proof._replace(**{part: (point[0], point[1])})

    return _with(name, changed)


def _input(name: str, place: int, change: Callable[[int], int]) -> Row:
    def changed(it: Honest) -> tuple[Proof, tuple[int, ...]]:
        publics = list(it.publics)
        publics[place] = change(publics[place])
        return it.proof, tuple(publics)

    return Row(name, changed)


def _shifted(it: Honest) -> Proof:
    """B with a component whose order divides the cofactor."""
    component = G2.multiply(outside_the_subgroup(), R)
    return it.proof._replace(b=_g2(G2.add(it.proof.b, component)))


def _halves_exchanged(it: Honest) -> Proof:
    (x0, x1), (y0, y1) = it.proof.b
    return it.proof._replace(b=((x1, x0), (y1, y0)))


NO_G1, NO_G2 = (0, 0), ((0, 0), (0, 0))
SIGNALS = ((NULLIFIER, "nullifier"), (ROOT, "root"), (UNUSED, "unused signal"))

TABLE: tuple[Row, ...] = (
    _with("re-randomised proof", moved, is_true=True),
    *(_input(f"{name} + r", place, lambda value: value + R) for place, name in SIGNALS),
    *(_input(f"{name} 2^256 - 1", place, lambda _: WORD_MAX) for place, name in SIGNALS),
    _coordinate("A off the curve", "a", 1, lambda y: y ^ 1),
    _coordinate("B off the curve", "b", 2, lambda y: y ^ 1),
    _coordinate("C off the curve", "c", 1, lambda y: y ^ 1),
    _with("B outside the subgroup", lambda it: it.proof._replace(b=outside_the_subgroup())),
    _with("B with a component outside the subgroup", _shifted),
    *(_coordinate(f"A's {'xy'[i]} + q", "a", i, lambda value: value + P) for i in range(2)),
    *(_coordinate(f"B's word {i} + q", "b", i, lambda value: value + P) for i in range(4)),
    *(_coordinate(f"C's {'xy'[i]} + q", "c", i, lambda value: value + P) for i in range(2)),
    _with("A zero", lambda it: it.proof._replace(a=NO_G1)),
    _with("B zero", lambda it: it.proof._replace(b=NO_G2)),
    _with("C zero", lambda it: it.proof._replace(c=NO_G1)),
    _with("all points zero", lambda _: Proof(NO_G1, NO_G2, NO_G1)),
    Row("everything zero", lambda it: (Proof(NO_G1, NO_G2, NO_G1), (0,) * len(it.publics))),
    _input("altered unused signal", UNUSED, lambda value: value + 1),
    _input("unused signal zero", UNUSED, lambda _: 0),
    _input("altered nullifier", NULLIFIER, lambda value: value + 1),
    _with("A negated", lambda it: it.proof._replace(a=_g1(G1.negate(it.proof.a)))),
    _with("A and C exchanged", lambda it: Proof(it.proof.c, it.proof.b, it.proof.a)),
    _with("B's real and imaginary parts exchanged", _halves_exchanged),
    Row("number of inputs: one less", lambda it: (it.proof, it.publics[:-1])),
    Row("number of inputs: one more, zero", lambda it: (it.proof, (*it.publics, 0))),
    Row("number of inputs: none", lambda it: (it.proof, ())),
    _with("a proof under another key", lambda _: honest(2).proof),
)
