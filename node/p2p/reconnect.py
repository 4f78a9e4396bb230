"""How long to wait before dialling a peer again: doubling to a cap, with jitter."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

_RANDOM = secrets.SystemRandom()


@dataclass
class Backoff:
    """Delays in seconds: half of `initial_s * 2**k`, capped at `cap_s`, and a random other half.

    The jitter keeps nodes that lost each other together from returning together.
    """

    initial_s: float
    cap_s: float
    failures: int = 0

    def next_delay_s(self) -> float:
        """The delay after one more failure."""
        # 2**20 is beyond any cap; the bound keeps the power small after days of failures.
        whole_s: float = min(self.cap_s, self.initial_s * 2 ** min(self.failures, 20))
        self.failures += 1
        return whole_s * (0.5 + _RANDOM.random() / 2)

    def reset(self) -> None:
        """The peer was reached."""
        self.failures = 0
