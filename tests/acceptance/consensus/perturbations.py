"""Pause, partition, restart, a full disk and wrong clocks under load: no loss, no fork, progress.

The faults are planted one after another; the table says whether the node was the primary then. The
other three have new blocks in spite of it, and the node is in step with them again, each within a
bound. A fault that this machine cannot make (no root, no libfaketime) is named as skipped.
"""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.network.manifest import Perturbation, load_manifest
from tests.fire.books import blocks_alike, each_once
from tests.fire.ground import make_ground, names
from tests.fire.load import Load
from tests.fire.perturb import plant, possible, prepared
from tests.fire.processes import processes_of

RATES = {"native": 200, "py-evm": 20}
APART_S = 15.0
MINUTES = 5.0
ACTIONS = ("pause", "partition", "restart", "kill", "disk-full", "clock-skew")
DISK_NODE, CLOCK_NODE = "audit-1", "data-1"


def run(
    folder: Path,
    *,
    engine: str = "native",
    base_port: int | None = None,
    only: str | None = None,
) -> dict[str, Any]:
    """All faults in a row (or `only` one kind of them), then the books."""
    wanted = _faults([only] if only else list(ACTIONS))
    ground = make_ground(folder, engine=engine, base_port=base_port, perturb=wanted)
    faults, skipped = possible(load_manifest(folder / "network" / "network.toml").perturb)
    with processes_of(ground.network) as processes, prepared(processes, faults) as planted:
        processes.start_all()
        load = Load(ground, RATES[engine])
        load.start()
        rows = plant(planted, faults)
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


def _faults(actions: list[str]) -> tuple[Perturbation, ...]:
    """Every node in turn is the victim, so that primaries and backups are among them."""
    found: list[Perturbation] = []
    for action in actions:
        victims = {
            "disk-full": [DISK_NODE],
            "clock-skew": [CLOCK_NODE, CLOCK_NODE],
        }.get(action, names(4)[:2])
        for turn, node in enumerate(victims):
            minutes = 0.0 if action != "clock-skew" else MINUTES if turn == 0 else -MINUTES
            at_s = 3.0 + APART_S * len(found)
            found.append(Perturbation(at_s, node, action, None, minutes))  # type: ignore[arg-type]
    return tuple(found)


def _draw(rows: list[dict[str, Any]]) -> None:
    columns = ("action", "node", "was_primary", "progress_s", "back_s", "view_changes", "said")
    drawn = Table(*columns)
    for row in rows:
        drawn.add_row(*(str(row.get(column, "")) for column in columns))
    Console().print(drawn)
