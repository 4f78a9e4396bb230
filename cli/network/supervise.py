"""Starts, stops and watches the nodes of a network's folder on this machine."""

import time
from pathlib import Path
from typing import Any

import msgspec

from cli.failure import CommandFailed
from cli.network import process
from cli.network.folder import NetworkFile, Node, load_network, save_network
from cli.progress import Progress
from client.rpc import Client, NodeUnreachable, RpcFailure

UP_TIMEOUT_S = 120.0
POLL_S = 0.1
STATUS_TIMEOUT_S = 2.0
FIRST_BLOCK = 1


class NodeState(msgspec.Struct, frozen=True):
    """What `network status` says of one node; `status` is the node's own answer, or None.

    `engine` is what the node runs on, or ran on when it was brought up last.
    """

    name: str
    alive: bool
    engine: str
    status: dict[str, Any] | None


def bring_up(folder: Path, only: str | None, progress: Progress) -> list[str]:
    """Start what is not running and wait until block 1 is stable wherever that can be.

    With `only`, that one node is started and awaited. Returns the names of the nodes started.
    """
    network = load_network(folder)
    wanted = [network.node(only)] if only else list(network.nodes)
    started = {}
    for node in wanted:
        if process.running_pid(folder / node.pid_file) is None:
            started[node.name] = process.start(folder / node.dir)
            progress(f"{node.name}: started, {node.rpc}")
    deadline = time.monotonic() + UP_TIMEOUT_S
    waiting = {node.name: node for node in wanted}
    while waiting:
        for node in list(waiting.values()):
            child = started.get(node.name)
            if child is not None and child.poll() is not None:
                words = process.last_words(folder / node.dir)
                raise CommandFailed(f"{node.name} ended with code {child.returncode}: {words}")
            if has_first_block(node):
                progress(f"{node.name}: block {FIRST_BLOCK} is stable")
                del waiting[node.name]
        if waiting and time.monotonic() > deadline:
            names = ", ".join(waiting)
            raise CommandFailed(
                f"block {FIRST_BLOCK} is not stable on {names} after {UP_TIMEOUT_S:.0f} s; "
                f"see: quorate network status {folder}, and the nodes' logs/"
            )
        if waiting:
            time.sleep(POLL_S)
    _note_engines(folder, network)
    return list(started)


def _note_engines(folder: Path, network: NetworkFile) -> None:
    """Keep `network.json` true: an `auto` node may run on another engine than at creation."""
    now = {state.name: state.engine for state in node_states(folder)}
    if any(node.engine != now[node.name] for node in network.nodes):
        nodes = tuple(
            msgspec.structs.replace(node, engine=now[node.name]) for node in network.nodes
        )
        save_network(folder, msgspec.structs.replace(network, nodes=nodes))


def take_down(folder: Path, only: str | None, progress: Progress) -> list[str]:
    """Stop the nodes that run; returns their names."""
    network = load_network(folder)
    stopped = []
    for node in [network.node(only)] if only else network.nodes:
        pid_file = folder / node.pid_file
        pid = process.running_pid(pid_file)
        if pid is None:
            continue
        clean = process.stop(pid)
        pid_file.unlink(missing_ok=True)
        stopped.append(node.name)
        progress(f"{node.name}: stopped" + ("" if clean else " (it had to be killed)"))
    return stopped


def node_states(folder: Path) -> list[NodeState]:
    """Every node of the folder: whether its process lives, and what it answers."""
    network: NetworkFile = load_network(folder)
    return [_node_state(folder, node) for node in network.nodes]


def _node_state(folder: Path, node: Node) -> NodeState:
    status = _status(node)
    alive = process.running_pid(folder / node.pid_file) is not None
    return NodeState(node.name, alive, status["engine"] if status else node.engine, status)


def _status(node: Node) -> dict[str, Any] | None:
    try:
        return Client(node.rpc, request_s_max=STATUS_TIMEOUT_S).status()
    except (RpcFailure, NodeUnreachable):
        return None


def has_first_block(node: Node) -> bool:
    """Whether the node answers, with a stable block in every group."""
    status = _status(node)
    return status is not None and all(
        group["stable"]["number"] >= FIRST_BLOCK for group in status["groups"]
    )
