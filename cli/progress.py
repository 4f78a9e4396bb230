"""How far long work got, on standard error: a line every other second, not thousands."""

import sys
import time

_PAUSE_S = 2.0


class Spoken:
    """Call it with each step's words; the first is shown at once, of the others some."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            print(line, file=sys.stderr, flush=True)
            self._next = now + _PAUSE_S
