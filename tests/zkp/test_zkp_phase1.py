"""Powers of tau: contributed to, prepared, checked, refused when changed, made into a key."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zkp.phase1_files import BEACON, POWER, powers, prepared, small_system, small_witness
from tests.zkp.random_circuit import random_circuit
from zkp import reference
from zkp.backend import CURRENT, Backend
from zkp.curve.ate import g2_is_valid
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2, TWIST_B, G2Point, fp2_multiply, fp2_root
from zkp.groth16 import InvalidKey
from zkp.phase1.contribute import apply_beacon, contribute, first_powers
from zkp.phase1.initial_key import UnsuitableCircuit, initial_key
from zkp.phase1.prepare import prepare
from zkp.phase1.verify import verify_powers
from zkp.r1cs import Constraint, ConstraintSystem, decode_r1cs, encode_r1cs
from zkp.snarkjs.contributions import Beacon, ContributionNote
from zkp.snarkjs.ptau import (
    InvalidPowers,
    PowersContribution,
    PowersOfTau,
    SecretProof,
    decode_ptau,
    encode_ptau,
)
from zkp.snarkjs.resumable_blake2b import InvalidState, ResumableBlake2b
from zkp.snarkjs.rows import PointRow, pack_g1, pack_g2
from zkp.snarkjs.sections import InvalidFile
from zkp.snarkjs.zkey import decode_history, decode_zkey, encode_zkey
from zkp.work import Work

Change = Callable[[PowersOfTau], PowersOfTau]


def outside_g2() -> G2Point:
    """A point of the twist that is not of order r."""
    for real in range(1, 100):
        x = (real, 0)
        cube = fp2_multiply(fp2_multiply(x, x), x)
        y = fp2_root((cube[0] + TWIST_B[0], cube[1] + TWIST_B[1]))
        if y is not None and not g2_is_valid((x, y)):
            return x, y
    raise AssertionError("the first hundred are all in G2")


def with_g1(row: PointRow[G1Point], place: int, point: G1Point | None) -> PointRow[G1Point]:
    points = row[:]
    points[place] = point
    return pack_g1(points)


def with_g2(row: PointRow[G2Point], place: int, point: G2Point | None) -> PointRow[G2Point]:
    points = row[:]
    points[place] = point
    return pack_g2(points)


# --- files ---


def test_powers_come_back_as_they_were_written() -> None:
    for made in (first_powers(2), powers(), prepared()):
        file = encode_ptau(made)
        assert decode_ptau(file) == made
        assert encode_ptau(decode_ptau(file)) == file


some_g1 = st.integers(1, 9).map(lambda number: G1.multiply(G1.generator, number))
some_g2 = st.integers(1, 9).map(lambda number: G2.multiply(G2.generator, number))
some_proofs = st.builds(SecretProof, some_g1, some_g1, some_g2)
some_notes = st.builds(
    ContributionNote,
    st.none() | st.text(max_size=20),
    st.none() | st.builds(Beacon, st.binary(max_size=40), st.integers(0, 63)),
)
some_contributions = st.builds(
    PowersContribution,
    tau1=some_g1,
    tau2=some_g2,
    alpha1=some_g1,
    beta1=some_g1,
    beta2=some_g2,
    tau=some_proofs,
    alpha=some_proofs,
    beta=some_proofs,
    response_state=st.binary(min_size=216, max_size=216),
    next_challenge=st.binary(min_size=64, max_size=64),
    note=some_notes,
)


@given(st.lists(some_contributions, max_size=3).map(tuple))
def test_any_history_comes_back_as_it_was_written(
    history: tuple[PowersContribution, ...],
) -> None:
    made = replace(first_powers(1), contributions=history)
    assert decode_ptau(encode_ptau(made)) == made


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=5, deadline=None)
def test_random_circuits_are_proven_by_keys_from_powers(seed: int) -> None:
    system, witness = random_circuit(Random(seed), 2)
    key, _ = initial_key(decode_r1cs(encode_r1cs(system)), prepared())
    proof, publics = CURRENT.prove(key, witness, system=system)
    assert publics == witness[1 : system.publics + 1]
    assert CURRENT.verify(key.verifying, proof, publics)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, b"nope", "expected a .ptau file"),
        (4, b"\2", "version 2"),
        (28, b"\0", "another field"),
        (60, b"\x1d", "expected at most 28"),
        (60, b"\0", "power 0"),
        (60, b"\4", "power 4 from a ceremony of power 3"),
        (64, b"\x1d", "expected at most 28"),
    ],
)
def test_headers_that_are_none_are_refused(place: int, value: bytes, words: str) -> None:
    file = encode_ptau(powers())
    with pytest.raises(InvalidFile, match=words):
        decode_ptau(file[:place] + value + file[place + len(value) :])


def test_files_cut_short_or_with_more_are_refused() -> None:
    file = encode_ptau(prepared())
    for cut in (0, 3, 11, 40, 68, 100, 2_000, len(file) - 1):
        with pytest.raises(InvalidFile):
            decode_ptau(file[:cut])
    with pytest.raises(InvalidFile, match="more than"):
        decode_ptau(file + b"\0")
    larger = replace(powers(), power=2, ceremony_power=3)
    with pytest.raises(InvalidFile, match="section 2"):
        decode_ptau(encode_ptau(larger))


def test_points_are_checked_when_they_are_read() -> None:
    file = encode_ptau(powers())
    place = 12 + 12 + 44 + 12 + 64 * 3  # the fourth power of tau
    changed = decode_ptau(file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :])
    assert changed.tau1[2] == powers().tau1[2]
    with pytest.raises(InvalidKey, match="not on G1"):
        verify_powers(changed)


# --- verified ---


def test_powers_are_verified_and_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    verify_powers(prepared(), Work(progress=lambda *word: told.append(word)))
    assert ("contributions", 3, 3) in told
    assert any("prepared for size 8" in what for what, *_ in told)


def test_the_reference_verifies_as_well() -> None:
    verify_powers(prepare(contribute(first_powers(1))), Work(reference))


def test_a_first_contribution_is_like_any_other() -> None:
    made = contribute(first_powers(2), name="alone")
    verify_powers(made)
    assert made.contributions[0].note == ContributionNote("alone")


def test_powers_without_contributions_are_refused() -> None:
    with pytest.raises(InvalidPowers, match="everybody knows"):
        verify_powers(first_powers(2))


def swapped(made: PowersOfTau) -> PowersOfTau:
    first, second, last = made.contributions
    return replace(made, contributions=(second, first, last))


def with_last(made: PowersOfTau, **changes: object) -> PowersOfTau:
    *before, last = made.contributions
    return replace(made, contributions=(*before, replace(last, **changes)))  # type: ignore[arg-type]


def without_beacon(made: PowersOfTau) -> PowersOfTau:
    return with_last(made, note=ContributionNote("beacon", Beacon(b"another", 10)))


def another_tau(made: PowersOfTau) -> PowersOfTau:
    """Powers of another tau under the same contributions."""
    other = contribute(first_powers(POWER))
    return replace(made, tau1=other.tau1, tau2=other.tau2)


REFUSED: list[tuple[str, Change]] = [
    ("contribution 1: its proof for tau", swapped),
    ("contribution 3: its factors are not the beacon's", without_beacon),
    (
        "contribution 3: alpha in G1 was not multiplied",
        lambda made: with_last(made, alpha1=G1.generator),
    ),
    ("contribution 3: tau in G2 was not multiplied", lambda m: with_last(m, tau2=G2.generator)),
    ("contribution 3: a point lies outside of G2", lambda m: with_last(m, beta2=outside_g2())),
    ("tau in G1: does not begin", another_tau),
    ("beta in G2: does not begin", lambda made: replace(made, beta2=G2.generator)),
    (
        "tau in G1: the points are not powers",
        lambda made: replace(made, tau1=with_g1(made.tau1, 14, G1.generator)),
    ),
    (
        "alpha in G1: the points are not powers",
        lambda made: replace(made, alpha1=with_g1(made.alpha1, 5, made.alpha1[4])),
    ),
    (
        "beta in G1: a power is the identity",
        lambda made: replace(made, beta1=with_g1(made.beta1, 7, None)),
    ),
    (
        "tau in G2: the points are not powers",
        lambda made: replace(made, tau2=with_g2(made.tau2, 3, G2.generator)),
    ),
    (
        "a point lies outside of G2",
        lambda made: replace(made, tau2=with_g2(made.tau2, 3, outside_g2())),
    ),
    ("hash's state", lambda made: with_last(made, response_state=bytes([255]) * 216)),
    (
        "hash is not of these powers",
        lambda made: with_last(made, response_state=ResumableBlake2b().state()),
    ),
    ("next challenge is not the hash", lambda made: with_last(made, next_challenge=bytes(64))),
]


@pytest.mark.parametrize(("words", "change"), REFUSED, ids=[words for words, _ in REFUSED])
def test_changed_powers_are_refused(words: str, change: Change) -> None:
    with pytest.raises(InvalidPowers, match=words):
        verify_powers(change(powers()))


def test_points_outside_of_g2_are_refused_by_both(backend: Backend) -> None:
    made = contribute(first_powers(1))
    changed = replace(made, tau2=with_g2(made.tau2, 1, outside_g2()))
    changed = with_last(changed, tau2=outside_g2())
    with pytest.raises(InvalidPowers, match="outside of G2"):
        verify_powers(changed, Work(backend))


def test_what_is_prepared_wrongly_is_refused() -> None:
    made = prepared()
    assert made.lagrange is not None
    rows = made.lagrange
    # The last size of tau has one power less than places: what stands for it must be nothing.
    for changed in (
        replace(rows, tau1=with_g1(rows.tau1, 30, G1.generator)),
        replace(rows, tau2=with_g2(rows.tau2, 5, G2.generator)),
        replace(rows, alpha1=with_g1(rows.alpha1, 14, None)),
        replace(rows, beta1=with_g1(rows.beta1, 0, G1.generator)),
    ):
        with pytest.raises(InvalidPowers, match="prepared for size"):
            verify_powers(replace(made, lagrange=changed))


def test_a_beacon_can_be_repeated_and_a_secret_cannot() -> None:
    once = contribute(first_powers(2))
    assert apply_beacon(once, BEACON) == apply_beacon(once, BEACON)
    assert contribute(once, entropy="same") != contribute(once, entropy="same")


def test_cut_powers_are_verified_but_take_no_contribution() -> None:
    made = powers()
    cut = replace(
        made,
        power=2,
        tau1=pack_g1(made.tau1[:7]),
        tau2=pack_g2(made.tau2[:4]),
        alpha1=pack_g1(made.alpha1[:4]),
        beta1=pack_g1(made.beta1[:4]),
    )
    verify_powers(decode_ptau(encode_ptau(cut)))
    with pytest.raises(InvalidPowers, match="were cut from"):
        contribute(cut)


# --- a circuit's key ---


def test_a_key_from_powers_proves(backend: Backend) -> None:
    key, history = initial_key(small_system(), prepared())
    assert history.contributions == ()
    assert (key.delta1, key.verifying.delta2) == (G1.generator, G2.generator)
    proof, publics = backend.prove(key, small_witness(), system=small_system())
    assert backend.verify(key.verifying, proof, publics)
    for place in range(len(publics)):
        changed = [*publics]
        changed[place] += 1
        assert not backend.verify(key.verifying, proof, changed)
    file = encode_zkey(key, history)
    assert (decode_zkey(file), decode_history(file)) == (key, history)


def test_both_backends_make_the_same_key() -> None:
    made = [initial_key(small_system(), prepared(), Work(who)) for who in (reference, CURRENT)]
    assert made[0] == made[1]


def test_circuits_and_powers_that_do_not_fit_are_refused() -> None:
    system = small_system()
    with pytest.raises(InvalidPowers, match="not prepared"):
        initial_key(system, powers())
    large = replace(system, constraints=system.constraints * 3)
    with pytest.raises(UnsuitableCircuit, match="16 rows and the powers of tau have 8"):
        initial_key(large, prepared())
    with pytest.raises(UnsuitableCircuit, match="without constraints"):
        initial_key(replace(system, constraints=()), prepared())
    open_to_all = ConstraintSystem(1026, 0, 1025, 0, (Constraint({1: 1}, {1: 1}, {1: 1}),))
    with pytest.raises(UnsuitableCircuit, match="1025 public signals"):
        initial_key(open_to_all, prepared())


# --- what it rests on ---


@given(st.binary(max_size=600), st.integers(0, 600))
def test_a_hash_can_be_put_down_and_taken_up(data: bytes, cut: int) -> None:
    first = ResumableBlake2b()
    first.update(data[:cut])
    second = ResumableBlake2b.from_state(first.state())
    second.update(data[cut:])
    assert second.digest() == hashlib.blake2b(data).digest()


def test_states_that_no_hash_was_in_are_refused() -> None:
    with pytest.raises(InvalidState, match="215 bytes"):
        ResumableBlake2b.from_state(bytes(215))
    with pytest.raises(InvalidState, match="129 bytes"):
        ResumableBlake2b.from_state(bytes(200) + (129).to_bytes(8, "little") + bytes(8))


@given(cases=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300)), max_size=5))
def test_many_points_are_multiplied_place_by_place(
    cases: list[tuple[int, int]], backend: Backend
) -> None:
    points = [G1.multiply(G1.generator, base) for base, _ in cases]
    scalars = [scalar for _, scalar in cases]
    expected = [G1.multiply(G1.generator, base * scalar) for base, scalar in cases]
    assert backend.multiply_each(G1, points, scalars) == expected
