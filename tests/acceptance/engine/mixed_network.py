"""Two validators native and two on py-evm agree on every header and receipt under a random load.

Contracts of random programs are created and called over all four nodes, precompiles asked, reverts
provoked; one node of either engine is killed in the midst of it and comes back. Afterwards every
block and receipt of the four is compared, and what happened is counted.
"""

from pathlib import Path
from typing import Any

from ledger.native import is_available
from tests.acceptance.harness import running_network
from tests.native.network_load import Load, compare_blocks
from tests.native.programs import PRECOMPILES

SEED = 2026
ROUNDS = 40
CREATIONS, CALLS = 25, 125
KILLED = {12: "tax-1", 26: "market-1"}

CREATIONS_MIN = 500
REVERTS_MIN = 200
LOGS_MIN = 1_500
PRECOMPILE_CALLS_MIN = 40


def run(folder: Path) -> dict[str, Any]:
    """Some six thousand transactions, then the books of all four side by side."""
    assert is_available(), "the native engine is not built here: run make native"
    with running_network(folder / "network", "mixed-engines") as network:
        engines = {node["name"]: node["engine"] for node in network.nodes}
        assert sorted(engines.values()) == ["native", "native", "py-evm", "py-evm"], engines
        load = Load(network, SEED)
        load.start()
        for number in range(ROUNDS):
            load.round(CREATIONS, CALLS)
            victim = KILLED.get(number)
            if victim is not None:
                network.kill(victim)
                network.up(victim)
            load.settle()
        counts = compare_blocks(network, load.asker)
    sent = len(load.hashes)
    assert counts["transactions"] == sent, counts
    assert counts["succeeded"] >= sent // 2, counts
    assert counts["creations"] >= CREATIONS_MIN, counts
    assert counts["reverts"] >= REVERTS_MIN, counts
    assert counts["logs"] >= LOGS_MIN, counts
    for address in PRECOMPILES:
        asked = counts[f"precompile {int.from_bytes(address):#x}"]
        assert asked >= PRECOMPILE_CALLS_MIN, (address.hex(), counts)
    return {"engines": engines, "seed": SEED, **dict(sorted(counts.items()))}
