"""Waits for one's own node to see what another office's node has seen already.

Blocks reach nodes some moments apart: what another party has just done may not stand here yet.
This is no retry of anything that failed.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

node_lag_s_max = 10.0
_poll_s = 0.1


def wait_for(look: Callable[[], T], is_there: Callable[[T], bool], lag_s_max: float) -> T:
    """What `look` answers once `is_there`, or its last answer after `lag_s_max` seconds."""
    deadline = time.monotonic() + lag_s_max
    while True:
        found = look()
        if is_there(found) or time.monotonic() >= deadline:
            return found
        time.sleep(_poll_s)
