"""snarkjs's and circom's files: read, written again, and refused when damaged."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkp.backend import BACKENDS, Backend
from zkp.field import R
from zkp.groth16 import InvalidKey, Proof, qap
from zkp.r1cs import Constraint, ConstraintSystem, circuit_id, decode_r1cs, encode_r1cs
from zkp.snarkjs.calldata import key_words, proof_of_words, proof_words, solidity_calldata
from zkp.snarkjs.sections import InvalidFile
from zkp.snarkjs.texts import (
    InvalidText,
    decode_proof,
    decode_publics,
    decode_verifying_key,
    encode_proof,
    encode_publics,
    encode_verifying_key,
)
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import decode_history, decode_zkey, encode_zkey

NAMES = ["m500", "m4k"]

terms = st.dictionaries(st.integers(0, 9), st.integers(1, R - 1), max_size=4)
systems = st.builds(
    ConstraintSystem,
    wires=st.just(10),
    public_outputs=st.integers(0, 2),
    public_inputs=st.integers(0, 3),
    private_inputs=st.integers(0, 4),
    constraints=st.lists(st.builds(Constraint, terms, terms, terms), max_size=5).map(tuple),
)


# --- .r1cs ---


@given(systems)
def test_r1cs_round_trip(system: ConstraintSystem) -> None:
    assert decode_r1cs(encode_r1cs(system)) == system


def test_r1cs_bytes_do_not_depend_on_the_order_of_terms() -> None:
    one = Constraint({1: 5, 2: 6}, {}, {})
    other = Constraint({2: 6, 1: 5}, {}, {})
    files = [encode_r1cs(ConstraintSystem(3, 0, 0, 2, (side,))) for side in (one, other)]
    assert files[0] == files[1]
    assert len(circuit_id(files[0])) == 32


def test_circoms_r1cs_is_satisfied_by_circoms_witness(vectors: Path) -> None:
    system = decode_r1cs((vectors / "m500.r1cs").read_bytes())
    witness = decode_wtns((vectors / "m500.wtns").read_bytes())
    assert (system.wires, len(system.constraints), system.publics) == (490, 485, 2)
    assert system.first_unsatisfied(witness) is None
    publics = decode_publics((vectors / "m500.public.json").read_bytes())
    assert witness[1:3] == publics
    for wire in (1, 2, 3, 4, 5, 100, 489):
        changed = [*witness]
        changed[wire] = (changed[wire] + 1) % R
        assert system.first_unsatisfied(changed) is not None


# --- .wtns and .zkey ---


@given(st.lists(st.integers(0, R - 1), max_size=20).map(tuple))
def test_wtns_round_trip(witness: tuple[int, ...]) -> None:
    assert decode_wtns(encode_wtns(witness)) == witness


def test_r1cs_without_a_label_a_wire_is_refused(vectors: Path) -> None:
    file = (vectors / "m500.r1cs").read_bytes()
    # The labels stand last, their section's length before them.
    size = 8 * 490
    cut = file[: -size - 8] + (size - 8).to_bytes(8, "little") + file[-size:-8]
    with pytest.raises(InvalidFile, match="label of 8 bytes for each of 490 wires"):
        decode_r1cs(cut)


def test_wtns_is_written_as_circom_writes_it(vectors: Path) -> None:
    file = (vectors / "m500.wtns").read_bytes()
    assert encode_wtns(decode_wtns(file)) == file


def test_zkey_of_snarkjs_is_read_and_written(vectors: Path) -> None:
    key = decode_zkey((vectors / "m500.zkey").read_bytes())
    assert (key.wires, key.domain, key.verifying.publics) == (490, 512, 2)
    assert decode_zkey(encode_zkey(key)) == key
    expected = decode_verifying_key((vectors / "m500.vkey.json").read_bytes())
    assert key.verifying == expected
    # The coefficients, freed of their Montgomery form, are those of circom's constraints.
    system = decode_r1cs((vectors / "m500.r1cs").read_bytes())
    assert set(qap.coefficients(system)) == set(key.coefficients)


@pytest.mark.parametrize("kind", ["r1cs", "wtns", "zkey"])
def test_damaged_files_are_refused_in_words(kind: str, vectors: Path) -> None:
    decode: Callable[[bytes], object] = {
        "r1cs": decode_r1cs,
        "wtns": decode_wtns,
        "zkey": decode_zkey,
    }[kind]
    file = (vectors / f"m500.{kind}").read_bytes()
    for cut in (0, 3, 4, 11, 12, 30, 100, len(file) - 1):
        with pytest.raises(InvalidFile):
            decode(file[:cut])
    with pytest.raises(InvalidFile, match="more than"):
        decode(file + b"\0")
    with pytest.raises(InvalidFile, match=f"expected a .{kind} file"):
        decode(b"nope" + file[4:])
    with pytest.raises(InvalidFile, match="version"):
        decode(file[:4] + b"\x07" + file[5:])


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 1500), value=st.integers(0, 255))
def test_a_changed_byte_never_crashes_a_reader(position: int, value: int, vectors: Path) -> None:
    for kind, decode in (("wtns", decode_wtns), ("zkey", decode_zkey), ("r1cs", decode_r1cs)):
        file = bytearray((vectors / f"m500.{kind}").read_bytes())
        file[position] = value
        with suppress(InvalidFile, InvalidKey):
            decode(bytes(file))


def test_a_zkey_with_a_point_off_the_curve_is_refused(vectors: Path) -> None:
    key = decode_zkey((vectors / "m500.zkey").read_bytes())
    file = encode_zkey(key)
    position = len(file) - 68 - 12 - 64 * 3  # a coordinate among the last section's points
    changed = file[:position] + bytes([file[position] ^ 1]) + file[position + 1 :]
    with pytest.raises(InvalidKey, match="not on G1"):
        decode_zkey(changed)


# --- JSON ---


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_written_as_snarkjs_writes_them(name: str, vectors: Path) -> None:
    key = (vectors / f"{name}.vkey.json").read_text()
    assert encode_verifying_key(decode_verifying_key(key)) == key
    proof = (vectors / f"{name}.proof.json").read_text()
    assert encode_proof(decode_proof(proof)) == proof
    publics = (vectors / f"{name}.public.json").read_text()
    assert json.loads(encode_publics(decode_publics(publics))) == json.loads(publics)


@pytest.mark.parametrize("name", NAMES)
def test_calldata_is_snarkjss(name: str, vectors: Path) -> None:
    proof = decode_proof((vectors / f"{name}.proof.json").read_text())
    publics = decode_publics((vectors / f"{name}.public.json").read_text())
    expected = (vectors / f"{name}.calldata.txt").read_text().strip()
    assert solidity_calldata(proof, publics) == expected
    assert proof_of_words(proof_words(proof)) == proof


def test_evm_words_have_the_imaginary_part_first(vectors: Path) -> None:
    key = decode_verifying_key((vectors / "m500.vkey.json").read_text())
    words = key_words(key)
    (x0, x1), (y0, y1) = key.beta2
    assert words.beta == (x1, x0, y1, y0)
    assert words.alpha == key.alpha1
    assert len(words.ic) == 3


def edited(text: str, **changes: object) -> str:
    return json.dumps({**json.loads(text), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": "plonk"},
        {"curve": "bls12381"},
        {"pi_a": ["1", "2"]},
        {"pi_a": ["1", "2", "2"]},
        {"pi_a": ["0", "1", "0"]},
        {"pi_a": [1, 2, 1]},
        {"pi_a": ["01", "2", "1"]},
        {"pi_a": ["-1", "2", "1"]},
        {"pi_a": ["1" * 81, "2", "1"]},
        {"pi_a": ["٣", "2", "1"]},
        {"pi_b": [["1", "2"], ["1", "2"]]},
        {"pi_b": [["1", "2"], ["1"], ["1", "0"]]},
        {"pi_b": [["1", "2"], ["1", "2"], ["0", "1"]]},
        {"pi_b": None},
        {"pi_c": {}},
    ],
)
def test_proofs_of_another_shape_are_refused(changes: dict[str, object], vectors: Path) -> None:
    text = (vectors / "m500.proof.json").read_text()
    with pytest.raises(InvalidText):
        decode_proof(edited(text, **changes))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, '{"a":' * 100_000, "1e400", b"\xff"]
)
def test_texts_that_are_no_document_are_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidText):
        decode_proof(text)
    with pytest.raises(InvalidText):
        decode_verifying_key(text)
    if text != "[]":
        with pytest.raises(InvalidText):
            decode_publics(text)


def test_keys_with_bad_points_or_counts_are_refused(vectors: Path) -> None:
    text = (vectors / "m500.vkey.json").read_text()
    document = json.loads(text)
    with pytest.raises(InvalidText, match="nPublic"):
        decode_verifying_key(edited(text, nPublic=3))
    with pytest.raises(InvalidText, match="IC"):
        decode_verifying_key(edited(text, IC=[]))
    with pytest.raises(InvalidKey, match="alpha"):
        decode_verifying_key(edited(text, vk_alpha_1=["1", "3", "1"]))
    with pytest.raises(InvalidKey, match="IC"):
        decode_verifying_key(edited(text, IC=[["1", "3", "1"], *document["IC"][1:]]))
    swapped = [pair[::-1] for pair in document["vk_beta_2"][:2]] + [["1", "0"]]
    with pytest.raises(InvalidKey, match="beta"):
        decode_verifying_key(edited(text, vk_beta_2=swapped))


@given(st.lists(st.integers(0, R - 1), max_size=5))
def test_publics_round_trip(values: list[int]) -> None:
    assert decode_publics(encode_publics(values)) == tuple(values)


def test_a_proof_is_three_points(vectors: Path) -> None:
    assert isinstance(decode_proof((vectors / "m500.proof.json").read_text()), Proof)


def test_a_key_is_the_same_by_every_backend(backend: Backend, vectors: Path) -> None:
    file = (vectors / "m500.zkey").read_bytes()
    key, expected = backend.decode_zkey(file), decode_zkey(file)
    assert (key.verifying, key.beta1, key.delta1) == (
        expected.verifying,
        expected.beta1,
        expected.delta1,
    )
    assert (key.wires, key.domain) == (expected.wires, expected.domain)
    for name in ("coefficients", "a", "b1", "b2", "c", "h"):
        row = getattr(key, name)
        assert list(row) == getattr(expected, name)
        assert (row[-1], row[3:5]) == (getattr(expected, name)[-1], getattr(expected, name)[3:5])
    assert encode_zkey(key, decode_history(file)) == file


@settings(max_examples=80, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_changed_key_is_refused_in_the_same_words(place: float, bit: int, vectors: Path) -> None:
    file = bytearray((vectors / "m500.zkey").read_bytes())
    # Half of the changes fall upon headers.
    file[int(place * 2 * (len(file) if place < 0.5 else 800)) % len(file)] ^= 1 << bit
    told = []
    for each in BACKENDS:
        try:
            each.decode_zkey(bytes(file))
            told.append("")
        except (InvalidFile, InvalidKey) as error:
            told.append(f"{type(error).__name__}: {error}")
    assert len(set(told)) == 1
