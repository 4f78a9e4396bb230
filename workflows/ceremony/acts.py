"""One party's acts in a ceremony. Each can be repeated after an interruption.

A key's file is in the shared folder before its hash is on the ledger; a transaction that is under
way is waited for instead of being made anew. The secret of a contribution that was cut off is
gone: the repetition makes another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.bindings import accounts
from contracts.bindings.ceremony import (
    CeremonyContract,
    Record,
    Step,
    Terms,
    ceremony_deploy_data,
)
from ledger.values import Address, checksum_address
from workflows.ceremony.checks import checked_head, first_key
from workflows.ceremony.files import KEY, FileDrop
from workflows.ceremony.ledger import Reading, beacon_hash, read_record
from workflows.equity_transfer.deploy import SetUpDesk
from workflows.sending import unsettled_receipt
from zkp.ceremony.contribute import apply_beacon, contribute
from zkp.ceremony.key_file import encode_key
from zkp.ceremony.points import public_points
from zkp.snarkjs.contributions import NAME_CHARS_MAX, Beacon
from zkp.work import Progress, Work, say_nothing

BEACON_NAME = "beacon"


class CeremonyRefused(Exception):
    """An act that the ceremony's state does not allow; the message says what to do."""


@dataclass(frozen=True)
class Seat:
    """A participant's account at a ceremony: desk, contract, shared folder."""

    desk: SetUpDesk
    address: Address
    drop: FileDrop

    @property
    def contract(self) -> CeremonyContract:
        """The ceremony's contract."""
        return CeremonyContract(self.address)

    def read(self) -> Reading:
        """The history as this party's own node tells it."""
        return read_record(self.desk.client, self.address)

    def settle(self, step: str) -> None:
        """Wait for what an interrupted run sent."""
        unsettled_receipt(self.desk.client, self.desk.note(step))

    @property
    def mark(self) -> str:
        """Tells this ceremony's notes from another's."""
        return self.address.hex()[:8]


def start(desk: SetUpDesk, terms: Terms, participants: Sequence[Address]) -> Address:
    """By an author or admin: deploy the ceremony's contract; its address."""
    step = f"ceremony-start-{terms.initial.hex()[:8]}-{terms.beacon_block}"
    return desk.deploy(step, ceremony_deploy_data(terms, participants))


def take_turn(seat: Seat, text: str = "", progress: Progress = say_nothing) -> tuple[Step, bool]:
    """Contribute if it is the account's turn; the step, and whether it was made now.

    One that stands already is left alone. Raises CeremonyRefused before anything is computed, and
    what `checked_head` raises if the last key is not sound.
    """
    act = f"ceremony-contribute-{seat.mark}"
    seat.settle(act)
    reading = seat.read()
    place = _place(reading.record, seat.desk.sender)
    done = reading.record.contribution_of(place)
    if done is not None:
        return done, False
    _check_turn(seat, reading, place)
    parent = checked_head(reading.record, seat.drop, first_key(reading.record, seat.drop), progress)
    key = contribute(parent, _name(seat.desk), text, Work(progress=progress))
    digest = seat.drop.put(encode_key(key), KEY)
    points = public_points(key)
    seat.desk.act(act, seat.contract.contribute(reading.record.head, digest, points))
    made = seat.read().record.contribution_of(place)
    if made is None:
        raise CeremonyRefused("the contribution was recorded and taken back at once")
    return made, True


def finish(seat: Seat, progress: Progress = say_nothing) -> tuple[Step, bool]:
    """Apply the beacon once its block is there; the step, and whether it was made now."""
    act = f"ceremony-finish-{seat.mark}"
    seat.settle(act)
    reading = seat.read()
    record = reading.record
    if record.finished:
        return record.steps[-1], False
    _place(record, seat.desk.sender)
    height = record.terms.beacon_block
    if reading.block < height:
        raise CeremonyRefused(
            f"the beacon is block {height}, the group is at {reading.block}: wait until it is there"
        )
    if len(record.steps) < record.terms.least:
        raise CeremonyRefused(
            f"{len(record.steps)} contributions stand and the terms ask for {record.terms.least}: "
            "the ceremony came to nothing, start another"
        )
    parent = checked_head(record, seat.drop, first_key(record, seat.drop), progress)
    beacon = beacon_hash(seat.desk.client, height)
    value = Beacon(bytes(beacon), record.terms.beacon_exponent)
    key = apply_beacon(parent, value, BEACON_NAME, Work(progress=progress))
    digest = seat.drop.put(encode_key(key), KEY)
    seat.desk.act(act, seat.contract.finish(record.head, digest, beacon, public_points(key)))
    made = seat.read().record
    if not made.finished:
        raise CeremonyRefused("the beacon's contribution was taken back at once")
    return made.steps[-1], True


def object_to_last(seat: Seat) -> tuple[Step, bool]:
    """Say that the last contribution shall not stand; the step, and whether it is taken back."""
    act = f"ceremony-object-{seat.mark}"
    seat.settle(act)
    record = seat.read().record
    place = _place(record, seat.desk.sender)
    if not record.steps:
        raise CeremonyRefused("there is no contribution to object to")
    last = record.steps[-1]
    if (place, last.key) not in record.objections:
        seat.desk.act(act, seat.contract.object_to(last.key))
    after = seat.read().record
    return last, last.key in {step.key for step in after.taken_back}


def _place(record: Record, sender: Address) -> int:
    if sender not in record.participants:
        raise CeremonyRefused(f"{checksum_address(sender)} is no participant of this ceremony")
    return record.participants.index(sender)


def _check_turn(seat: Seat, reading: Reading, place: int) -> None:
    """Raises CeremonyRefused with who is awaited until when."""
    record = reading.record
    if record.finished:
        raise CeremonyRefused("the ceremony is finished")
    if reading.block + 1 >= record.terms.beacon_block:
        raise CeremonyRefused(
            f"the beacon, block {record.terms.beacon_block}, is there or next: nobody contributes "
            "any more"
        )
    turn = seat.desk.ask(seat.contract.turn())
    if place < turn:
        raise CeremonyRefused("the account's turn has passed; others went on without it")
    began = seat.desk.ask(seat.contract.turn_began())
    opens = began + record.terms.turn_s * (place - turn)
    if place > turn and reading.timestamp < opens:
        when = datetime.fromtimestamp(opens, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        awaited = checksum_address(record.participants[turn])
        raise CeremonyRefused(
            f"it is the turn of participant {turn + 1}, {awaited}; without it this account may "
            f"contribute from {when} on"
        )


def _name(desk: SetUpDesk) -> str:
    """The organisation's name, which stands in the key's file."""
    number = desk.ask(accounts.permission(desk.sender)).organisation
    return desk.ask(accounts.organisation(number)).name[:NAME_CHARS_MAX]
