"""Commands on a network's folder: which account acts, which node is asked, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.group_status import group_status
from cli.main import command
from cli.network.folder import Account, Group, Membership, NetworkFile, Node, save_network
from client.accounts import save_account, save_password
from client.rpc import Client
from ledger.genesis import save_genesis
from tests.workflows.small_network import CHAIN_ID, SmallNetwork, account

APP = command(["audit", "contract", "evidence", "explorer", "zk"])
NOBODY = "http://127.0.0.1:9"
SOURCE = """
seen: public(address)

@external
@view
def me() -> address:
    return msg.sender

@external
def note():
    self.seen = msg.sender
"""


@pytest.fixture(scope="module")
def folder(network: SmallNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nodes, of which the first carries another group and does not answer."""
    made = tmp_path_factory.mktemp("network")
    save_genesis(network.genesis, made / "genesis.json")
    (made / "caller.vy").write_text(SOURCE, encoding="utf-8")
    save_account(account("author"), made / "author.json", "password", rounds=2)
    save_password(made / "author.json", "password")
    save_network(
        made,
        NetworkFile(
            name="small",
            nodes=(_node("other-1", NOBODY, "other"), _node("data-1", network.client.url)),
            groups=(
                Group("equity", CHAIN_ID, "genesis.json", ("data-1",)),
                Group("other", CHAIN_ID + 1, "genesis.json", ("other-1",)),
                Group("left", CHAIN_ID + 2, "genesis.json", ()),
            ),
            accounts=(
                Account("author", "data", "author", account("author").address, "author.json"),
            ),
        ),
    )
    return made


def _node(name: str, rpc: str, group: str = "equity") -> Node:
    return Node(
        name=name,
        org="data",
        node_id=f"data/{name}",
        address="0x" + "00" * 20,
        rpc=rpc,
        p2p="127.0.0.1:9",
        dir=f"nodes/{name}",
        pid_file=f"nodes/{name}/node.pid",
        engine="py-evm",
        default_group=group,
        groups=(Membership(group, "validator"),),
    )


def run(folder: Path, *arguments: str | Path) -> Any:
    """The command's JSON; what it raised is raised."""
    words = [*map(str, arguments), "--network", str(folder), "--json"]
    done = CliRunner().invoke(APP, words)
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


def test_a_contract_is_deployed_asked_and_sent_to_as_the_account(folder: Path) -> None:
    source, who = folder / "caller.vy", ("--as", "author")
    deployed = run(folder, "contract", "deploy", source, *who)
    at = ("--at", deployed["address"])
    asked = run(folder, "contract", "call", source, "me", *who, *at)
    assert asked["result"].lower() == account("author").address.lower()
    sent = run(folder, "contract", "send", source, "note", *who, *at)
    assert set(sent) == {"transaction", "block", "gas_used"}
    seen = run(folder, "contract", "call", source, "seen", *who, *at)
    assert seen["result"].lower() == account("author").address.lower()


def test_only_nodes_that_carry_the_group_are_asked(folder: Path, tmp_path: Path) -> None:
    anchor = run(folder, "evidence", "anchor", "--out", tmp_path / "anchor.json")
    assert anchor["epoch"] == 0
    whole = run(folder, "explorer", "blocks", "--count", "1")
    assert len(whole["blocks"]) == 1
    with pytest.raises(CommandFailed, match="no node of this network carries group 'left'"):
        run(folder, "evidence", "anchor", "--out", tmp_path / "left.json", "--group", "left")


def test_a_group_that_the_node_does_not_show_is_named_with_those_that_it_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Client, "status", lambda _: {"groups": [{"name": "equity", "epoch": 3}]})
    client = Client(NOBODY)
    assert group_status(client, None) == group_status(client, "equity")
    with pytest.raises(CommandFailed, match=f"{NOBODY} carries no group 'other'.*shows: equity"):
        group_status(client, "other")


def test_what_is_no_address_or_hash_is_refused_by_its_option(folder: Path, tmp_path: Path) -> None:
    registry = ("zk", "registry", "list", "--as", "author", "--at", "0x12")
    with pytest.raises(CommandFailed, match=r"--at: expected 20 bytes, got 1"):
        run(folder, *registry)
    with pytest.raises(CommandFailed, match=r"HASH: expected hex digits after 0x, got 'x'"):
        run(folder, "evidence", "export", "x", "--out", tmp_path / "never")


def test_a_broken_anchor_is_named_by_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "anchor.json").write_text("{}", encoding="utf-8")
    (tmp_path / "evidence").write_bytes(b"")
    files = (tmp_path / "evidence", "--anchor", tmp_path / "anchor.json")
    done = CliRunner().invoke(APP, ["evidence", "verify", *map(str, files)])
    assert isinstance(done.exception, CommandFailed)
    assert str(done.exception).startswith(str(tmp_path / "anchor.json"))


def test_an_unknown_kind_of_entry_is_refused_rather_than_never_found(tmp_path: Path) -> None:
    words = ["audit", "log", "show", str(tmp_path), "--kind", "reads"]
    done = CliRunner().invoke(APP, words)
    assert isinstance(done.exception, CommandFailed)
    assert "read, refused, operator, log" in str(done.exception)
