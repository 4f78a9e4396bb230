"""10,000 half-open connections, and a peer that floods, do not stop a group.

Four departments. Connections without a handshake besiege one node, a few hundred each of the
others, and a member is started again meanwhile: it must get in. Then a peer with a valid
certificate floods one node with each kind of frame, valid and invalid.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.harness import ROOT, Network, eventually, fetch, quorate, running_network
from tests.acceptance.vital_signs import MIB, VitalSigns, metric, show
from tests.fuzz.flood import KINDS

VICTIM, HOSTILE, RETURNING = "tax-1", "audit-1", "data-1"
BLOCK_S_MAX = 15.0
BACK_S_MAX = 60.0
GROWTH_BYTES_MAX = 256 * MIB
SIEGE_START_S = 3.0


def run(
    folder: Path,
    *,
    connections: int = 10_000,
    others: int = 500,
    siege_s: float = 60,
    flood_s: float = 20,
    kinds: Sequence[str] = tuple(KINDS),
) -> dict[str, Any]:
    """The siege, then each flood; what was sent, and what the group did meanwhile."""
    with running_network(folder / "network") as network:
        figures: dict[str, Any] = {"siege": _siege(network, connections, others, siege_s)}
        show(figures)
        quorate("network", "down", network.folder, "--node", HOSTILE)
        for kind in kinds:
            figures[kind] = _flood(network, kind, flood_s)
            show({kind: figures[kind]})
        network.up(HOSTILE)
        eventually("all are back", lambda: _connected(network, HOSTILE) == 3, BACK_S_MAX)
    # A node that sheds them at once never lets so many be open: what counts is that they came.
    assert figures["siege"]["attack"]["made"] >= connections
    return figures


def _siege(network: Network, connections: int, others: int, seconds: float) -> dict[str, Any]:
    watched = [name for name in network.urls if name != RETURNING]
    quorate("network", "down", network.folder, "--node", RETURNING)
    with VitalSigns(
        network, watched, block_s_max=BLOCK_S_MAX, growth_bytes_max=GROWTH_BYTES_MAX
    ) as signs:
        attacks = {
            name: _process(
                "half_open", connections if name == VICTIM else others, seconds, _p2p(network, name)
            )
            for name in watched
        }
        time.sleep(SIEGE_START_S)
        began_s = time.monotonic()
        network.up(RETURNING)
        eventually("it got in", lambda: _connected(network, RETURNING) == 3, BACK_S_MAX)
        back_s = round(time.monotonic() - began_s, 1)
        is_under_siege = all(attack.poll() is None for attack in attacks.values())
        found = {name: _figures(attack) for name, attack in attacks.items()}
    assert is_under_siege, "the siege ended before the member was back: make it longer"
    refused = metric(fetch(network.urls[VICTIM], "/metrics"), "quorate_handshakes_refused_total")
    return {"attack": found[VICTIM], "refused": refused, "back_s": back_s, **signs.check()}


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
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _figures(attack: "subprocess.Popen[str]") -> dict[str, Any]:
    output, _ = attack.communicate()
    assert attack.returncode == 0, "the attack itself failed"
    figures: dict[str, Any] = json.loads(output)
    return figures


def _p2p(network: Network, name: str) -> str:
    return str(next(node["p2p"] for node in network.nodes if node["name"] == name))


def _connected(network: Network, name: str) -> int:
    return int(metric(fetch(network.urls[name], "/metrics"), "quorate_peers_connected"))
