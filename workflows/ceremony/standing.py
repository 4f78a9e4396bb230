"""Where a ceremony stands, participant by participant, as one's own node tells it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from client.rpc import Client
from contracts.bindings import accounts
from contracts.bindings.ceremony import CeremonyContract, Record, Step
from contracts.bindings.contract import Query
from ledger.values import Address, checksum_address
from workflows.ceremony.ledger import Reading, read_record


class Phase(StrEnum):
    """What a ceremony waits for."""

    TURN = "turn"
    """A participant's contribution."""
    BEACON = "beacon"
    """The beacon's block: everybody has had their turn."""
    FINISH = "finish"
    """The beacon's contribution, which any participant makes."""
    FAILED = "failed"
    """Nothing: the beacon is there and too few contributed."""
    FINISHED = "finished"


class Presence(StrEnum):
    """What became of a participant's turn."""

    CONTRIBUTED = "contributed"
    TAKEN_BACK = "taken back"
    MISSED = "missed"
    NEXT = "next"
    WAITING = "waiting"


@dataclass(frozen=True)
class Participant:
    """A participant, its organisation's name, and its contribution if there is one."""

    address: Address
    organisation: str
    presence: Presence
    step: Step | None


@dataclass(frozen=True)
class Standing:
    """A ceremony at a block; `turn_ends` is when others may go on without who is next."""

    reading: Reading
    phase: Phase
    participants: tuple[Participant, ...]
    turn_ends: int | None


def standing(client: Client, address: Address) -> Standing:
    """Raises InvalidRecord."""

    def ask(query: Query[Any]) -> Any:
        return query.decode(client.call(checksum_address(query.to), query.data))

    reading = read_record(client, address)
    contract = CeremonyContract(address)
    turn, began = ask(contract.turn()), ask(contract.turn_began())
    phase = _phase(reading, turn)
    numbers = [
        ask(accounts.permission(entry)).organisation for entry in reading.record.participants
    ]
    names = [ask(accounts.organisation(number)).name if number else "" for number in numbers]
    participants = tuple(
        _participant(reading.record, place, name, turn if phase is Phase.TURN else None)
        for place, name in enumerate(names)
    )
    ends = began + reading.record.terms.turn_s if phase is Phase.TURN else None
    return Standing(reading, phase, participants, ends)


def _phase(reading: Reading, turn: int) -> Phase:
    record = reading.record
    if record.finished:
        return Phase.FINISHED
    # The next block is the first that could hold a contribution.
    if reading.block + 1 < record.terms.beacon_block:
        return Phase.TURN if turn < len(record.participants) else Phase.BEACON
    if len(record.contributions) < record.terms.least:
        return Phase.FAILED
    return Phase.FINISH if reading.block >= record.terms.beacon_block else Phase.BEACON


def _participant(record: Record, place: int, name: str, turn: int | None) -> Participant:
    address = record.participants[place]
    stands = record.contribution_of(place)
    if stands is not None:
        return Participant(address, name, Presence.CONTRIBUTED, stands)
    back = next(
        (step for step in record.taken_back if step.place == place and step.beacon is None), None
    )
    if back is not None:
        return Participant(address, name, Presence.TAKEN_BACK, back)
    if turn is None or place < turn:
        return Participant(address, name, Presence.MISSED, None)
    presence = Presence.NEXT if place == turn else Presence.WAITING
    return Participant(address, name, presence, None)
