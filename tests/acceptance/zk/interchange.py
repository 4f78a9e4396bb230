"""circom's, snarkjs's and our files serve each other: circuits, powers, keys, witnesses, proofs.

Three circuits that neither side was made for: a random constraint system of ours, one that circom 2
compiled before, and one that circom compiles now (the package `circom2`, run by npm; left out, and
said so, where npm cannot get it). Powers of tau go back and forth between both sides before they
are used; each side's set-up gives the same key, snarkjs's `zkey verify` accepts it before and after
phase 2; each side proves with it and each verifies both proofs and refuses another statement.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.circom import PACKAGES, NoCircom, install_circom
from tests.acceptance.harness import QUORATE, ROOT
from tests.zkp.random_circuit import random_circuit
from zkp.r1cs import encode_r1cs
from zkp.snarkjs.wtns import encode_wtns
from zkp.snarkjs.zkey import decode_history, decode_zkey

VECTORS = ROOT / "tests" / "vectors" / "snarkjs"
SNARKJS = ROOT / "tests" / "snarkjs" / "node_modules" / "snarkjs" / "build" / "cli.cjs"
SOURCE = Path(__file__).parent / "squares.circom"
INPUT = {"limit": "50000", "values": ["0", "1", "30000", "50000"]}
POWER = 9
ROWS = 300
COMMAND_TIMEOUT_S = 1_800


@dataclass(frozen=True)
class Brought:
    """A circuit with a witness, as files."""

    name: str
    r1cs: Path
    wtns: Path
    sym: Path | None = None


def run(folder: Path, rows: int = ROWS, power: int = POWER, seed: int = 1) -> dict[str, Any]:
    """Powers both ways, then every circuit with them."""
    assert SNARKJS.is_file(), "snarkjs is not installed: run npm ci in tests/snarkjs"
    mixed, theirs = _mixed_powers(folder, power), _their_powers(folder, power)
    _changed_powers_are_refused(folder, theirs)
    circuits = [_random(folder, rows, seed), _compiled_before(), *_compiled_now(folder)]
    done = {}
    for brought, ptau in zip(circuits, (mixed, theirs, mixed), strict=False):
        done[brought.name] = _both_ways(folder, brought, ptau)
    return {
        "powers": f"2^{power}: ours and snarkjs's contributions in one file; snarkjs's alone",
        "circuits": done,
        "circom": PACKAGES[0] if len(circuits) == 3 else "npm could not get it: left out",
    }


def _mixed_powers(folder: Path, power: int) -> Path:
    """Begun here, continued there, ended here, prepared by both alike."""
    steps = [folder / f"mixed-{number}.ptau" for number in range(4)]
    ours, theirs = folder / "mixed-ours.ptau", folder / "mixed-theirs.ptau"
    _ours("zk", "powers", "new", "--power", str(power), "--out", steps[0])
    _ours("zk", "powers", "contribute", steps[0], "--out", steps[1], "--name", "ours")
    _theirs("powersoftau", "contribute", steps[1], steps[2], "--name=theirs", "-e=typed")
    _ours("zk", "powers", "beacon", steps[2], "--out", steps[3], "--value", "c0ffee")
    assert "Powers of Tau Ok!" in _theirs("powersoftau", "verify", steps[3])
    _theirs("powersoftau", "prepare", "phase2", steps[3], theirs)
    _ours("zk", "powers", "prepare", steps[3], "--out", ours)
    assert ours.read_bytes() == theirs.read_bytes(), "prepared differently"
    told = _ours("zk", "powers", "verify", theirs)
    assert [made["name"] for made in told["contributions"]] == ["ours", "theirs", None]
    return ours


def _their_powers(folder: Path, power: int) -> Path:
    """snarkjs's alone, checked by us."""
    steps = [folder / f"theirs-{number}.ptau" for number in range(4)]
    _theirs("powersoftau", "new", "bn128", str(power), steps[0])
    _theirs("powersoftau", "contribute", steps[0], steps[1], "--name=first", "-e=typed")
    _theirs("powersoftau", "beacon", steps[1], steps[2], "0102030405060708", "10", "-n=last")
    _theirs("powersoftau", "prepare", "phase2", steps[2], steps[3])
    for step in steps[2:]:
        told = _ours("zk", "powers", "verify", step)
        assert [made["kind"] for made in told["contributions"]] == ["secret", "beacon"]
    return steps[3]


def _changed_powers_are_refused(folder: Path, ptau: Path) -> None:
    """A byte of one power, and a file that lost its end."""
    file = ptau.read_bytes()
    changed = folder / "changed.ptau"
    for damaged in (file[:400] + bytes([file[400] ^ 1]) + file[401:], file[:-1]):
        changed.write_bytes(damaged)
        done = _run([QUORATE, "zk", "powers", "verify", changed])
        assert done.returncode == 1, "changed powers were taken"
        assert "Traceback" not in done.stderr, done.stderr


def _random(folder: Path, rows: int, seed: int) -> Brought:
    system, witness = random_circuit(Random(seed), rows)
    r1cs, wtns = folder / "random.r1cs", folder / "random.wtns"
    r1cs.write_bytes(encode_r1cs(system))
    wtns.write_bytes(encode_wtns(witness))
    return Brought("random", r1cs, wtns)


def _compiled_before() -> Brought:
    return Brought("m500", VECTORS / "m500.r1cs", VECTORS / "m500.wtns")


def _compiled_now(folder: Path) -> Iterator[Brought]:
    """By circom from npm; its own program computes the witness."""
    try:
        circom = install_circom()
    except NoCircom:
        return
    done = _run(list(circom.command(SOURCE, folder)))
    assert done.returncode == 0, f"circom: {done.stdout}{done.stderr}"
    inputs, wtns = folder / "squares.input.json", folder / "squares.wtns"
    inputs.write_text(json.dumps(INPUT), encoding="utf-8")
    program = folder / "squares_js" / "squares.wasm"
    _theirs("wtns", "calculate", program, inputs, wtns)
    yield Brought("squares", folder / "squares.r1cs", wtns, folder / "squares.sym")


def _both_ways(folder: Path, brought: Brought, ptau: Path) -> dict[str, Any]:
    """Taken in, set up by both, contributed to, proven by both, verified by both."""
    taken = _taken_in(brought)
    key = folder / f"{brought.name}.zkey"
    first = _set_up(folder, brought, ptau)
    _theirs("zkey", "contribute", first, key, "--name=phase 2", "-e=typed")
    assert "ZKey Ok!" in _theirs("zkey", "verify", brought.r1cs, ptau, key)
    (made,) = decode_history(key.read_bytes()).contributions
    assert made.note.name == "phase 2"
    assert _ours("zk", "import", brought.r1cs, "--zkey", key)["zkey"]
    vkey, exported = folder / f"{brought.name}.vkey.json", folder / "exported.json"
    _ours("zk", "export", "--zkey", key, "--vkey", vkey)
    _theirs("zkey", "export", "verificationkey", key, exported)
    assert json.loads(vkey.read_text()) == json.loads(exported.read_text())
    for prover in (_prove_here, _prove_there):
        proof, public = prover(folder, key, brought.wtns)
        assert _accepted_here(vkey, proof, public), f"{prover.__name__}: refused here"
        assert _accepted_there(vkey, proof, public), f"{prover.__name__}: refused by snarkjs"
        signals = json.loads(public.read_text())
        public.write_text(json.dumps([str(int(signals[0]) + 1), *signals[1:]]), encoding="utf-8")
        assert not _accepted_here(vkey, proof, public), "another statement was taken here"
        assert not _accepted_there(vkey, proof, public), "another statement was taken by snarkjs"
    return {name: taken[name] for name in ("constraints", "wires", "power")}


def _taken_in(brought: Brought) -> dict[str, Any]:
    """Both sides find the witness right, and a changed one wrong."""
    names = () if brought.sym is None else ("--sym", brought.sym)
    taken: dict[str, Any] = _ours("zk", "import", brought.r1cs, "--witness", brought.wtns, *names)
    assert "WITNESS IS CORRECT" in _theirs("wtns", "check", brought.r1cs, brought.wtns)
    if brought.sym is not None:
        assert taken["public"] == ["main.total", "main.limit"]
    return taken


def _set_up(folder: Path, brought: Brought, ptau: Path) -> Path:
    """The same first key by both; snarkjs accepts ours."""
    theirs = folder / f"{brought.name}.first.zkey"
    made = _ours("zk", "setup", brought.r1cs, "--ptau", ptau, "--out", folder / "keys")
    ours = Path(made["zkey"])
    _theirs("groth16", "setup", brought.r1cs, ptau, theirs)
    files = [path.read_bytes() for path in (ours, theirs)]
    assert decode_zkey(files[0]) == decode_zkey(files[1]), f"{brought.name}: another key"
    assert decode_history(files[0]) == decode_history(files[1]), f"{brought.name}: another hash"
    assert "ZKey Ok!" in _theirs("zkey", "verify", brought.r1cs, ptau, ours)
    return ours


def _prove_here(folder: Path, zkey: Path, wtns: Path) -> tuple[Path, Path]:
    proof, public = folder / "ours.json", folder / "ours.public.json"
    files = ("--witness", wtns, "--proof", proof, "--public", public)
    _ours("zk", "prove", "--zkey", zkey, *files)
    return proof, public


def _prove_there(folder: Path, zkey: Path, wtns: Path) -> tuple[Path, Path]:
    proof, public = folder / "theirs.json", folder / "theirs.public.json"
    _theirs("groth16", "prove", zkey, wtns, proof, public)
    return proof, public


def _accepted_here(vkey: Path, proof: Path, public: Path) -> bool:
    files = ["--vkey", vkey, "--proof", proof, "--public", public]
    done = _run([QUORATE, "zk", "verify", *files])
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0


def _accepted_there(vkey: Path, proof: Path, public: Path) -> bool:
    return _run(["node", SNARKJS, "groth16", "verify", vkey, public, proof]).returncode == 0


def _ours(*arguments: str | Path) -> Any:
    done = _run([QUORATE, *arguments, "--json"])
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return json.loads(done.stdout)


def _theirs(*arguments: str | Path) -> str:
    done = _run(["node", SNARKJS, *arguments])
    assert done.returncode == 0, f"snarkjs {arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def _run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
