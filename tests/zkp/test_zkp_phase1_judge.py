"""snarkjs as the judge of phase 1: its powers of tau with ours, its set-up beside ours."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.zkp.phase1_files import prepared, small_circuit, small_system, small_witness
from tests.zkp.random_circuit import random_circuit
from zkp.backend import CURRENT
from zkp.groth16 import setup
from zkp.phase1.contribute import contribute
from zkp.phase1.initial_key import initial_key
from zkp.phase1.verify import verify_powers
from zkp.r1cs import encode_r1cs
from zkp.snarkjs.ptau import decode_ptau, encode_ptau
from zkp.snarkjs.texts import (
    decode_proof,
    decode_publics,
    encode_proof,
    encode_verifying_key,
)
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import decode_history, decode_zkey, encode_zkey

Snarkjs = Callable[..., subprocess.CompletedProcess[str]]


def test_snarkjs_accepts_our_powers_and_makes_the_same_key(
    snarkjs: Snarkjs, tmp_path: Path
) -> None:
    ptau, r1cs = tmp_path / "ours.ptau", tmp_path / "small.r1cs"
    theirs, ours = tmp_path / "theirs.zkey", tmp_path / "ours.zkey"
    ptau.write_bytes(encode_ptau(prepared()))
    r1cs.write_bytes(encode_r1cs(small_circuit().system))
    ours.write_bytes(encode_zkey(*initial_key(small_system(), prepared())))
    judged = snarkjs("powersoftau", "verify", ptau)
    assert "Powers of Tau Ok!" in judged.stdout, judged.stdout
    made = snarkjs("groth16", "setup", r1cs, ptau, theirs)
    assert made.returncode == 0, made.stdout
    # The same sections in another order.
    made_by_snarkjs = theirs.read_bytes()
    again = encode_zkey(decode_zkey(made_by_snarkjs), decode_history(made_by_snarkjs))
    assert again == ours.read_bytes()
    assert sorted(made_by_snarkjs) == sorted(again)
    judged = snarkjs("zkey", "verify", r1cs, ptau, ours)
    assert "ZKey Ok!" in judged.stdout, judged.stdout


def test_snarkjs_goes_on_where_we_stopped_and_we_where_it_did(
    snarkjs: Snarkjs, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours.ptau", tmp_path / "theirs.ptau"
    ours.write_bytes(encode_ptau(prepared()))
    done = snarkjs("powersoftau", "contribute", ours, theirs, "--name=theirs", "-e=typed")
    assert done.returncode == 0, done.stdout
    after = decode_ptau(theirs.read_bytes())
    assert [made.note.name for made in after.contributions][2:] == ["beacon", "theirs"]
    verify_powers(after)
    ours.write_bytes(encode_ptau(contribute(after, name="ours")))
    judged = snarkjs("powersoftau", "verify", ours)
    assert "Powers of Tau Ok!" in judged.stdout, judged.stdout


def test_a_random_circuit_is_proven_on_both_sides(snarkjs: Snarkjs, tmp_path: Path) -> None:
    system, witness = random_circuit(Random(6), 250)
    assert system.first_unsatisfied(witness) is None
    key = setup(system)
    names = ("r1cs", "wtns", "zkey", "vkey", "ours", "theirs", "public")
    r1cs, wtns, zkey, vkey, ours, theirs, public = (tmp_path / f"random.{name}" for name in names)
    r1cs.write_bytes(encode_r1cs(system))
    wtns.write_bytes(encode_wtns(witness))
    zkey.write_bytes(encode_zkey(key))
    vkey.write_text(encode_verifying_key(key.verifying), encoding="utf-8")
    assert "WITNESS IS CORRECT" in snarkjs("wtns", "check", r1cs, wtns).stdout
    made = snarkjs("groth16", "prove", zkey, wtns, theirs, public)
    assert made.returncode == 0, made.stdout
    signals = decode_publics(public.read_bytes())
    assert CURRENT.verify(key.verifying, decode_proof(theirs.read_bytes()), signals)
    proof, publics = CURRENT.prove(key, decode_wtns(wtns.read_bytes()), system=system)
    assert publics == signals
    ours.write_text(encode_proof(proof), encoding="utf-8")
    assert "OK!" in snarkjs("groth16", "verify", vkey, public, ours).stdout


def test_snarkjs_finds_our_witness_of_fractions_in_the_constraints(
    snarkjs: Snarkjs, tmp_path: Path
) -> None:
    r1cs, wtns = tmp_path / "small.r1cs", tmp_path / "small.wtns"
    r1cs.write_bytes(encode_r1cs(small_circuit().system))
    wtns.write_bytes(encode_wtns(small_witness()))
    assert "WITNESS IS CORRECT" in snarkjs("wtns", "check", r1cs, wtns).stdout
