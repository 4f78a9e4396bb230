"""What a replica shows of itself: the slot it wants filled and its state for status pages."""

from dataclasses import dataclass
from enum import StrEnum

from ledger.values import Address


@dataclass(frozen=True, slots=True)
class Slot:
    """The primary may propose at this sequence; its origin view is `view`.

    With `empty_due` an empty proposal is owed at once: a heartbeat, or blocks that bring a pending
    change of validators into force. Otherwise propose when there are transactions.
    """

    epoch: int
    view: int
    sequence: int
    empty_due: bool


class LeavingReason(StrEnum):
    """Why a replica left a view."""

    REQUEST = "a transaction waited too long"
    NO_PROGRESS = "there was no progress"
    UNHEARD = "the primary was not heard"
    LONE_COMPLAINT = "a replica that left alone is waited for"
    NO_NEW_VIEW = "its NEW-VIEW did not come"
    PULLED = "f + 1 replicas left for it or higher"
    RESTART = "it had left before its restart"


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """A snapshot for operators.

    missing: validators of which no vote was heard for so long that one was due; `missing_ticks`
        says for how long. A node that is up and does not vote is missing too.
    stalled_ticks: ticks since a block was stored, 0 while nothing is waited for.
    is_catching_up: others have a later block, and no next one is being stored here.
    leaving_reason: why this replica left the view before, None while its view is open.
    leavers: validators whose latest VIEW-CHANGE is for the view that this replica waits for or a
        higher one, itself among them; while its view is open, for any later one.
    leaving_ticks: ticks since it left, 0 while its view is open.
    unheard: other validators that the driver does not hear now.
    is_quorum_heard: false while this replica's clocks stand still for want of a quorum to hear.
    is_hopeless: no header of the block after the stable one can reach a quorum.
    retired: a message under this replica's key is not its own, so it votes no more.
    """

    epoch: int
    view: int
    is_active: bool
    is_voter: bool
    primary: Address
    stable: int
    executed: int
    quorum: int
    validators: tuple[Address, ...]
    missing: tuple[Address, ...]
    missing_ticks: tuple[int, ...]
    stalled_ticks: int
    is_catching_up: bool
    leaving_reason: LeavingReason | None
    leavers: tuple[Address, ...]
    leaving_ticks: int
    unheard: tuple[Address, ...]
    is_quorum_heard: bool
    is_hopeless: bool
    retired: bool
    halted: str | None
