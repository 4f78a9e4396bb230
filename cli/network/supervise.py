"""Starts, stops and watches the nodes of a network's folder on this machine."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from cli.failure import CommandFailed
from cli.network import process
from cli.network.folder import NetworkFile, Node, load_network, save_network
from cli.network.ports import taken_port
from cli.progress import Progress
from client.rpc import Client, NodeUnreachable, RpcFailure
from node.config import NodeConfig, NodeFolder, load_node_config, parse_address

UP_TIMEOUT_S = 120.0
POLL_S = 0.1
WAITING_SAID_S = 15.0
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
    stopped = [node for node in wanted if process.running_pid(folder / node.pid_file) is None]
    for node in stopped:
        _check_ports(node.name, load_node_config(NodeFolder(folder / node.dir)))
    started = {}
    try:
        for node in stopped:
            started[node.name] = process.start(folder / node.dir)
            progress(f"{node.name}: started, {node.rpc}")
        _await_first_block(folder, network, wanted, started, progress)
    except BaseException:
        if started:
            progress(f"what was started runs on; to stop it: quorate network down {folder}")
        raise
    _note_engines(folder, network)
    return list(started)


def _check_ports(name: str, config: NodeConfig) -> None:
    """Raise CommandFailed if another process has a port of the node's: it would answer for it."""
    for address in (config.p2p.listen, config.rpc.listen):
        host, port = parse_address(address)
        taken = taken_port(host, [port])
        if taken is not None:
            raise CommandFailed(
                f"{name}: {taken}: stop what uses it, which may be another network "
                "(quorate network down DIR), or create this one anew with another --base-port"
            )


def _await_first_block(
    folder: Path,
    network: NetworkFile,
    nodes: list[Node],
    started: Mapping[str, subprocess.Popen[bytes]],
    progress: Progress,
) -> None:
    now = time.monotonic()
    deadline, next_words = now + UP_TIMEOUT_S, now + WAITING_SAID_S
    waiting = {node.name: node for node in nodes}
    while waiting:
        for node in list(waiting.values()):
            child = started.get(node.name)
            if child is not None and child.poll() is not None:
                words = process.last_words(folder / node.dir)
                raise CommandFailed(f"{node.name} ended with code {child.returncode}: {words}")
            if has_first_block(network, node):
                progress(f"{node.name}: block {FIRST_BLOCK} is stable")
                del waiting[node.name]
        names, now = ", ".join(waiting), time.monotonic()
        if waiting and now > deadline:
            raise CommandFailed(
                f"block {FIRST_BLOCK} is not stable on {names} after {UP_TIMEOUT_S:.0f} s; "
                f"see: quorate network status {folder}, and the nodes' logs/"
            )
        if waiting and now > next_words:
            progress(f"waiting for block {FIRST_BLOCK} on {names}")
            next_words = now + WAITING_SAID_S
        if waiting:
            time.sleep(POLL_S)


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
    return [_node_state(folder, network, node) for node in network.nodes]


def _node_state(folder: Path, network: NetworkFile, node: Node) -> NodeState:
    status = _status(network, node)
    alive = process.running_pid(folder / node.pid_file) is not None
    return NodeState(node.name, alive, status["engine"] if status else node.engine, status)


def _status(network: NetworkFile, node: Node) -> dict[str, Any] | None:
    """What the node says of itself; None if nothing answers, or a node of another network."""
    try:
        status = Client(node.rpc, request_s_max=STATUS_TIMEOUT_S).status()
    except (RpcFailure, NodeUnreachable):
        return None
    chains = {group.name: group.chain_id for group in network.groups}
    is_ours = status["node"] == node.name and all(
        chains.get(group["name"], group["chain_id"]) == group["chain_id"]
        for group in status["groups"]
    )
    return status if is_ours else None


def has_first_block(network: NetworkFile, node: Node) -> bool:
    """Whether the node answers, with a stable block in every group."""
    status = _status(network, node)
    return status is not None and all(
        group["stable"]["number"] >= FIRST_BLOCK for group in status["groups"]
    )
