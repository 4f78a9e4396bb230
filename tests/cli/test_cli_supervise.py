"""What a network's commands say when something else has its ports, or a person loses patience."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.failure import CommandFailed
from cli.network import process, supervise
from cli.network.folder import (
    Group,
    Membership,
    NetworkFile,
    Node,
    load_network,
    save_network,
)
from cli.network.supervise import bring_up, node_states
from node.config import (
    GroupConfig,
    ListenConfig,
    NodeConfig,
    NodeFolder,
    RpcConfig,
    save_node_config,
)

CHAIN_ID = 77
NAMES = ("tax-1", "market-1", "data-1", "audit-1")


class StandIn:
    """A node's process that lives on."""

    returncode = 0

    def poll(self) -> None:
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network's folder, as far as starting and stopping nodes reads it."""
    made = tmp_path_factory.mktemp("network")
    nodes = tuple(_node(made, name) for name in NAMES)
    group = Group("equity", CHAIN_ID, "genesis.json", NAMES)
    save_network(made, NetworkFile("four", nodes, (group,), ()))
    return made


def _node(made: Path, name: str) -> Node:
    p2p, rpc = _free_address(), _free_address()
    config = NodeConfig(
        name=name,
        org="tax",
        p2p=ListenConfig(p2p),
        rpc=RpcConfig(rpc),
        engine="py-evm",
        default_group="equity",
        group=(GroupConfig("equity", "validator"),),
    )
    save_node_config(config, NodeFolder(made / "nodes" / name))
    return Node(
        name=name,
        org="tax",
        node_id=f"tax/{name}",
        address="0x" + "00" * 20,
        rpc=f"http://{rpc}",
        p2p=p2p,
        dir=f"nodes/{name}",
        pid_file=f"nodes/{name}/node.pid",
        engine="py-evm",
        default_group="equity",
        groups=(Membership("equity", "validator"),),
    )


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of the nodes that were started: none really is."""
    names: list[str] = []

    def start(node_folder: Path) -> StandIn:
        names.append(node_folder.name)
        return StandIn()

    monkeypatch.setattr(process, "start", start)
    return names


@pytest.fixture
def taken(folder: Path) -> Iterator[str]:
    """Another process listens where the third node's RPC is to be."""
    rpc = load_network(folder).nodes[2].rpc.removeprefix("http://")
    host, _, port = rpc.partition(":")
    with socket.create_server((host, int(port))):
        yield port


def test_nothing_starts_where_a_port_is_taken(folder: Path, started: list[str], taken: str) -> None:
    words = f"data-1: port {taken} is not free .*quorate network down DIR.*--base-port"
    with pytest.raises(CommandFailed, match=words):
        bring_up(folder, None, lambda _: None)
    assert started == []


def test_one_node_starts_whatever_has_anothers_port(
    folder: Path, started: list[str], taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "has_first_block", lambda *_: True)
    assert bring_up(folder, "tax-1", lambda _: None) == started == ["tax-1"]


def test_who_interrupts_the_start_is_told_how_to_stop_the_nodes(
    folder: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(supervise, "has_first_block", interrupted)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        bring_up(folder, None, said.append)
    assert len(started) == 4
    assert said[-1] == f"what was started runs on; to stop it: quorate network down {folder}"


def test_who_waits_is_told_what_for(
    folder: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter(range(100))
    monkeypatch.setattr(supervise, "WAITING_SAID_S", 0.0)
    monkeypatch.setattr(supervise, "has_first_block", lambda *_: next(asked) > 4)
    said: list[str] = []
    bring_up(folder, None, said.append)
    assert "waiting for block 1 on tax-1, market-1, data-1, audit-1" in said


def _answers(name: str, chain_id: int) -> dict[str, Any]:
    group = {"name": "equity", "chain_id": chain_id, "stable": {"number": 7}}
    return {"node": name, "engine": "py-evm", "groups": [group]}


def test_a_node_of_another_network_on_the_same_ports_is_not_taken_for_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(
        [
            _answers("tax-1", CHAIN_ID),
            _answers("market-1", CHAIN_ID + 1),
            _answers("tax-1", CHAIN_ID),
            _answers("audit-1", CHAIN_ID),
        ]
    )
    monkeypatch.setattr(supervise.Client, "status", lambda _: next(answers))
    found = [state.status is not None for state in node_states(folder)]
    assert found == [True, False, False, True]
