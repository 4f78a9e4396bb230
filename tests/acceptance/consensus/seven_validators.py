"""Seven validators: with two stopped it works; with three it halts and says why, then goes on.

Under load all the while. That the group cannot move is one sentence of `quorate doctor`, with
who is missing; nothing but the return of one validator sets it going again.
"""

import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import eventually, run_quorate
from tests.fire.books import blocks_alike, each_once
from tests.fire.ground import make_ground, names
from tests.fire.load import Load
from tests.fire.processes import processes_of

VALIDATORS = 7
RATES = {"native": 50, "py-evm": 10}
PROGRESS_S_MAX = 60
SETTLED_S = 5
"""What was under way when the third one stopped has become stable by then."""
STILL_S = 20
SAID_S_MAX = 60


def run(folder: Path, *, engine: str = "native", base_port: int | None = None) -> dict[str, Any]:
    """Stop two, then a third; start one; start the rest."""
    ground = make_ground(folder, validators=VALIDATORS, engine=engine, base_port=base_port)
    network = ground.network
    *rest, third, second, first = names(VALIDATORS)
    with processes_of(network) as processes:
        processes.start_all()
        load = Load(ground, RATES[engine])
        load.start()
        processes.stop(first)
        processes.stop(second)
        two_s = _progress(network, rest)
        processes.stop(third)
        time.sleep(SETTLED_S)
        still = [network.height(name) for name in rest]
        time.sleep(STILL_S)
        assert [network.height(name) for name in rest] == still, "blocks without a quorum"
        sentence = _says_why(network.urls[rest[0]], (first, second, third))
        processes.start(third)
        again_s = _progress(network, [*rest, third])
        processes.start(first)
        processes.start(second)
        rate = load.stop()
        books = each_once(network, load.sent, set(load.acknowledged))
        compared = blocks_alike(network)
    return {
        "two_stopped_next_block_s": two_s,
        "three_stopped_says": sentence,
        "one_returns_next_block_s": again_s,
        "rate_acknowledged": round(rate, 1),
        "blocks_compared": compared,
        **books,
    }


def _progress(network: Any, running: list[str]) -> float:
    start_s = time.monotonic()
    height = max(network.height(name) for name in network.urls if name in running[:1])
    eventually(
        f"a block after {height} on {', '.join(running)}",
        lambda: all(network.height(name) > height for name in running),
        PROGRESS_S_MAX,
    )
    return round(time.monotonic() - start_s, 1)


def _says_why(url: str, missing: tuple[str, ...]) -> str:
    """The doctor's sentence on the group, once it names all who are missing."""

    def sentence() -> str | None:
        done = run_quorate("doctor", "--rpc", url, check=False)
        assert done.returncode != 0, "the doctor finds nothing wrong with a halted group"
        lines = done.stderr.strip().splitlines()
        said = " ".join(lines)
        return said if all(name in said for name in missing) and "cannot move" in said else None

    found: str = eventually("the doctor says why nothing moves", sentence, SAID_S_MAX, 1.0)
    return found
