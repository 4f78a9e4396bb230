"""Seven validators: with two stopped it works; with three it halts and says why, then goes on.

Under load all the while. That the group cannot move is one sentence of `quorate_status` and of the
doctor, with who is missing; nothing but the return of one validator sets it going again.
"""

import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, eventually, run_quorate
from tests.fire.books import blocks_alike, each_once
from tests.fire.ground import make_ground, names
from tests.fire.load import Load
from tests.fire.processes import processes_of

VALIDATORS = 7
RATES = {"native": 50, "py-evm": 10}
PROGRESS_S_MAX = 60
BLOCKS_OF_FIVE = 10
SETTLED_S = 5
"""What was under way when the third one stopped has become stable by then."""
STILL_S = 20
SAID_S_MAX = 60


def run(folder: Path, *, engine: str = "native", base_port: int | None = None) -> dict[str, Any]:
    """Stop two, the primary among them, then a third; start one; start the rest."""
    ground = make_ground(folder, validators=VALIDATORS, engine=engine, base_port=base_port)
    network = ground.network
    with processes_of(network) as processes:
        processes.start_all()
        load = Load(ground, RATES[engine])
        load.start()
        first = network.status(names(VALIDATORS)[0])["primary"]
        *rest, third, second = [name for name in names(VALIDATORS) if name != first]
        processes.stop(first)
        processes.stop(second)
        two_s = _progress(network, [*rest, third], BLOCKS_OF_FIVE)
        processes.stop(third)
        time.sleep(SETTLED_S)
        still = [network.height(name) for name in rest]
        time.sleep(STILL_S)
        assert [network.height(name) for name in rest] == still, "blocks without a quorum"
        sentence = _says_why(network, rest, (first, second, third))
        processes.start(third)
        again_s = _progress(network, [*rest, third], 1)
        denied = _standstill(network, rest[0])
        assert denied is None, f"blocks come, and the status says: {denied}"
        processes.start(first)
        processes.start(second)
        rate = load.stop()
        books = each_once(network, load.sent, set(load.acknowledged))
        compared = blocks_alike(network)
    return {
        "two_stopped_blocks_s": two_s,
        "three_stopped_says": sentence,
        "one_returns_next_block_s": again_s,
        "rate_acknowledged": round(rate, 1),
        "blocks_compared": compared,
        **books,
    }


def _progress(network: Network, running: list[str], blocks: int) -> float:
    """Seconds until all of them have so many more blocks than the first one had."""
    start_s = time.monotonic()
    height = network.height(running[0]) + blocks
    eventually(
        f"block {height} on {', '.join(running)}",
        lambda: all(network.height(name) >= height for name in running),
        PROGRESS_S_MAX,
    )
    return round(time.monotonic() - start_s, 1)


def _standstill(network: Network, name: str) -> str | None:
    """The sentence of a node's status on a group that does not move."""
    conditions = network.status(name)["conditions"]
    return next((one["en"] for one in conditions if one["kind"] == "standstill"), None)


def _says_why(network: Network, running: list[str], missing: tuple[str, ...]) -> str:
    """Every node's sentence, once it names all who are missing; the doctor's is the same."""

    def sentence(name: str) -> str | None:
        said = _standstill(network, name)
        return said if said and all(one in said for one in missing) else None

    for name in running:
        found = eventually(f"{name} says why nothing moves", lambda n=name: sentence(n), SAID_S_MAX)
        assert "cannot move" in found, found
    done = run_quorate("doctor", "--rpc", network.urls[running[-1]], check=False)
    assert done.returncode != 0, "the doctor finds nothing wrong with a group that stands still"
    told = " ".join(done.stderr.split())
    assert found.partition(";")[0] in told, told
    assert all(one in told for one in missing), told
    return str(found)
