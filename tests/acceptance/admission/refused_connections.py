"""Certificates and protocols that do not belong are refused, logged with the reason and counted.

A stranger's certificate, an expired one, a revoked one, one of another organisation for a stolen
node id, TLS 1.2 and plain text knock at a running node of four departments. For each the node's log
names the reason and its metric grows by it; the group goes on meanwhile.
"""

import json
import socket
import ssl
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from node.config import NodeFolder
from node.pki import NodeIdentity, OrganisationCA
from tests.acceptance.harness import Network, eventually, fetch, quorate, running_network

VICTIM = "tax-1"
STOLEN = "market/market-1"
TIMEOUT_S = 10.0


def run(folder: Path) -> dict[str, Any]:
    """Knock in each way; the counts and what the log said."""
    with running_network(folder / "network") as network:
        knocks = _knocks(network, folder)
        told = {reason: _knock(network, reason, knock) for reason, knock in knocks.items()}
        height = network.height(VICTIM)
        eventually("blocks follow", lambda: network.height(VICTIM) > height, 30)
        connected = fetch(network.urls[VICTIM], "/metrics")
    assert "quorate_peers_connected 3.0" in connected
    print(json.dumps(told, indent=1), flush=True)
    return {"refused": told}


def _knocks(network: Network, folder: Path) -> dict[str, Callable[[], None]]:
    offices, now = network.folder / "organisations", datetime.now(UTC)
    market = OrganisationCA.load(offices / "market")
    audit = OrganisationCA.load(offices / "audit")
    # What the audit office's CA would issue if it claimed to be the market bureau's.
    impostor = OrganisationCA("market", audit.certificate, audit._key)
    makers = {
        "stranger": (OrganisationCA.create("market", now), now),
        "expired": (market, now - timedelta(days=400)),
        "revoked": (market, now),
        "wrong_organisation": (impostor, now),
    }
    identities = {
        reason: authority.issue_identity(
            STOLEN, folder / f"{reason}.crt", folder / f"{reason}.key", at
        )
        for reason, (authority, at) in makers.items()
    }
    crl, revoked = folder / "market.crl", identities["revoked"].certificate_path
    quorate("member", "revoke", offices / "market", "--certificate", revoked, "--out", crl)
    quorate("member", "publish", _node(network, VICTIM).path, crl)
    address = _address(network, VICTIM)
    with_tls = {
        reason: partial(_speak_tls, address, identity, ssl.TLSVersion.TLSv1_3)
        for reason, identity in identities.items()
    }
    good = _node(network, "market-1")
    own = NodeIdentity.load(good.tls_certificate, good.tls_key)
    return {
        **with_tls,
        "tls_version": partial(_speak_tls, address, own, ssl.TLSVersion.TLSv1_2),
        "plaintext": partial(_speak_plainly, address),
    }


def _knock(network: Network, reason: str, knock: Callable[[], None]) -> dict[str, Any]:
    before, lines = _count(network, reason), len(_refusals(network, reason))
    knock()
    eventually(f"{reason} is counted", lambda: _count(network, reason) > before, TIMEOUT_S)
    said = eventually(
        f"{reason} is in the log", lambda: _refusals(network, reason)[lines:], TIMEOUT_S
    )
    return {"counted": _count(network, reason) - before, "log": said[0]["detail"]}


def _count(network: Network, reason: str) -> int:
    name = f'quorate_handshakes_refused_total{{reason="{reason}"}}'
    for line in fetch(network.urls[VICTIM], "/metrics").splitlines():
        if line.startswith(name):
            return int(float(line.rpartition(" ")[2]))
    return 0


def _refusals(network: Network, reason: str) -> list[dict[str, Any]]:
    log = (_node(network, VICTIM).logs / "node.log").read_text(encoding="utf-8")
    events = [json.loads(line) for line in log.splitlines() if "p2p.refused" in line]
    return [event for event in events if event.get("reason") == reason]


def _node(network: Network, name: str) -> NodeFolder:
    directory = next(node["dir"] for node in network.nodes if node["name"] == name)
    return NodeFolder(network.folder / directory)


def _address(network: Network, name: str) -> tuple[str, int]:
    p2p = next(node["p2p"] for node in network.nodes if node["name"] == name)
    host, _, port = p2p.rpartition(":")
    return host, int(port)


def _speak_tls(address: tuple[str, int], identity: NodeIdentity, version: ssl.TLSVersion) -> None:
    """A handshake, and what comes of it: the connection must end without a frame of ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.load_cert_chain(identity.certificate_path, identity.key_path)
    try:
        with (
            socket.create_connection(address, TIMEOUT_S) as plain,
            context.wrap_socket(plain) as secured,
        ):
            _expect_end(secured)
    except (ssl.SSLError, ConnectionError):
        pass  # refused in the handshake: as good


def _speak_plainly(address: tuple[str, int]) -> None:
    with socket.create_connection(address, TIMEOUT_S) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _expect_end(plain)


def _expect_end(connection: socket.socket) -> None:
    """At most a TLS alert or a BYE with the reason, then the end."""
    answer = b""
    while part := connection.recv(1_000):
        answer += part
        assert len(answer) < 200, "a stranger was told more than that it is refused"
