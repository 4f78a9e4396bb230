"""All four validators are killed at once under load, 20 times: the network comes back by itself.

Each time the processes are started again and nothing else is done. Every transaction that any node
acknowledged has exactly one receipt, or a status with a reason.
"""

import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import eventually
from tests.fire.books import blocks_alike, each_once
from tests.fire.ground import make_ground
from tests.fire.load import Load
from tests.fire.processes import Processes, processes_of

RATES = {"native": 200, "py-evm": 20}
LOAD_S = 5.0
BACK_S_MAX = 60


def run(
    folder: Path, *, kills: int = 20, engine: str = "native", base_port: int | None = None
) -> dict[str, Any]:
    """Kill all, start all, see new blocks everywhere; then balance the books."""
    ground = make_ground(folder, engine=engine, base_port=base_port)
    with processes_of(ground.network) as processes:
        processes.start_all()
        load = Load(ground, RATES[engine])
        load.start()
        back = [_kill_all(processes) for _ in range(kills)]
        rate = load.stop()
        books = each_once(ground.network, load.sent, set(load.acknowledged))
        compared = blocks_alike(ground.network)
    return {
        "kills": kills,
        "back_s": back,
        "rate_acknowledged": round(rate, 1),
        "blocks_compared": compared,
        "refusals": dict(load.refusals),
        **books,
    }


def _kill_all(processes: Processes) -> float:
    """Seconds from the start of the processes until each has a block more than any had before."""
    network = processes.network
    time.sleep(LOAD_S)
    height = max(network.height(name) for name in network.urls)
    processes.kill_all()
    for name in network.urls:
        processes.start(name)
    start_s = time.monotonic()
    eventually(
        f"every node has a block after {height}",
        lambda: all(network.height(name) > height for name in network.urls),
        BACK_S_MAX,
    )
    back_s = round(time.monotonic() - start_s, 1)
    print({"height": height, "back_s": back_s}, flush=True)
    return back_s
