"""Where the `quorate zk` commands take a circuit from: its name here, or a `.r1cs` file.

Files keep their bytes: a circuit's id is the hash of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.failure import CommandFailed
from ledger.bounded_file import read_bounded
from zkp.builder import Circuit
from zkp.circuit import SIGNALS_SHOWN_MAX
from zkp.circuits import credential, equity_v1, equity_v2, membership, total
from zkp.field import R
from zkp.r1cs import ConstraintSystem, circuit_id, decode_r1cs, dot, encode_r1cs

FILE_BYTES_MAX = 1 << 30
CIRCUITS: dict[str, Callable[[], Circuit]] = {
    "equity_v1": equity_v1.build,
    "equity_v2": equity_v2.build,
    "membership_20": membership.build,
    "credential_10": credential.build,
    "total_16": total.build,
}


@dataclass(frozen=True)
class CircuitFile:
    """A constraint system with the bytes that name it."""

    name: str
    r1cs: bytes
    system: ConstraintSystem

    @property
    def id(self) -> str:
        """The circuit's id in hexadecimal."""
        return "0x" + circuit_id(self.r1cs).hex()

    def path(self, folder: Path, suffix: str) -> Path:
        """A file of the circuit in a folder: it carries the id, so keys never meet another."""
        return folder / f"{self.name}-{self.id[2:18]}{suffix}"


def read(path: Path) -> bytes:
    """A file of bounded length."""
    return read_bounded(path, FILE_BYTES_MAX, CommandFailed)


def built(name: str) -> Circuit:
    """A circuit of ours by its name."""
    if name not in CIRCUITS:
        raise CommandFailed(
            f"no circuit is called '{name}'; there are: {', '.join(CIRCUITS)}; "
            "a file's name ends in .r1cs"
        )
    return CIRCUITS[name]()


def is_file(circuit: str) -> bool:
    """Whether a circuit is named by its file."""
    return circuit.endswith(".r1cs")


def circuit_file(circuit: str) -> CircuitFile:
    """A circuit by its name, or from a `.r1cs` file."""
    if is_file(circuit):
        path = Path(circuit)
        data = read(path)
        return CircuitFile(path.stem, data, decode_r1cs(data))
    data = encode_r1cs(built(circuit).system)
    # Read back: a key takes a row's terms in the order of the file.
    return CircuitFile(circuit, data, decode_r1cs(data))


def broken(system: ConstraintSystem, witness: tuple[int, ...], names: dict[int, str]) -> str | None:
    """The first constraint that a witness breaks, in words with signals by name; None if none."""
    if len(witness) != system.wires or witness[0] != 1:
        return (
            f"the witness has {len(witness)} values and the circuit {system.wires} wires, of which "
            "the first is 1: they are of different circuits"
        )
    index = system.first_unsatisfied(witness)
    if index is None:
        return None
    constraint = system.constraints[index]
    a, b, c = (dot(side, witness) % R for side in constraint)
    wires = dict.fromkeys(wire for side in constraint for wire in side if wire)
    shown = [
        f"{names.get(wire, f'wire {wire}')} = {witness[wire]}"
        for wire in list(wires)[:SIGNALS_SHOWN_MAX]
    ]
    return f"constraint {index} does not hold: ({a}) * ({b}) is not {c}, with {', '.join(shown)}"
