"""Pause, partition, restart, kill, a full disk and wrong clocks: no loss, no fork, progress.

The faults are planted one after another, each kind several times and on several nodes; the table
says whether the node was the primary then. The other three have new blocks in spite of it, and
after healing there is a stable block within 10 s; then the node has the others' blocks again. At
last two nodes of four are cut off at once: nothing moves until they are back. A fault that this
machine cannot make (no root) is named as skipped.
"""

import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.network.manifest import Perturbation, load_manifest
from tests.fire.books import blocks_alike, each_once, level
from tests.fire.ground import make_ground, names
from tests.fire.load import Load
from tests.fire.perturb import Site, plant, possible, prepared, wait_next_block
from tests.fire.processes import processes_of

RATES = {"native": 200, "py-evm": 20}
APART_S = 12.0
MINUTES = 5.0
ACTIONS = ("pause", "partition", "restart", "kill", "disk-full", "clock-skew")
DISK_NODES, CLOCK_NODES = ("audit-1",), ("data-1", "market-1")
SPLIT_S = 10.0
SPLIT_BLOCK_S_MAX = 30.0
"""A quorum that was away has to find a view first, by a time-out that has grown meanwhile."""
SETTLED_S = 1.0
"""What was on its way when the nodes were cut off is stable by then."""


def run(
    folder: Path,
    *,
    engine: str = "native",
    base_port: int | None = None,
    only: str | None = None,
    rounds: int = 3,
) -> dict[str, Any]:
    """`rounds` of each kind of fault in a row (or `only` of one kind), then the books."""
    wanted = _faults([only] if only else list(ACTIONS), rounds)
    ground = make_ground(folder, engine=engine, base_port=base_port, perturb=wanted)
    faults, skipped = possible(load_manifest(folder / "network" / "network.toml").perturb)
    with processes_of(ground.network) as processes, prepared(processes, faults) as planted:
        processes.start_all()
        load = Load(ground, RATES[engine])
        load.start()
        rows = plant(planted, faults)
        if planted.wires is not None:
            rows.append(_split(planted))
            print(rows[-1], flush=True)
        rate = load.stop()
        books = each_once(ground.network, load.sent, set(load.acknowledged))
        compared = blocks_alike(ground.network)
    _draw(rows)
    return {
        "rows": rows,
        "skipped": skipped,
        "rate_acknowledged": round(rate, 1),
        "blocks_compared": compared,
        "refusals": dict(load.refusals),
        **books,
    }


def _faults(actions: list[str], rounds: int) -> tuple[Perturbation, ...]:
    """The victims of a kind are nodes in turn, so that primaries and backups are among them."""
    found: list[Perturbation] = []
    for place, action in enumerate(actions):
        victims = {"disk-full": DISK_NODES, "clock-skew": CLOCK_NODES}.get(action, names(4))
        for turn in range(rounds):
            node = victims[(place + turn) % len(victims)]
            minutes = 0.0 if action != "clock-skew" else MINUTES * (-1) ** turn
            at_s = 3.0 + APART_S * len(found)
            found.append(Perturbation(at_s, node, action, None, minutes))  # type: ignore[arg-type]
    return tuple(found)


def _split(site: Site) -> dict[str, Any]:
    """Two of four cannot go on, whichever side they are on; healed, they do."""
    network, two = site.processes.network, names(4)[:2]
    assert site.wires is not None
    for name in two:
        site.wires.cut(name)
    time.sleep(SETTLED_S)
    heights = {name: network.height(name) for name in network.urls}
    time.sleep(SPLIT_S)
    moved = {name for name in network.urls if network.height(name) != heights[name]}
    assert not moved, f"{moved} have new blocks without a quorum"
    for name in two:
        site.wires.heal(name)
    next_block_s = wait_next_block(network, list(network.urls), SPLIT_BLOCK_S_MAX)
    start_s = time.monotonic()
    level(network)
    back_s = round(next_block_s + time.monotonic() - start_s, 2)
    return {
        "action": "partition",
        "node": " ".join(two),
        "was_primary": "half",
        "next_block_s": next_block_s,
        "back_s": back_s,
    }


def _draw(rows: list[dict[str, Any]]) -> None:
    columns = (
        *("action", "node", "was_primary", "progress_s", "next_block_s", "back_s"),
        *("view_changes", "said"),
    )
    drawn = Table(*columns)
    for row in rows:
        drawn.add_row(*(str(row.get(column, "")) for column in columns))
    Console().print(drawn)
