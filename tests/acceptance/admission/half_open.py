"""10,000 half-open connections, and a peer that floods, do not stop a group.

Four departments under load. An attacker keeps 10,000 connections without a handshake open or
opening at one node, and a few hundred at each other: whatever the node closes is made anew at once.
Two members are started again meanwhile, one after the other: they must get in. Then a peer with a
valid certificate floods one node with each kind of frame, valid and invalid.

What "held" means is in `tests.fuzz.half_open`; the attacker's own count is printed, beside the
kernel's table of its sockets, read now and then.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.group_load import Stream, signed_load
from tests.acceptance.harness import ROOT, Network, eventually, fetch, quorate, rpc, running_network
from tests.acceptance.vital_signs import MIB, VitalSigns, metric, show
from tests.fuzz.flood import KINDS

VICTIM, HOSTILE = "tax-1", "audit-1"
RETURNING = ("data-1", "market-1")
BLOCK_S_MAX = 15.0
BACK_S_MAX = 60.0
GROWTH_BYTES_MAX = 256 * MIB
LATER_GROWTH_MIB_MAX = 64
"""What a node's memory may grow by in a siege after the first: a leak would repeat itself."""
LOAD_S_MAX = 600.0
ATTACKERS = 5
"""Processes: one alone connects no faster than a node sheds."""
OTHERS_PAUSE_S = 0.5
LOADING = "author"


def run(
    folder: Path,
    *,
    connections: int = 10_000,
    others: int = 500,
    sieges: int = 2,
    siege_s: float = 60,
    load_per_s: float = 10,
    flood_s: float = 20,
    kinds: Sequence[str] = tuple(KINDS),
) -> dict[str, Any]:
    """The sieges, then each flood; what was sent, and what the group did meanwhile."""
    with running_network(folder / "network") as network:
        figures: dict[str, Any] = {}
        for number in range(1, sieges + 1):
            siege = _siege(network, connections, others, siege_s, load_per_s)
            figures[f"siege {number}"] = siege
            show({f"siege {number}": siege})
        quorate("network", "down", network.folder, "--node", HOSTILE)
        for kind in kinds:
            figures[kind] = _flood(network, kind, flood_s)
            show({kind: figures[kind]})
        network.up(HOSTILE)
        eventually("all are back", lambda: _connected(network, HOSTILE) == 3, BACK_S_MAX)
    held = [figures[f"siege {number}"] for number in range(1, sieges + 1)]
    for attack in (siege["attack"] for siege in held):
        assert attack["held_min"] >= connections, attack
        assert attack["kernel_min"] >= connections, attack
    grown = [siege["rss_mib_last"][VICTIM] - siege["rss_mib_first"][VICTIM] for siege in held]
    assert max(grown[1:], default=0) <= LATER_GROWTH_MIB_MAX, f"it goes on growing: {grown} MiB"
    return figures


def _siege(
    network: Network, connections: int, others: int, seconds: float, rate: float
) -> dict[str, Any]:
    """Held for `seconds`, or for as long as the members need to be back."""
    watched = [name for name in network.urls if name not in RETURNING]
    url = network.urls[VICTIM]
    raws = signed_load(url, [network.account(LOADING)], int(rate * LOAD_S_MAX))
    began_at = network.height(VICTIM)
    with VitalSigns(
        network, watched, block_s_max=BLOCK_S_MAX, growth_bytes_max=GROWTH_BYTES_MAX
    ) as signs:
        attacks = [
            (name, _process("half_open", share, _p2p(network, name), pause_s))
            for name, share, pause_s in _shares(network, connections, others)
        ]
        for _, attack in attacks:
            assert attack.stdout is not None
            assert (said := attack.stdout.readline()) == "full\n", said
        load = Stream(url, raws, rate)
        load.start()
        full_s = time.monotonic()
        back_s = {name: _return(network, name) for name in RETURNING}
        time.sleep(max(0.0, full_s + seconds - time.monotonic()))
        found = [(name, _figures(attack)) for name, attack in attacks]
        sent = load.finish()
    eventually(
        "the load is in blocks",
        # One sender: with its last transaction all are.
        lambda: rpc(url, "eth_getTransactionReceipt", sent[-1]),
        BACK_S_MAX,
    )
    refused = metric(fetch(url, "/metrics"), "quorate_handshakes_refused_total")
    return {
        "attack": _together([figures for name, figures in found if name == VICTIM]),
        "made_at_others": {name: figures["made"] for name, figures in found if name != VICTIM},
        "refused": refused,
        "back_s": back_s,
        "load": {"sent": len(sent), "blocks": network.height(VICTIM) - began_at},
        **signs.check(),
    }


def _shares(network: Network, connections: int, others: int) -> Iterator[tuple[str, int, float]]:
    """Each attacker's node, how many it holds, and its pause; those at the victim make none."""
    for _ in range(ATTACKERS):
        yield VICTIM, -(-connections // ATTACKERS), 0.0
    for name in network.urls:
        if name != VICTIM:
            yield name, others, OTHERS_PAUSE_S


def _together(attackers: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts added up: of what each held the least, so that the sum was held at all times. What
    the kernel says is of the whole port already."""
    added = ("made", "closed_by_node", "held_min", "held_median")
    kernels = ("kernel_looks", "kernel_min", "kernel_median", "kernel_last")
    return {
        "attackers": len(attackers),
        "held_s": min(found["held_s"] for found in attackers),
        **{name: sum(found[name] for found in attackers) for name in added},
        **{name: attackers[0][name] for name in kernels},
    }


def _return(network: Network, name: str) -> float:
    """A member stops and starts again: how long until all others are connected to it."""
    quorate("network", "down", network.folder, "--node", name)
    began_s = time.monotonic()
    network.up(name)
    eventually(f"{name} got in", lambda: _connected(network, name) == 3, BACK_S_MAX)
    return round(time.monotonic() - began_s, 1)


def _flood(network: Network, kind: str, seconds: float) -> dict[str, Any]:
    watched = [name for name in network.urls if name != HOSTILE]
    keys = next(network.folder / n["dir"] for n in network.nodes if n["name"] == HOSTILE)
    with VitalSigns(
        network, watched, block_s_max=BLOCK_S_MAX, growth_bytes_max=GROWTH_BYTES_MAX
    ) as signs:
        attack = _process(
            "flood",
            kind,
            seconds,
            _p2p(network, VICTIM),
            keys / "tls" / "node.crt",
            keys / "keys" / "tls.key",
        )
        sent = _figures(attack)
    return {**sent, **signs.check()}


def _process(module: str, *arguments: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"tests.fuzz.{module}", *map(str, arguments)]
    # A session of its own: else what is started here shares one process's part of the machine.
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _figures(attack: "subprocess.Popen[str]") -> dict[str, Any]:
    output, _ = attack.communicate()
    assert attack.returncode == 0, "the attack itself failed"
    figures: dict[str, Any] = json.loads(output)
    return figures


def _p2p(network: Network, name: str) -> str:
    return str(next(node["p2p"] for node in network.nodes if node["name"] == name))


def _connected(network: Network, name: str) -> int:
    return int(metric(fetch(network.urls[name], "/metrics"), "quorate_peers_connected"))
