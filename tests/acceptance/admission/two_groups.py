"""Two groups with common members do not disturb each other, and come and go while both work.

Six organisations on eight nodes (`two-groups`). Transactions of one group change nothing in the
other; a group is founded, joined and left while both carry load, and nothing that was acknowledged
is lost; at a quarter of capacity the throughput of one stays within 10 % (median of the rounds)
while the other is flooded, and while it stands still.
"""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tests.acceptance.group_load import (
    Stream,
    executed_between,
    flooded,
    group_url,
    height,
    send,
    signed_load,
)
from tests.acceptance.harness import Network, Refused, eventually, post, quorate, rpc
from tests.acceptance.harness import running_network as running

PORTS = 16
LOSS_MAX = 0.10
WAIT_S = 180.0
FLOOD_COUNT = 14_000
"""More than a group executes in a round beside another one's load."""
SETTLE_S = 5.0
"""Until a load is in its blocks as fast as it comes: the first of them wait longer."""
EQUITY, REFUND, JOINT = "equity", "export-refund", "joint"
SENDERS = {
    EQUITY: ("tax-officer", "tax-reviewer", "registrar", "applicant", "author"),
    REFUND: ("refund-officer", "customs-officer", "treasurer", "refund-author"),
}
COMMON, JOINERS = "tax-1", ("market-1", "customs-1", "treasury-1", "data-1")
ONLY_REFUND = ("customs-1", "customs-2", "treasury-1")


def run(
    folder: Path, *, throughput: bool = True, seconds: float = 20.0, rounds: int = 5
) -> dict[str, Any]:
    """Apart, coming and going, throughput; each on the network of the one before."""
    with running(folder / "network", "two-groups", PORTS) as network:
        found = {"apart": _apart(network), "coming_and_going": _come_and_go(network)}
        print(found, flush=True)
        if throughput:
            found["throughput"] = _throughput(network, seconds, rounds)
            print(found["throughput"], flush=True)
    if throughput:
        for name in ("flooded", "stalled"):
            ratio = found["throughput"][f"ratio_{name}_median"]
            assert ratio >= 1 - LOSS_MAX, found["throughput"]
    return found


# Apart


def _apart(network: Network, count: int = 40) -> dict[str, Any]:
    """Blocks of the silent group stay empty, and its state what it was."""
    figures = {}
    for busy, silent in ((EQUITY, REFUND), (REFUND, EQUITY)):
        loaded, quiet = (group_url(network, COMMON, name) for name in (busy, silent))
        before, root = height(quiet), _state_root(quiet)
        hashes = send(loaded, signed_load(loaded, _accounts(network, busy), count))
        assert len(hashes) == count
        _await_executed(loaded, hashes)
        eventually("a heartbeat", lambda u=quiet, n=before: height(u) > n + 1, WAIT_S)
        last = height(quiet)
        assert executed_between(quiet, before, last) == 0
        assert _state_root(quiet) == root
        assert not _known(quiet, hashes), f"{silent} knows a transaction of {busy}"
        foreign = signed_load(loaded, _accounts(network, busy), 1)
        assert send(quiet, foreign) == [], f"{silent} takes a transaction of {busy}"
        figures[busy] = {"executed": count, "silent_blocks": last - before}
    return figures


def _state_root(url: str) -> str:
    return str(rpc(url, "eth_getBlockByNumber", "latest", False)["stateRoot"])


def _accounts(network: Network, group: str) -> list[Any]:
    return [network.account(name) for name in SENDERS[group]]


def _receipts(url: str, hashes: list[str]) -> list[Any]:
    body = [
        {"jsonrpc": "2.0", "id": place, "method": "eth_getTransactionReceipt", "params": [one]}
        for place, one in enumerate(hashes[:100])
    ]
    return [answer.get("result") for answer in post(url, body)]


def _known(url: str, hashes: list[str]) -> bool:
    return any(_receipts(url, hashes))


def _await_executed(url: str, hashes: list[str]) -> None:
    for start in range(0, len(hashes), 100):
        part = hashes[start : start + 100]
        eventually("all executed", lambda p=part: all(_receipts(url, p)), WAIT_S, 0.3)


# Coming and going


def _come_and_go(network: Network, rate: float = 10.0, count: int = 3_000) -> dict[str, Any]:
    """Found a group, have a node join and leave it, and a validator leave; load all the time."""
    pids = {name: network.pid(name) for name in network.urls}
    streams = {
        group: Stream(url, signed_load(url, _accounts(network, group), count), rate)
        for group in (EQUITY, REFUND)
        for url in [group_url(network, COMMON, group)]
    }
    first = {group: height(group_url(network, COMMON, group)) for group in streams}
    for stream in streams.values():
        stream.start()
    began_s = time.monotonic()
    took_s = _found_join_leave(network)
    lasted_s = time.monotonic() - began_s
    figures: dict[str, Any] = {"seconds": round(lasted_s, 1), **took_s}
    for group, stream in streams.items():
        hashes, url = stream.finish(), group_url(network, COMMON, group)
        assert len(hashes) > 10, f"{group} had load all the time"
        _await_executed(url, hashes)
        other = group_url(network, COMMON, REFUND if group == EQUITY else EQUITY)
        assert not _known(other, hashes)
        blocks = height(url) - first[group]
        figures[group] = {"acknowledged_and_executed": len(hashes), "blocks": blocks}
    assert {name: network.pid(name) for name in network.urls} == pids, "no node was restarted"
    return figures


def _found_join_leave(network: Network) -> dict[str, float]:
    folder, took_s = network.folder, {}

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        began_s = time.monotonic()
        yield
        took_s[what] = round(time.monotonic() - began_s, 1)

    before = _peers(network)
    with timed("found_s"):
        quorate("group", "create", "--network", folder, "--name", JOINT,
                "--validators", ",".join(JOINERS))  # fmt: skip
    url = group_url(network, JOINERS[0], JOINT)
    eventually("its first block", lambda: height(url) >= 1, WAIT_S)
    hashes = send(url, signed_load(url, [network.account("registrar")], 20))
    assert len(hashes) == 20
    _await_executed(url, hashes)
    with timed("join_s"):
        quorate("group", "join", "--network", folder, "--name", JOINT, "--node", "data-2")
        joined = group_url(network, "data-2", JOINT)
        eventually("it has caught up", lambda: height(joined) >= height(url), WAIT_S)
    assert all(_receipts(joined, hashes)), "a node that joins has what was before"
    with timed("leave_s"):
        left = quorate("group", "leave", "--network", folder, "--name", JOINT,
                       "--node", "data-2", "--archive")  # fmt: skip
    assert (left["did"], left["voted"]) == ("archived", False)
    assert not _carries(network, "data-2", JOINT)
    left = quorate("group", "leave", "--network", folder, "--name", JOINT,
                   "--node", JOINERS[-1], "--destroy", "--force")  # fmt: skip
    assert (left["did"], left["voted"]) == ("destroyed", True)
    more = send(url, signed_load(url, [network.account("registrar")], 5))
    _await_executed(url, more)  # the three that are left are a quorum
    assert _peers(network) == before, "a group makes no connection"
    return took_s


def _peers(network: Network) -> dict[str, int]:
    """How many peers each node is connected with."""
    return {
        name: sum(peer["connected"] for peer in rpc(url, "quorate_peers"))
        for name, url in network.urls.items()
    }


def _carries(network: Network, node: str, group: str) -> bool:
    try:
        rpc(group_url(network, node, group), "eth_blockNumber")
    except Refused:
        return False
    return True


# Throughput


def _throughput(network: Network, seconds: float, rounds: int) -> dict[str, Any]:
    """The busy group at a quarter of its capacity: alone, beside a flood, beside a standstill."""
    url, other = (group_url(network, COMMON, name) for name in (EQUITY, REFUND))
    accounts = _accounts(network, EQUITY)
    capacity = _capacity(network, url, accounts)
    rate = capacity / 4
    seen: dict[str, list[float]] = {"alone": [], "flooded": [], "stalled": []}
    ways: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "alone": nullcontext,
        "flooded": lambda: flooded(
            other, signed_load(other, _accounts(network, REFUND), FLOOD_COUNT)
        ),
        "stalled": lambda: _stalled(network),
    }
    for _ in range(rounds):
        for name, way in ways.items():
            raws = signed_load(url, accounts, int(rate * (seconds + 2 * SETTLE_S) * 1.5))
            with way():
                seen[name].append(_executed_per_s(url, raws, rate, seconds))
            _await_empty(url)
            _await_empty(other)
    ratios = {
        name: [beside / alone for beside, alone in zip(seen[name], seen["alone"], strict=True)]
        for name in ("flooded", "stalled")
    }
    return {
        "capacity_tps": round(capacity),
        "rate_tps": round(rate),
        **{f"{name}_tps": [round(value, 1) for value in found] for name, found in seen.items()},
        **{f"ratio_{name}_median": statistics.median(found) for name, found in ratios.items()},
        "processors": os.cpu_count(),
    }


def _capacity(network: Network, url: str, accounts: list[Any]) -> float:
    """Transactions a second while more are waiting than a block takes."""
    raws = signed_load(url, accounts, len(accounts) * 800)
    before, began_s = height(url), time.monotonic()
    with flooded(url, raws):
        eventually("all are executed", lambda: _is_done(url, before, len(raws)), WAIT_S, 0.2)
    return len(raws) / (time.monotonic() - began_s)


def _is_done(url: str, after: int, count: int) -> bool:
    return executed_between(url, after, height(url)) >= count


def _executed_per_s(url: str, raws: list[str], rate: float, seconds: float) -> float:
    """From one block to another: a window that cuts a block in two would miss up to a block."""
    stream = Stream(url, raws, rate)
    stream.start()
    time.sleep(SETTLE_S)
    before, began_s = _next_block(url)
    time.sleep(seconds)
    last, ended_s = _next_block(url)
    stream.finish()
    return executed_between(url, before, last) / (ended_s - began_s)


def _next_block(url: str) -> tuple[int, float]:
    """The number of the next block that becomes stable, and when it was seen, in seconds."""
    known = height(url)
    eventually("another block", lambda: height(url) > known, WAIT_S, 0.02)
    return height(url), time.monotonic()


@contextmanager
def _stalled(network: Network) -> Iterator[None]:
    """Processes that only the other group has stand still: it has no quorum meanwhile."""
    pids = [network.pid(name) for name in ONLY_REFUND]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        url = group_url(network, COMMON, REFUND)
        before = height(url)
        eventually("it goes on", lambda: height(url) > before, WAIT_S)


def _await_empty(url: str) -> None:
    eventually("no transaction waits", lambda: rpc(url, "quorate_txpool")["count"] == 0, WAIT_S)
