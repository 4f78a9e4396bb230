"""What `quorate zk setup` does for a file: a test key by one party, or the start of phase 2."""

from pathlib import Path
from typing import Any

from cli.progress import Spoken
from cli.result_file import write_result
from cli.zk_circuits import CircuitFile, read
from zkp.keys import load_key_files
from zkp.phase1.initial_key import initial_key
from zkp.phase1.verify import verify_powers
from zkp.snarkjs.ptau import decode_ptau
from zkp.snarkjs.zkey import encode_zkey
from zkp.work import Work


def test_key(circuit: CircuitFile, folder: Path) -> dict[str, Any]:
    """A key whose maker could forge proofs; production groups refuse it. Repeated, the same one."""
    key = load_key_files(circuit.name, circuit.system, circuit.r1cs, folder, Spoken())
    return {"zkey": str(key.zkey_path), "vkey": str(key.vkey_path), "test_only": True}


def begin_phase_2(circuit: CircuitFile, ptau: Path, folder: Path) -> dict[str, Any]:
    """The circuit's key from powers of tau, which are checked first; nobody has contributed yet."""
    work = Work(progress=Spoken().parts)
    powers = decode_ptau(read(ptau))
    verify_powers(powers, work)
    key, history = initial_key(circuit.system, powers, work)
    zkey = circuit.path(folder, ".initial.zkey")
    write_result(zkey, encode_zkey(key, history))
    write_result(circuit.path(folder, ".r1cs"), circuit.r1cs)
    return {
        "zkey": str(zkey),
        "r1cs": str(circuit.path(folder, ".r1cs")),
        "circuit_hash": history.circuit_hash.hex(),
        "contributions": 0,
    }
