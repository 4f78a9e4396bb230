"""snarkjs as the judge of phase 1: its powers of tau with ours, its set-up beside ours."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.zkp.phase1_files import prepared, small_circuit, small_system, small_witness
from zkp.phase1.contribute import contribute
from zkp.phase1.initial_key import initial_key
from zkp.phase1.verify import verify_powers
from zkp.r1cs import encode_r1cs
from zkp.snarkjs.ptau import decode_ptau, encode_ptau
from zkp.snarkjs.wtns import encode_wtns
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


def test_snarkjs_finds_our_witness_of_fractions_in_the_constraints(
    snarkjs: Snarkjs, tmp_path: Path
) -> None:
    r1cs, wtns = tmp_path / "small.r1cs", tmp_path / "small.wtns"
    r1cs.write_bytes(encode_r1cs(small_circuit().system))
    wtns.write_bytes(encode_wtns(small_witness()))
    assert "WITNESS IS CORRECT" in snarkjs("wtns", "check", r1cs, wtns).stdout
