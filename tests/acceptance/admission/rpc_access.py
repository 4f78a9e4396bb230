"""Each way into the RPC from elsewhere is refused or allowed as the table says, logged and counted.

Four departments. A stranger's certificate, an expired, a revoked one, one for another organisation,
a node's own, wrong, expired and revoked tokens, none at all, plain text and TLS 1.2 knock at the
listener with TLS; each role uses each class of methods; a regulator reads, and every read stands in
the audit log, whose check then finds each line that is changed.
"""

import json
import socket
import ssl
import statistics
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import urllib3

from node.config import NodeFolder
from node.pki import OrganisationCA, encode_certificate, new_key, save_key
from node.rpc.access import GRANTABLE, TABLE, WATCHED, CallerRole, may_use
from node.rpc.grants import load_grants, new_grant
from tests.acceptance.harness import (
    Network,
    Refused,
    eventually,
    fetch,
    quorate,
    run_quorate,
    running_network,
)
from tests.acceptance.rpc_door import NO_GROUP, UNAUTHORIZED, RpcDoor
from tests.rpc_samples import SAMPLES

NODE, OFFICE = "tax-1", "tax"
READS = 200


class Place:
    """The node with its door open, and what callers need."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self.folder = network, folder
        self.node = NodeFolder(network.folder / "nodes" / NODE)
        self.offices = network.folder / "organisations"
        self.tax = OrganisationCA.load(self.offices / OFFICE)
        self.door = RpcDoor(self.node, self.offices / OFFICE / "ca.crt")
        self.port, self.url = self.door.port, self.door.url
        self.context, self.ask = self.door.context, self.door.ask
        run_quorate("network", "down", network.folder, "--node", NODE)
        network.up(NODE)

    def token(self, name: str, role: str, organisation: str = OFFICE) -> str:
        """By the command, as an operator makes it."""
        out = self.folder / f"{name}.token"
        quorate("account", "token", "create", self.node.path, "--name", name,
                "--org", organisation, "--role", role, "--out", out)  # fmt: skip
        return out.read_text(encoding="ascii").strip()

    def officer(self, name: str, ca: OrganisationCA, at: datetime) -> tuple[Path, Path]:
        """A certificate and its key."""
        key, pair = new_key(), (self.folder / f"{name}.crt", self.folder / f"{name}.key")
        issued = ca.issue_officer(name, key.public_key(), at, 30)
        pair[0].write_bytes(encode_certificate(issued))
        save_key(pair[1], key)
        return pair

    def grant_certificate(self, name: str) -> None:
        """By the command."""
        quorate("account", "token", "create", self.node.path, "--certificate", "--name", name,
                "--org", OFFICE, "--role", "member")  # fmt: skip

    def counted(self, reason: str) -> float:
        """The metric's value for a reason."""
        name = f'quorate_rpc_refused_total{{reason="{reason}"}} '
        lines = fetch(self.network.urls[NODE], "/metrics").splitlines()
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The audit log's entries of a kind."""
        shown = quorate("audit", "log", "show", self.node.path, "--kind", kind, "--last", "10000")
        entries: list[dict[str, Any]] = shown["entries"]
        return entries


def run(folder: Path) -> dict[str, Any]:
    """Knock, use, read, damage; the counts and what a synced entry costs."""
    with running_network(folder / "network") as network:
        place = Place(network, folder)
        refused = _knocks(place)
        matrix = _matrix(place)
        reading = _reading(place)
    _check_log(place)
    figures = {"refused": refused, "matrix_cells": matrix, **reading}
    print(json.dumps(figures, indent=1), flush=True)
    return figures


def _knocks(place: Place) -> dict[str, float]:
    ways = {**_certificates(place), **_tokens(place), **_without_tls(place)}
    told = {}
    for reason, knock in ways.items():
        before = place.counted(reason)
        answer = knock()
        assert answer is None or answer["error"]["code"] == UNAUTHORIZED, (reason, answer)
        wait = partial(place.counted, reason)
        eventually(f"{reason} is counted", lambda w=wait, b=before: w() > b, 10)
        told[reason] = place.counted(reason) - before
    eventually(
        "each reason stands in the audit log",
        lambda: set(ways) <= {entry["outcome"] for entry in place.entries("refused")},
        10,
    )
    log = (place.node.logs / "node.log").read_text(encoding="utf-8")
    logged = {
        entry["reason"]
        for entry in map(json.loads, log.splitlines())
        if entry.get("event") == "rpc.refused"
    }
    assert set(ways) <= logged, set(ways) - logged
    assert "quorate_" not in "".join(line for line in log.splitlines() if "Bearer" in line)
    return told


def _certificates(place: Place) -> dict[str, Callable[[], Any]]:
    now = datetime.now(UTC)
    audit = OrganisationCA.load(place.offices / "audit")
    pairs = {
        "stranger": place.officer("o-stranger", OrganisationCA.create(OFFICE, now), now),
        "expired": place.officer("o-expired", place.tax, now - timedelta(days=40)),
        "wrong_organisation": place.officer(
            "o-impostor", OrganisationCA(OFFICE, audit.certificate, audit._key), now
        ),
        "bad_certificate": (place.node.tls_certificate, place.node.tls_key),
        "no_grant": place.officer("o-nobody", place.tax, now),
        "revoked": place.officer("o-revoked", place.tax, now),
    }
    for name in ("stranger", "expired", "impostor", "revoked"):
        place.grant_certificate(f"o-{name}")
    good = place.ask("eth_blockNumber", [], certificate=pairs["revoked"])
    assert "result" in good, good
    crl = place.folder / "tax.crl"
    quorate("member", "revoke", place.offices / OFFICE, "--certificate", pairs["revoked"][0],
            "--out", crl)  # fmt: skip
    quorate("member", "publish", place.node.path, crl)

    def knock(pair: tuple[Path, Path]) -> Any:
        try:
            return place.ask("eth_blockNumber", [], certificate=pair)
        except urllib3.exceptions.HTTPError:
            return None  # the handshake, or the first answer, ended in an alert

    eventually("the revocation is in force", lambda: "error" in (knock(pairs["revoked"]) or {}), 10)
    return {reason: partial(knock, pair) for reason, pair in pairs.items()}


def _tokens(place: Place) -> dict[str, Callable[[], Any]]:
    revoked = place.token("t-revoked", "member")
    assert "result" in place.ask("eth_blockNumber", [], token=revoked)
    identifier = revoked.split("_")[1]
    quorate("account", "token", "revoke", place.node.path, identifier)
    earlier = datetime.now(UTC) - timedelta(days=40)
    grant, expired = new_grant(
        name="t-expired", organisation=OFFICE, role="member", days=30, now=earlier, with_token=True
    )
    load_grants(place.node.grants).with_grant(grant).save(place.node.grants)
    wrong = revoked[:-4] + ("AAAA" if not revoked.endswith("AAAA") else "BBBB")
    tokens = {
        "no_credentials": "",
        "wrong_token": wrong,
        "expired_grant": expired,
        "revoked_grant": revoked,
    }
    return {
        reason: partial(place.ask, "eth_blockNumber", [], token=token)
        for reason, token in tokens.items()
    }


def _without_tls(place: Place) -> dict[str, Callable[[], Any]]:
    def plaintext() -> None:
        with socket.create_connection(("127.0.0.1", place.port), timeout=10) as plain:
            plain.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"jsonrpc" not in plain.recv(1_000)

    def old() -> None:
        context = place.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", place.port), timeout=10) as raw:
            try:
                context.wrap_socket(raw)
            except ssl.SSLError:
                return
        raise AssertionError("TLS 1.2 was taken")

    return {"plaintext": plaintext, "tls_version": old}


def _matrix(place: Place) -> int:
    cells = 0
    for role in GRANTABLE:
        for organisation in (OFFICE, "market"):
            token = place.token(f"m-{role.value}-{organisation}", role.value, organisation)
            for kind, (method, params) in SAMPLES.items():
                answer = place.ask(method, params, token=token)
                code = answer.get("error", {}).get("code")
                if role is CallerRole.MONITOR:
                    assert code == NO_GROUP, (role, kind, answer)
                else:
                    allowed = may_use(
                        role, kind, organisation=organisation, node_organisation=OFFICE
                    )
                    assert (code != UNAUTHORIZED) == allowed, (role, kind, answer)
                cells += 1
    assert set(TABLE) == {*GRANTABLE, CallerRole.OPERATOR}
    stranger = place.token("m-customs", "member", "customs")
    assert place.ask("eth_blockNumber", [], token=stranger)["error"]["code"] == NO_GROUP
    return cells


def _reading(place: Place) -> dict[str, Any]:
    def timed(token: str) -> float:
        pool = urllib3.PoolManager(ssl_context=place.context(), assert_hostname=False, maxsize=1)
        spent = []
        for _ in range(READS):
            began = time.perf_counter()
            answer = place.ask("eth_blockNumber", [], token=token, pool=pool)
            spent.append(time.perf_counter() - began)
            assert "result" in answer
        return statistics.median(spent) * 1_000

    assert CallerRole.REGULATOR in WATCHED
    member, regulator = place.token("r-member", "member"), place.token("r-officer", "regulator")
    unlogged_ms = timed(member)
    logged_ms = timed(regulator)
    # No waiting: each entry was on disk before its answer left.
    entries = [entry for entry in place.entries("read") if entry["who"] == "r-officer"]
    assert len(entries) == READS, len(entries)
    assert not [entry for entry in place.entries("read") if entry["who"] == "r-member"]
    return {
        "regulator_reads_logged": f"{len(entries)} of {READS}",
        "read_ms_median": round(unlogged_ms, 2),
        "logged_read_ms_median": round(logged_ms, 2),
        "ratio": round(logged_ms / unlogged_ms, 2),
    }


def _check_log(place: Place) -> None:
    """The node is down now: its log is whole, and each line that is touched is found."""
    verify = ("audit", "log", "verify", place.node.path)
    whole = quorate(*verify)
    assert whole["whole"], whole
    assert not whole["findings"], whole
    path = sorted(place.node.audit.glob("*.jsonl"))[-1]
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    for damaged in (
        data.replace(b"r-officer", b"r-nobody.", 1),
        b"".join(lines[: len(lines) // 2] + lines[len(lines) // 2 + 1 :]),
        b"".join(lines[:-1]),
    ):
        path.write_bytes(damaged)
        try:
            quorate(*verify)
        except (Refused, ValueError):
            continue
        raise AssertionError("a damaged log passed")
    path.write_bytes(data + lines[-1][:50])
    torn = quorate(*verify)
    assert torn["whole"], torn
    assert [finding["fault"] for finding in torn["findings"]] == ["torn"], torn
    path.write_bytes(data)
    with place.node.config.open("rb") as file:
        assert tomllib.load(file)["audit"]["log_retention_days_min"] == 180
