"""A live peer's certificate is revoked at one node: within 5 s every node has cut it.

Four departments. The list is given to one node's folder by the command; the others have it from
that node. A restart of a node keeps it, the group goes on with three of four, and the peer comes
back with another key, without a restart of its own.
"""

import statistics
import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, eventually, quorate, rpc, running_network

EFFECT_S_MAX = 5.0
BACK_S_MAX = 60.0
VICTIM, OFFICE = "audit-1", "audit"


def run(folder: Path, *, rounds: int = 3) -> dict[str, Any]:
    """Revoke, restart one, renew; again and again, at another node each time."""
    with running_network(folder / "network") as network:
        others = [name for name in network.urls if name != VICTIM]
        seen = [_round(network, folder, others, others[turn % 3]) for turn in range(rounds)]
    effects = [found["effect_s"] for found in seen]
    figures = {
        "effect_s_median": statistics.median(effects),
        "effect_s_max": max(effects),
        "back_s_max": max(found["back_s"] for found in seen),
        "rounds": seen,
    }
    print(figures, flush=True)
    assert figures["effect_s_max"] <= EFFECT_S_MAX, figures
    return figures


def _round(network: Network, folder: Path, others: list[str], given: str) -> dict[str, Any]:
    for name in others:
        eventually(f"{name} has all", lambda n=name: _sees(network, n), BACK_S_MAX)
    pid, crl = network.pid(VICTIM), folder / "audit.crl"
    office, node = network.folder / "organisations" / OFFICE, _folder(network, VICTIM)
    quorate("member", "revoke", office, "--certificate", node / "tls" / "node.crt", "--out", crl)
    # The clock runs from before the command, which itself takes a second or so to start.
    began_s = time.monotonic()
    quorate("member", "publish", _folder(network, given), crl)
    for name in others:
        eventually(f"{name} cut it", lambda n=name: not _sees(network, n), BACK_S_MAX, 0.02)
    effect_s = time.monotonic() - began_s
    height = network.height(given)
    eventually("three of four go on", lambda: network.height(given) > height, BACK_S_MAX)
    restarted = next(name for name in others if name != given)
    quorate("network", "down", network.folder, "--node", restarted)
    network.up(restarted)
    assert not _sees(network, restarted)
    began_s = time.monotonic()
    request, issued = folder / "a.csr", folder / "a.crt"
    quorate("member", "request", node, "--new-key", "--out", request)
    quorate("member", "issue", office, request, "--out", issued)
    quorate("member", "install", node, issued)
    for name in others:
        eventually(f"it is back at {name}", lambda n=name: _sees(network, n), BACK_S_MAX)
    assert network.pid(VICTIM) == pid, "it came back without a restart"
    return {"given_to": given, "effect_s": effect_s, "back_s": time.monotonic() - began_s}


def _folder(network: Network, name: str) -> Path:
    return network.folder / next(node["dir"] for node in network.nodes if node["name"] == name)


def _sees(network: Network, name: str) -> bool:
    """Whether a node has a connection with the peer whose certificate is at stake."""
    peers = rpc(network.urls[name], "quorate_peers")
    return any(peer["node"] == VICTIM and peer["connected"] for peer in peers)
