"""Groth16: complete, refusing whatever was altered, and refusing to prove what is not so."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zkp.refusals import outside_the_subgroup
from zkp.backend import Backend
from zkp.builder import Builder
from zkp.circuits.equity_v1 import Statement
from zkp.curve.g1 import G1, P
from zkp.curve.g2 import G2, G2Point
from zkp.field import R
from zkp.gadgets.ranges import in_bits
from zkp.groth16 import InvalidKey, InvalidWitness, Proof, VerifyingKey, setup
from zkp.groth16.verify import equation_holds, verify
from zkp.keys import CircuitKey
from zkp.r1cs import Constraint, ConstraintSystem, decode_r1cs
from zkp.snarkjs.texts import decode_proof, decode_publics, decode_verifying_key
from zkp.snarkjs.wtns import decode_wtns
from zkp.snarkjs.zkey import decode_zkey, encode_zkey

Proven = tuple[VerifyingKey, Proof, tuple[int, ...]]

NAMES = ["m500", "m4k"]


def vector(folder: Path, name: str) -> Proven:
    return (
        decode_verifying_key((folder / f"{name}.vkey.json").read_text()),
        decode_proof((folder / f"{name}.proof.json").read_text()),
        decode_publics((folder / f"{name}.public.json").read_text()),
    )


@pytest.mark.parametrize("name", NAMES)
def test_snarkjss_proofs_are_accepted(backend: Backend, name: str, vectors: Path) -> None:
    assert backend.verify(*vector(vectors, name))


@pytest.mark.parametrize("name", NAMES)
def test_altered_public_inputs_are_refused(backend: Backend, name: str, vectors: Path) -> None:
    key, proof, publics = vector(vectors, name)
    for index, value in enumerate(publics):
        for other in (value + R, value - R, value + 1, value ^ 1, 0, R - value, -1):
            changed = (*publics[:index], other, *publics[index + 1 :])
            assert not backend.verify(key, proof, changed), other
    for changed in ((), publics[:1], publics[::-1], (*publics, 0)):
        assert not backend.verify(key, proof, changed)


def altered(proof: Proof) -> list[Proof]:
    """One coordinate off, another point, a point of another proof, an unreduced coordinate."""
    (ax, ay), ((b0, b1), by), (cx, cy) = proof
    doubled, twisted = G1.add(proof.c, proof.c), G2.add(proof.b, G2.generator)
    assert doubled is not None
    assert twisted is not None
    return [
        proof._replace(a=(ax ^ 1, ay)),
        proof._replace(a=(ax, P - ay)),
        proof._replace(a=(ax + P, ay)),
        proof._replace(a=proof.c),
        proof._replace(a=(0, 0)),
        proof._replace(b=((b1, b0), by)),
        proof._replace(b=((b0, b1), (by[1], by[0]))),
        proof._replace(b=twisted),
        proof._replace(b=((b0 + P, b1), by)),
        proof._replace(b=G2.negate(proof.b)),
        proof._replace(b=((0, 0), (0, 0))),
        proof._replace(c=(cx, cy ^ 1)),
        proof._replace(c=doubled),
        proof._replace(c=(cx, cy - P)),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_altered_proofs_are_refused(backend: Backend, name: str, vectors: Path) -> None:
    key, proof, publics = vector(vectors, name)
    for index, other in enumerate(altered(proof)):
        assert not backend.verify(key, other, publics), index


def test_another_circuits_key_refuses(backend: Backend, vectors: Path) -> None:
    key = vector(vectors, "m500")[0]
    _, proof, publics = vector(vectors, "m4k")
    assert not backend.verify(key, proof, publics)


@settings(max_examples=25, deadline=None)
@given(part=st.integers(0, 7), bit=st.integers(0, 255))
def test_a_flipped_bit_is_refused(backend: Backend, part: int, bit: int, vectors: Path) -> None:
    key, proof, publics = vector(vectors, "m500")
    words = [*proof.a, *proof.b[0], *proof.b[1], *proof.c]
    words[part] ^= 1 << bit
    ax, ay, bx0, bx1, by0, by1, cx, cy = words
    changed = Proof((ax, ay), ((bx0, bx1), (by0, by1)), (cx, cy))
    assert not backend.verify(key, changed, publics)


def test_a_point_outside_the_subgroup_is_refused_in_proof_and_key(
    backend: Backend, vectors: Path
) -> None:
    key, proof, publics = vector(vectors, "m500")
    outside = outside_the_subgroup()
    assert G2.is_on_curve(outside)
    assert not G2.is_in_subgroup(outside)
    assert not backend.verify(key, proof._replace(b=outside), publics)
    with pytest.raises(InvalidKey, match="gamma"):
        replace(key, gamma2=outside).check()
    shifted = G2.add(proof.b, G2.multiply(outside, R))
    assert shifted is not None
    assert not backend.verify(key, proof._replace(b=shifted), publics)


def test_outside_the_subgroup_an_equation_that_holds_is_refused(backend: Backend) -> None:
    # With -alpha for the inputs, C = A and delta = B each pairing meets its inverse, for any B of
    # the twist: what refuses here is the look at B alone.
    def cancelling(b: G2Point) -> Proven:
        opposite = (G1.negate(G1.generator),)
        key = VerifyingKey(G1.generator, G2.generator, G2.generator, b, opposite)
        return key, Proof(G1.generator, b, G1.generator), ()

    assert backend.verify(*cancelling(G2.generator))
    outside = cancelling(outside_the_subgroup())
    assert equation_holds(*outside)
    assert not verify(*outside)


# --- proving ---


def small() -> tuple[ConstraintSystem, tuple[int, ...]]:
    """x·y = out with x below 16; `free` is a public input that no constraint names."""
    builder = Builder("small")
    out, _ = builder.public("out"), builder.public("free")
    x, y = builder.private("x"), builder.private("y")
    in_bits(builder, x, 4, "x_bits")
    builder.constrain(x, y, out, "product")
    circuit = builder.build()
    return circuit.system, circuit.assign({"out": 63, "free": 5, "x": 7, "y": 9})


def test_set_up_prove_verify(backend: Backend) -> None:
    system, witness = small()
    key = setup(system)
    proof, publics = backend.prove(key, witness, system=system)
    assert publics == (63, 5)
    assert backend.verify(key.verifying, proof, publics)
    # A public input that the circuit forgot is still bound to the proof.
    assert not backend.verify(key.verifying, proof, (63, 6))
    assert not backend.verify(setup(system).verifying, proof, publics)


def test_proofs_are_blinded(backend: Backend) -> None:
    system, witness = small()
    key = setup(system)
    first, second = (backend.prove(key, witness)[0] for _ in range(2))
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_a_set_up_is_reproducible_from_its_randomness(backend: Backend) -> None:
    system, witness = small()
    one, other = (setup(system, random.Random(5).randrange) for _ in range(2))
    assert one == other
    assert setup(system, random.Random(6).randrange) != one
    proofs = [backend.prove(one, witness, randbelow=random.Random(7).randrange) for _ in range(2)]
    assert proofs[0] == proofs[1]


def test_an_unsatisfied_witness_gives_no_proof(backend: Backend) -> None:
    system, witness = small()
    key = setup(system)
    wrong = [*witness]
    wrong[1] = 64
    with pytest.raises(InvalidWitness, match=r"breaks constraint \d+"):
        backend.prove(key, wrong, system=system)
    # Without the constraints the quotient does not notice; the finished proof does.
    with pytest.raises(InvalidWitness, match="does not verify"):
        backend.prove(key, wrong)


def test_a_key_with_a_point_outside_the_subgroup_gives_no_proof(backend: Backend) -> None:
    system, witness = small()
    key = setup(system)
    place = next(i for i, point in enumerate(key.b2) if point is not None and witness[i])
    stray = G2.add(key.b2[place], G2.multiply(outside_the_subgroup(), R))
    spoilt = decode_zkey(
        encode_zkey(replace(key, b2=[*key.b2[:place], stray, *key.b2[place + 1 :]]))
    )
    with pytest.raises(InvalidWitness, match="the key is damaged"):
        backend.prove(spoilt, witness, system=system)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda w: w[:-1],
        lambda w: (*w, 0),
        lambda w: (2, *w[1:]),
        lambda w: (w[0], w[1] + R, *w[2:]),
        lambda _: (),
    ],
)
def test_a_malformed_witness_is_refused(
    backend: Backend,
    spoil: Callable[[tuple[int, ...]], tuple[int, ...]],
) -> None:
    system, witness = small()
    with pytest.raises(InvalidWitness):
        backend.prove(setup(system), spoil(witness), system=system)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_every_number_of_rows_fits_its_domain(backend: Backend, rows: int) -> None:
    product = Constraint({1: 1}, {2: 1}, {3: 1})
    system = ConstraintSystem(4, 0, 1, 2, (product,) * rows)
    key = setup(system)
    assert rows + 2 <= key.domain < 2 * (rows + 2)
    proof, publics = backend.prove(key, (1, 6, 7, 42), system=system)
    assert backend.verify(key.verifying, proof, publics)


def test_we_prove_with_snarkjss_key_and_witness(backend: Backend, vectors: Path) -> None:
    key = decode_zkey((vectors / "m500.zkey").read_bytes())
    witness = decode_wtns((vectors / "m500.wtns").read_bytes())
    system = decode_r1cs((vectors / "m500.r1cs").read_bytes())
    proof, publics = backend.prove(key, witness, system=system)
    verifying, _, expected = vector(vectors, "m500")
    assert publics == expected
    assert backend.verify(verifying, proof, publics)


# --- the transfer's circuit ---


def test_a_transfer_is_proven(
    backend: Backend, equity_key: CircuitKey, equity_witness: tuple[int, ...]
) -> None:
    system = equity_key.circuit.system
    proof, publics = backend.prove(equity_key.proving, equity_witness, system=system)
    key = equity_key.proving.verifying
    assert backend.verify(key, proof, publics)
    statement = Statement(*publics)
    for name in Statement._fields:
        changed = statement._replace(**{name: getattr(statement, name) + 1})
        assert not backend.verify(key, proof, changed), name
        replayed = statement._replace(**{name: getattr(statement, name) + R})
        assert not backend.verify(key, proof, replayed), name


def test_the_transfers_key_survives_its_file(equity_key: CircuitKey) -> None:
    assert encode_zkey(equity_key.proving) == equity_key.zkey_path.read_bytes()
