"""Whether a proposal's time is near ours: judged once, when it is first received (rule 10).

A proposal that comes again, after whatever delay, gets the verdict of its first coming. What came
late because nothing came at all for a while, or because this node was not up, is refused as well,
and no clock is blamed for it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from ledger.proposal import Proposal
from ledger.values import Address, Hash32

VERDICTS_COUNT_MAX = 4_096
QUIET_MS_MIN = 2_000
"""A shorter silence explains nothing: everyone speaks once a second."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing was read from a peer for `lasted_ms` until `end_ms`, by our clock.

    lasted_ms: None at first contact. Nobody knows how long the peer spoke to nobody here.
    """

    end_ms: int
    lasted_ms: int | None

    def covers(self, timestamp_ms: int, read_ms: int) -> bool:
        """Whether something made then, and read now, would have been on its way in the silence."""
        if timestamp_ms > self.end_ms:
            return False
        if self.lasted_ms is None:
            # What is open is said again as soon as a connection is up; later, age has no excuse.
            return read_ms <= self.end_ms + QUIET_MS_MIN
        return timestamp_ms >= self.end_ms - self.lasted_ms - QUIET_MS_MIN


@dataclass(frozen=True, slots=True)
class Untimely:
    """Why a proposal's time is refused, and the silence that explains it, if one does."""

    reason: str
    quiet: Quiet | None


class Arrivals:
    """When each peer's last message was read, and its latest silence."""

    def __init__(self) -> None:
        self._last_ms: dict[str, int] = {}
        self._quiet: dict[str, Quiet] = {}

    def note(self, peer: str, now_ms: int, steady_ms: int) -> Quiet:
        """A message of a peer is read now; the latest silence before it.

        The first message of all ends a silence too: this node was not up, or had no connection.
        steady_ms: a clock that nobody sets, so that a clock that was set is no silence.
        """
        last_ms = self._last_ms.get(peer)
        self._last_ms[peer] = steady_ms
        lasted_ms = None if last_ms is None else steady_ms - last_ms
        if lasted_ms is None or lasted_ms >= QUIET_MS_MIN:
            self._quiet[peer] = Quiet(now_ms, lasted_ms)
        return self._quiet[peer]


@dataclass(frozen=True, slots=True)
class Apart:
    """How far the clock of `proposer` was from ours, its message's way included; below zero:
    behind."""

    proposer: Address
    apart_ms: int


class ClockCheck:
    """First verdicts by digest, bounded, oldest forgotten first.

    apart: what the latest proposal showed that no silence explains, None before the first.
    """

    def __init__(self) -> None:
        self._verdicts: OrderedDict[Hash32, Untimely | None] = OrderedDict()
        self.apart: Apart | None = None

    def has_judged(self, digest: Hash32) -> bool:
        """Whether the proposal came before."""
        return digest in self._verdicts

    def refuse(
        self, proposal: Proposal, now_ms: int, tolerance_ms: int, quiet: Quiet | None = None
    ) -> Untimely | None:
        """Why the proposal's time is refused, None if it is fine.

        tolerance_ms: the group's in the proposal's epoch.
        quiet: the latest silence of the peer that sent it.
        """
        if proposal.digest in self._verdicts:
            return self._verdicts[proposal.digest]
        verdict = None
        apart_ms = proposal.timestamp_ms - now_ms
        is_late = quiet is not None and quiet.covers(proposal.timestamp_ms, now_ms)
        if not is_late:
            self.apart = Apart(proposal.proposer, apart_ms)
        if abs(apart_ms) > tolerance_ms:
            verdict = _tell(apart_ms, tolerance_ms, quiet if is_late else None)
        self._verdicts[proposal.digest] = verdict
        if len(self._verdicts) > VERDICTS_COUNT_MAX:
            self._verdicts.popitem(last=False)
        return verdict


def _tell(apart_ms: int, tolerance_ms: int, quiet: Quiet | None) -> Untimely:
    if quiet is not None:
        late = f"it came {-apart_ms} ms late, the tolerance is {tolerance_ms} ms: "
        why = (
            "it was said again at this peer's first contact since this node started; "
            if quiet.lasted_ms is None
            else f"nothing came from this peer for {quiet.lasted_ms} ms, so the connection or "
            "this node stood still; "
        )
        return Untimely(f"{late}{why}the clocks need no look", quiet)
    return Untimely(
        f"its time is {apart_ms} ms from ours, the tolerance is {tolerance_ms} ms: "
        "check both nodes' clocks",
        None,
    )
