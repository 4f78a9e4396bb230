"""Which validators this node hears: a hint about time, never a reason to vote.

It is for the replica and for whoever waits for an answer. Every validator says where it stands
about once a second. Who is not connected, or said nothing for longer than that takes twice, is
unheard. Time is the driver's ticks: a node that stood still itself does not take the others for
silent.
"""

from __future__ import annotations

from collections.abc import Iterable

from consensus.events import Unheard
from ledger.values import Address

QUIET_TICKS_MAX = 22
"""Two rounds of the replica's repetitions (`resend_ticks`), and a little for a busy machine."""


class Hearing:
    """Told of messages, connections and ticks; says when the set of the unheard changes."""

    def __init__(self, quiet_ticks_max: int = QUIET_TICKS_MAX) -> None:
        self._quiet_ticks_max = quiet_ticks_max
        self._ticks = 0
        self._heard: dict[Address, int] = {}
        self._gone: set[Address] = set()
        self._told: frozenset[Address] = frozenset()

    @property
    def unheard(self) -> frozenset[Address]:
        """As of the last tick."""
        return self._told

    def heard(self, validator: Address) -> None:
        """A message of this validator came from its own node and verified."""
        self._heard[validator] = self._ticks

    def lost(self, validators: Iterable[Address]) -> None:
        """The connection to the node of these keys ended. What still waits to be read from it
        changes nothing."""
        self._gone.update(validators)

    def found(self, validators: Iterable[Address]) -> None:
        """The node of these keys is connected, again or for the first time."""
        for validator in validators:
            self._gone.discard(validator)
            self._heard[validator] = self._ticks

    def tick(self, validators: Iterable[Address]) -> tuple[Unheard, ...]:
        """One tick passed; what the replica is to hear of it, if it is news.

        A validator that never said anything counts from the start on.
        """
        self._ticks += 1
        members = frozenset(validators)
        self._gone &= members
        for gone in [known for known in self._heard if known not in members]:
            del self._heard[gone]
        unheard = frozenset(
            validator
            for validator in members
            if validator in self._gone
            or self._ticks - self._heard.setdefault(validator, self._ticks) > self._quiet_ticks_max
        )
        if unheard == self._told:
            return ()
        self._told = unheard
        return (Unheard(unheard),)
