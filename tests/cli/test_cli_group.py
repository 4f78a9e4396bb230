"""`quorate group` on folders of nodes that are down: founding, joining, leaving."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import command
from cli.network.create import create_network
from cli.network.folder import load_network
from cli.network.manifest import find_manifest
from ledger.genesis import load_genesis
from node.config import ConfigurationError, NodeFolder, load_node_config
from node.founding import InvalidFounding

APP = command(["group", "network"])
FOUR = "tax-1,market-1,data-1,audit-1"


def run(*arguments: str | Path) -> Any:
    """The command's JSON; what it raised is raised."""
    done = CliRunner().invoke(APP, [*map(str, arguments), "--json"])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four") / "network"
    create_network(find_manifest("four-departments"), folder, 23_100, lambda _: None)
    return folder


@pytest.fixture
def network(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "network"))


def _plan(network: Path) -> str:
    """What the four departments would write down together."""
    parts = ['name = "second"\nobservers = []']
    for name in ("tax", "market", "data", "audit"):
        key = run("group", "key", network / "organisations" / name / "second-recovery.key")
        parts.append(f'[[organisation]]\nname = "{name}"\nrecovery_key = "{key["address"]}"')
    file = load_network(network)
    for node in file.nodes:
        path = network / node.dir / "groups" / "second" / "consensus.key"
        consensus = run("group", "key", path)
        assert consensus["made"]
        assert not run("group", "key", path)["made"]
        parts.append(f'[[validator]]\nnode = "{node.node_id}"\nkey = "{consensus["address"]}"')
    for entry in file.accounts:
        parts.append(
            f'[[account]]\naddress = "{entry.address}"\norg = "{entry.org}"\nrole = "{entry.role}"'
        )
    return "\n".join(parts)


def test_founded_in_one_folder_all_is_in_place(network: Path) -> None:
    made = run("group", "create", "--network", network, "--name", "second", "--validators", FOUR)
    file = load_network(network)
    assert [group.name for group in file.groups] == ["equity", "second"]
    genesis = load_genesis(network / file.group("second").genesis)
    assert made["chain_id"] == genesis.chain_id != file.group("equity").chain_id
    for node in file.nodes:
        home = NodeFolder(network / node.dir)
        assert [g.name for g in load_node_config(home).group] == ["equity", "second"]
        assert load_node_config(home).default_group == "equity"
        assert home.group("second").wal.is_dir()
        assert [part.name for part in node.groups] == ["equity", "second"]
    shown = run("group", "list", network / "nodes" / "tax-1")["groups"][1]
    assert shown["founders"] == ["audit", "data", "market", "tax"]
    assert shown["unsigned"] == []


def test_founded_apart_with_keys_that_never_meet(network: Path, tmp_path: Path) -> None:
    plan, draft = tmp_path / "plan.toml", tmp_path / "genesis.json"
    plan.write_text(_plan(network), encoding="utf-8")
    run("group", "create", plan, "--out", draft)
    tax = network / "nodes" / "tax-1"
    with pytest.raises(InvalidFounding, match="lacks the signatures of audit, data, market, tax"):
        run("group", "join", tax, "--genesis", draft)
    copies = []
    for name in ("tax", "market", "data", "audit"):
        copy = tmp_path / f"{name}.json"
        shutil.copy(draft, copy)
        office = network / "organisations" / name
        signed = run("group", "sign", copy, "--against", tax, "--key", office,
                     "--recovery-key", office / "second-recovery.key")  # fmt: skip
        assert signed["signed"] == signed["recovery_signed"] == [name]
        copies += ["--with", str(copy)]
    gathered = run("group", "sign", draft, "--against", tax, *copies)
    assert gathered["unsigned"] == []
    assert len(gathered["recovery_signed"]) == 4
    for node in load_network(network).nodes:
        joined = run("group", "join", network / node.dir, "--genesis", draft)
        assert (joined["name"], joined["role"], joined["told"]) == ("second", "validator", None)


def test_copies_of_different_drafts_and_strange_keys_are_refused(
    network: Path, tmp_path: Path
) -> None:
    plan, tax = tmp_path / "plan.toml", network / "nodes" / "tax-1"
    plan.write_text(_plan(network), encoding="utf-8")
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    for draft in (first, second):
        run("group", "create", plan, "--out", draft)
    with pytest.raises(CommandFailed, match="another document"):
        run("group", "sign", first, "--against", tax, "--with", second)
    key = tmp_path / "stranger.key"
    run("group", "key", key)
    with pytest.raises(InvalidFounding, match="is no organisation's"):
        run("group", "sign", first, "--against", tax, "--key", key)
    with pytest.raises(CommandFailed, match="recovery key of a founder"):
        run("group", "sign", first, "--against", tax, "--recovery-key", key)


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        ("[[validator]]", "4 are the fewest"),
        ("[[account]]", "would have no admin"),
        ("[[organisation]]", "organisation"),
    ],
)
def test_a_plan_that_founds_nothing_is_a_sentence(
    network: Path, tmp_path: Path, drop: str, words: str
) -> None:
    parts = _plan(network).replace("[[", "\n[[").split("\n\n")
    last = max(place for place, part in enumerate(parts) if part.startswith(drop))
    plan = tmp_path / "plan.toml"
    plan.write_text("\n".join(parts[:last] + parts[last + 1 :]), encoding="utf-8")
    with pytest.raises(CommandFailed, match=words):
        run("group", "create", plan, "--out", tmp_path / "genesis.json")


def test_leaving_keeps_every_file_true(network: Path) -> None:
    run("group", "create", "--network", network, "--name", "second", "--validators", FOUR)
    leave = ("group", "leave", "--network", network, "--node", "tax-1", "--name", "second")
    with pytest.raises(CommandFailed, match="vote it out first"):
        run(*leave, "--destroy")
    done = run(*leave, "--archive", "--force")
    assert (done["did"], done["voted"], done["stable_number"]) == ("archived", False, 0)
    node = load_network(network).node("tax-1")
    assert [part.name for part in node.groups] == ["equity"]
    home = NodeFolder(network / node.dir)
    assert (home.path / done["where"] / "genesis.json").is_file()
    assert run("group", "list", home.path)["left"] == [done]
    with pytest.raises(ConfigurationError, match="carries no group 'second'"):
        run(*leave, "--destroy", "--force")


def test_groups_of_the_shipped_manifest_share_no_account_and_name_only_their_own(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "network"
    create_network(find_manifest("two-groups"), folder, 23_200, lambda _: None)
    equity, refund = (
        load_genesis(folder / "groups" / name / "genesis.json")
        for name in ("equity", "export-refund")
    )
    assert [entry.name for entry in equity.organisations] == ["tax", "market", "data", "audit"]
    assert [e.name for e in refund.organisations] == ["tax", "customs", "treasury", "audit"]
    accounts = {entry.address.lower(): entry.groups for entry in load_network(folder).accounts}
    assert all(len(groups) == 1 for groups in accounts.values())
    for genesis, foreign in (
        (equity, ("customs", "treasury")),
        (refund, ("market", "data")),
    ):
        words = {
            int(value, 16) for entry in genesis.alloc.values() for value in entry.storage.values()
        }
        for name in foreign:
            assert int.from_bytes(name.encode().ljust(32, b"\0")) not in words
    roles = {(entry.groups[0], entry.role) for entry in load_network(folder).accounts}
    assert len(roles) == 8, "each of the four roles in each group"
