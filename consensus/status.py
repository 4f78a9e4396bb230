"""What a replica shows of itself: the slot it wants filled and its state for status pages."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """A snapshot for operators.

    missing: validators of which no vote was heard for so long that one was due; `missing_ticks`
        says for how long. A node that is up and does not vote is missing too.
    stalled_ticks: ticks since a block was stored, 0 while nothing is waited for.
    is_behind: a certificate for a later block than the stored one is known.
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
    is_behind: bool
    retired: bool
    halted: str | None
