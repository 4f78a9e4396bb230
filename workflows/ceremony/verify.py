"""A ceremony verified by who took no part in it: from the ledger, proven, and the files.

Nobody's word is needed: the history stands under certified headers, the beacon is such a header's
hash, keys are fetched by hash and every step of the mathematics is done again.
"""

from dataclasses import dataclass

from client.light import LightClient
from contracts.bindings.ceremony import Record
from ledger.values import Address
from workflows.ceremony.checks import DifferentHistory, check_constraints, checked_head, first_key
from workflows.ceremony.files import KEY, POWERS, FileDrop
from workflows.ceremony.ledger import prove_record
from workflows.ceremony.opening import made_initial
from zkp.ceremony.key_file import CeremonyKey, decode_key
from zkp.ceremony.verify import verify_contribution
from zkp.work import Progress, say_nothing


@dataclass(frozen=True)
class Verified:
    """A sound ceremony as of a block; `key` is the last state, final if the beacon stands.

    `initial_from_powers` says whether the initial key was made again of circuit and phase 1.
    """

    record: Record
    key: CeremonyKey
    block: int
    initial_from_powers: bool


def verify_ceremony(
    light: LightClient,
    address: Address,
    drop: FileDrop,
    *,
    phase_1: bool = True,
    every_file: bool = False,
    progress: Progress = say_nothing,
) -> Verified:
    """Check all of it. With `every_file` also each key in between against the one before.

    Without `phase_1` the initial key is taken as the terms name it: for who made it before. Raises
    InvalidAnswer and InvalidRecord for the ledger's side; for the files' DifferentHistory,
    InvalidContribution, InvalidPowers, UnsuitableCircuit, InvalidFile, InvalidKey, MissingFile and
    InvalidContent.
    """
    reading = prove_record(light, address)
    record = reading.record
    constraints = check_constraints(record, drop)
    initial = first_key(record, drop)
    if phase_1:
        _check_initial(initial, constraints, drop.get(record.terms.powers, POWERS), progress)
    key = checked_head(record, drop, initial, progress)
    if record.finished:
        _check_beacon(light, record)
    if every_file:
        _check_files_between(record, drop, initial, progress)
    return Verified(record, key, reading.block, initial_from_powers=phase_1)


def _check_initial(
    initial: CeremonyKey, constraints: bytes, powers: bytes, progress: Progress
) -> None:
    """That the initial key is what circuit and phase 1 make, point for point."""
    if made_initial(constraints, powers, progress) != initial:
        raise DifferentHistory(
            "the initial key is not the one that constraints and phase 1 make: who started the "
            "ceremony chose another"
        )


def _check_beacon(light: LightClient, record: Record) -> None:
    height = record.terms.beacon_block
    if light.header(height).header.hash != record.steps[-1].beacon:
        raise DifferentHistory(
            f"the beacon that was recorded is not the hash of block {height}: whoever finished the "
            "ceremony chose another"
        )


def _check_files_between(
    record: Record, drop: FileDrop, initial: CeremonyKey, progress: Progress
) -> None:
    parent = initial
    for place, step in enumerate(record.steps):
        progress("files", place, len(record.steps))
        child = decode_key(drop.get(step.key, KEY))
        verify_contribution(parent, child)
        parent = child
    progress("files", len(record.steps), len(record.steps))
