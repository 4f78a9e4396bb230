"""The crate's side of the boundary: the reference's very values, bounds, and what is refused."""

import gc
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zkp.refusals import outside_the_subgroup
from zkp import reference
from zkp.backend import backend_named
from zkp.curve.g1 import G1, P
from zkp.curve.g2 import G2
from zkp.field import R
from zkp.groth16 import InvalidKey, ProvingKey, VerifyingKey
from zkp.keys import CircuitKey
from zkp.precompiles import InvalidCurveInput
from zkp.snarkjs.texts import decode_proof, decode_publics, decode_verifying_key
from zkp.snarkjs.wtns import decode_wtns
from zkp.snarkjs.zkey import decode_zkey
from zkp.witness import pack

ROOT = Path(__file__).parents[2]
native = pytest.importorskip(
    "zkp.native", reason="the native backend is not built", exc_type=ImportError
)
crate = pytest.importorskip("quorate_native")


@pytest.fixture(scope="module")
def key(vectors: Path) -> ProvingKey:
    return decode_zkey((vectors / "m500.zkey").read_bytes())


@pytest.fixture(scope="module")
def witness(vectors: Path) -> tuple[int, ...]:
    return decode_wtns((vectors / "m500.wtns").read_bytes())


@pytest.fixture(scope="module")
def zkey(vectors: Path) -> bytes:
    return (vectors / "m500.zkey").read_bytes()


def word(value: int) -> bytes:
    return value.to_bytes(32)


def test_both_backends_make_the_same_proof_from_the_same_blinding(
    key: ProvingKey, witness: tuple[int, ...]
) -> None:
    made = [
        b.prove(key, witness, randbelow=random.Random(3).randrange) for b in (native, reference)
    ]
    assert made[0] == made[1]


def test_a_transfer_is_proven_alike(
    equity_key: CircuitKey, equity_witness: tuple[int, ...]
) -> None:
    proofs = [
        b.prove(equity_key.proving, equity_witness, randbelow=random.Random(4).randrange)
        for b in (native, reference)
    ]
    assert proofs[0] == proofs[1]


def test_a_proof_is_of_its_own_key(key: ProvingKey, witness: tuple[int, ...]) -> None:
    """A key that Rust holds is let go with its Python value, whose place another may take."""
    for _ in range(3):
        other = replace(key, wires=key.wires)
        native.prove(other, witness)
        identity = id(other)
        assert identity in native._keys
        del other
        gc.collect()
        assert identity not in native._keys


mutations = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=0, max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["ecadd", "ecmul", "ecpairing"]),
    scalars=st.tuples(*[st.integers(0, R)] * 4),
    length=st.integers(-1, 390),
    mutated=mutations,
)
def test_precompiles_answer_and_refuse_alike(
    name: str, scalars: tuple[int, ...], length: int, mutated: list[tuple[int, int]]
) -> None:
    pair = [_g1(scalars[0]), _g2(scalars[1]), _g1(scalars[2]), _g2(scalars[3])]
    whole = {"ecadd": pair[0] + pair[2], "ecmul": pair[0] + word(scalars[2])}.get(
        name, b"".join(pair)
    )
    data = bytearray(whole if length < 0 else whole[:length])
    for place, value in mutated:
        if place < len(data):
            data[place] = value
    assert _answer(native, name, bytes(data)) == _answer(reference, name, bytes(data))


def _answer(backend: object, name: str, data: bytes) -> bytes | None:
    try:
        answer: bytes = getattr(backend, name)(data)
    except InvalidCurveInput:
        return None
    return answer


def _g1(scalar: int) -> bytes:
    x, y = G1.multiply(G1.generator, scalar) or (0, 0)
    return word(x) + word(y)


def _g2(scalar: int) -> bytes:
    (x0, x1), (y0, y1) = G2.multiply(G2.generator, scalar) or ((0, 0), (0, 0))
    return word(x1) + word(x0) + word(y1) + word(y0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), terms=st.integers(0, 600))
def test_long_sums_are_alike(seed: int, terms: int) -> None:
    chance = random.Random(seed)
    g = G1.generator
    pool = [None, g, G1.negate(g), G1.multiply(g, 2), G1.multiply(g, R // 3)]
    scalars = [
        chance.choice([0, 1, R - 1, 1 << chance.randrange(254), chance.randrange(R)]) % R
        for _ in range(terms)
    ]
    points = [chance.choice(pool) for _ in scalars]
    expected = reference.multi_scalar_multiply(G1, points, scalars)
    assert native.multi_scalar_multiply(G1, points, scalars) == expected


@pytest.mark.parametrize("terms", [7, 8, 9, 33, 2_000, 20_000])
def test_sums_of_every_window_width(terms: int) -> None:
    """Known logarithms make the sum of thousands of terms one multiple of the generator."""
    chance = random.Random(terms)
    logs = [chance.randrange(R) for _ in range(50)]
    for group in (G1, G2):
        table = [group.multiply(group.generator, log) for log in logs]
        picked = [chance.randrange(50) for _ in range(terms if group is G1 else terms // 20)]
        scalars = [chance.randrange(R) for _ in picked]
        total = sum(logs[i] * scalar for i, scalar in zip(picked, scalars, strict=True)) % R
        points = [table[i] for i in picked]
        expected = group.multiply(group.generator, total)
        assert native.multi_scalar_multiply(group, points, scalars) == expected


def test_points_off_curve_or_subgroup_are_refused_in_sums() -> None:
    with pytest.raises(ValueError, match="off the curve"):
        native.multi_scalar_multiply(G1, [(1, 3)], [1])
    with pytest.raises(ValueError, match="not reduced"):
        native.multi_scalar_multiply(G1, [(1 + P, 2)], [1])
    with pytest.raises(ValueError, match="not reduced"):
        native.multi_scalar_multiply(G1, [(1, 2)], [R])
    with pytest.raises(ValueError, match="at most 1 pieces"):
        native.multi_scalar_multiply(G1, [(1, 2)], [1, 1])


def test_sums_over_a_row_are_bounded() -> None:
    point, one = word(1) + word(2), (1).to_bytes(4, "little")
    assert crate.g1_combinations(point, bytes(4), word(1), one) == point
    for places, scalars, lengths, words in (
        (one, word(1), one, "point 1: expected one below 1"),
        (bytes(4), word(1), bytes(4), "lists of 0 terms together: expected 1"),
        (bytes(4), word(1), b"\xff" * 8, "expected 1"),
        (bytes(4), b"", one, "0 scalars for 1 points"),
        (bytes(4), word(R), one, "not reduced"),
        (bytes(3), word(1), one, "pieces of 4 bytes"),
    ):
        with pytest.raises(ValueError, match=words):
            crate.g1_combinations(point, places, scalars, lengths)


def test_a_key_that_was_read_here_is_not_read_again(
    zkey: bytes, witness: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = native.decode_zkey(zkey)
    monkeypatch.delattr("zkp.snarkjs.zkey.encode_zkey")
    proof, publics = native.prove(made, witness)
    assert native.verify(made.verifying, proof, publics)


# --- files ---


def test_the_whole_file_is_needed(zkey: bytes) -> None:
    for size in (0, 3, 4, 11, 12, 30, 1000, len(zkey) // 2, len(zkey) - 1):
        with pytest.raises(ValueError, match="expected"):
            crate.Groth16ProvingKey(zkey[:size])
    with pytest.raises(ValueError, match="1 bytes more than it declares"):
        crate.Groth16ProvingKey(zkey + b"\0")


def _section(data: bytes, wanted: int) -> int:
    """Where a section's content begins."""
    place = 12
    while int.from_bytes(data[place : place + 4], "little") != wanted:
        place += 12 + int.from_bytes(data[place + 4 : place + 12], "little")
    return place + 12


@pytest.mark.parametrize(
    ("section", "offset", "value", "words"),
    [
        (1, 0, b"\2", "another protocol"),
        (2, 4, b"\0", "another field"),
        (2, 72, (2**32 - 1).to_bytes(4, "little"), "wires: expected at most"),
        (2, 76, (1025).to_bytes(4, "little"), "public signals: expected at most"),
        (2, 80, (1000).to_bytes(4, "little"), "power of two"),
        (2, 80, (1 << 25).to_bytes(4, "little"), "rows: expected at most"),
        (2, 84, bytes(64), "identity"),
        (3, 0, b"\xff" * 32, "not reduced"),
        (4, 0, (2**32 - 1).to_bytes(4, "little"), "expected at most"),
        (4, 0, (1 << 27).to_bytes(4, "little"), "cut short"),
        (4, 4, (2).to_bytes(4, "little"), "matrix 2"),
        (4, 8, (1 << 20).to_bytes(4, "little"), "row 1048576"),
        (4, 12, (1 << 20).to_bytes(4, "little"), "wire 1048576"),
        (4, 16, b"\xff" * 32, "not reduced"),
        (9, 0, bytes(31) + b"\1" + bytes(32), "not on G1"),
    ],
)
def test_a_damaged_file_is_refused(
    section: int, offset: int, value: bytes, words: str, zkey: bytes
) -> None:
    place = _section(zkey, section) + offset
    damaged = zkey[:place] + value + zkey[place + len(value) :]
    with pytest.raises(ValueError, match=words):
        crate.Groth16ProvingKey(damaged)


def test_a_verifying_key_outside_its_subgroup_is_refused(
    key: ProvingKey, witness: tuple[int, ...]
) -> None:
    verifying = replace(key.verifying, gamma2=outside_the_subgroup())
    proof, publics = native.prove(key, witness)
    with pytest.raises(InvalidKey, match="outside its subgroup"):
        native.verify(verifying, proof, publics)
    with pytest.raises(InvalidKey, match="outside its subgroup"):
        native.prove(replace(key, verifying=verifying), witness)


def test_a_key_of_parts_that_do_not_fit_is_refused(
    key: ProvingKey, witness: tuple[int, ...]
) -> None:
    short: list[Callable[[ProvingKey], ProvingKey]] = [
        lambda k: replace(k, h=k.h[:-1]),
        lambda k: replace(k, c=[*k.c, None]),
        lambda k: replace(k, domain=2 * k.domain),
    ]
    for spoil in short:
        with pytest.raises(InvalidKey):
            native.prove(spoil(key), witness)


# --- the boundary ---


def test_numbers_of_the_wrong_length_are_refused(zkey: bytes, witness: tuple[int, ...]) -> None:
    loaded = crate.Groth16ProvingKey(zkey)
    assert loaded.wires == len(witness)
    values = pack(witness)
    for blinding in ((b"", word(1)), (word(1), bytes(33)), (word(R), word(1))):
        with pytest.raises(ValueError, match="expected"):
            loaded.prove(values, *blinding)
    for wrong in (values[:-1], values[:-32], values + word(0), word(2) + values[32:], b""):
        with pytest.raises(ValueError, match=r"expected|of different circuits"):
            loaded.prove(wrong, word(1), word(1))
    for size in (0, 3, 6):
        with pytest.raises(ValueError, match="power of two"):
            crate.fft(bytes(32 * size))


def test_a_verifying_key_must_be_whole(vectors: Path) -> None:
    for size in (0, 64, 447, 448, 449, 448 + 64 * 1026):
        with pytest.raises(ValueError, match=r"expected|cut short"):
            crate.Groth16VerifyingKey(bytes(size))
    key: VerifyingKey = decode_verifying_key((vectors / "m500.vkey.json").read_bytes())
    proof = decode_proof((vectors / "m500.proof.json").read_bytes())
    publics = decode_publics((vectors / "m500.public.json").read_bytes())
    prepared = native._prepared(key)
    flat = native._encode((*proof.a, *[c for x in proof.b for c in x[::-1]], *proof.c))
    assert prepared.verify(flat, native._encode(publics))
    assert not prepared.verify(flat, native._encode([publics[0] + R, *publics[1:]]))
    assert not prepared.verify(flat[:-1], native._encode(publics))
    assert not prepared.verify(flat, native._encode(publics) + b"\0")


def test_other_threads_run_while_rust_proves(zkey: bytes, witness: tuple[int, ...]) -> None:
    loaded = crate.Groth16ProvingKey(zkey)
    values = pack(witness)
    proving = threading.Thread(
        target=lambda: [loaded.prove(values, word(1), word(2)) for _ in "abc"]
    )
    proving.start()
    ticks = 0
    while proving.is_alive():
        time.sleep(0)
        ticks += 1
    # With the lock held there would be one turn between two proofs.
    assert ticks > 20


def test_backends_by_name() -> None:
    assert backend_named("native") is native
    assert backend_named("reference") is reference
    assert backend_named("abacus") is None


def test_without_the_crate_the_reference_computes(tmp_path: Path) -> None:
    (tmp_path / "quorate_native.py").write_text("raise ImportError('not built')\n")
    told = subprocess.run(
        [sys.executable, "-c", "from zkp.backend import CURRENT; print(CURRENT.NAME)"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.strip() == "reference"
