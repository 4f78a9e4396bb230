"""What a ceremony begins with: the circuit's constraints, phase 1, and the initial key of both."""

from dataclasses import dataclass

from workflows.ceremony.files import CONSTRAINTS, KEY, POWERS, FileDrop
from zkp.ceremony.key_file import decode_key
from zkp.ceremony.scaling import Progress, say_nothing
from zkp.ceremony.verify import verify_history
from zkp.r1cs import circuit_id, decode_r1cs


class UnsuitableOpening(ValueError):
    """Files that no ceremony can begin with."""


@dataclass(frozen=True)
class Opening:
    """The circuit's id, and the SHA-256 of each of the three files in the folder."""

    circuit: bytes
    constraints: bytes
    powers: bytes
    initial: bytes


def open_ceremony(
    drop: FileDrop,
    *,
    constraints: bytes,
    powers: bytes,
    initial: bytes,
    progress: Progress = say_nothing,
) -> Opening:
    """Check the files, and put them into the shared folder.

    Raises UnsuitableOpening, InvalidFile, InvalidKey, and InvalidContribution for a key that
    somebody has contributed to.
    """
    system, key = decode_r1cs(constraints), decode_key(initial)
    verify_history(key, key, progress)
    if (key.wires, key.publics) != (system.wires, system.publics):
        raise UnsuitableOpening(
            f"the initial key is of {key.wires} wires, {key.publics} of them public, the "
            f"constraints of {system.wires} and {system.publics}: they are of different circuits"
        )
    return Opening(
        circuit=circuit_id(constraints),
        constraints=drop.put(constraints, CONSTRAINTS),
        powers=drop.put(powers, POWERS),
        initial=drop.put(initial, KEY),
    )
