"""How far long work got, on standard error: what a command answers alone goes to the other."""

import sys
import time
from collections.abc import Callable

Progress = Callable[[str], None]

_PAUSE_S = 2.0


def say(line: str) -> None:
    """One line, at once."""
    print(line, file=sys.stderr, flush=True)


class Spoken:
    """Call it with each step's words; the first is said at once, of thousands a few."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            say(line)
            self._next = now + _PAUSE_S

    def parts(self, what: str, done: int, total: int) -> None:
        """The same for work that counts its parts."""
        self(what if total == 1 else f"{what}: {done:,} of {total:,}")
