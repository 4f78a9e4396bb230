"""Warnings that others can cause: some at once, then one each interval with a count of the untold.

A peer that sends bad messages without end, or strangers that besiege the door, would else push
everything else out of the log. Metrics count each one; this is about lines only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from node.allowance import Allowance

LINES_AT_ONCE_MAX = 10
LINE_INTERVAL_S = 10.0
SUBJECTS_MAX = 1_024
"""Members and reasons are far fewer; beyond it those of longest ago are told of afresh."""


class _Told:
    """What was said of one subject and event, and how often it was not."""

    def __init__(self) -> None:
        self.allowance = Allowance(LINE_INTERVAL_S)
        self.untold = 0


class RareLines:
    """One logger's. The bound is for each event and value of the field `by`; what differs in
    other fields shares it. `now_s` is a monotonic clock."""

    def __init__(self, log: Any, by: str, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._by = by
        self._now_s = now_s
        self._told: dict[tuple[str, str], _Told] = {}

    def warning(self, event: str, **fields: Any) -> None:
        """A line, or one more that is counted: `untold` is how many came since the last line."""
        key = (event, str(fields.get(self._by, "")))
        told = self._told.pop(key, None) or _Told()
        self._told[key] = told
        if len(self._told) > SUBJECTS_MAX:
            del self._told[next(iter(self._told))]
        if not told.allowance.take(LINES_AT_ONCE_MAX, self._now_s()):
            told.untold += 1
            return
        count = {"untold": told.untold} if told.untold else {}
        told.untold = 0
        self._log.warning(event, **fields, **count)
