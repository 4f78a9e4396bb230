"""Whether a key's file is what the ledger recorded of it: the two histories point for point.

That the file's own history holds is `zkp.ceremony.verify`'s matter; both are needed.
"""

from collections.abc import Sequence

from contracts.bindings.ceremony import Record, Step
from workflows.ceremony.files import CONSTRAINTS, KEY, FileDrop
from zkp.ceremony.key_file import CeremonyKey, decode_key
from zkp.ceremony.verify import verify_history
from zkp.r1cs import circuit_id
from zkp.snarkjs.contributions import Contribution
from zkp.snarkjs.randomness import hash_to_g2
from zkp.work import Progress, Work, say_nothing


class DifferentHistory(Exception):
    """A key's file tells another history than the ledger."""


def first_key(record: Record, drop: FileDrop) -> CeremonyKey:
    """The initial key that the terms name, from its file. Raises as `checked_head`."""
    return decode_key(drop.get(record.terms.initial, KEY))


def checked_head(
    record: Record, drop: FileDrop, initial: CeremonyKey, progress: Progress = say_nothing
) -> CeremonyKey:
    """The last key that stands, from its file, all of its history since `initial` checked.

    Raises DifferentHistory, InvalidContribution, InvalidFile, InvalidKey, MissingFile and
    InvalidContent.
    """
    key = decode_key(drop.get(record.head, KEY))
    made = key.history.contributions
    compare_histories(record, made)
    if record.steps and key.delta2 != record.steps[-1].points.delta2:
        raise DifferentHistory("the key's delta in G2 is not the one that the ledger recorded")
    verify_history(initial, key, Work(progress=progress))
    return key


def compare_histories(record: Record, made: Sequence[Contribution]) -> None:
    """Raises DifferentHistory unless the file's contributions are the recorded ones, in order."""
    if len(made) != len(record.steps):
        raise DifferentHistory(
            f"the key has {len(made)} contributions, the ledger recorded {len(record.steps)}"
        )
    for place, (step, one) in enumerate(zip(record.steps, made, strict=True)):
        name = f"contribution {place + 1}"
        points = step.points
        told = (points.delta1, points.g1_s, points.g1_sx, points.g2_spx)
        if told != (one.delta_after, one.g1_s, one.g1_sx, one.g2_spx):
            raise DifferentHistory(f"{name}: its points are not those that the ledger recorded")
        if points.g2_sp != hash_to_g2(one.transcript):
            raise DifferentHistory(
                f"{name}: the proof that the ledger recorded is bound to no history: its base in "
                "G2 is not the transcript's"
            )
        _compare_beacon(record, step, one, name)


def _compare_beacon(record: Record, step: Step, one: Contribution, name: str) -> None:
    noted = one.note.beacon
    if (noted is None) != (step.beacon is None):
        raise DifferentHistory(f"{name}: file and ledger differ on whether it is the beacon's")
    if noted is None:
        return
    expected = (step.beacon, record.terms.beacon_exponent)
    if (noted.value, noted.iterations_exponent) != expected:
        raise DifferentHistory(f"{name}: the beacon in the file is not the recorded one")


def check_constraints(record: Record, drop: FileDrop) -> bytes:
    """The constraint system's file, which must be the circuit's that the ceremony is for."""
    data = drop.get(record.terms.constraints, CONSTRAINTS)
    if circuit_id(data) != record.terms.circuit:
        raise DifferentHistory("the constraints' file is of another circuit than the ceremony's")
    return data
