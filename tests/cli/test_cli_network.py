"""Making a network's folder and reading it back: whole or not at all, and private keys private."""

import json
from pathlib import Path

import pytest

from cli.bench.nodes import make_network, new_workload
from cli.bench.plan import Plan
from cli.bench.workload import TOKEN, address_of, sender_keys
from cli.failure import CommandFailed
from cli.network import create, process
from cli.network.create import create_network
from cli.network.folder import load_network
from cli.network.manifest import find_manifest
from contracts.compiler import compile_source
from contracts.storage import address_key, value_slot
from ledger.gate import GATE_CONTRACT
from ledger.genesis import genesis_block, load_genesis
from ledger.values import to_hex
from node.config import NodeFolder, load_node_config
from node.pki import NodeIdentity

MANIFEST = find_manifest("four-departments")


def _silent(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "network"
    create_network(MANIFEST, folder, 21_000, _silent)
    return folder


def test_the_folder_says_what_users_rely_on(made: Path) -> None:
    document = json.loads((made / "network.json").read_text(encoding="utf-8"))
    assert set(document) == {"name", "nodes", "groups", "accounts"}
    for node in document["nodes"]:
        assert set(node) == {
            "name", "org", "node_id", "address", "rpc", "p2p", "dir", "pid_file", "engine",
            "default_group", "groups",
        }  # fmt: skip
        assert (made / node["dir"]).is_dir()
        assert node["rpc"].startswith("http://127.0.0.1:21")
    for group in document["groups"]:
        assert set(group) == {"name", "chain_id", "genesis", "validators"}
        assert 0 < group["chain_id"] < 2**48
    for account in document["accounts"]:
        assert set(account) == {"name", "org", "role", "address", "key_file"}
        assert (made / (account["key_file"] + ".password")).is_file()


def test_no_private_key_is_readable_by_others(made: Path) -> None:
    secrets = [*made.rglob("*.key"), *made.rglob("*.password"), *made.glob("accounts/*")]
    assert len(secrets) > 30
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    public = "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in made.rglob("*")
        if path.is_file() and path not in secrets
    )
    for path in made.rglob("*.key"):
        assert path.read_text(encoding="ascii").strip() not in public


def test_each_nodes_folder_is_all_that_it_needs(made: Path) -> None:
    identities = set()
    for node in load_network(made).nodes:
        folder = NodeFolder(made / node.dir)
        config = load_node_config(folder)
        assert config.node_id == node.node_id
        identity = NodeIdentity.load(folder.tls_certificate, folder.tls_key)
        assert identity.node_id == node.node_id
        genesis = load_genesis(folder.group("equity").genesis)
        assert node.address in {entry.address for entry in genesis.validators}
        identities.add(genesis_block(genesis).hash)
        assert str(made) not in folder.config.read_text(encoding="utf-8")
    assert len(identities) == 1


def test_every_founder_signed_the_genesis(made: Path) -> None:
    genesis = load_genesis(made / "groups" / "equity" / "genesis.json")
    assert {entry.organisation for entry in genesis.signatures} == {
        "tax", "market", "data", "audit",
    }  # fmt: skip


def test_two_networks_share_no_identity(made: Path, tmp_path: Path) -> None:
    create_network(MANIFEST, tmp_path / "other", 22_000, _silent)
    one, other = load_network(made), load_network(tmp_path / "other")
    assert one.groups[0].chain_id != other.groups[0].chain_id
    assert not {a.address for a in one.accounts} & {a.address for a in other.accounts}


def test_no_validator_of_one_group_is_recognised_in_another(tmp_path: Path) -> None:
    folder = tmp_path / "network"
    create_network(find_manifest("two-groups"), folder, 22_100, _silent)
    keys = [
        entry.address
        for group in load_network(folder).groups
        for entry in load_genesis(folder / group.genesis).validators
    ]
    assert len(set(keys)) == len(keys)
    common = NodeFolder(folder / "nodes" / "tax-1")
    assert len({path.read_bytes() for path in common.path.glob("groups/*/consensus.key")}) == 2


def test_a_folder_in_use_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(CommandFailed, match="is not empty"):
        create_network(MANIFEST, tmp_path, 21_000, _silent)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(create, "save_network", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create_network(MANIFEST, tmp_path / "network", 21_000, _silent)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_that_one_is_in_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandFailed, match="is where you are"):
        create_network(MANIFEST, Path("."), 21_000, _silent)


def test_a_place_where_no_folder_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    place = tmp_path / "file" / "network"
    with pytest.raises(CommandFailed, match=f"^{place}: cannot be made: .*another folder"):
        create_network(MANIFEST, place, 21_000, _silent)


@pytest.mark.parametrize("base_port", [0, -1, 65_530])
def test_ports_out_of_range_are_refused(tmp_path: Path, base_port: int) -> None:
    with pytest.raises(CommandFailed, match="ports"):
        create_network(MANIFEST, tmp_path / "network", base_port, _silent)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "has no network.json"),
        (b"{", "damaged"),
        (b'{"name": 7}', "damaged"),
        (b'{"n\xff": 7}', "damaged"),
    ],
)
def test_a_folder_that_is_no_network_is_named(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "network.json").write_bytes(content)
    with pytest.raises(CommandFailed, match=complaint):
        load_network(tmp_path)


def test_a_stale_pid_is_no_running_node(tmp_path: Path) -> None:
    pid_file = tmp_path / "node.pid"
    assert process.running_pid(pid_file) is None
    pid_file.write_text("1", encoding="ascii")  # init runs, and it is no node
    assert process.running_pid(pid_file) is None
    pid_file.write_text("minus one", encoding="ascii")
    with pytest.raises(CommandFailed, match="not a process number"):
        process.running_pid(pid_file)


def test_accounts_beyond_the_manifest_are_in_genesis_and_keep_no_keys_here(tmp_path: Path) -> None:
    plan = Plan(transactions=10, senders=5, engine="py-evm", base_port=21_100)
    workload = new_workload(plan)
    network = make_network(tmp_path, plan, workload, _silent)
    genesis = load_genesis(tmp_path / "network" / network.groups[0].genesis)
    assert len(genesis.alloc[to_hex(TOKEN)].storage) == 5
    assert [account.name for account in network.accounts] == ["author"]
    keys = [key.secret.hex() for key in sender_keys(workload)]
    written = "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in (tmp_path / "network").rglob("*")
        if path.is_file()
    )
    assert not any(key in written for key in keys)
    gate = genesis.alloc[to_hex(GATE_CONTRACT)].storage
    addresses = [address_of(key) for key in sender_keys(workload)]
    slot = compile_source("system/accounts.vy").layout["permissions"].slot
    assert all(hex(value_slot(slot, address_key(address))) in gate for address in addresses)


def test_a_long_console_log_is_put_aside_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CONSOLE_BYTES_MAX", 10)
    console = tmp_path / process.CONSOLE_LOG
    console.parent.mkdir()
    console.write_text("what was said before\n")
    process.start(tmp_path).wait(timeout=60)  # no node's folder: it says so and ends
    assert console.with_name("console.log.1").read_text() == "what was said before\n"
    assert "node.toml" in console.read_text()
