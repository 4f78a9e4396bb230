"""The test key of a circuit: made once by this machine alone, then read from a folder.

One party made it, so it is marked `test_only` and contracts refuse it in production. The folder
keeps `<circuit>-<id>.zkey`, `.r1cs` and `.vkey.json`; the id is the circuit's, so a changed
circuit never meets an old key.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zkp.builder import Circuit
from zkp.groth16.keys import InvalidKey, ProvingKey
from zkp.groth16.qap import coefficients
from zkp.groth16.setup import setup
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.sections import InvalidFile
from zkp.snarkjs.texts import encode_verifying_key
from zkp.snarkjs.zkey import decode_zkey, encode_zkey

# Told what happens, in a few words a step.
Progress = Callable[[str], None]


@dataclass(frozen=True)
class CircuitKey:
    """A key, the circuit it belongs to, and the files that other tools may read."""

    circuit: Circuit
    circuit_id: bytes
    proving: ProvingKey
    test_only: bool
    zkey_path: Path
    r1cs_path: Path
    vkey_path: Path


def load_test_key(circuit: Circuit, folder: Path, progress: Progress | None = None) -> CircuitKey:
    """The test key of a circuit from `folder`; made there (in seconds) if it is not yet.

    Files appear whole or not at all. Two processes that start together agree on one key: the
    first to finish wins. A damaged file, or a key of another circuit, is replaced.
    """
    report = progress or _say_nothing
    r1cs = encode_r1cs(circuit.system)
    identity = circuit_id(r1cs)
    base = folder / f"{circuit.name}-{identity.hex()[:16]}"
    zkey_path, r1cs_path = base.with_suffix(".zkey"), base.with_suffix(".r1cs")
    vkey_path = base.with_suffix(".vkey.json")
    folder.mkdir(parents=True, exist_ok=True)
    proving = _read(circuit, zkey_path, report)
    if proving is None:
        report(f"making a test key for {circuit.name}: {len(circuit.system.constraints)} rows")
        _save_first(zkey_path, encode_zkey(setup(circuit.system)))
        proving = decode_zkey(zkey_path.read_bytes())
        report(f"test key for {circuit.name} is ready")
    _save(r1cs_path, r1cs)
    _save(vkey_path, encode_verifying_key(proving.verifying).encode())
    return CircuitKey(circuit, identity, proving, True, zkey_path, r1cs_path, vkey_path)


def _read(circuit: Circuit, path: Path, report: Progress) -> ProvingKey | None:
    """The key in a file; None, and no file, if it is damaged or of another circuit."""
    if not path.exists():
        return None
    report(f"reading the test key for {circuit.name}")
    try:
        key = decode_zkey(path.read_bytes())
    except (InvalidFile, InvalidKey) as error:
        report(f"the test key is damaged and will be made again: {error}")
    else:
        if set(key.coefficients) == set(coefficients(circuit.system)):
            return key
        report("the test key is of another circuit and will be made again")
    path.unlink(missing_ok=True)
    return None


def _save_first(path: Path, content: bytes) -> None:
    """Writes a file whole, unless one stands there already."""
    draft = _draft(path, content)
    try:
        # A link, unlike a rename, fails if another process was first.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def _save(path: Path, content: bytes) -> None:
    """Writes a file whole, in place of any other content."""
    if not path.exists() or path.read_bytes() != content:
        os.replace(_draft(path, content), path)


def _draft(path: Path, content: bytes) -> str:
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(draft, 0o644)
    return draft


def _say_nothing(_: str) -> None:
    pass
