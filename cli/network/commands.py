"""The `quorate network` commands: create, up, down, status."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.desks import LocalNetwork
from cli.network.create import BASE_PORT_DEFAULT, create_network
from cli.network.extend import add_node
from cli.network.folder import load_network
from cli.network.manifest import find_manifest
from cli.network.supervise import NodeState, bring_up, node_states, take_down
from cli.options import GroupOption
from cli.output import JsonOption, emit, table
from cli.progress import say

app = typer.Typer(help="Make, start, stop and show a network. 网络的建立、启停与状态。")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The network's folder.")]
NodeName = Annotated[str | None, typer.Option("--node", help="Only this node.")]


@app.command()
def create(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    config: Annotated[
        str, typer.Option(help="A shipped manifest's name, or a TOML file.")
    ] = "four-departments",
    base_port: Annotated[
        int, typer.Option(help="The first port; each node takes two.")
    ] = BASE_PORT_DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Make a network's folder: authorities, keys, genesis, nodes. 建立网络。"""
    create_network(find_manifest(config), folder, base_port, say)
    network = load_network(folder)
    emit(
        {"network": str(folder), "nodes": [node.name for node in network.nodes]},
        as_json,
        lambda: f"Made {folder}. Start it with: quorate network up {folder}",
    )


@app.command("add-node")
def add_node_(
    folder: Folder,
    org: Annotated[str, typer.Option(help="Its organisation.")],
    name: Annotated[str, typer.Option(help="A new name.")],
    group: GroupOption = None,
    engine: Annotated[str | None, typer.Option(help="By default the first node's.")] = None,
    for_recovery: Annotated[
        bool,
        typer.Option(
            "--for-recovery", help="The group stands still: a recovery certificate will admit it."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a node to a running network; it follows a group as an observer. 增加节点。"""
    local = LocalNetwork(folder, group)
    node = add_node(local, org, name, engine, say, admit=not for_recovery)
    emit(
        node,
        as_json,
        lambda: f"Added {name}. Start it with: quorate network up {folder} --node {name}",
    )


@app.command()
def up(folder: Folder, node: NodeName = None, as_json: JsonOption = False) -> None:
    """Start what is not running; returns when block 1 is stable everywhere. 启动。"""
    started = bring_up(folder, node, say)
    emit({"started": started}, as_json, lambda: f"Up; {len(started)} node(s) started.")


@app.command()
def down(folder: Folder, node: NodeName = None, as_json: JsonOption = False) -> None:
    """Stop the nodes that run. 停止。"""
    stopped = take_down(folder, node, say)
    emit({"stopped": stopped}, as_json, lambda: f"Down; {len(stopped)} node(s) stopped.")


@app.command()
def status(folder: Folder, as_json: JsonOption = False) -> None:
    """Every node: alive, height, view, primary, who is missing. 状态。"""
    states = node_states(folder)
    emit({"nodes": states}, as_json, lambda: _status_table(states))


def _status_table(states: list[NodeState]) -> Table:
    rows: list[tuple[object, ...]] = []
    for state in states:
        if state.status is None:
            rows.append((state.name, "no answer" if state.alive else "down", *["-"] * 7))
            continue
        for group in state.status["groups"]:
            missing = ", ".join(entry["node"] for entry in group["missing"])
            rows.append(
                (
                    state.name,
                    state.engine,
                    group["name"],
                    group["stable"]["number"],
                    group["view"],
                    group["primary"],
                    group["quorum"],
                    missing or "nobody",
                    _note(group),
                )
            )
    columns = ("node", "runs on", "group", "stable", "view", "primary", "quorum", "missing", "note")
    return table("Network", columns, rows)


def _note(group: dict[str, Any]) -> str:
    """What is out of the ordinary with a node's part in a group."""
    if group.get("halted"):
        return f"halted: {group['halted']}"
    if group.get("log_lost"):
        return "lost its vote log, follows only"
    if group.get("retired"):
        return "its key is retired, follows only"
    if group.get("syncing"):
        return "catching up"
    return "observer" if group.get("role") == "observer" else ""
