"""Circuits and proofs beside circom's and snarkjs's: compile, witness, set-up, prove, verify.

`python -m benchmarks.zk --sizes 500 4000 30000` measures in rounds, each tool once a round, so that
a busy machine slows all alike; ratios are of medians. Tools are warm: circuit, program and key are
loaded before, and where a tool must be started (circom) its start alone is measured as well and
taken off. `FROM_FILE` are the same verbs with that loading in. Both provers have the same key and
witness, circom's and snarkjs's. Peak memory is each verb's alone in a process of its own. Before
and after the rounds each side's witness, key and proof are held against the other's (`_check`).
Needs Node.js, `npm ci` in tests/snarkjs, and npm for circom; writes build/bench/zk.json.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import zk_files
from benchmarks.circom import Circom, install_circom
from benchmarks.snarkjs_worker import ROOT, SNARKJS, Ask, snarkjs_worker
from benchmarks.zk_ours import (
    Case,
    compile_circuit,
    prove,
    read_key,
    setup,
    verifies,
    witness,
    witness_from_source,
)
from zkp import backend
from zkp.groth16.qap import domain_size
from zkp.r1cs import ConstraintSystem, decode_r1cs
from zkp.snarkjs.texts import decode_proof, decode_publics, encode_verifying_key
from zkp.snarkjs.wtns import decode_wtns
from zkp.snarkjs.zkey import decode_history, decode_zkey

KEPT = ROOT / "build" / "bench"
ROUNDS = 9
# Set-ups take a minute and more at the largest size: fewer rounds there, which figures tell.
SETUP_ROUNDS = {500: 9, 4_000: 3, 30_000: 1}
PROVE_RATIO_MIN, WITNESS_RATIO_MIN = 4, 1
# Names of what is measured, and of who does it.
COMPILE, WITNESS, SETUP, PROVE, VERIFY = "compile", "witness", "setup", "prove", "verify"
WITNESS_FROM_FILE, PROVE_FROM_FILE = "witness, program loaded too", "prove, key loaded too"
FROM_FILE = (WITNESS_FROM_FILE, PROVE_FROM_FILE)
OURS = "ours"
THEIRS = {COMPILE: "circom", WITNESS: "circom's wasm", WITNESS_FROM_FILE: "circom's wasm"}
# These start a process or take seconds to minutes, and have run once for their memory: no warm-up.
COLD = (COMPILE, SETUP)

Name = tuple[str, str]


def theirs(verb: str) -> str:
    """Who does a verb on the other side."""
    return THEIRS.get(verb, "snarkjs")


@dataclass(frozen=True)
class Bench:
    """One size, and the tools for it."""

    case: Case
    circom: Circom
    ask: Ask

    def prepare(self) -> dict[Name, int]:
        """All files of a case, each made by a process of its own; their peak kibibytes."""
        case = self.case
        case.folder.mkdir(parents=True, exist_ok=True)
        zk_files.write_source(*case.shape, case.file("paths.circom"))
        _, nested = zk_files.inputs(*case.shape)
        case.file("input.json").write_text(json.dumps(nested), encoding="utf-8")
        peaks = {name: self._peak(name) for name in self._alone((COMPILE, WITNESS))}
        # One power more than the rows need, which snarkjs's circuit hash reads.
        power = domain_size(self.system()).bit_length()
        kept = KEPT / f"zk-{power}.ptau"
        zk_files.measured_powers(power, kept)
        shutil.copyfile(kept, case.file("powers.ptau"))
        peaks |= {name: self._peak(name) for name in self._alone((SETUP, PROVE))}
        text = encode_verifying_key(read_key(case).verifying)
        case.file("vkey.json").write_text(text, encoding="utf-8")
        return peaks | {name: self._peak(name) for name in self._alone((VERIFY,))}

    def system(self) -> ConstraintSystem:
        """circom's constraints."""
        return decode_r1cs(self.case.file("paths.r1cs").read_bytes())

    def _alone(self, verbs: tuple[str, ...]) -> list[Name]:
        return [(verb, by) for verb in verbs for by in (theirs(verb), OURS)]

    def _peak(self, name: Name) -> int:
        measuring = [sys.executable, "-S", str(ROOT / "benchmarks" / "peak.py")]
        command = [*measuring, *self._command(*name)]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr[-400:]}"
        return int(done.stdout)

    def _command(self, verb: str, by: str) -> list[str]:
        """A verb by itself, as a person starts it."""
        case = self.case
        if by == OURS:
            where = [str(case.size), str(case.folder)]
            return [sys.executable, "-m", "benchmarks.zk_ours", verb, *where]
        if verb == COMPILE:
            return self._compile_command()
        words, files = {
            WITNESS: ("wtns calculate", ("paths_js/paths.wasm", "input.json", "paths.wtns")),
            SETUP: ("groth16 setup", ("paths.r1cs", "powers.ptau", "paths.zkey")),
            PROVE: ("groth16 prove", ("paths.zkey", "paths.wtns", *_proof_files("theirs"))),
            VERIFY: ("groth16 verify", ("vkey.json", *reversed(_proof_files(OURS)))),
        }[verb]
        snarkjs = [self.circom.node, str(SNARKJS)]
        return [*snarkjs, *words.split(), *(str(case.file(name)) for name in files)]

    def _compile_command(self) -> list[str]:
        """With linear constraints taken out, as ours never has them."""
        return self.circom.command(self.case.file("paths.circom"), self.case.folder, "--O2")

    def work(self) -> dict[Name, Callable[[], float]]:
        """Milliseconds of one run by verb and tool."""
        case, ask = self.case, self.ask
        key, circuit = read_key(case), zk_files.build_paths(*case.shape)
        values, _ = zk_files.inputs(*case.shape)
        proof = decode_proof(case.file("ours.proof.json").read_bytes())
        publics = decode_publics(case.file("ours.public.json").read_bytes())
        asked = [case.file(name) for name in ("input.json", "paths_js/paths.wasm", "theirs.wtns")]
        set_up = [case.file(name) for name in ("paths.r1cs", "powers.ptau", "theirs.zkey")]
        proving = ("paths.zkey", "paths.wtns", *_proof_files("theirs"))
        verifying = ("vkey.json", *reversed(_proof_files(OURS)))
        start = self.circom.start()

        def ours(work: Callable[[], object]) -> Callable[[], float]:
            return lambda: _timed(work)

        return {
            (COMPILE, OURS): ours(lambda: compile_circuit(case)),
            (COMPILE, theirs(COMPILE)): lambda: _started(self._compile_command()) - _started(start),
            (WITNESS, OURS): ours(lambda: witness(case, circuit, values)),
            (WITNESS, theirs(WITNESS)): lambda: ask("witness", *asked),
            (WITNESS_FROM_FILE, OURS): ours(lambda: witness_from_source(case)),
            (WITNESS_FROM_FILE, theirs(WITNESS)): lambda: ask("witness-from-file", *asked),
            (SETUP, OURS): ours(lambda: setup(case)),
            (SETUP, theirs(SETUP)): lambda: ask("setup", *set_up),
            (PROVE, OURS): ours(lambda: prove(case, key)),
            (PROVE_FROM_FILE, OURS): ours(lambda: prove(case, read_key(case))),
            (PROVE, theirs(PROVE)): lambda: ask("prove", *map(case.file, proving)),
            (VERIFY, OURS): ours(lambda: backend.verify(key.verifying, proof, publics)),
            (VERIFY, theirs(VERIFY)): lambda: ask("verify", *map(case.file, verifying)),
        }

    def check(self, zkey: str, wtns: str) -> None:
        """That both sides' last outcomes are right by the other's word; `zkey` and `wtns` are what
        the other side made."""
        case = self.case
        circuit, system = zk_files.build_paths(*case.shape), self.system()
        made = [decode_wtns(case.file(name).read_bytes()) for name in ("ours.wtns", wtns)]
        circuit.check(made[0])
        assert system.first_unsatisfied(made[1]) is None, "circom's witness breaks its constraints"
        publics = circuit.publics(made[0])
        assert publics == made[1][1 : 1 + system.publics], "the witnesses are of two statements"
        files = [case.file(name).read_bytes() for name in ("ours.zkey", zkey)]
        assert decode_zkey(files[0]) == decode_zkey(files[1]), "the set-ups made two keys"
        assert decode_history(files[0]) == decode_history(files[1]), "two histories of one key"
        for by in (OURS, "theirs"):
            public = case.file(f"{by}.public.json")
            assert decode_publics(public.read_bytes()) == publics, f"{by}: another statement"
            assert verifies(case, by), f"{by}: the proof is refused by us"
            assert self._snarkjs_verifies(by), f"{by}: the proof is refused by snarkjs"
            text = public.read_text(encoding="utf-8")
            wrong = [str(int(publics[0]) + 1), *map(str, publics[1:])]
            public.write_text(json.dumps(wrong), encoding="utf-8")
            assert not verifies(case, by), "another statement was taken by us"
            assert not self._snarkjs_verifies(by), "another statement was taken by snarkjs"
            public.write_text(text, encoding="utf-8")

    def _snarkjs_verifies(self, by: str) -> bool:
        files = map(self.case.file, ("vkey.json", *reversed(_proof_files(by))))
        command = [self.circom.node, str(SNARKJS), "groth16", "verify", *map(str, files)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _proof_files(by: str) -> tuple[str, str]:
    return f"{by}.proof.json", f"{by}.public.json"


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _started(command: list[str]) -> float:
    return _timed(lambda: subprocess.run(command, check=True, capture_output=True))


def _measure(
    work: dict[Name, Callable[[], float]],
    rounds: int,
    setup_rounds: int,
    told: Callable[[str], None],
) -> dict[Name, list[float]]:
    """Each once a round; the first round warms up and does not count."""
    spent: dict[Name, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        told(f"round {number} of {rounds}" if number else "warming up")
        for (verb, by), run in work.items():
            if (verb in COLD and not number) or (verb == SETUP and number > setup_rounds):
                continue
            milliseconds = run()
            if number:
                spent[verb, by].append(milliseconds)
    # snarkjs reads its key each time, so one figure stands for both.
    spent[PROVE_FROM_FILE, theirs(PROVE)] = spent[PROVE, theirs(PROVE)]
    return spent


def _say_nothing(_: str) -> None:
    pass


@dataclass(frozen=True)
class Measured:
    """Rows of size, verb, tool, milliseconds of every round, median and peak memory in KiB.

    `workers` are the threads that snarkjs computes with; ours are one for each core.
    """

    rows: list[dict[str, Any]]
    workers: int


def measured(
    sizes: list[int],
    rounds: int = ROUNDS,
    setup_rounds: int | None = None,
    told: Callable[[str], None] = _say_nothing,
) -> Measured:
    """All sizes, one after the other; set-ups in `SETUP_ROUNDS`, or in as many as said.

    Raises NoCircom, and AssertionError for a wrong result.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    circom = install_circom()
    rows: list[dict[str, Any]] = []
    with snarkjs_worker() as ask:
        assert ask is not None, "snarkjs is not installed: run npm ci in tests/snarkjs"
        for size in sizes:
            told(f"{size:,}: each verb alone")
            bench = Bench(Case(size, KEPT / f"zk-{size}"), circom, ask)
            peaks = bench.prepare()
            bench.check("paths.zkey", "paths.wtns")
            figures = _measure(
                bench.work(),
                rounds,
                SETUP_ROUNDS[size] if setup_rounds is None else setup_rounds,
                lambda words, size=size: told(f"{size:,}: {words}"),  # type: ignore[misc]
            )
            bench.check("theirs.zkey", "theirs.wtns")
            constraints = len(bench.system().constraints)
            rows += [
                {
                    "size": size,
                    "constraints": constraints,
                    "verb": verb,
                    "by": by,
                    "ms_median": median(times),
                    "ms": times,
                    "peak_kib": peaks.get((verb, by)),
                }
                for (verb, by), times in figures.items()
            ]
            shutil.rmtree(bench.case.folder)
        return Measured(rows, int(ask("workers")))


def compared(rows: list[dict[str, Any]]) -> dict[tuple[int, str], dict[str, Any]]:
    """By size and verb: both medians, how many times as fast ours is, both peaks in MiB if any."""
    found = {(row["size"], row["verb"], row["by"]): row for row in rows}
    return {
        (size, verb): {
            "ours_ms": round(row["ms_median"], 2),
            "theirs_ms": round(other["ms_median"], 2),
            "ratio": other["ms_median"] / row["ms_median"],
            "rounds": len(row["ms"]),
            **(
                {}
                if row["peak_kib"] is None
                else {
                    "ours_mib": round(row["peak_kib"] / 1024),
                    "theirs_mib": round(other["peak_kib"] / 1024),
                }
            ),
        }
        for (size, verb, by), row in found.items()
        if by == OURS
        for other in (found[size, verb, theirs(verb)],)
    }


def lost(rows: list[dict[str, Any]]) -> list[str]:
    """Where the other tool is faster, or needs less memory."""
    words = []
    for (size, verb), pair in compared(rows).items():
        if pair["ratio"] < 1:
            words.append(
                f"{size:,}: {verb}: {theirs(verb)} is {1 / pair['ratio']:.2f} times as fast"
            )
        if "ours_mib" in pair and pair["ours_mib"] > pair["theirs_mib"]:
            words.append(
                f"{size:,}: {verb}: {pair['ours_mib']} MiB, {theirs(verb)} {pair['theirs_mib']}"
            )
    return words


def show(rows: list[dict[str, Any]]) -> None:
    """The table."""
    drawn = Table(
        "size", "verb", "ours, ms", "other, ms", "ratio", "ours, MiB", "other, MiB", "other"
    )
    for (size, verb), pair in compared(rows).items():
        drawn.add_row(
            f"{size:,}",
            verb,
            f"{pair['ours_ms']:,.1f}",
            f"{pair['theirs_ms']:,.1f}",
            f"{pair['ratio']:.2f}",
            str(pair.get("ours_mib", "")),
            str(pair.get("theirs_mib", "")),
            theirs(verb),
        )
    Console().print(drawn)


def main() -> None:
    """Measure, draw, keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--sizes", type=int, nargs="+", choices=zk_files.SIZES, default=[500, 4_000]
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--setup-rounds", type=int, help="by default fewer at larger sizes")
    arguments = parser.parse_args()
    found = measured(
        arguments.sizes,
        arguments.rounds,
        arguments.setup_rounds,
        lambda words: print(words, file=sys.stderr, flush=True),
    )
    show(found.rows)
    for words in lost(found.rows):
        print(f"lost  {words}")
    text = json.dumps(found.rows, indent=2) + "\n"
    (KEPT / "zk.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
