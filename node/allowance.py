"""How many costly frames a peer may send: some at once, then one each interval.

A living connection lasts for months; a plain count would end it one day for nothing.
"""

from __future__ import annotations


class Allowance:
    """What one peer has used up of one kind of frame. Times are seconds of a monotonic clock."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._used = 0.0
        self._at_s = 0.0

    def take(self, burst: int, now_s: float) -> bool:
        """Use one up; False if that is more than `burst` and what the time gave back."""
        given_back = (now_s - self._at_s) / self._interval_s
        self._used = max(0.0, self._used - given_back)
        self._at_s = now_s
        if self._used + 1 > burst:
            return False
        self._used += 1
        return True
