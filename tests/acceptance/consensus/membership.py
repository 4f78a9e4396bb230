"""Under load a node joins from genesis alone, is voted in, another is voted out and comes back.

By the commands that an operator uses. A second node joins from a snapshot, both while the chain
moves; the one that was voted out returns under a renewed key; and a node that is a thousand blocks
behind catches up. Nothing is lost and all histories are one.
"""

import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, eventually, quorate, run_quorate
from tests.fire.books import blocks_alike, each_once
from tests.fire.ground import make_ground
from tests.fire.load import Load
from tests.fire.processes import Processes, processes_of
from tests.fire.recovery import wait_caught_up

RATES = {"native": 50, "py-evm": 10}
JOIN_S_MAX = 120
CHANGE_S_MAX = 120
BEHIND_S_MAX = 1_200
NEW, FROM_SNAPSHOT, RENEWED = "tax-2", "market-2", "audit-1"
VOTERS = ("tax", "market", "data")
"""Three of four organisations are the threshold; the first proposes."""


def run(
    folder: Path, *, behind: int = 1_000, engine: str = "native", base_port: int | None = None
) -> dict[str, Any]:
    """Each step waits for its effect on the chain."""
    ground = make_ground(folder, engine=engine, base_port=base_port)
    network = ground.network
    took: dict[str, float] = {}
    with processes_of(network) as processes:
        processes.start_all()
        load = Load(ground, RATES[engine])
        load.start()
        _add(network, "tax", NEW)
        took["joined_from_genesis_s"] = _join(processes, NEW)
        _join_from_snapshot(processes, folder / "fire.snapshot")
        took["joined_from_snapshot_s"] = _join(processes, FROM_SNAPSHOT)
        took["voted_in_s"] = _vote_in(network, NEW, "tax")
        took["voted_out_s"] = _vote(network, "remove-validator", RENEWED)
        processes.stop(RENEWED)
        run_quorate("node", "renew-key", processes.folder(RENEWED))
        took["renewed_s"] = _join(processes, RENEWED)
        took["voted_back_s"] = _vote_in(network, RENEWED, "audit")
        took["caught_up_s"] = _fall_behind(processes, FROM_SNAPSHOT, behind)
        rate = load.stop()
        # Who joined from a snapshot has no older blocks: its history is compared by its head.
        since_genesis = [name for name in network.urls if name != FROM_SNAPSHOT]
        books = each_once(network, None, set(load.acknowledged))
        compared = blocks_alike(network, since_genesis)
        head = network.height(FROM_SNAPSHOT)
        assert network.block_hash(FROM_SNAPSHOT, head) == network.block_hash(NEW, head)
    return {**took, "behind_blocks": behind, "rate_acknowledged": round(rate, 1),
            "blocks_compared": compared, **books}  # fmt: skip


def _add(network: Network, organisation: str, name: str) -> None:
    """A new node's folder; the running ones are told by the command."""
    run_quorate("network", "add-node", network.folder, "--org", organisation, "--name", name)
    fresh = Network(network.folder)
    network.nodes[:] = fresh.nodes
    network.urls.update(fresh.urls)


def _join(processes: Processes, name: str) -> float:
    """Start it and wait until it is in step; seconds."""
    start_s = time.monotonic()
    others = [other for other in processes.running if other != name]
    processes.start(name)
    wait_caught_up(processes.network, name, others, JOIN_S_MAX)
    return round(time.monotonic() - start_s, 1)


def _join_from_snapshot(processes: Processes, file: Path) -> None:
    """The observer that has joined writes a snapshot; another node begins with it."""
    processes.stop(NEW)
    written = quorate("snapshot", "export", processes.folder(NEW), file)
    processes.start(NEW)
    _add(processes.network, "market", FROM_SNAPSHOT)
    pin = written["trust"]
    run_quorate("snapshot", "import", processes.folder(FROM_SNAPSHOT), file, "--trust", pin)


def _vote_in(network: Network, name: str, organisation: str) -> float:
    admin = f"{organisation}-admin"
    run_quorate("governance", "ready", "--network", network.folder, "--as", admin, "--node", name)
    return _vote(network, "add-validator", name)


def _vote(network: Network, kind: str, name: str) -> float:
    """Propose and agree; seconds from the last vote until every node has the other set."""
    options = ("--network", network.folder, "--as")
    first, *others = (f"{organisation}-admin" for organisation in VOTERS)
    number = str(quorate("governance", "propose", kind, name, *options, first)["number"])
    for admin in others:
        row = quorate("governance", "vote", number, *options, admin)
    assert row["state"] == "enacted", row
    start_s, wanted = time.monotonic(), kind == "add-validator"
    eventually(
        f"{kind} {name} is in force everywhere",
        lambda: all((name in network.status(n)["validators"]) == wanted for n in network.urls),
        CHANGE_S_MAX,
    )
    return round(time.monotonic() - start_s, 1)


def _fall_behind(processes: Processes, name: str, blocks: int) -> float:
    """Stop a node until the others are that far ahead; seconds that it needs to catch up."""
    network = processes.network
    others = [other for other in network.urls if other != name]
    height = network.height(name)
    processes.stop(name)
    eventually(
        f"the others are {blocks} blocks ahead",
        lambda: network.height(others[0]) >= height + blocks,
        BEHIND_S_MAX,
    )
    return _join(processes, name)
