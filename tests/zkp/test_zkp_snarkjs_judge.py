"""snarkjs itself, as the outside judge of what we write."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from zkp.backend import Backend
from zkp.keys import CircuitKey
from zkp.snarkjs.calldata import solidity_calldata
from zkp.snarkjs.texts import (
    decode_proof,
    decode_publics,
    decode_verifying_key,
    encode_proof,
    encode_publics,
)
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import decode_zkey

Snarkjs = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def proven(
    backend: Backend,
    tmp_path_factory: pytest.TempPathFactory,
    equity_key: CircuitKey,
    equity_witness: tuple[int, ...],
) -> Path:
    """A folder with our proof, public signals and witness of a transfer."""
    folder = tmp_path_factory.mktemp("proven")
    proof, publics = backend.prove(equity_key.proving, equity_witness)
    (folder / "proof.json").write_text(encode_proof(proof))
    (folder / "public.json").write_text(encode_publics(publics))
    (folder / "witness.wtns").write_bytes(encode_wtns(equity_witness))
    return folder


def test_snarkjs_accepts_our_proof_by_our_key(
    snarkjs: Snarkjs, equity_key: CircuitKey, proven: Path
) -> None:
    files = (equity_key.vkey_path, proven / "public.json", proven / "proof.json")
    accepted = snarkjs("groth16", "verify", *files)
    assert accepted.returncode == 0, accepted.stdout
    assert "OK!" in accepted.stdout


def test_snarkjs_refuses_our_proof_of_another_statement(
    snarkjs: Snarkjs, equity_key: CircuitKey, proven: Path, tmp_path: Path
) -> None:
    publics = json.loads((proven / "public.json").read_text())
    publics[3] = str(int(publics[3]) + 1)
    changed = tmp_path / "public.json"
    changed.write_text(json.dumps(publics))
    refused = snarkjs("groth16", "verify", equity_key.vkey_path, changed, proven / "proof.json")
    assert refused.returncode != 0


def test_snarkjs_proves_with_our_key(
    backend: Backend, snarkjs: Snarkjs, equity_key: CircuitKey, proven: Path, tmp_path: Path
) -> None:
    proof, publics = tmp_path / "proof.json", tmp_path / "public.json"
    files = (equity_key.zkey_path, proven / "witness.wtns", proof, publics)
    made = snarkjs("groth16", "prove", *files)
    assert made.returncode == 0, made.stdout
    signals = decode_publics(publics.read_text())
    assert signals == decode_publics((proven / "public.json").read_text())
    assert backend.verify(equity_key.proving.verifying, decode_proof(proof.read_text()), signals)


def test_snarkjs_exports_the_same_verification_key(
    snarkjs: Snarkjs, equity_key: CircuitKey, tmp_path: Path
) -> None:
    exported = tmp_path / "vkey.json"
    snarkjs("zkey", "export", "verificationkey", equity_key.zkey_path, exported)
    assert json.loads(exported.read_text()) == json.loads(equity_key.vkey_path.read_text())
    assert decode_verifying_key(exported.read_text()) == equity_key.proving.verifying


def test_snarkjs_finds_our_witness_in_our_constraints(
    snarkjs: Snarkjs, equity_key: CircuitKey, proven: Path, tmp_path: Path
) -> None:
    right = snarkjs("wtns", "check", equity_key.r1cs_path, proven / "witness.wtns")
    assert "WITNESS IS CORRECT" in right.stdout
    witness = [*decode_wtns((proven / "witness.wtns").read_bytes())]
    witness[2] += 1
    (tmp_path / "wrong.wtns").write_bytes(encode_wtns(witness))
    wrong = snarkjs("wtns", "check", equity_key.r1cs_path, tmp_path / "wrong.wtns")
    assert "WITNESS IS CORRECT" not in wrong.stdout


def test_snarkjs_exports_our_calldata(snarkjs: Snarkjs, proven: Path) -> None:
    files = (proven / "public.json", proven / "proof.json")
    exported = snarkjs("zkey", "export", "soliditycalldata", *files)
    proof = decode_proof((proven / "proof.json").read_text())
    publics = decode_publics((proven / "public.json").read_text())
    assert exported.stdout.strip() == solidity_calldata(proof, publics)


def test_snarkjs_accepts_what_we_prove_with_its_key(
    backend: Backend, snarkjs: Snarkjs, vectors: Path, tmp_path: Path
) -> None:
    key = decode_zkey((vectors / "m500.zkey").read_bytes())
    proof, publics = backend.prove(key, decode_wtns((vectors / "m500.wtns").read_bytes()))
    (tmp_path / "proof.json").write_text(encode_proof(proof))
    (tmp_path / "public.json").write_text(encode_publics(publics))
    files = (vectors / "m500.vkey.json", tmp_path / "public.json", tmp_path / "proof.json")
    assert "OK!" in snarkjs("groth16", "verify", *files).stdout
