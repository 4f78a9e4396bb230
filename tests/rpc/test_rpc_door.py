"""The listener with TLS: who is let in by certificate or token, who is not, and what is told."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from client.credentials import Credentials, InvalidCredentials
from client.rpc import Client, NodeUnreachable, RpcFailure
from ledger.suite import STANDARD
from node.audit.chain import read_entries
from node.audit.log import AuditLog
from node.membership import Organisation, draft
from node.p2p.trust import Trust
from node.pki import OrganisationCA, encode_certificate, new_key, save_key
from node.revocations import Revocations
from node.rpc.authentication import Doorkeeper
from node.rpc.grants import Grants, InvalidGrant, load_grants, new_grant
from node.rpc.server import Door
from node.rpc.tls import listener_context
from tests.rpc.local_network import LocalGroup, ServedNode, make_genesis, signer

NOW = datetime.now(UTC)


@dataclass
class Officer:
    certificate: Path
    key: Path


class OpenNode:
    """A served node with a door, the organisations' CAs and the file of grants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authorities = {name: OrganisationCA.create(name, NOW) for name in ("tax", "audit")}
        self.revocations = Revocations()
        self.membership = draft(
            "n", 1, 2,
            [
                Organisation(name, signer(name).address, (authority.certificate,))
                for name, authority in self.authorities.items()
            ],
            {"tax/tax-1": "127.0.0.1:1"},
        ).signed(STANDARD, signer("tax"), signer("audit"))  # fmt: skip
        own = self.authorities["tax"].issue_identity(
            "tax/tax-1", folder / "node.crt", folder / "node.key", NOW
        )
        self.grants = folder / "access" / "grants.json"
        self.log = AuditLog(folder / "audit", retention_days=180)
        self.log.open()
        self.served = ServedNode(
            LocalGroup(make_genesis()),
            door=lambda metrics: self._door(metrics, own.certificate_path, own.key_path),
        )
        self.served.do(self.log.start)
        self.url = f"https://127.0.0.1:{self.served.server.door_port}"
        self.ca = folder / "tax-ca.crt"
        self.ca.write_bytes(encode_certificate(self.authorities["tax"].certificate))

    def _door(self, metrics: Any, certificate: Path, key: Path) -> Door:
        keeper = Doorkeeper(self.grants, lambda: self.trust, metrics=metrics, audit=self.log)
        context = listener_context(
            certificate, key, self.trust.authorities_pem(), keeper.refused_handshake
        )
        return Door("127.0.0.1", 0, context, keeper)

    @property
    def trust(self) -> Trust:
        return Trust(self.membership, self.revocations)

    def grant(self, name: str, organisation: str, role: str, **fields: Any) -> tuple[str, str]:
        """A grant's id and its token, put into the file."""
        with_token = fields.pop("with_token", True)
        now = fields.pop("now", NOW)
        days = fields.pop("days", 30)
        made, token = new_grant(
            name=name, organisation=organisation, role=role, days=days, now=now,
            with_token=with_token, **fields,
        )  # fmt: skip
        load_grants(self.grants).with_grant(made).save(self.grants)
        return made.id, token

    def token_file(self, token: str) -> Path:
        path = self.folder / f"token-{len(token)}-{hash(token) % 10**9}"
        path.write_text(token + "\n")
        path.chmod(0o600)
        return path

    def officer(
        self, name: str, ca: OrganisationCA, *, at: datetime = NOW, days: int = 30
    ) -> Officer:
        key = new_key()
        made = Officer(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        certificate = ca.issue_officer(name, key.public_key(), at, days)
        made.certificate.write_bytes(encode_certificate(certificate))
        save_key(made.key, key)
        return made

    def client(self, officer: Officer | None = None, token: str = "") -> Client:
        return Client(
            self.url,
            credentials=Credentials(
                ca=self.ca,
                certificate=officer and officer.certificate,
                key=officer and officer.key,
                token_file=self.token_file(token) if token else None,
            ),
        )

    def refused(self) -> dict[str, float]:
        """What the metric counted, by reason."""
        (family,) = self.served.metrics.rpc_refused.collect()
        return {
            sample.labels["reason"]: sample.value
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    def logged(self) -> list[tuple[str, str]]:
        """Refusals of the audit log: who, why."""
        self.served.run(self.log.durable(self.log.last.number))
        entries = read_entries(self.folder / "audit")
        return [(entry.who, entry.outcome) for entry in entries if entry.kind == "refused"]

    def stop(self) -> None:
        self.served.run(self.log.close())
        self.served.stop()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenNode]:
    made = OpenNode(tmp_path_factory.mktemp("door"))
    yield made
    made.stop()


def told(client: Client) -> RpcFailure:
    with pytest.raises(RpcFailure) as failure:
        client.block_number()
    return failure.value


def test_a_token_opens_the_door_for_its_role(node: OpenNode) -> None:
    _, token = node.grant("officer-1", "tax", "member")
    client = node.client(token=token)
    assert client.block_number() == 0
    (refused,) = client.batch([("quorate_txpool", [])])
    assert refused.code == 4100
    assert client.web3().eth.block_number == 0
    secret = token.split("_", 2)[2]  # a secret may hold underscores of its own
    assert len(secret) == 43
    assert secret not in node.grants.read_text()


def test_a_certificate_opens_the_door_where_it_is_granted_something(node: OpenNode) -> None:
    officer = node.officer("officer-17", node.authorities["audit"])
    assert told(node.client(officer)).code == 4100
    assert ("officer-17", "no_grant") in node.logged()
    node.grant("officer-17", "audit", "regulator", with_token=False)
    client = node.client(officer)
    assert client.call_method("quorate_txpool")["count"] == 0
    assert client.web3().eth.block_number == 0


@pytest.mark.parametrize("how", ["none", "wrong", "malformed", "expired", "revoked"])
def test_tokens_that_open_nothing(node: OpenNode, how: str) -> None:
    reason = {"none": "no_credentials", "wrong": "wrong_token", "malformed": "wrong_token"}
    wanted = reason.get(how, f"{how}_grant")
    earlier = NOW - timedelta(days=40) if how == "expired" else NOW
    identifier, token = node.grant(f"officer-{how}", "tax", "member", now=earlier)
    if how == "wrong":
        token = token[:-1] + ("A" if token[-1] != "A" else "B")
    if how == "malformed":
        token = "quorate_" + "z" * 50
    if how == "none":
        token = ""
    if how == "revoked":
        assert node.client(token=token).block_number() == 0
        load_grants(node.grants).without(identifier, NOW).save(node.grants)
    before = node.refused().get(wanted, 0)
    failure = told(node.client(token=token))
    assert failure.code == 4100
    assert node.refused()[wanted] == before + 1
    assert wanted in [outcome for _, outcome in node.logged()]


def test_all_refusals_read_alike(node: OpenNode) -> None:
    identifier, token = node.grant("officer-5", "tax", "member")
    load_grants(node.grants).without(identifier, NOW).save(node.grants)
    answers = [
        node.client(token=wrong)._pool.request("POST", node.url, body=b"{}")
        for wrong in (token, "quorate_x")
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.data for answer in answers}) == 1


@pytest.mark.parametrize("how", ["stranger", "expired", "node", "revoked", "wrong_organisation"])
def test_certificates_that_open_nothing(node: OpenNode, how: str) -> None:
    tax = node.authorities["tax"]
    node.grant(f"c-{how}", "tax", "member", with_token=False)
    wanted = {"node": "bad_certificate"}.get(how, how)
    before = node.refused().get(wanted, 0)
    if how == "stranger":
        officer = node.officer(f"c-{how}", OrganisationCA.create("tax", NOW))
    elif how == "expired":
        officer = node.officer(f"c-{how}", tax, at=NOW - timedelta(days=40), days=30)
    elif how == "node":
        tax.issue_identity("tax/x", node.folder / "x.crt", node.folder / "x.key", NOW)
        officer = Officer(node.folder / "x.crt", node.folder / "x.key")
    elif how == "wrong_organisation":
        audit = node.authorities["audit"]
        officer = node.officer(f"c-{how}", OrganisationCA("tax", audit.certificate, audit._key))
    else:
        officer = node.officer(f"c-{how}", tax)
        assert node.client(officer).block_number() == 0
        from node.pki import decode_certificate

        serial = decode_certificate(officer.certificate.read_bytes()).serial_number
        tax.revoke([serial])
        node.revocations = node.revocations.with_list(node.membership, "tax", tax.crl(NOW))
    with pytest.raises((RpcFailure, NodeUnreachable)):
        node.client(officer).block_number()
    assert node.refused()[wanted] == before + 1
    assert wanted in [outcome for _, outcome in node.logged()]


def test_plaintext_and_old_tls_are_refused_and_counted(node: OpenNode) -> None:
    port = node.served.server.door_port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        assert b"jsonrpc" not in plain.recv(1_000)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(raw)
    assert node.refused()["plaintext"] == 1
    assert node.refused()["tls_version"] == 1
    assert {"plaintext", "tls_version"} <= {outcome for _, outcome in node.logged()}


def test_metrics_are_for_the_monitor_and_health_for_everybody(node: OpenNode) -> None:
    _, monitor = node.grant("monitor-1", "tax", "monitor")
    _, member = node.grant("officer-6", "tax", "member")
    pool = node.client(token=monitor)._pool

    def status(path: str, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return pool.request("GET", node.url + path, headers=headers).status

    assert [status("/metrics", token) for token in (monitor, member, "")] == [200, 401, 401]
    assert status("/healthz", "") == status("/readyz", "") == 200
    answer = pool.request("POST", node.url, json={}, headers={"Authorization": f"Bearer {monitor}"})
    assert answer.status == 404


def test_an_open_websocket_is_closed_once_its_token_is_revoked(node: OpenNode) -> None:
    identifier, token = node.grant("officer-7", "tax", "member")
    context = ssl.create_default_context(cafile=str(node.ca))
    context.check_hostname = False
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    url = node.url.replace("https", "wss")

    async def talk() -> int | None:
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(url, ssl=context)
            async with session.ws_connect(url, ssl=context, headers=headers) as opened:
                body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
                await opened.send_json(body)
                assert "result" in await opened.receive_json()
                load_grants(node.grants).without(identifier, NOW).save(node.grants)
                message = await asyncio.wait_for(opened.receive(), 10)
                assert message.type is aiohttp.WSMsgType.CLOSE
                return int(message.data)

    assert asyncio.run(talk()) == aiohttp.WSCloseCode.POLICY_VIOLATION


def test_a_file_of_grants_that_others_read_lets_nobody_in(node: OpenNode) -> None:
    _, token = node.grant("officer-8", "tax", "member")
    client = node.client(token=token)
    assert client.block_number() == 0
    whole = node.grants.read_bytes()
    for mode, data in ((0o644, whole), (0o600, whole[:-20])):
        node.grants.write_bytes(data)
        node.grants.chmod(mode)
        assert told(client).code == 4100
        assert "no_grants_file" in node.refused()
    node.grants.write_bytes(whole)
    node.grants.chmod(0o600)
    assert client.block_number() == 0
    with pytest.raises(InvalidGrant, match="role"):
        new_grant(name="a", organisation="tax", role="king", days=1, now=NOW, with_token=True)
    with pytest.raises(InvalidGrant, match="one of the two"):
        new_grant(name="a", organisation="tax", days=1, now=NOW, with_token=True)
    assert load_grants(node.folder / "none.json") == Grants()


def test_a_client_gives_no_token_to_whom_it_cannot_know(node: OpenNode, tmp_path: Path) -> None:
    token = node.token_file("quorate_x")
    with pytest.raises(InvalidCredentials, match="https"):
        Client("http://192.0.2.1:8545", credentials=Credentials(token_file=token))
    os.chmod(token, 0o644)
    with pytest.raises(InvalidCredentials, match="600"):
        Client(node.url, credentials=Credentials(token_file=token))
    foreign = tmp_path / "foreign.crt"
    foreign.write_bytes(encode_certificate(OrganisationCA.create("tax", NOW).certificate))
    with pytest.raises(NodeUnreachable, match="--ca"):
        Client(node.url, credentials=Credentials(ca=foreign)).block_number()
    # An officer's certificate is of the same CA, and no node.
    officer = node.officer("officer-9", node.authorities["tax"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(officer.certificate, officer.key)
    assert _talks(context, Credentials(ca=node.ca)) is False


def _talks(context: ssl.SSLContext, credentials: Credentials) -> bool:
    """Whether a client takes a server with that context for a node."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                accepted, _ = listener.accept()
                with accepted, context.wrap_socket(accepted, server_side=True) as served:
                    served.recv(100)
            except OSError:
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            client = Client(
                f"https://127.0.0.1:{listener.getsockname()[1]}", credentials=credentials
            )
            client.block_number()
        except NodeUnreachable as error:
            return "--ca" not in str(error)
        finally:
            thread.join(10)
    return True
