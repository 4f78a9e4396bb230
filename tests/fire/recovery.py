"""How long a network without its primary stands still: from the kill to the next stable block.

A block that was almost stable at the kill would flatter: what counts is the first block made stable
after the survivors took up a later view.
"""

import time
from collections.abc import Sequence
from typing import Any

from tests.acceptance.harness import Network, Refused, rpc

POLL_S = 0.05
RECOVERY_S_MAX = 60


def group_status(network: Network, name: str) -> dict[str, Any] | None:
    """The first group's status at a node, or None while it does not answer."""
    try:
        return network.status(name)
    except (OSError, Refused, ValueError):
        return None


def wait_next_view_stable(network: Network, survivors: Sequence[str], view: int) -> dict[str, Any]:
    """Wait for the first stable block under a view above `view`, at any of the survivors."""
    start_s = time.monotonic()
    height = max(int(rpc(network.urls[name], "eth_blockNumber"), 16) for name in survivors)
    any_block_s, view_s, base = None, None, 0
    while True:
        now_s = time.monotonic() - start_s
        for status in filter(None, (group_status(network, name) for name in survivors)):
            stable = status["stable"]["number"]
            if stable > height and any_block_s is None:
                any_block_s = now_s
            if status["view"] > view and status["view_active"] and view_s is None:
                view_s, base = now_s, stable
            if view_s is not None and stable > base:
                return {
                    "next_block_s": round(any_block_s or now_s, 2),
                    "next_view_s": round(view_s, 2),
                    "next_view_block_s": round(now_s, 2),
                }
        assert now_s < RECOVERY_S_MAX, f"no block in a view after {view} within {RECOVERY_S_MAX} s"
        time.sleep(POLL_S)


def wait_caught_up(network: Network, name: str, others: Sequence[str], timeout_s: float) -> float:
    """Seconds until `name` stands where the others stood when this was asked, and is in step."""
    start_s = time.monotonic()
    target = max(network.height(other) for other in others)
    while True:
        status = group_status(network, name)
        if status and status["stable"]["number"] >= target and not status["syncing"]:
            return round(time.monotonic() - start_s, 2)
        waited_s = time.monotonic() - start_s
        assert waited_s < timeout_s, f"{name} did not reach block {target} in {timeout_s} s"
        time.sleep(POLL_S)


def wait_level(network: Network, name: str, height: int, timeout_s: float) -> float:
    """Seconds until `name` has a block of this height. It may follow without a vote: who left a
    view alone, cut off, votes again when the others leave it too."""
    start_s = time.monotonic()
    while True:
        status = group_status(network, name)
        if status and status["stable"]["number"] >= height:
            return round(time.monotonic() - start_s, 2)
        waited_s = time.monotonic() - start_s
        assert waited_s < timeout_s, f"{name} did not reach block {height} in {timeout_s} s"
        time.sleep(POLL_S)
