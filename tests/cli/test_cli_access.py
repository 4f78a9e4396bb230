"""`quorate account token` and `audit log` on a node's folder: who is let in, what was logged."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from typer.testing import CliRunner, Result

from cli.failure import CommandFailed
from cli.main import command
from node.audit.chain import day_files
from node.audit.log import AuditLog, Caller
from node.config import (
    AuditConfig,
    GroupConfig,
    ListenConfig,
    NodeConfig,
    NodeFolder,
    RpcConfig,
    save_node_config,
)
from node.pki import OrganisationCA, decode_certificate, officer_of
from node.rpc.grants import InvalidGrant, load_grants
from node.second_factor import SecondFactorRefused

CONFIG = NodeConfig(
    name="tax-1",
    org="tax",
    p2p=ListenConfig("127.0.0.1:1"),
    rpc=RpcConfig("127.0.0.1:2"),
    group=(GroupConfig("main"),),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_node_config(CONFIG, NodeFolder(tmp_path / "tax-1"))
    return tmp_path / "tax-1"


def run(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(command(["account", "audit", "node"]), [*map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def create(folder: Path, *more: str | Path) -> Result:
    return run("account", "token", "create", folder, "--name", "officer-17", "--org", "audit",
               "--role", "regulator", *more)  # fmt: skip


def test_a_token_is_written_once_and_its_grant_listed_and_revoked(folder: Path) -> None:
    out = folder.parent / "officer.token"
    made = json.loads(create(folder, "--out", out, "--json").stdout)
    token = out.read_text().strip()
    assert out.stat().st_mode & 0o777 == 0o600
    grants = NodeFolder(folder).grants
    assert grants.stat().st_mode & 0o777 == 0o600
    secret = token.split("_", 2)[2]
    listed = run("account", "token", "list", folder, "--json").stdout
    for text in (json.dumps(made), grants.read_text(), listed):
        assert secret not in text
        assert "token_hash" not in text or text == grants.read_text()
    (found,) = [grant for grant in [load_grants(grants).of_token(token)] if grant]
    assert (found.name, found.role, found.revoked) == ("officer-17", "regulator", None)
    with pytest.raises(CommandFailed, match="there already"):
        create(folder, "--out", out)
    assert len(load_grants(grants).entries) == 1
    run("account", "token", "revoke", folder, made["id"])
    assert (
        json.loads(run("account", "token", "list", folder, "--json").stdout)["grants"][0]["state"]
        == "revoked"
    )
    with pytest.raises(InvalidGrant, match="no grant"):
        run("account", "token", "revoke", folder, made["id"])


def test_a_grant_is_to_a_token_or_to_a_certificate(folder: Path) -> None:
    for wrong in ((), ("--certificate", "--out", "x")):
        with pytest.raises(CommandFailed, match="--out FILE"):
            create(folder, *wrong)
    create(folder, "--certificate")
    (grant,) = load_grants(NodeFolder(folder).grants).entries
    assert not grant.is_token


def test_an_officers_certificate_names_its_pseudonym(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    OrganisationCA.create("audit", now).save(tmp_path / "ca", now)
    out, key = tmp_path / "o.crt", tmp_path / "o.key"
    run("account", "certificate", tmp_path / "ca", "--name", "officer-17", "--out", out,
        "--key", key)  # fmt: skip
    assert officer_of(decode_certificate(out.read_bytes())) == ("audit", "officer-17")
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_second_factor_is_asked_for_where_the_node_says_so(folder: Path) -> None:
    config = msgspec.structs.replace(CONFIG, audit=AuditConfig(second_factor=True))
    save_node_config(config, NodeFolder(folder))
    uri = json.loads(run("node", "second-factor", "enrol", folder, "--json").stdout)["uri"]
    secret = parse_qs(urlsplit(uri).query)["secret"][0]
    totp = TOTP(base64.b32decode(secret + "=" * (-len(secret) % 8)), 6, SHA1(), 30)
    with pytest.raises(CommandFailed, match="second factor"):
        create(folder, "--certificate")
    code = totp.generate(int(datetime.now(UTC).timestamp())).decode()
    create(folder, "--certificate", "--code", code)
    with pytest.raises(SecondFactorRefused, match="not used before"):
        create(folder, "--certificate", "--code", code)
    assert len(load_grants(NodeFolder(folder).grants).entries) == 1


async def written(folder: Path) -> AuditLog:
    log = AuditLog(NodeFolder(folder).audit, retention_days=180)
    log.open()
    log.start()
    for number in range(5):
        log.add("read", Caller(f"officer-{number}", "regulator", "audit"), method="eth_chainId")
    await log.close()
    return log


async def test_the_log_is_shown_and_checked(folder: Path) -> None:
    log = await written(folder)
    shown = json.loads(run("audit", "log", "show", folder, "--last", "2", "--json").stdout)
    assert [entry["who"] for entry in shown["entries"]] == ["officer-3", "officer-4"]
    only = json.loads(run("audit", "log", "show", folder, "--who", "officer-1", "--json").stdout)
    assert [entry["number"] for entry in only["entries"]] == [2]
    noted = f"{log.last.number}:{log.last.hash}"
    said = json.loads(run("audit", "log", "verify", folder, "--seen", noted, "--json").stdout)
    assert said["whole"]
    assert said["last"] == {"number": 5, "hash": log.last.hash}
    with pytest.raises(CommandFailed, match="NUMBER:HASH"):
        run("audit", "log", "verify", folder, "--seen", "5")
    (path,) = day_files(NodeFolder(folder).audit)
    path.write_bytes(path.read_bytes().replace(b"officer-2", b"officer-9"))
    with pytest.raises(CommandFailed, match=r"jsonl line 3"):
        run("audit", "log", "verify", folder)
