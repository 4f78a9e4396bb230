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

from zkp.backend import decode_zkey
from zkp.builder import Circuit
from zkp.groth16.keys import InvalidKey, ProvingKey
from zkp.groth16.qap import coefficients
from zkp.groth16.setup import setup
from zkp.r1cs import ConstraintSystem, circuit_id, encode_r1cs
from zkp.snarkjs.sections import InvalidFile
from zkp.snarkjs.texts import encode_verifying_key
from zkp.snarkjs.zkey import encode_zkey

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


@dataclass(frozen=True)
class KeyFiles:
    """A test key by itself, and its files."""

    proving: ProvingKey
    zkey_path: Path
    r1cs_path: Path
    vkey_path: Path


def load_test_key(circuit: Circuit, folder: Path, progress: Progress | None = None) -> CircuitKey:
    """The test key of a circuit that is built here; see `load_key_files`."""
    r1cs = encode_r1cs(circuit.system)
    files = load_key_files(circuit.name, circuit.system, r1cs, folder, progress)
    paths = files.zkey_path, files.r1cs_path, files.vkey_path
    return CircuitKey(circuit, circuit_id(r1cs), files.proving, True, *paths)


def load_key_files(
    name: str,
    system: ConstraintSystem,
    r1cs: bytes,
    folder: Path,
    progress: Progress | None = None,
) -> KeyFiles:
    """The test key of a constraint system from `folder`; made there (in seconds) if it is not yet.

    `r1cs` are the bytes whose hash is the circuit's id. Files appear whole or not at all. Two
    processes that start together agree on one key: the first to finish wins. A damaged file, or
    a key of another circuit, is replaced.
    """
    report = progress or _say_nothing
    base = folder / f"{name}-{circuit_id(r1cs).hex()[:16]}"
    zkey_path, r1cs_path = Path(f"{base}.zkey"), Path(f"{base}.r1cs")
    vkey_path = Path(f"{base}.vkey.json")
    folder.mkdir(parents=True, exist_ok=True)
    proving = _read(name, system, zkey_path, report)
    if proving is None:
        report(f"making a test key for {name}: {len(system.constraints):,} rows")
        _save_first(zkey_path, encode_zkey(setup(system)))
        proving = decode_zkey(zkey_path.read_bytes())
        report(f"test key for {name} is ready")
    _save(r1cs_path, r1cs)
    _save(vkey_path, encode_verifying_key(proving.verifying).encode())
    return KeyFiles(proving, zkey_path, r1cs_path, vkey_path)


def _read(name: str, system: ConstraintSystem, path: Path, report: Progress) -> ProvingKey | None:
    """The key in a file; None, and no file, if it is damaged or of another circuit."""
    if not path.exists():
        return None
    report(f"reading the test key for {name}")
    try:
        key = decode_zkey(path.read_bytes())
    except (InvalidFile, InvalidKey) as error:
        report(f"the test key is damaged and will be made again: {error}")
    else:
        if set(key.coefficients) == set(coefficients(system)):
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
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, 0o644)
    except BaseException:
        os.unlink(draft)
        raise
    return draft


def _say_nothing(_: str) -> None:
    pass
