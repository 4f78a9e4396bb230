"""Under load nodes join, a validator is added, voted out, added again; 1,000 blocks are caught up.

By the commands that an operator uses, while the chain moves: one node joins from genesis alone, one
from a snapshot. Who is voted out follows as an observer, and votes again under a renewed key. With
two of six validators away, the command warns before a third is removed, and wants --force.
Nothing is lost and all histories are one.
"""

import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, Refused, eventually, quorate, run_quorate
from tests.fire.books import blocks_alike, each_once
from tests.fire.ground import make_ground
from tests.fire.load import Load
from tests.fire.processes import Processes, processes_of
from tests.fire.recovery import wait_caught_up

RATES = {"native": 50, "py-evm": 10}
JOIN_S_MAX = 120
CHANGE_S_MAX = 120
BEHIND_S_MAX = 1_200
ROLE_S_MAX = 30
NEW, FROM_SNAPSHOT = "tax-2", "market-2"
AWAY, TO_REMOVE = ("audit-1", FROM_SNAPSHOT), "data-1"
"""With these two away, four of six validators vote and four are needed: of five without the last
one, three would vote and four be needed."""
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
        _wait_role(network, NEW, "validator")
        took["voted_out_s"] = _vote(network, "remove-validator", NEW)
        _wait_role(network, NEW, "observer")
        processes.stop(NEW)
        run_quorate("node", "renew-key", processes.folder(NEW))
        took["renewed_s"] = _join(processes, NEW)
        took["voted_back_s"] = _vote_in(network, NEW, "tax")
        _wait_role(network, NEW, "validator")
        took["caught_up_s"] = _fall_behind(processes, FROM_SNAPSHOT, behind)
        took["sixth_voted_in_s"] = _vote_in(network, FROM_SNAPSHOT, "market")
        warning = _remove_while_away(processes)
        rate = load.stop()
        # Who joined from a snapshot has no older blocks: its history is compared by its head.
        since_genesis = [name for name in network.urls if name != FROM_SNAPSHOT]
        books = each_once(network, None, set(load.acknowledged))
        compared = blocks_alike(network, since_genesis)
        head = network.height(FROM_SNAPSHOT)
        assert network.block_hash(FROM_SNAPSHOT, head) == network.block_hash(NEW, head)
    return {
        **took,
        "behind_blocks": behind,
        "warning": warning,
        "rate_acknowledged": round(rate, 1),
        "blocks_compared": compared,
        **books,
    }


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


def _wait_role(network: Network, name: str, role: str) -> None:
    eventually(f"{name} is {role}", lambda: network.status(name)["role"] == role, ROLE_S_MAX)


def _remove_while_away(processes: Processes) -> str:
    """What the command says; with --force it proposes. The others' votes are not asked for."""
    network = processes.network
    for name in AWAY:
        processes.stop(name)
    asked = "tax-1"
    eventually(
        f"{asked} misses {' and '.join(AWAY)}",
        lambda: {one["node"] for one in network.status(asked)["missing"]} == set(AWAY),
        ROLE_S_MAX,
    )
    command = ("governance", "propose", "remove-validator", TO_REMOVE, "--network", network.folder)
    try:
        run_quorate(*command, "--as", "tax-admin")
    except Refused as refusal:
        said = refusal.text.partition("quorate: ")[2]
    else:
        raise AssertionError(f"{TO_REMOVE} could be removed without a warning")
    assert "--force" in said, said
    assert all(name in said for name in AWAY), said
    assert quorate(*command, "--as", "tax-admin", "--force")["agree"] == ["tax"]
    for name in AWAY:
        processes.start(name)
    return said
