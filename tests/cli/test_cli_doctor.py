"""`quorate doctor NODE_DIR --deep`: a stopped node's store read wholly, by its verdict and exit."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import command
from cli.network.create import create_network
from cli.network.manifest import find_manifest
from ledger.chain import Chain
from ledger.keyvalue import LevelDB
from ledger.pyevm import PyEvmEngine
from ledger.store import BlockStore
from node.config import NodeFolder
from node.group_assembly import read_genesis


def _nothing(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodeFolder:
    network = tmp_path_factory.mktemp("doctor") / "network"
    create_network(find_manifest("four-departments"), network, 21_100, _nothing)
    return NodeFolder(next(path for path in (network / "nodes").iterdir() if path.name == "tax-1"))


def _look(node: NodeFolder) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(command(["doctor"]), ["doctor", str(node.path), "--deep", "--json"])
    [found] = [f for f in json.loads(done.stdout)["findings"] if f["what"].startswith("store of")]
    return done.exit_code, found


def _group(node: NodeFolder) -> Path:
    [folder] = (node.path / "groups").iterdir()
    return folder


def test_a_store_is_missing_then_whole_then_in_use_then_damaged(node: NodeFolder) -> None:
    group = node.group(_group(node).name)
    code, found = _look(node)
    assert (code != 0, found["seen"]) == (True, "there is none")
    genesis = read_genesis(group)
    database = LevelDB(group.database)
    chain = Chain(genesis, BlockStore(database, genesis.suite), PyEvmEngine())
    code, found = _look(node)
    assert code != 0
    assert "open" in str(found["seen"])
    chain.close()
    code, found = _look(node)
    assert found["well"], found
    assert "blocks 0 to 0" in str(found["seen"])
    database = LevelDB(group.database)
    key, _ = next(database.items(b"a"))
    database.write({key: None}, sync=True)
    database.close()
    code, found = _look(node)
    assert code != 0
    assert not found["well"]
    assert "fetches all from peers" in str(found["remedy"])
