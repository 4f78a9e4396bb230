"""snarkjs accepts our keys and proofs, we accept its; altered proofs and inputs we refuse.

Three statements: two Merkle paths that circom and snarkjs made, and our own `equity_v1`. Public
inputs with r added, which mean the same number to careless verifiers, are refused by us.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.harness import COMMAND_TIMEOUT_S, ROOT, quorate, run_quorate
from zkp.circuits import equity_v1
from zkp.circuits.equity_commitments import EquityCore, EquityFinancials, EquityRecord
from zkp.curve.g1 import P
from zkp.field import R
from zkp.snarkjs.wtns import encode_wtns

VECTORS = ROOT / "tests" / "vectors" / "snarkjs"
SNARKJS = ROOT / "tests" / "snarkjs" / "node_modules" / "snarkjs" / "build" / "cli.cjs"


@dataclass(frozen=True)
class Proven:
    """The files of one proof."""

    name: str
    vkey: Path
    proof: Path
    public: Path


def run(folder: Path) -> dict[str, Any]:
    """Both ways for each, then everything that must be refused."""
    own = _own_circuit(folder)
    cross = _made_with_their_key(folder)
    theirs = [
        Proven(name, *(VECTORS / f"{name}.{part}.json" for part in ("vkey", "proof", "public")))
        for name in ("m500", "m4k")
    ]
    for proven in (*theirs, *own, *cross):
        assert _we_accept(proven), f"we refuse the proof of {proven.name}"
        assert _snarkjs_accepts(proven), f"snarkjs refuses the proof of {proven.name}"
    refused = {proven.name: _refused(folder, proven) for proven in (*theirs, own[0])}
    return {
        "accepted_by_both": [proven.name for proven in (*theirs, *own, *cross)],
        "refused": refused,
        "snarkjs": _version(),
    }


def _snarkjs(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    assert node is not None, "Node.js is not installed: the outside judge cannot be asked"
    assert SNARKJS.is_file(), "snarkjs is not installed: run npm ci in tests/snarkjs"
    return subprocess.run(
        [node, SNARKJS, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def _version() -> str:
    package = json.loads((SNARKJS.parents[1] / "package.json").read_text(encoding="utf-8"))
    return str(package["version"])


def _we_accept(proven: Proven) -> bool:
    done = run_quorate(
        "zk", "verify", "--vkey", proven.vkey, "--proof", proven.proof, "--public", proven.public,
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0


def _snarkjs_accepts(proven: Proven) -> bool:
    done = _snarkjs("groth16", "verify", proven.vkey, proven.public, proven.proof)
    assert ("OK!" in done.stdout) == (done.returncode == 0), done.stdout
    return done.returncode == 0


def _prove(name: str, vkey: Path, zkey: Path, witness: Path, folder: Path) -> list[Proven]:
    """The same witness proven by us and by snarkjs; both must give the same public signals."""
    made = [
        Proven(
            f"{name}, proven by {prover}",
            vkey,
            folder / f"{name}.{prover}.proof.json",
            folder / f"{name}.{prover}.public.json",
        )
        for prover in ("us", "snarkjs")
    ]
    ours, theirs = made
    quorate(
        "zk", "prove", "--zkey", zkey, "--witness", witness,
        "--proof", ours.proof, "--public", ours.public,
    )  # fmt: skip
    done = _snarkjs("groth16", "prove", zkey, witness, theirs.proof, theirs.public)
    assert done.returncode == 0, done.stdout
    assert json.loads(ours.public.read_text()) == json.loads(theirs.public.read_text())
    return made


def _made_with_their_key(folder: Path) -> list[Proven]:
    """m500 has its key and witness: our prover works with them."""
    files = (VECTORS / f"m500.{part}" for part in ("vkey.json", "zkey", "wtns"))
    made = _prove("m500", *files, folder)
    exported = folder / "m500.vkey.json"
    quorate("zk", "export", "--zkey", VECTORS / "m500.zkey", "--vkey", exported)
    assert _read(exported) == _read(VECTORS / "m500.vkey.json"), "the exported keys differ"
    return made


def _own_circuit(folder: Path) -> list[Proven]:
    """Compile and set up `equity_v1` by the command; snarkjs reads what comes of it."""
    r1cs = folder / "equity_v1.r1cs"
    compiled = quorate("zk", "compile", "equity_v1", "--out", r1cs)
    info = _snarkjs("r1cs", "info", r1cs)
    constraints = [line for line in info.stdout.splitlines() if "# of Constraints" in line]
    assert constraints, info.stdout
    assert constraints[0].split()[-1] == str(compiled["constraints"])
    key = quorate("zk", "setup", "equity_v1", "--out", folder / "keys")
    assert key["test_only"] is True
    zkey, vkey = Path(key["zkey"]), Path(key["vkey"])
    by_us, by_snarkjs = folder / "by-us.vkey.json", folder / "by-snarkjs.vkey.json"
    quorate("zk", "export", "--zkey", zkey, "--vkey", by_us)
    exported = _snarkjs("zkey", "export", "verificationkey", zkey, by_snarkjs)
    assert exported.returncode == 0, exported.stdout
    assert _read(by_us) == _read(by_snarkjs) == _read(vkey), "the exported keys differ"
    witness = folder / "equity_v1.wtns"
    witness.write_bytes(encode_wtns(_witness()))
    checked = _snarkjs("wtns", "check", r1cs, witness)
    assert "WITNESS IS CORRECT" in checked.stdout, checked.stdout
    return _prove("equity_v1", vkey, zkey, witness, folder)


def _witness() -> tuple[int, ...]:
    """A lawful transfer: 20% of (price - basis - fees) is due and paid."""
    core = EquityCore(7, 8, 9, 30_000, 100_000, 1_500_000_000, 10)
    financials = EquityFinancials(0, 0, 0, 0, 1_000_000_000, 50_000, 0, 99_990_000, 1)
    record, salts = EquityRecord(core, financials), {"salt_tax": 2**200 + 1, "salt_reg": 2**201 + 1}
    statement = equity_v1.public_inputs(record, **salts, rate_bps=2000, ctx=2**240 + 1)
    return equity_v1.assign(statement, record, **salts)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _refused(folder: Path, proven: Proven) -> dict[str, int]:
    """Every alteration, refused by us; where it is no trick of encoding, by snarkjs too."""
    proof, public = folder / "altered.proof.json", folder / "altered.public.json"
    altered = Proven(proven.name, proven.vkey, proof, public)
    counts = {"altered proofs": 0, "altered public inputs": 0, "public inputs with r added": 0}
    for kind, changed_proof, changed_public in _alterations(proven):
        proof.write_text(json.dumps(changed_proof), encoding="utf-8")
        public.write_text(json.dumps(changed_public), encoding="utf-8")
        assert not _we_accept(altered), f"{proven.name}: accepted with {kind}"
        counts[kind] += 1
        if kind == "altered public inputs":
            assert not _snarkjs_accepts(altered), f"{proven.name}: snarkjs accepts {kind}"
    assert all(counts.values()), counts
    return counts


def _alterations(proven: Proven) -> Iterator[tuple[str, Any, Any]]:
    proof, public = _read(proven.proof), _read(proven.public)
    for name, place in (
        *((name, (name, axis)) for name in ("pi_a", "pi_c") for axis in (0, 1)),
        *(("pi_b", ("pi_b", axis, part)) for axis in (0, 1) for part in (0, 1)),
    ):
        assert name in proof
        yield "altered proofs", _with(proof, place, lambda value: value ^ 1), public
    # Points of the curve, but of another proof; and the same numbers written otherwise.
    yield "altered proofs", proof | {"pi_a": proof["pi_c"], "pi_c": proof["pi_a"]}, public
    negated = _with(proof, ("pi_a", 1), lambda value: P - value)
    yield "altered proofs", negated, public
    yield "altered proofs", _with(proof, ("pi_a", 0), lambda value: value + P), public
    for place in range(len(public)):
        yield "altered public inputs", proof, _with(public, (place,), lambda value: value + 1)
        yield "public inputs with r added", proof, _with(public, (place,), lambda value: value + R)


def _with(document: Any, way: tuple[str | int, ...], change: Any) -> Any:
    """A copy with one decimal changed."""
    changed = deepcopy(document)
    holder = changed
    for step in way[:-1]:
        holder = holder[step]
    holder[way[-1]] = str(change(int(holder[way[-1]])))
    return changed
