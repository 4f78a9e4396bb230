"""Plants the faults of a manifest into a running network, heals them, and times what follows.

The faults of one run do not overlap: each begins when the one before has healed and been caught up.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

from cli.network.manifest import Perturbation
from tests.acceptance.harness import Network, Refused, eventually
from tests.fire import clocks as wall_clocks
from tests.fire import disks, namespaces
from tests.fire.namespaces import Namespaces, namespaces_of
from tests.fire.processes import Processes
from tests.fire.recovery import wait_level
from tests.fire.wires import Wires, wires_of

DEFAULT_S = {
    "kill": 3.0,
    "pause": 8.0,
    "partition": 8.0,
    "restart": 0.0,
    "disk-full": 8.0,
    "clock-skew": 8.0,
}
"""How long a fault lasts whose entry does not say."""
PROGRESS_S_MAX = 20.0
"""Others have a new block this soon after a fault, in spite of it."""
BLOCK_S_MAX = 10.0
"""There is another stable block this soon after healing."""
BACK_S_MAX = 30.0
"""The node has the blocks that the others had at healing this soon after it."""
POLL_S = 0.05


@dataclass
class Site:
    """What the faults act on: processes, and only where the run needs them the rest."""

    processes: Processes
    wires: Wires | Namespaces | None = None
    small: dict[str, disks.SmallDisk] = field(default_factory=dict)
    clocks: dict[str, wall_clocks.Clock] = field(default_factory=dict)


def possible(faults: tuple[Perturbation, ...]) -> tuple[list[Perturbation], dict[str, str]]:
    """The faults that can be planted here, and for each kind that cannot, why."""
    reason = disks.why_not() if any(fault.action == "disk-full" for fault in faults) else None
    missing = {"disk-full": reason} if reason else {}
    return [fault for fault in faults if fault.action not in missing], missing


@contextmanager
def prepared(processes: Processes, faults: list[Perturbation]) -> Iterator[Site]:
    """Wires, disks and clocks as `faults` need them, made before any node starts."""
    network = processes.network
    with ExitStack() as stack:
        site = Site(processes)
        if any(fault.action == "partition" for fault in faults):
            if namespaces.why_not() is None:
                site.wires = spaces = stack.enter_context(namespaces_of(network))
                processes.prefix.update({name: spaces.prefix(name) for name in network.urls})
            else:
                site.wires = stack.enter_context(wires_of(network))
        for fault in faults:
            if fault.action == "disk-full" and fault.node not in site.small:
                disk = disks.SmallDisk(processes.folder(fault.node))
                site.small[fault.node] = disk
                stack.callback(disk.close)
            if fault.action == "clock-skew" and fault.node not in site.clocks:
                clock = wall_clocks.Clock(network.folder / f"{fault.node}.clock")
                site.clocks[fault.node] = clock
                processes.environment[fault.node] = clock.environment
                processes.module[fault.node] = wall_clocks.MODULE
        stack.callback(processes.end_all)
        yield site


def plant(site: Site, faults: list[Perturbation]) -> list[dict[str, Any]]:
    """Plant each fault when it is due and the one before is healed; a row for each."""
    start_s = time.monotonic()
    rows = []
    for fault in sorted(faults, key=lambda fault: fault.at_s):
        time.sleep(max(0.0, start_s + fault.at_s - time.monotonic()))
        rows.append(_plant_one(site, fault))
        print(rows[-1], flush=True)
    return rows


def _plant_one(site: Site, fault: Perturbation) -> dict[str, Any]:
    network = site.processes.network
    others = [name for name in network.urls if name != fault.node]
    was_primary = network.status(others[0])["primary"] == fault.node
    view = _common_view(network, others)
    begun_s = time.monotonic()
    _BEGIN[fault.action](site, fault)
    progress_s = wait_next_block(network, others, PROGRESS_S_MAX)
    lasts_s = DEFAULT_S[fault.action] if fault.for_s is None else fault.for_s
    time.sleep(max(0.0, begun_s + lasts_s - time.monotonic()))
    said = _said_of_itself(site, fault.node) if fault.action in _SAYS_WHY else None
    _HEAL[fault.action](site, fault)
    healed_s, height = time.monotonic(), max(network.height(name) for name in others)
    next_block_s = wait_next_block(network, others, BLOCK_S_MAX)
    wait_level(network, fault.node, height, BACK_S_MAX)
    return {
        "action": fault.action,
        "node": fault.node,
        "was_primary": was_primary,
        "progress_s": progress_s,
        "next_block_s": next_block_s,
        "back_s": round(time.monotonic() - healed_s, 2),
        "view_changes": _common_view(network, others) - view,
        **({"said": said} if said else {}),
    }


def _common_view(network: Network, names: list[str]) -> int:
    """The view that most are in: one that was cut off alone may be in a higher one."""
    return median_low(network.status(name)["view"] for name in names)


def wait_next_block(network: Network, names: list[str], timeout_s: float) -> float:
    """Seconds until any of the nodes has a stable block that none had when this was asked."""
    start_s = time.monotonic()
    height = max(network.height(name) for name in names)
    eventually(
        f"a block after {height}",
        lambda: any(network.height(name) > height for name in names),
        timeout_s,
        POLL_S,
    )
    return round(time.monotonic() - start_s, 2)


def _said_of_itself(site: Site, name: str) -> str:
    """What an operator sees of a node that cannot go on."""
    if name not in site.processes.running:
        return "ended: " + site.processes.said(name)
    try:
        status = site.processes.network.status(name)
    except (OSError, Refused, ValueError) as error:
        return f"no answer: {error}"
    alarms = [alarm["message"] for alarm in status["alarms"][-1:]]
    return "; ".join([f"halted: {status['halted']}"] if status["halted"] else alarms) or "nothing"


def _start_if_ended(site: Site, fault: Perturbation) -> None:
    """What an operator does: make room, and start a node again that ended or halted."""
    site.small[fault.node].empty()
    processes = site.processes
    if fault.node in processes.running and processes.network.status(fault.node)["halted"]:
        processes.stop(fault.node)
    if fault.node not in processes.running:
        processes.start(fault.node)


def _restart(site: Site, fault: Perturbation) -> None:
    site.processes.stop(fault.node)
    site.processes.start(fault.node)


def _cut(site: Site, fault: Perturbation) -> None:
    assert site.wires is not None
    site.wires.cut(fault.node)


def _join(site: Site, fault: Perturbation) -> None:
    assert site.wires is not None
    site.wires.heal(fault.node)


_Act = Callable[[Site, Perturbation], None]
_SAYS_WHY = ("disk-full", "clock-skew")
_BEGIN: dict[str, _Act] = {
    "kill": lambda site, fault: site.processes.kill(fault.node),
    "pause": lambda site, fault: site.processes.pause(fault.node),
    "partition": _cut,
    "restart": _restart,
    "disk-full": lambda site, fault: site.small[fault.node].fill(),
    "clock-skew": lambda site, fault: site.clocks[fault.node].set(fault.minutes),
}
_HEAL: dict[str, _Act] = {
    "kill": lambda site, fault: site.processes.start(fault.node),
    "pause": lambda site, fault: site.processes.resume(fault.node),
    "partition": _join,
    "restart": lambda site, fault: None,
    "disk-full": _start_if_ended,
    "clock-skew": lambda site, fault: site.clocks[fault.node].set(0),
}
