"""`quorate zk export`: the key, and the contract that names the circuit which the key is for."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import command
from tests.zkp.refusals import honest
from zkp.key_words import key_hash
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.texts import decode_verifying_key
from zkp.snarkjs.zkey import encode_zkey
from zkp.verifier_contract import verifier_source

IT = honest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.zkey").write_bytes(encode_zkey(IT.proving))
    (tmp_path / "one.r1cs").write_bytes(encode_r1cs(IT.circuit.system))
    return tmp_path


def export(folder: Path, **files: str) -> Result:
    options = [word for name, file in files.items() for word in (f"--{name}", str(folder / file))]
    return CliRunner().invoke(command(["zk"]), ["zk", "export", *options, "--json"])


def test_key_and_contract_are_of_the_same_key(folder: Path) -> None:
    done = export(folder, zkey="one.zkey", r1cs="one.r1cs", vkey="one.json", vyper="one.vy")
    assert done.exit_code == 0, done.output
    circuit = circuit_id((folder / "one.r1cs").read_bytes())
    assert json.loads(done.stdout) == {
        "key": "0x" + key_hash(IT.key).hex(),
        "vkey": str(folder / "one.json"),
        "vyper": str(folder / "one.vy"),
        "circuit": "0x" + circuit.hex(),
    }
    assert decode_verifying_key((folder / "one.json").read_text()) == IT.key
    assert (folder / "one.vy").read_text() == verifier_source(IT.key, circuit, "one")


def test_a_contract_is_not_written_for_another_circuit(folder: Path) -> None:
    other = replace(IT.circuit.system, public_inputs=2, private_inputs=3)
    (folder / "two.r1cs").write_bytes(encode_r1cs(other))
    done = export(folder, zkey="one.zkey", r1cs="two.r1cs", vyper="one.vy")
    assert "the key is for 3 public signals, the constraint system has 2" in str(done.exception)
    assert not (folder / "one.vy").exists()


def test_something_has_to_be_asked_for(folder: Path) -> None:
    assert "name a file" in str(export(folder, zkey="one.zkey").exception)
    done = export(folder, zkey="one.zkey", vyper="one.vy")
    assert "--vyper needs --r1cs" in str(done.exception)
