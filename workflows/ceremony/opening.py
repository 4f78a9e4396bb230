"""What a ceremony begins with: the circuit's constraints, phase 1, and the initial key of both.

The initial key follows from the two files, point for point, so nobody has to be believed about it:
who starts a ceremony makes it, and who verifies one makes it again.
"""

from dataclasses import dataclass

from workflows.ceremony.files import CONSTRAINTS, KEY, POWERS, FileDrop
from zkp.ceremony.key_file import CeremonyKey, decode_key, encode_key
from zkp.phase1.initial_key import initial_key
from zkp.phase1.verify import verify_powers
from zkp.r1cs import circuit_id, decode_r1cs
from zkp.snarkjs.ptau import decode_ptau
from zkp.snarkjs.zkey import encode_zkey
from zkp.work import Progress, Work, say_nothing

PHASE_1 = "phase 1"


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
    initial: bytes | None = None,
    progress: Progress = say_nothing,
) -> Opening:
    """Check phase 1, make the initial key, and put the files into the shared folder.

    An initial key that is given must be the one that is made. Raises UnsuitableOpening,
    InvalidFile, InvalidKey, InvalidPowers and UnsuitableCircuit.
    """
    made = made_initial(constraints, powers, progress)
    if initial is not None and decode_key(initial) != made:
        raise UnsuitableOpening(
            "the initial key is not the one that constraints and phase 1 make: somebody has "
            "contributed to it, or it is of another circuit or other powers"
        )
    return Opening(
        circuit=circuit_id(constraints),
        constraints=drop.put(constraints, CONSTRAINTS),
        powers=drop.put(powers, POWERS),
        initial=drop.put(encode_key(made) if initial is None else initial, KEY),
    )


def made_initial(
    constraints: bytes, powers: bytes, progress: Progress = say_nothing
) -> CeremonyKey:
    """The initial key of a circuit's `.r1cs` file and a `.ptau` file, which is checked first."""
    work = Work(progress=lambda *_: progress(PHASE_1, 0, 1))
    read = decode_ptau(powers)
    verify_powers(read, work)
    key, history = initial_key(decode_r1cs(constraints), read, work)
    progress(PHASE_1, 1, 1)
    return decode_key(encode_zkey(key, history))
