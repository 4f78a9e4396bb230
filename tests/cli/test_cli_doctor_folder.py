"""`quorate doctor NODE_DIR` of a node that never ran: what its folder alone shows, by code."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.finding_codes import Code
from cli.main import command
from cli.network.create import create_network
from cli.network.manifest import find_manifest
from node.config import NodeFolder
from node.keyfile import save_private_key

EXPECTED_OF_A_STOPPED_NODE = {Code.NODE, Code.PEER}
"""Nobody of this network runs."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = tmp_path_factory.mktemp("doctor") / "network"
    create_network(find_manifest("four-departments"), network, 26_100, lambda _: None)
    return network / "nodes"


@pytest.fixture
def nodes(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "nodes")


@pytest.fixture
def node(nodes: Path) -> NodeFolder:
    return NodeFolder(nodes / "tax-1")


def _look(node: NodeFolder, *options: str) -> dict[str, dict[str, Any]]:
    """The findings that are not well, by code."""
    chosen = options or ("--disk-free-mib-min", "1")
    arguments = ["doctor", str(node.path), "--json", *chosen]
    done = CliRunner().invoke(command(["doctor"]), arguments)
    answer = json.loads(done.stdout)
    assert answer["well"] == (done.exit_code == 0)
    return {found["code"]: found for found in answer["findings"] if not found["well"]}


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _wal(node: NodeFolder) -> Path:
    return node.group("equity").wal / "wal.00000001"


def _key(node: NodeFolder) -> Path:
    return node.group("equity").consensus_key


def _neighbour(node: NodeFolder) -> NodeFolder:
    return NodeFolder(node.path.parent / "market-1")


PLANTS: dict[str, tuple[Callable[[NodeFolder], object], Code, str]] = {
    "open key": (lambda n: _key(n).chmod(0o640), Code.KEY_MODE, "found 640"),
    "open TLS key": (lambda n: n.tls_key.chmod(0o604), Code.KEY_MODE, "found 604"),
    "unknown key": (
        lambda n: _replace(n.config, "[rpc]", "[rpc]\nport = 1"),
        Code.CONFIGURATION,
        "port",
    ),
    "no configuration": (lambda n: n.config.unlink(), Code.CONFIGURATION, "cannot read"),
    "public RPC": (
        lambda n: _replace(n.config, '[rpc]\nlisten = "127.0.0.1', '[rpc]\nlisten = "0.0.0.0'),
        Code.RPC_ADDRESS,
        "found 0.0.0.0",
    ),
    "another's key": (
        lambda n: shutil.copy2(_key(_neighbour(n)), _key(n)),
        Code.CONSENSUS_KEY,
        "the key of market/market-1",
    ),
    "another's certificate": (
        lambda n: [
            shutil.copy2(_neighbour(n).tls_key, n.tls_key),
            shutil.copy2(_neighbour(n).tls_certificate, n.tls_certificate),
        ],
        Code.CERTIFICATE_NODE,
        "found one of market/market-1",
    ),
    "a certificate without its key": (
        lambda n: shutil.copy2(_neighbour(n).tls_certificate, n.tls_certificate),
        Code.CERTIFICATE,
        "expected a certificate for the key",
    ),
    "no group folder": (
        lambda n: shutil.rmtree(n.group("equity").path),
        Code.GROUP_FOLDER,
        "found none",
    ),
    "damaged genesis": (
        lambda n: n.group("equity").genesis.write_text("{}", encoding="ascii"),
        Code.GENESIS,
        "genesis.json",
    ),
    "damaged membership": (
        lambda n: _replace(n.membership, '"version"', '"versoin"'),
        Code.MEMBERSHIP,
        "expected a signed document",
    ),
    "a key for a store in clear": (
        lambda n: [
            save_private_key(n.store_key, bytes(31) + b"\x01"),
            _replace(n.config, 'key_file = ""', 'key_file = "keys/store.key"'),
        ],
        Code.STORE_KEY,
        "is not encrypted",
    ),
    "a store key that is not there": (
        lambda n: _replace(n.config, 'key_file = ""', 'key_file = "keys/store.key"'),
        Code.STORE_KEY,
        "cannot read the key",
    ),
    "cut log": (lambda n: os.truncate(_wal(n), 5), Code.VOTE_LOG, "shorter"),
    "no log": (lambda n: shutil.rmtree(_wal(n).parent), Code.VOTE_LOG, "missing"),
    "read-only": (lambda n: n.group("equity").path.chmod(0o500), Code.READ_ONLY, "read-only"),
    "dead process": (
        lambda n: n.pid_file.write_text("999999999\n", encoding="ascii"),
        Code.PROCESS,
        "found no such node",
    ),
    "no process number": (
        lambda n: n.pid_file.write_text("x", encoding="ascii"),
        Code.PROCESS,
        "not a process number",
    ),
}


def test_a_folder_as_it_was_made_is_well_but_for_the_node_that_is_down(node: NodeFolder) -> None:
    before = {path: path.stat().st_mtime_ns for path in node.path.rglob("*")}
    assert set(_look(node)) == EXPECTED_OF_A_STOPPED_NODE
    assert {path: path.stat().st_mtime_ns for path in node.path.rglob("*")} == before


@pytest.mark.parametrize("plant", PLANTS)
def test_a_mistake_is_found_with_what_was_seen_and_a_way_out(node: NodeFolder, plant: str) -> None:
    make, code, seen = PLANTS[plant]
    make(node)
    found = _look(node)
    assert code in found, found
    assert seen in found[code]["seen"]
    assert found[code]["remedy"]
    if plant == "read-only":
        node.group("equity").path.chmod(0o700)


def test_too_little_room_is_by_the_operators_own_measure(node: NodeFolder) -> None:
    assert Code.DISK in _look(node, "--disk-free-mib-min", str(1 << 40))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_named(node: NodeFolder) -> None:
    os.chown(node.membership, 54_321, -1)
    assert "membership.json of user 54321" in _look(node)[Code.OWNER]["seen"]
