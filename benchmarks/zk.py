"""Circuits and proofs beside circom's and snarkjs's: compile, witness, set-up, prove, verify.

`python -m benchmarks.zk --sizes 500 4000 30000` measures in rounds, each tool once a round, so that
a busy machine slows all alike; ratios are of medians. Tools are warm, and where one must be started
(circom) its start alone is measured as well and taken off. Both provers have the same key and
witness, circom's. Peak memory is each verb's alone in a process of its own. Needs Node.js, `npm ci`
in tests/snarkjs, and npm for circom; writes build/bench/zk.json.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import zk_files
from benchmarks.groth16 import snarkjs_worker
from zkp import backend
from zkp.groth16 import ProvingKey
from zkp.groth16.qap import domain_size
from zkp.phase1.initial_key import initial_key
from zkp.r1cs import decode_r1cs, encode_r1cs
from zkp.snarkjs.ptau import decode_ptau
from zkp.snarkjs.texts import (
    decode_proof,
    decode_publics,
    decode_verifying_key,
    encode_proof,
    encode_publics,
    encode_verifying_key,
)
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import decode_zkey, encode_zkey

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "build" / "bench"
SNARKJS = ROOT / "tests" / "snarkjs" / "node_modules" / "snarkjs" / "build" / "cli.cjs"
ROUNDS = 9
SETUP_ROUNDS = 3
PROVE_RATIO_MIN, WITNESS_RATIO_MIN = 4, 1
VERBS = ("compile", "witness", "setup", "prove", "verify")


@dataclass(frozen=True)
class Case:
    """One size's files; `shape` is the number of paths and their depth."""

    size: int
    folder: Path

    @property
    def shape(self) -> tuple[int, int]:
        """Paths and levels."""
        return zk_files.SIZES[self.size]

    def file(self, name: str) -> Path:
        """A file of this case."""
        return self.folder / name


def _compile(case: Case) -> None:
    case.file("ours.r1cs").write_bytes(encode_r1cs(zk_files.build_paths(*case.shape).system))


def _witness(case: Case) -> Callable[[], None]:
    circuit = zk_files.build_paths(*case.shape)
    values, _ = zk_files.inputs(*case.shape)
    return lambda: _write(case.file("ours.wtns"), encode_wtns(circuit.assign(values)))


def _setup(case: Case) -> None:
    system = decode_r1cs(case.file("paths.r1cs").read_bytes())
    powers = decode_ptau(case.file("powers.ptau").read_bytes())
    case.file("ours.zkey").write_bytes(encode_zkey(*initial_key(system, powers)))


def _prove(case: Case, key: ProvingKey) -> None:
    proof, publics = backend.prove(key, decode_wtns(case.file("paths.wtns").read_bytes()))
    case.file("proof.json").write_text(encode_proof(proof), encoding="utf-8")
    case.file("public.json").write_text(encode_publics(publics), encoding="utf-8")


def _read_key(case: Case) -> ProvingKey:
    return decode_zkey(case.file("paths.zkey").read_bytes())


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _prepare(case: Case, circom: zk_files.Circom, ask: Callable[..., float]) -> None:
    """circom's constraints and witness, powers, one key, a proof."""
    case.folder.mkdir(parents=True, exist_ok=True)
    zk_files.write_source(*case.shape, case.file("paths.circom"))
    _, nested = zk_files.inputs(*case.shape)
    case.file("input.json").write_text(json.dumps(nested), encoding="utf-8")
    subprocess.run(
        circom.command(case.file("paths.circom"), case.folder), check=True, capture_output=True
    )
    program = case.file("paths_js") / "paths.wasm"
    ask("witness", case.file("input.json"), program, case.file("paths.wtns"))
    system = decode_r1cs(case.file("paths.r1cs").read_bytes())
    # One power more than the rows need, which snarkjs's circuit hash reads.
    power = domain_size(system).bit_length()
    kept = KEPT / f"zk-{power}.ptau"
    zk_files.measured_powers(power, kept)
    shutil.copyfile(kept, case.file("powers.ptau"))
    ask("setup", *map(case.file, ("paths.r1cs", "powers.ptau", "paths.zkey")))
    key = _read_key(case)
    _prove(case, key)
    case.file("vkey.json").write_text(encode_verifying_key(key.verifying), encoding="utf-8")


def _work(
    case: Case, circom: zk_files.Circom, ask: Callable[..., float]
) -> dict[tuple[str, str], Callable[[], float]]:
    """Milliseconds by verb and tool."""
    key = _read_key(case)
    proof, publics = backend.prove(key, decode_wtns(case.file("paths.wtns").read_bytes()))
    program = case.file("paths_js") / "paths.wasm"
    texts = [case.file(name) for name in ("vkey.json", "public.json", "proof.json")]
    out = case.folder / "again"
    out.mkdir(exist_ok=True)
    compile_command = circom.command(case.file("paths.circom"), out)
    files = {name: case.file(name) for name in ("paths.r1cs", "powers.ptau", "paths.zkey")}
    return {
        ("compile", "ours"): lambda: _timed(lambda: _compile(case)),
        ("compile", "circom"): lambda: _started(compile_command) - _started(circom.start()),
        ("witness", "ours"): _timing(_witness(case)),
        ("witness", "circom's wasm"): lambda: ask(
            "witness", case.file("input.json"), program, case.file("again.wtns")
        ),
        ("setup", "ours"): lambda: _timed(lambda: _setup(case)),
        ("setup", "snarkjs"): lambda: ask(
            "setup", files["paths.r1cs"], files["powers.ptau"], case.file("again.zkey")
        ),
        ("prove", "ours"): lambda: _timed(lambda: _prove(case, key)),
        ("prove", "ours, key read as well"): lambda: _timed(lambda: _prove(case, _read_key(case))),
        ("prove", "snarkjs"): lambda: ask("prove", files["paths.zkey"], case.file("paths.wtns")),
        ("verify", "ours"): lambda: _timed(lambda: backend.verify(key.verifying, proof, publics)),
        ("verify", "snarkjs"): lambda: ask("verify", *texts),
    }


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _timing(work: Callable[[], object]) -> Callable[[], float]:
    return lambda: _timed(work)


def _started(command: list[str]) -> float:
    return _timed(lambda: subprocess.run(command, check=True, capture_output=True))


def _measure(
    work: dict[tuple[str, str], Callable[[], float]], rounds: int
) -> dict[tuple[str, str], list[float]]:
    """Each once a round; the first round warms up. Set-ups take fewer rounds."""
    spent: dict[tuple[str, str], list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for (verb, by), run in work.items():
            if verb == "setup" and number > SETUP_ROUNDS:
                continue
            milliseconds = run()
            if number:
                spent[verb, by].append(milliseconds)
    return spent


def _memory(case: Case, circom: zk_files.Circom) -> dict[tuple[str, str], int]:
    """Peak kibibytes of each verb in a process of its own, the runtime included."""
    node = [circom.node, str(SNARKJS)]
    ours = [sys.executable, "-m", "benchmarks.zk", "--alone"]
    where = [str(case.size), str(case.folder)]
    program, again = case.file("paths_js") / "paths.wasm", case.file("again.zkey")
    files = {name: str(case.file(name)) for name in ("paths.r1cs", "powers.ptau", "paths.zkey")}
    out = [str(case.file(f"again.{name}.json")) for name in ("proof", "public")]
    wtns = str(case.file("paths.wtns"))
    setup = ["groth16", "setup", files["paths.r1cs"], files["powers.ptau"], str(again)]
    calculate = ["wtns", "calculate", str(program), str(case.file("input.json"))]
    texts = [str(case.file(name)) for name in ("vkey.json", "public.json", "proof.json")]
    commands = {
        **{(verb, "ours"): [*ours, verb, *where] for verb in VERBS},
        ("compile", "circom"): circom.command(case.file("paths.circom"), case.folder / "again"),
        ("witness", "circom's wasm"): [*node, *calculate, str(case.file("again.wtns"))],
        ("setup", "snarkjs"): [*node, *setup],
        ("prove", "snarkjs"): [*node, "groth16", "prove", files["paths.zkey"], wtns, *out],
        ("verify", "snarkjs"): [*node, "groth16", "verify", *texts],
    }
    return {name: _peak_kib(command) for name, command in commands.items()}


def _peak_kib(command: list[str]) -> int:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} failed"
    return usage.ru_maxrss


def _alone(verb: str, case: Case) -> None:
    """One verb of ours in this process."""
    if verb == "compile":
        _compile(case)
    elif verb == "witness":
        _witness(case)()
    elif verb == "setup":
        _setup(case)
    elif verb == "prove":
        _prove(case, _read_key(case))
    else:
        key = decode_verifying_key(case.file("vkey.json").read_bytes())
        proof = decode_proof(case.file("proof.json").read_bytes())
        assert backend.verify(key, proof, decode_publics(case.file("public.json").read_bytes()))


def measured(sizes: list[int], rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Rows of size, verb, tool, milliseconds of every round, median, peak memory."""
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node, "Node.js is not installed"
    assert npm, "npm is not installed"
    circom = zk_files.install_circom(node, npm, KEPT / "circom")
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        ask = stack.enter_context(snarkjs_worker())
        assert ask is not None, "snarkjs is not installed: run npm ci in tests/snarkjs"
        for size in sizes:
            case = Case(size, KEPT / f"zk-{size}")
            _prepare(case, circom, ask)
            figures = _measure(_work(case, circom, ask), rounds)
            memory = _memory(case, circom)
            constraints = len(decode_r1cs(case.file("paths.r1cs").read_bytes()).constraints)
            rows += [
                {
                    "size": size,
                    "constraints": constraints,
                    "verb": verb,
                    "by": by,
                    "ms_median": median(times),
                    "ms": times,
                    "peak_kib": memory.get((verb, by)),
                }
                for (verb, by), times in figures.items()
            ]
            shutil.rmtree(case.folder)
    return rows


def ratios(rows: list[dict[str, Any]]) -> dict[tuple[int, str], float]:
    """How many times faster ours is than the other tool, by size and verb."""
    medians = {(row["size"], row["verb"], row["by"]): row["ms_median"] for row in rows}
    return {
        (size, verb): other / medians[size, verb, "ours"]
        for (size, verb, by), other in medians.items()
        if not by.startswith("ours")
    }


def main() -> None:
    """Measure, draw, keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--sizes", type=int, nargs="+", choices=zk_files.SIZES, default=[500, 4_000]
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        verb, size, folder = arguments.alone
        _alone(verb, Case(int(size), Path(folder)))
        return
    KEPT.mkdir(parents=True, exist_ok=True)
    rows = measured(arguments.sizes, arguments.rounds)
    drawn = Table(
        "constraints", "verb", "by", "median, ms", "peak, MiB", title="circom, snarkjs, ours"
    )
    for row in rows:
        peak = "" if row["peak_kib"] is None else f"{row['peak_kib'] / 1024:,.0f}"
        drawn.add_row(
            f"{row['constraints']:,}", row["verb"], row["by"], f"{row['ms_median']:,.1f}", peak
        )
    console = Console()
    console.print(drawn)
    least = {"prove": PROVE_RATIO_MIN, "witness": WITNESS_RATIO_MIN}
    for (size, verb), ratio in ratios(rows).items():
        reached = ratio >= least.get(verb, 0)
        console.print(
            f"{'reached' if reached else 'MISSED':8}{size}: {verb}: {ratio:.2f} times as fast"
        )
    (KEPT / "zk.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
