"""Acts on machines of their own: an officer's request, and what its administrator makes of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import command
from cli.officer.request import InvalidRequest, load_request
from client.accounts import load_account, save_account, save_password
from client.rpc import RpcFailure
from contracts.bindings import accounts
from ledger.gate import Role
from ledger.participants import admitted_nodes
from ledger.values import address_from_hex
from node.pki import (
    InvalidNodeCertificate,
    OrganisationCA,
    decode_certificate,
    load_key,
    officer_of,
)
from tests.rpc.local_network import LocalGroup, ServedNode, account, make_genesis

APP = command(["account", "group"])


def run(*arguments: str | Path) -> Any:
    """The command's JSON; what it raised is raised."""
    done = CliRunner().invoke(APP, [*map(str, arguments), "--json"])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


class Offices:
    """A served group, and a folder for each who sits at a machine of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.served = ServedNode(LocalGroup(make_genesis()))
        self.password = folder / "password"
        self.password.write_text("a long password\n")
        self.password.chmod(0o600)

    def keystore(self, name: str) -> Path:
        path = self.folder / f"{name}.json"
        if not path.exists():
            save_account(account(name), path, "pass", rounds=2)
            save_password(path, "pass")
        return path

    def act(self, name: str, *arguments: str | Path) -> Any:
        return run(*arguments, "--rpc", self.served.url, "--group", "main", "--key-file",
                   self.keystore(name))  # fmt: skip

    def request(self, role: str, *more: str | Path, org: str = "audit") -> Path:
        out = self.folder / f"{role}.request"
        run("account", "request", "--org", org, "--name", "officer-17", "--role", role,
            "--key-file", self.folder / f"{role}.keystore", "--out", out,
            "--password-file", self.password, *more)  # fmt: skip
        return out

    def roles(self, address: str) -> list[Role]:
        query = accounts.permission(address_from_hex(address))
        found = query.decode(self.served.client().call(to_checksum(query.to), query.data))
        return [role for role in Role if found.holds(role)]

    def nodes(self) -> list[str]:
        return list(self.served.do(lambda: admitted_nodes(self.served.group.chain.latest_state())))


def to_checksum(address: bytes) -> str:
    return "0x" + bytes(address).hex()


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Offices]:
    made = Offices(tmp_path)
    yield made
    made.served.stop()


def test_an_officer_asks_with_keys_that_stay_and_the_administrator_gives_the_role(
    offices: Offices,
) -> None:
    tls_key = offices.folder / "officer.key"
    request = offices.request("regulator", "--tls-key", tls_key)
    asked = load_request(request)
    keystore = offices.folder / "regulator.keystore"
    own = load_account(keystore, "a long password")
    assert own.address == asked.address
    for secret in (own.key.hex().removeprefix("0x"), tls_key.read_text().splitlines()[1]):
        assert secret not in request.read_text()
    assert (tls_key.stat().st_mode | keystore.stat().st_mode) & 0o077 == 0
    given = offices.act("audit-admin", "account", "accept", request)
    assert given == {
        "address": asked.address, "organisation": "audit", "role": "regulator", "given": True,
    }  # fmt: skip
    assert offices.roles(asked.address) == [Role.REGULATOR]
    assert offices.act("audit-admin", "account", "accept", request)["given"], "twice is once"


def test_the_ca_certifies_the_officers_key_and_no_other_organisations(offices: Offices) -> None:
    tls_key, out = offices.folder / "officer.key", offices.folder / "officer.crt"
    request = offices.request("regulator", "--tls-key", tls_key)
    now = datetime.now(UTC)
    for name in ("audit", "tax"):
        OrganisationCA.create(name, now).save(offices.folder / name, now)
    with pytest.raises(InvalidNodeCertificate, match="expected a request of 'tax/officer"):
        run("account", "certificate", offices.folder / "tax", "--request", request, "--out", out)
    run("account", "certificate", offices.folder / "audit", "--request", request, "--out", out)
    issued = decode_certificate(out.read_bytes())
    assert officer_of(issued) == ("audit", "officer-17")
    assert issued.public_key() == load_key(tls_key).public_key()


def test_an_administrators_post_is_proposed_to_the_organisations(offices: Offices) -> None:
    request = offices.request("system-administrator", org="tax")
    found = offices.act("tax-admin", "account", "accept", request, "--holder", "7Q2M-K9")
    assert not found["given"]
    assert offices.roles(found["address"]) == []


@pytest.mark.parametrize("field", ["role", "organisation", "name", "address"])
def test_a_request_that_was_changed_on_its_way_is_refused(offices: Offices, field: str) -> None:
    request = offices.request("member")
    document = json.loads(request.read_text())
    other = {"address": account("author").address, "role": "author"}.get(field, "tax")
    request.write_text(json.dumps(document | {field: other}))
    with pytest.raises(InvalidRequest, match="the file was changed"):
        offices.act("audit-admin", "account", "accept", request)


def test_another_organisations_administrator_and_a_file_that_is_there_are_refused(
    offices: Offices,
) -> None:
    request = offices.request("member")
    with pytest.raises(CommandFailed, match="is not of audit"):
        offices.act("tax-admin", "account", "accept", request)
    with pytest.raises(CommandFailed, match="is there already"):
        offices.request("member")


def test_a_node_is_admitted_and_dismissed_without_a_networks_folder(offices: Offices) -> None:
    assert offices.act("tax-admin", "group", "admit", "tax/spare") == {
        "node": "tax/spare", "admitted": True,
    }  # fmt: skip
    assert "tax/spare" in offices.nodes()
    offices.act("tax-admin", "group", "admit", "tax/spare")
    offices.act("tax-admin", "group", "dismiss", "tax/spare")
    assert "tax/spare" not in offices.nodes()
    offices.act("tax-admin", "group", "dismiss", "tax/spare")


def test_who_may_not_dismiss_a_node_hears_why(offices: Offices) -> None:
    with pytest.raises(CommandFailed, match="is not of tax"):
        offices.act("market-admin", "group", "dismiss", "tax/spare")
    with pytest.raises(CommandFailed, match="expected a node's id"):
        offices.act("tax-admin", "group", "dismiss", "spare")
    offices.served.node.name = "tax-9"
    with pytest.raises(RpcFailure, match="validator's key"):
        offices.act("market-admin", "group", "dismiss", "market/node1")
    with pytest.raises(CommandFailed, match="is tax/tax-9 itself"):
        offices.act("tax-admin", "group", "dismiss", "tax/tax-9")
