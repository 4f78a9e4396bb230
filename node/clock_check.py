"""Whether a proposal's time is near ours: judged once, when it is first received (rule 10).

A proposal that comes again, after whatever delay, gets the verdict of its first coming.
"""

from __future__ import annotations

from collections import OrderedDict

from ledger.proposal import Proposal
from ledger.values import Hash32

VERDICTS_COUNT_MAX = 4_096


class ClockCheck:
    """First verdicts by digest, bounded, oldest forgotten first."""

    def __init__(self, tolerance_ms: int) -> None:
        self._tolerance_ms = tolerance_ms
        self._verdicts: OrderedDict[Hash32, str | None] = OrderedDict()

    def refuse(self, proposal: Proposal, now_ms: int) -> str | None:
        """Why the proposal's time is refused, None if it is fine."""
        if proposal.digest in self._verdicts:
            return self._verdicts[proposal.digest]
        apart_ms = proposal.timestamp_ms - now_ms
        verdict = None
        if abs(apart_ms) > self._tolerance_ms:
            verdict = (
                f"its time is {apart_ms} ms from ours, the tolerance is {self._tolerance_ms} ms: "
                "check both nodes' clocks"
            )
        self._verdicts[proposal.digest] = verdict
        if len(self._verdicts) > VERDICTS_COUNT_MAX:
            self._verdicts.popitem(last=False)
        return verdict
