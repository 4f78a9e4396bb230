"""Certificates of a running network, as operators handle them: renewed, and revoked."""

import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, eventually, quorate, rpc

EFFECT_S_MAX = 5
BACK_S_MAX = 30


def _folder(network: Network, name: str) -> Path:
    return network.folder / next(node["dir"] for node in network.nodes if node["name"] == name)


def _certificate(network: Network, name: str) -> dict[str, Any]:
    shown: dict[str, Any] = rpc(network.urls[name], "quorate_status")["certificate"]
    return shown


def _connected(network: Network, name: str) -> set[str]:
    peers = rpc(network.urls[name], "quorate_peers")
    return {peer["node"] for peer in peers if peer["connected"]}


def _renew(network: Network, name: str, organisation: str, folder: Path) -> dict[str, Any]:
    node, request, issued = _folder(network, name), folder / "a.csr", folder / "a.crt"
    quorate("member", "request", node, "--new-key", "--out", request)
    office = network.folder / "organisations" / organisation
    quorate("member", "issue", office, request, "--out", issued)
    return quorate("member", "install", node, issued)


def test_a_certificate_is_renewed_without_a_restart(network: Network, tmp_path: Path) -> None:
    pid, before = network.pid("tax-1"), _certificate(network, "tax-1")
    done = _renew(network, "tax-1", "tax", tmp_path)
    assert done["told"] == pid
    eventually(
        "the new certificate is in use",
        lambda: _certificate(network, "tax-1")["serial"] == done["serial"] != before["serial"],
        EFFECT_S_MAX,
    )
    assert network.pid("tax-1") == pid


def test_a_revocation_given_to_one_node_is_felt_by_all_within_seconds(
    network: Network, tmp_path: Path
) -> None:
    crl, stolen = tmp_path / "audit.crl", _folder(network, "audit-1") / "tls" / "node.crt"
    others = [name for name in network.urls if name != "audit-1"]
    for name in others:
        eventually("it is there", lambda n=name: "audit-1" in _connected(network, n), BACK_S_MAX)
    office = network.folder / "organisations" / "audit"
    quorate("member", "revoke", office, "--certificate", stolen, "--out", crl)
    quorate("member", "publish", _folder(network, "tax-1"), crl)
    given_s = time.monotonic()
    for name in others:
        eventually(
            f"{name} has cut audit-1",
            lambda n=name: "audit-1" not in _connected(network, n),
            EFFECT_S_MAX - (time.monotonic() - given_s),
        )
        kept = _folder(network, name) / "tls" / "revocations" / "audit.pem"
        assert kept.read_bytes() == crl.read_bytes()
    # With another key certified it comes back, still without a restart.
    _renew(network, "audit-1", "audit", tmp_path)
    for name in others:
        eventually(
            f"audit-1 is back at {name}",
            lambda n=name: "audit-1" in _connected(network, n),
            BACK_S_MAX,
        )
