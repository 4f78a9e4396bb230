"""Contributions to a key: what honest ones make, and every way in which one is refused."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ceremony_keys import (
    BEACON,
    SYSTEM,
    WITNESS,
    finished,
    forged,
    initial,
    initial_file,
    moved,
    three,
    with_last,
)
from zkp.backend import Backend
from zkp.ceremony.contribute import apply_beacon, contribute
from zkp.ceremony.key_file import CeremonyKey, decode_key, encode_key
from zkp.ceremony.points import public_points
from zkp.ceremony.transcript import contribution_hash
from zkp.ceremony.verify import InvalidContribution, verify_contribution, verify_history
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2
from zkp.field import R
from zkp.groth16.keys import InvalidKey
from zkp.snarkjs.contributions import Beacon, MpcParams
from zkp.snarkjs.sections import InvalidFile
from zkp.snarkjs.zkey import decode_zkey
from zkp.work import Work, scaled


def test_a_ceremony_gives_a_key_that_proves(backend: Backend) -> None:
    key = contribute(initial(), "tax", work=Work(backend))
    key = contribute(key, "market", "the weather", work=Work(backend))
    key = apply_beacon(key, BEACON, "beacon", work=Work(backend))
    names = [made.note.name for made in verify_history(initial(), key, work=Work(backend))]
    assert names == ["tax", "market", "beacon"]
    made = decode_zkey(encode_key(key))
    proof, publics = backend.prove(made, WITNESS, system=SYSTEM)
    assert backend.verify(made.verifying, proof, publics)
    # Proofs by the key before are worth nothing under this one.
    old = decode_zkey(initial_file())
    assert not backend.verify(made.verifying, backend.prove(old, WITNESS)[0], publics)


def test_each_state_follows_from_the_one_before(backend: Backend) -> None:
    states = (initial(), *three(), finished())
    for parent, child in pairwise(states):
        made = verify_contribution(parent, child, work=Work(backend))
        assert made == child.history.contributions[-1]
        assert verify_history(initial(), child, work=Work(backend))[-1] == made


def test_no_two_contributions_are_alike() -> None:
    one, other = contribute(initial(), "tax", "same"), contribute(initial(), "tax", "same")
    assert one.delta1 != other.delta1
    hashes = {contribution_hash(made) for made in finished().history.contributions}
    assert len(hashes) == 4


def test_the_beacon_is_the_same_for_everybody() -> None:
    assert apply_beacon(three()[2], BEACON, "beacon") == finished()
    another = apply_beacon(three()[2], Beacon(BEACON.value, 11), "beacon")
    assert another.delta1 != finished().delta1


def test_the_file_is_read_and_written_without_loss() -> None:
    for key in (initial(), *three(), finished()):
        assert decode_key(encode_key(key)) == key
    assert encode_key(initial()) == initial_file()


def test_points_for_a_ledger_are_those_of_the_last_contribution() -> None:
    points, made = public_points(finished()), finished().history.contributions[-1]
    assert (points.delta1, points.g1_sx) == (made.delta_after, made.g1_sx)
    assert points.delta2 == finished().delta2


# --- what is refused ---


def test_a_key_of_another_parent() -> None:
    elsewhere = contribute(contribute(initial(), "someone"), "data")
    with pytest.raises(InvalidContribution, match="no child of this parent"):
        verify_contribution(three()[0], elsewhere)
    with pytest.raises(InvalidContribution, match="no child of this parent"):
        verify_contribution(three()[0], three()[2])
    with pytest.raises(InvalidContribution, match="no child of this parent"):
        verify_contribution(initial(), initial())


def test_a_contribution_moved_to_another_place() -> None:
    """A replay: its proof is bound to what was before it, so it fits nowhere else."""
    first = three()[0].history.contributions[0]
    history = three()[0].history
    again = replace(three()[0], history=replace(history, contributions=(first, first)))
    with pytest.raises(InvalidContribution, match="contribution 2: it is bound to another history"):
        verify_history(initial(), again)
    swapped = replace(
        three()[1],
        history=replace(history, contributions=tuple(reversed(three()[1].history.contributions))),
    )
    with pytest.raises(InvalidContribution, match="contribution 1: it is bound"):
        verify_history(initial(), swapped)
    left_out = replace(
        three()[2],
        history=replace(history, contributions=three()[2].history.contributions[1:]),
    )
    with pytest.raises(InvalidContribution, match="contribution 1: it is bound"):
        verify_history(initial(), left_out)


def test_a_wrong_proof_of_knowledge(backend: Backend) -> None:
    other = G2.multiply(three()[1].history.contributions[-1].g2_spx, 2)
    assert other is not None
    wrong = with_last(three()[1], lambda made: replace(made, g2_spx=other))
    with pytest.raises(InvalidContribution, match="contribution 2: the proof of knowledge"):
        verify_history(initial(), wrong, work=Work(backend))
    with pytest.raises(InvalidContribution, match="the proof of knowledge"):
        verify_contribution(three()[0], wrong, work=Work(backend))


def test_another_factor_than_the_proven_one() -> None:
    with pytest.raises(InvalidContribution, match="by another factor than the proven one"):
        verify_history(initial(), forged(three()[0], 5, 6))
    verify_history(initial(), forged(three()[0], 5, 5))


def test_a_transcript_that_was_chosen_freely() -> None:
    """The proof's base in G2 must follow from the transcript, or it could be made backwards."""
    wrong = with_last(three()[0], lambda made: replace(made, transcript=bytes(64)))
    with pytest.raises(InvalidContribution, match="bound to another history"):
        verify_history(initial(), wrong)


def test_delta_unequal_in_g1_and_g2(backend: Backend) -> None:
    unequal = replace(three()[1], delta2=three()[0].delta2)
    with pytest.raises(InvalidContribution, match="delta is unequal in G1 and G2"):
        verify_history(initial(), unequal, work=Work(backend))
    with pytest.raises(InvalidContribution, match="delta is unequal in G1 and G2"):
        verify_contribution(three()[0], unequal, work=Work(backend))


def test_a_delta_that_no_contribution_names() -> None:
    later = replace(three()[0], delta1=three()[1].delta1, delta2=three()[1].delta2)
    with pytest.raises(InvalidContribution, match="not that of its last contribution"):
        verify_history(initial(), later)


@pytest.mark.parametrize("row", ["l", "h"])
def test_altered_rows(row: str, backend: Backend) -> None:
    points: Sequence[G1Point | None] = getattr(three()[1], row)
    for changed in (
        [moved(points[0]), *points[1:]],
        [*points[:-1], moved(points[-1])],
        [*points[:-1], None],
        [points[1], points[0], *points[2:]],
        getattr(three()[0], row),
    ):
        altered = replace(three()[1], **{row: changed})
        with pytest.raises(InvalidContribution, match=f"{row.upper()} was altered"):
            verify_history(initial(), altered, work=Work(backend))
        with pytest.raises(InvalidContribution, match=f"{row.upper()} was altered"):
            verify_contribution(three()[0], altered, work=Work(backend))


@settings(max_examples=20)
@given(row=st.sampled_from("lh"), place=st.integers(0, 100), factor=st.integers(2, R - 1))
def test_one_point_by_any_factor(row: str, place: int, factor: int) -> None:
    points = list(getattr(finished(), row))
    place %= len(points)
    if points[place] is None:
        return
    points[place] = G1.multiply(points[place], factor)
    with pytest.raises(InvalidContribution, match="was altered"):
        verify_history(initial(), replace(finished(), **{row: points}))


def test_what_no_contribution_may_change() -> None:
    first = three()[0]
    for section in range(len(first.kept)):
        body = first.kept[section]
        kept = list(first.kept)
        kept[section] = body[:-1] + bytes([body[-1] ^ 1])
        with pytest.raises(InvalidContribution, match="no contribution may change"):
            verify_history(initial(), replace(first, kept=tuple(kept)))
    header = first.before_delta[:-1] + bytes([first.before_delta[-1] ^ 1])
    with pytest.raises(InvalidContribution, match="no contribution may change"):
        verify_history(initial(), replace(first, before_delta=header))


def test_another_circuit() -> None:
    history = MpcParams(bytes(64), finished().history.contributions)
    with pytest.raises(InvalidContribution, match="another circuit or phase 1"):
        verify_history(initial(), replace(finished(), history=history))


def test_a_start_that_is_none() -> None:
    with pytest.raises(InvalidContribution, match="has been contributed to"):
        verify_history(three()[0], three()[1])
    unclean = replace(three()[0], history=initial().history)
    with pytest.raises(InvalidContribution, match="has been contributed to"):
        verify_history(unclean, three()[1])


def test_a_beacon_that_gives_other_points() -> None:
    def by(beacon: Beacon) -> CeremonyKey:
        return with_last(
            finished(), lambda made: replace(made, note=replace(made.note, beacon=beacon))
        )

    for beacon in (Beacon(bytes(32), 10), Beacon(BEACON.value, 11)):
        with pytest.raises(InvalidContribution, match="not those that the beacon gives"):
            verify_history(initial(), by(beacon))
    # A file of strangers must not make us hash for years.
    for exponent in (9, 33, 63):
        with pytest.raises(InvalidContribution, match="rounds: expected"):
            verify_history(initial(), by(Beacon(BEACON.value, exponent)))


def test_a_secret_contribution_passed_off_as_the_beacons() -> None:
    passed_off = with_last(
        three()[2], lambda made: replace(made, note=replace(made.note, beacon=BEACON))
    )
    with pytest.raises(InvalidContribution, match="not those that the beacon gives"):
        verify_history(initial(), passed_off)


def off_the_subgroup(key: CeremonyKey) -> CeremonyKey:
    # A point of the twist that is not of order r.
    point = ((4, 0), (0, 0))
    return replace(key, delta2=point)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda data: data[:-1], InvalidFile),
        (lambda data: data + b"\0", InvalidFile),
        (lambda data: b"wtns" + data[4:], InvalidFile),
        (lambda data: b"", InvalidFile),
    ],
)
def test_files_that_are_none(change: Callable[[bytes], bytes], error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_key(change(encode_key(finished())))


def test_damaged_points_are_refused_when_read() -> None:
    with pytest.raises(InvalidKey, match="not on G2"):
        decode_key(encode_key(off_the_subgroup(finished())))
    off = (1, 3)
    with pytest.raises(InvalidKey, match="not on G1"):
        decode_key(encode_key(replace(finished(), l=[off, *finished().l[1:]])))


@settings(max_examples=60)
@given(position=st.integers(0, 10**6), value=st.integers(0, 255))
def test_no_changed_byte_passes(position: int, value: int) -> None:
    """Whatever byte of a finished key is changed, it is refused, or it was a name's."""
    data = bytearray(encode_key(finished()))
    position %= len(data)
    # A higher exponent is refused too, after as many more rounds as it asks for.
    exponent = data.index(BEACON.value) - 3
    if data[position] == value or position == exponent:
        return
    data[position] = value
    try:
        key = decode_key(bytes(data))
        verify_history(initial(), key)
    except (InvalidFile, InvalidKey, InvalidContribution):
        return
    assert key.history != finished().history
    assert [replace(made, note=None) for made in key.history.contributions] == [  # type: ignore[arg-type]
        replace(made, note=None)  # type: ignore[arg-type]
        for made in finished().history.contributions
    ]


# --- one scalar over many points ---


def test_scaled_rows_are_the_same_by_every_backend(backend: Backend) -> None:
    drawn = random.Random(5)
    points = [None, *(G1.multiply(G1.generator, drawn.randrange(R)) for _ in range(5)), None]
    for scalar in (0, 1, 2, 15, 16, 17, R - 1, drawn.randrange(R)):
        expected = [G1.multiply(point, scalar) for point in points]
        assert scaled(Work(backend), G1, points, [scalar] * len(points), "rows") == expected


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[str, int, int]] = []
    contribute(initial(), "tax", work=Work(progress=lambda *word: told.append(word)))
    assert ("L", 3, 3) in told
    assert told[-1] == ("H", 8, 8)
