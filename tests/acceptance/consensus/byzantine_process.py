"""One Byzantine process in a real network of four does not stop it: no fork, no loss, progress.

It equivocates as a primary, votes one thing here and another there, sends huge views, certificates
of nothing, and votes under other members' names. It begins as the primary of view 0. The books are
those of the three honest nodes.
"""

import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, eventually
from tests.fire.books import blocks_alike, each_once
from tests.fire.ground import Ground, make_ground
from tests.fire.load import Load
from tests.fire.processes import processes_of

RATES = {"native": 100, "py-evm": 10}
SECONDS = 60
BLOCKS_MIN = 10
STANDSTILL_S_MAX = 30
POLL_S = 0.2


def run(
    folder: Path, *, seconds: int = SECONDS, engine: str = "native", base_port: int | None = None
) -> dict[str, Any]:
    """Load through the honest nodes while the liar lies; then the honest nodes' books."""
    ground = make_ground(folder, engine=engine, base_port=base_port)
    network = ground.network
    # Validators are ordered by address, and the first one is the primary of view 0.
    liar = min(network.nodes, key=lambda node: bytes.fromhex(node["address"][2:]))["name"]
    with processes_of(network) as processes:
        processes.module[liar] = "tests.fire.byzantine"
        for name in network.urls:
            processes.start(name)
        network.urls.pop(liar)  # what it says of itself is worth nothing
        for name in network.urls:
            eventually(f"{name} has block 1", lambda n=name: network.height(n) > 0, 180)
        first = network.height(next(iter(network.urls)))
        load = Load(Ground(network, ground.workloads[1:]), RATES[engine])
        load.start()
        standstill_s = _watch(network, seconds)
        rate = load.stop()
        assert liar in processes.running, processes.said(liar)
        books = each_once(network, load.sent, set(load.acknowledged))
        compared = blocks_alike(network)
        views = {name: network.status(name)["view"] for name in network.urls}
    assert min(views.values()) > 0, "the honest nodes were content with a primary that lies"
    assert compared - first >= BLOCKS_MIN, f"only {compared - first} blocks in {seconds} s"
    return {
        "rate_acknowledged": round(rate, 1),
        "longest_standstill_s": standstill_s,
        "views": views,
        "blocks_compared": compared,
        **books,
    }


def _watch(network: Network, seconds: int) -> float:
    """The longest time without a block at all honest nodes together; bounded."""
    name = next(iter(network.urls))
    start_s = moved_s = time.monotonic()
    height, longest_s = network.height(name), 0.0
    while time.monotonic() - start_s < seconds:
        time.sleep(POLL_S)
        now_s, seen = time.monotonic(), network.height(name)
        longest_s = max(longest_s, now_s - moved_s)
        assert now_s - moved_s < STANDSTILL_S_MAX, f"no block for {STANDSTILL_S_MAX} s"
        if seen > height:
            height, moved_s = seen, now_s
    return round(longest_s, 1)
