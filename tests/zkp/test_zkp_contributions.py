"""A key's history is read and written without loss; chance is drawn as snarkjs draws it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zkp.curve.ate import g2_is_valid
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2, G2Point
from zkp.groth16 import InvalidKey
from zkp.snarkjs.contributions import (
    NAME_CHARS_MAX,
    Beacon,
    Contribution,
    ContributionNote,
    MpcParams,
    decode_mpc_params,
    decode_note,
    encode_mpc_params,
    encode_note,
)
from zkp.snarkjs.points import (
    decode_g1,
    decode_g2,
    encode_g1,
    encode_g2,
    g1_compressed,
    g1_uncompressed,
    g2_compressed,
    g2_uncompressed,
)
from zkp.snarkjs.randomness import Randomness, from_beacon, from_system, hash_to_g2
from zkp.snarkjs.sections import InvalidFile, Reader
from zkp.snarkjs.zkey import decode_history, decode_zkey, encode_zkey

SEED = bytes(range(32))


def some_g1(number: int) -> G1Point:
    point = G1.multiply(G1.generator, number)
    assert point is not None
    return point


def some_g2(number: int) -> G2Point:
    point = G2.multiply(G2.generator, number)
    assert point is not None
    return point


g1_points = st.integers(1, 40).map(some_g1)
g2_points = st.integers(1, 40).map(some_g2)
hashes = st.binary(min_size=64, max_size=64)
notes = st.builds(
    ContributionNote,
    st.none() | st.text(max_size=60).filter(lambda text: len(text.encode()) < 256),
    st.none() | st.builds(Beacon, st.binary(max_size=255), st.integers(0, 63)),
)
contributions = st.builds(Contribution, g1_points, g1_points, g1_points, g2_points, hashes, notes)
histories = st.builds(MpcParams, hashes, st.lists(contributions, max_size=3).map(tuple))


def read(data: bytes) -> MpcParams:
    return decode_mpc_params(Reader(memoryview(data)))


@given(histories)
def test_a_history_comes_back_as_it_was_written(history: MpcParams) -> None:
    assert read(encode_mpc_params(history)) == history


def test_snarkjss_history_is_read_and_its_file_written_byte_for_byte(vectors: Path) -> None:
    file = (vectors / "m500.zkey").read_bytes()
    history = decode_history(file)
    (made,) = history.contributions
    assert made.note == ContributionNote("exp")
    key = decode_zkey(file)
    assert made.delta_after == key.delta1
    assert encode_zkey(key, history) == file


def test_a_key_of_one_party_has_no_contributions(vectors: Path) -> None:
    key = decode_zkey((vectors / "m500.zkey").read_bytes())
    assert decode_history(encode_zkey(key)).contributions == ()


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"\2\0\0\0" + bytes(4), "kind 2"),
        (b"\1\0\0\0" + bytes(4), "kind 1"),
        (b"\0\0\0\0\2\0\0\0\2\x0a", "kind 0"),
        (b"\0\0\0\0\4\0\0\0\1\0\1\0", "not in order"),
        (b"\0\0\0\0\2\0\0\0\x09\0", "parameter 9"),
        (b"\0\0\0\0\3\0\0\0\1\1\xff", "UTF-8"),
        (b"\0\0\0\0\3\0\0\0\1\2a", "cut short"),
        (b"\0\0\0\0\xff\xff\0\0", "expected at most"),
        (b"\1\0\0\0\4\0\0\0\2\x40\3\0", "2\\^64 iterations"),
    ],
)
def test_parameters_that_snarkjs_does_not_write_are_refused(tail: bytes, words: str) -> None:
    made = Contribution(some_g1(1), some_g1(2), some_g1(3), some_g2(4), bytes(64))
    body = encode_mpc_params(MpcParams(bytes(64), (made,)))
    assert read(body).contributions == (made,)
    with pytest.raises(InvalidFile, match=words):
        read(body[:-8] + tail)


def test_a_history_with_damaged_points_or_length_is_refused() -> None:
    made = Contribution(some_g1(1), some_g1(2), some_g1(3), some_g2(4), bytes(64))
    body = encode_mpc_params(MpcParams(bytes(64), (made,)))
    with pytest.raises(InvalidFile, match="more than"):
        read(body + b"\0")
    with pytest.raises(InvalidFile, match="cut short"):
        read(body[:-1])
    with pytest.raises(InvalidKey, match="not on G1"):
        read(body[:70] + bytes([body[70] ^ 1]) + body[71:])
    with pytest.raises(InvalidKey, match="identity"):
        read(body[:68] + bytes(64) + body[132:])


# --- points as bytes ---


@given(st.lists(st.none() | g1_points, max_size=4), st.lists(st.none() | g2_points, max_size=3))
def test_points_come_back_as_they_were_written(
    row: list[G1Point | None], twisted: list[G2Point | None]
) -> None:
    assert decode_g1(Reader(memoryview(encode_g1(row))), len(row)) == row
    assert decode_g2(Reader(memoryview(encode_g2(twisted))), len(twisted)) == twisted


def test_short_forms_tell_a_point_from_its_opposite() -> None:
    # The generator's y is 2, the smaller of the two roots.
    assert g1_compressed(G1.generator) == (1).to_bytes(32)
    assert g1_compressed(G1.negate(G1.generator)) == bytes([0x80]) + (1).to_bytes(31)
    assert g1_compressed(None) == bytes([0x40]) + bytes(31)
    assert g2_compressed(None) == bytes([0x40]) + bytes(63)
    twisted = {g2_compressed(G2.generator)[0], g2_compressed(G2.negate(G2.generator))[0]}
    assert len(twisted) == 2
    assert g1_uncompressed(None) == bytes(64)
    assert g2_uncompressed(None) == bytes(128)


# --- drawn as ffjavascript 0.3.1 draws from the seed 0, 1, 2, …, 31 ---


def test_numbers_and_points_are_those_of_snarkjs() -> None:
    random = Randomness(SEED)
    assert random.scalar() == (
        4636623908613268458230351899306533327531125513431735265008719731024662760066
    )
    assert random.g1() == (
        4283162802782358568160556894970654461307650178484095117365566211483040286183,
        16200305155417153706959141901242065816972046826484533799317911452111001916988,
    )
    point = random.g2()
    assert point == (
        (
            1255120235341089099774262127279297667449860115641817662268169684384902853519,
            13127215189965143917387863897264868991025249037110387470113965604466533589629,
        ),
        (
            1859127447478859848333722564802302167795536307049652291266693033713601779805,
            104641537084136349141628799390771939672143398286301391840597263569815722874,
        ),
    )
    assert g2_compressed(point).hex() == (
        "1d05bd913d7b2a04f854db9d3a83ea36f317eb9aeacaab4330ce79c46527e27d"
        "02c65f74f7c15aea63c0c2af073a9bb21434549b5380079280a2880ff580b38f"
    )


@given(st.binary(min_size=32, max_size=64))
def test_points_from_hashes_lie_in_their_group(digest: bytes) -> None:
    assert g2_is_valid(hash_to_g2(digest))
    assert G1.is_on_curve(Randomness(digest).g1())


def test_secrets_differ_and_beacons_repeat() -> None:
    assert from_system("same words").scalar() != from_system("same words").scalar()
    beacon = Beacon(b"a block's hash", 3)
    assert from_beacon(beacon).scalar() == from_beacon(beacon).scalar()
    assert from_beacon(beacon).scalar() != from_beacon(Beacon(beacon.value, 4)).scalar()
    with pytest.raises(InvalidFile, match="rounds"):
        from_beacon(Beacon(b"", 25))


def test_the_longest_name_fits_whatever_its_letters() -> None:
    for letter in ("a", "税", "\U00020000"):
        note = ContributionNote(letter * NAME_CHARS_MAX)
        assert decode_note(Reader(memoryview(encode_note(note))), "note") == note
