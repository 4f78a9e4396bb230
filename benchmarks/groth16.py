"""Groth16 by every prover at hand on the same circuits in one run: what the ratios rest on.

`python benchmarks/groth16.py` measures in rounds, each prover once a round, so that a busy machine
slows all alike, and writes build/bench/groth16.json. Ratios are of medians; limits in milliseconds
hold for the best round, which says what the machine can do when it is left alone. The circuit m4k
is read from ../shared/vectors/snarkjs where that is; snarkjs needs Node.js and `npm ci` in
tests/snarkjs. The last rows are a contract's verification by each execution engine.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.snarkjs_worker import snarkjs_worker
from contracts.bindings import keys
from contracts.bindings.contract import Query
from ledger.gate import GROTH16_PRECOMPILE
from ledger.values import keccak
from node.engines import NATIVE, engine_named, installed_engines
from tests.contracts.contract_group import new_group
from tests.contracts.test_contracts_keys import approve
from zkp import reference
from zkp.backend import BACKENDS
from zkp.circuits import equity_v1
from zkp.circuits.equity_commitments import EquityCore, EquityFinancials, EquityRecord
from zkp.groth16 import ProvingKey
from zkp.keys import load_test_key
from zkp.snarkjs.calldata import statement_words
from zkp.snarkjs.texts import encode_proof, encode_publics, encode_verifying_key
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import decode_zkey

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT.parent / "shared" / "vectors" / "snarkjs"
ROUNDS = 11
# The reference takes seconds for a proof.
REFERENCE_ROUNDS = 2

PROVE_MS_MAX = 150
VERIFY_MS_MAX = 3
CONTRACT_CALL_MS_MAX = 5
SNARKJS_RATIO_MIN = 4

_PASSES_ON = b"\x36\x5f\x5f\x37\x60\x20\x5f\x36\x5f\x73" + GROTH16_PRECOMPILE + b"\x5a\xfa"
_PASSES_ON += b"\x50\x60\x20\x5f\xf3"
# Init code of a contract that hands its call data to the precompile and returns its answer.
PASSING_ON = bytes((0x60, len(_PASSES_ON), 0x80, 0x60, 0x09, 0x5F, 0x39, 0x5F, 0xF3)) + _PASSES_ON

# Milliseconds of every round by circuit, prover and verb.
Figures = dict[tuple[str, str, str], list[float]]


@dataclass(frozen=True)
class Case:
    """A circuit's key with a witness, as values and as files."""

    name: str
    constraints: int
    key: ProvingKey
    zkey: Path
    witness: tuple[int, ...]


def _cases(folder: Path) -> Iterator[Case]:
    if VECTORS.is_dir():
        zkey = VECTORS / "m4k.zkey"
        witness = decode_wtns((VECTORS / "m4k.wtns").read_bytes())
        yield Case("m4k", 3_873, decode_zkey(zkey.read_bytes()), zkey, witness)
    made = load_test_key(equity_v1.build(), ROOT / "build" / "keys")
    core = EquityCore(7, 8, 9, 30_000, 100_000, 1_500_000_000, 10)
    financials = EquityFinancials(0, 0, 0, 0, 1_000_000_000, 50_000, 0, 99_990_000, 1)
    record, salts = EquityRecord(core, financials), {"salt_tax": 2**200, "salt_reg": 2**201}
    statement = equity_v1.public_inputs(record, **salts, rate_bps=2000, ctx=2**240)
    witness = equity_v1.assign(statement, record, **salts)
    rows = len(made.circuit.system.constraints)
    yield Case("equity_v1", rows, made.proving, made.zkey_path, witness)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    assert work(), "expected a proof, or one that holds"
    return (time.perf_counter() - started) * 1000


def _measure(case: Case, folder: Path, ask: Callable[..., float] | None) -> Figures:
    """One circuit by every prover."""
    proof, publics = BACKENDS[0].prove(case.key, case.witness)
    texts = {
        "vkey.json": encode_verifying_key(case.key.verifying),
        "public.json": encode_publics(publics),
        "proof.json": encode_proof(proof),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    wtns = folder / "witness.wtns"
    wtns.write_bytes(encode_wtns(case.witness))
    work: dict[tuple[str, str], Callable[[], float]] = {}
    for backend in BACKENDS:
        work[backend.NAME, "prove"] = lambda prove=backend.prove: _timed(  # type: ignore[misc]
            lambda: prove(case.key, case.witness)
        )
        work[backend.NAME, "verify"] = lambda verify=backend.verify: _timed(  # type: ignore[misc]
            lambda: verify(case.key.verifying, proof, publics)
        )
    if ask is not None:
        work["snarkjs", "prove"] = lambda: ask("prove", case.zkey, wtns)
        work["snarkjs", "verify"] = lambda: ask("verify", *(folder / name for name in texts))
    spent: dict[tuple[str, str], list[float]] = {name: [] for name in work}
    for number in range(ROUNDS + 1):
        for (prover, verb), run in work.items():
            if prover == reference.NAME and verb == "prove" and number > REFERENCE_ROUNDS:
                continue
            milliseconds = run()
            # The first round warms up.
            if number:
                spent[prover, verb].append(milliseconds)
    return {(case.name, *name): times for name, times in spent.items()}


def _contract_calls(case: Case) -> Figures:
    """The verifier's contract, which takes standard precompiles, and a contract that passes the
    statement on to ours, on every execution engine that is built, as `eth_call` runs them."""
    proof, publics = BACKENDS[0].prove(case.key, case.witness)
    circuit = keccak(case.name.encode())
    verifying = case.key.verifying
    query = keys.verify(circuit, proof, publics)
    figures: Figures = {}
    for name in installed_engines():
        group = new_group()
        group.engine = engine_named(name)
        group.do("author", keys.register(circuit, verifying, test_only=True))
        approve(group, keys.approve_key(keys.key_id(circuit, verifying, test_only=True)))
        # The same statement passed on to the precompile of ours, all of it in call data.
        receipt = group.do("author", PASSING_ON)
        assert receipt.contract_address is not None
        words = statement_words(verifying, proof, publics)
        statement = b"".join(word.to_bytes(32) for word in words)
        own = Query(receipt.contract_address, statement, any)
        for by, asked in (("contract", query), ("own precompile", own)):
            times = [_timed(lambda: group.ask(asked)) for _ in range(ROUNDS + 1)]  # noqa: B023
            figures[case.name, f"{by} on {name}", "verify"] = times[1:]
    return figures


def _targets(figures: Figures) -> Iterator[tuple[str, float, bool]]:
    """What native must reach, with the figure and whether it does."""
    for circuit in sorted({circuit for circuit, _, _ in figures}):
        if (circuit, "native", "prove") not in figures:
            continue
        prove = min(figures[circuit, "native", "prove"])
        verify = min(figures[circuit, "native", "verify"])
        yield f"{circuit}: prove in at most {PROVE_MS_MAX} ms", prove, prove <= PROVE_MS_MAX
        yield f"{circuit}: verify in at most {VERIFY_MS_MAX} ms", verify, verify <= VERIFY_MS_MAX
        if (circuit, "snarkjs", "prove") in figures:
            ratio = median(figures[circuit, "snarkjs", "prove"]) / median(
                figures[circuit, "native", "prove"]
            )
            words = f"{circuit}: at least {SNARKJS_RATIO_MIN} times as fast as snarkjs"
            yield words, ratio, ratio >= SNARKJS_RATIO_MIN
        for by in ("contract", "own precompile"):
            if times := figures.get((circuit, f"{by} on {NATIVE}", "verify")):
                words = f"{circuit}: a call ({by}) verifies in at most {CONTRACT_CALL_MS_MAX} ms"
                yield words, min(times), min(times) <= CONTRACT_CALL_MS_MAX


def _measure_all(only: str | None = None) -> Figures:
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder, snarkjs_worker() as ask:
        for case in _cases(Path(folder)):
            if only in (None, case.name):
                figures.update(_measure(case, Path(folder), ask))
                figures.update(_contract_calls(case))
    return figures


def measured(circuit: str) -> tuple[list[tuple[str, float, bool]], dict[str, float]]:
    """One circuit's targets, each with the figure and whether it is reached, and all medians."""
    figures = _measure_all(circuit)
    medians = {f"{by}: {verb}": round(median(times), 2) for (_, by, verb), times in figures.items()}
    return list(_targets(figures)), medians


def main() -> None:
    """Measure, draw, keep."""
    figures = _measure_all()
    drawn = Table("circuit", "by", "verb", "median, ms", "best, ms", title="Groth16")
    for (*names, verb), times in figures.items():
        drawn.add_row(*names, verb, f"{median(times):,.2f}", f"{min(times):,.2f}")
    console = Console()
    console.print(drawn)
    targets = list(_targets(figures))
    for words, figure, reached in targets:
        console.print(f"{'reached' if reached else 'MISSED':8}{words}: {figure:.2f}")
    report = ROOT / "build" / "bench" / "groth16.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"circuit": circuit, "by": by, "verb": verb, "ms_median": median(times), "ms": times}
        for (circuit, by, verb), times in figures.items()
    ]
    report.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
