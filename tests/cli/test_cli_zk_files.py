"""`quorate zk` over files: powers of tau from first to prepared, a circuit of circom's taken in."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import command
from zkp.circuits import membership
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.contributions import MpcParams
from zkp.snarkjs.ptau import InvalidPowers
from zkp.snarkjs.sections import InvalidFile
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import decode_history

APP = command(["zk"])
VECTORS = Path(__file__).parents[1] / "vectors" / "snarkjs"


def run(*arguments: str | Path) -> dict[str, Any]:
    """The command's JSON; what it raised is raised."""
    done = CliRunner().invoke(APP, ["zk", *map(str, arguments), "--json"])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A circuit as circom would bring it: a file."""
    from tests.zkp.phase1_files import small_circuit

    path = tmp_path / "small.r1cs"
    path.write_bytes(encode_r1cs(small_circuit().system))
    return path


def test_powers_from_the_first_to_a_key(tmp_path: Path, small: Path) -> None:
    first, second, third, ready = (tmp_path / f"{number}.ptau" for number in range(4))
    made = run("powers", "new", "--power", "3", "--out", first)
    assert (made["power"], made["contributions"], made["prepared"]) == (3, [], False)
    with pytest.raises(InvalidPowers, match="everybody knows"):
        run("powers", "verify", first)
    run("powers", "contribute", first, "--out", second, "--name", "one", "--entropy", "typed")
    run("powers", "beacon", second, "--out", third, "--value", "0xaabb", "--name", "last")
    with pytest.raises(InvalidPowers, match="not prepared"):
        run("setup", small, "--ptau", third, "--out", tmp_path / "keys")
    run("powers", "prepare", third, "--out", ready)
    verified = run("powers", "verify", ready)
    assert verified["valid"]
    assert verified["prepared"]
    kinds = [(entry["name"], entry["kind"]) for entry in verified["contributions"]]
    assert kinds == [("one", "secret"), ("last", "beacon")]
    key = run("setup", small, "--ptau", ready, "--out", tmp_path / "keys")
    history = decode_history(Path(key["zkey"]).read_bytes())
    assert history == MpcParams(bytes.fromhex(key["circuit_hash"]))
    assert Path(key["r1cs"]).read_bytes() == small.read_bytes()
    assert run("import", small, "--zkey", key["zkey"])["zkey"]


@pytest.mark.parametrize("value", ["", "0x", "abc", "zz", "00" * 256])
def test_beacons_that_are_none_are_refused(value: str, tmp_path: Path) -> None:
    first = tmp_path / "first.ptau"
    run("powers", "new", "--power", "1", "--out", first)
    with pytest.raises(CommandFailed, match="--value"):
        run("powers", "beacon", first, "--out", tmp_path / "no.ptau", f"--value={value}")
    assert not (tmp_path / "no.ptau").exists()


def test_a_circuit_of_circoms_is_taken_in_with_witness_and_key(tmp_path: Path) -> None:
    r1cs = VECTORS / "m500.r1cs"
    files = ("--witness", VECTORS / "m500.wtns", "--zkey", VECTORS / "m500.zkey")
    taken = run("import", r1cs, *files, "--out", tmp_path / "circuits")
    assert taken["id"] == "0x" + circuit_id(r1cs.read_bytes()).hex()
    assert (taken["constraints"], taken["outputs"], taken["public_inputs"]) == (485, 1, 1)
    assert taken["power"] == 9
    assert Path(taken["file"]).read_bytes() == r1cs.read_bytes()
    assert taken["id"][2:18] in taken["file"]


def test_a_witness_that_breaks_a_constraint_is_named(tmp_path: Path, small: Path) -> None:
    with pytest.raises(CommandFailed, match=r"m500.wtns: the witness has 490 values"):
        run("import", small, "--witness", VECTORS / "m500.wtns")
    values = [*decode_wtns((VECTORS / "m500.wtns").read_bytes())]
    values[3] += 1
    wrong = tmp_path / "wrong.wtns"
    wrong.write_bytes(encode_wtns(values))
    symbols = tmp_path / "m500.sym"
    symbols.write_text("1,1,0,main.root\n3,3,0,main.leaf\n4,-1,0,main.gone\n", encoding="utf-8")
    files = (VECTORS / "m500.r1cs", "--witness", wrong, "--sym", symbols)
    with pytest.raises(CommandFailed, match=r"constraint \d+ does not hold.*main\.leaf = "):
        run("import", *files)
    symbols.write_text("1,490,0,main.root\n", encoding="utf-8")
    with pytest.raises(InvalidFile, match="wire '490' of 490: is it of another circuit"):
        run("import", *files)
    symbols.write_text("main.root\n", encoding="utf-8")
    with pytest.raises(InvalidFile, match="line 1: expected label,wire,component,name"):
        run("import", *files)


def test_a_key_of_another_circuit_is_refused(small: Path) -> None:
    with pytest.raises(CommandFailed, match="a key of another circuit"):
        run("import", small, "--zkey", VECTORS / "m500.zkey")


def test_a_file_gets_a_test_key_that_proves(tmp_path: Path, small: Path) -> None:
    from tests.zkp.phase1_files import small_witness

    key = run("setup", small, "--out", tmp_path / "keys")
    assert key["test_only"]
    witness, proof, public = (tmp_path / name for name in ("w.wtns", "proof.json", "public.json"))
    witness.write_bytes(encode_wtns(small_witness()))
    made = ("--proof", proof, "--public", public)
    run("prove", "--zkey", key["zkey"], "--witness", witness, *made)
    assert run("verify", "--vkey", key["vkey"], *made)["valid"]


def test_a_witness_is_computed_from_inputs(tmp_path: Path) -> None:
    circuit = membership.build()
    names = circuit.inputs
    inputs, out = tmp_path / "input.json", tmp_path / "out.wtns"
    inputs.write_text(json.dumps(dict.fromkeys(names, "1")), encoding="utf-8")
    with pytest.raises(ValueError, match="constraint '"):
        run("witness", "membership_20", "--inputs", inputs, "--out", out)
    inputs.write_text(json.dumps(dict.fromkeys(names, -1)), encoding="utf-8")
    with pytest.raises(ValueError, match="expected a decimal string"):
        run("witness", "membership_20", "--inputs", inputs, "--out", out)
    assert not out.exists()
