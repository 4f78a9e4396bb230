"""`quorate group list`: the groups that nodes carry, and those that they left."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Group, RenderableType

from cli.network.folder import load_network
from cli.output import JsonOption, emit, table
from cli.reach import reach, remote
from ledger.genesis import genesis_block
from ledger.suite import STANDARD
from ledger.values import to_hex
from node.config import NodeFolder, load_node_config
from node.departures import read_departures
from node.founding import signed_founders, unsigned_founders
from node.group_assembly import read_genesis
from node.membership import load_membership


@remote
def list_(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[NODE_DIR]", help="A node's folder.")
    ] = None,
    rpc: Annotated[str | None, typer.Option("--rpc", help="A node's address instead.")] = None,
    network: Annotated[
        Path | None, typer.Option("--network", help="A network's folder instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The groups of a node or a network: chain id, role, height, founders. 群组一览。"""
    if sum(given is not None for given in (folder, rpc, network)) != 1:
        raise typer.BadParameter("give one of NODE_DIR, --rpc URL and --network DIR")
    value: dict[str, Any]
    if rpc is not None:
        value = {"groups": reach(rpc).groups()}
    elif folder is not None:
        value = _of_folder(NodeFolder(folder))
    else:
        assert network is not None
        value = {"groups": _of_network(network)}
    emit(value, as_json, lambda: _render(value))


def _of_folder(folder: NodeFolder) -> dict[str, Any]:
    config = load_node_config(folder)
    membership = load_membership(folder.membership, STANDARD)
    groups = []
    for entry in config.group:
        genesis = read_genesis(folder.group(entry.name))
        groups.append(
            {
                "name": entry.name,
                "role": entry.role,
                "chain_id": genesis.chain_id,
                "genesis_hash": to_hex(genesis_block(genesis).hash),
                "founders": signed_founders(genesis, membership),
                "unsigned": unsigned_founders(genesis, membership),
            }
        )
    left = [msgspec.to_builtins(entry) for entry in read_departures(folder.departures)]
    return {"groups": groups, "left": left}


def _of_network(folder: Path) -> list[dict[str, Any]]:
    network = load_network(folder)
    return [
        {
            "name": group.name,
            "chain_id": group.chain_id,
            "validators": list(group.validators),
            "carried_by": [
                f"{node.name} ({part.role})"
                for node in network.nodes
                for part in node.groups
                if part.name == group.name
            ],
        }
        for group in network.groups
    ]


def _render(value: dict[str, Any]) -> RenderableType:
    parts = [_table("Groups", value["groups"])]
    if value.get("left"):
        shown = ("at", "group", "stable_number", "voted", "did", "where")
        left = [{name: entry[name] for name in shown} for entry in value["left"]]
        parts.append(_table("Left", left))
    return Group(*parts)


def _table(title: str, entries: list[dict[str, Any]]) -> RenderableType:
    columns = list(entries[0]) if entries else ["name"]
    rows = (
        [", ".join(cell) if isinstance(cell, list) else cell for cell in entry.values()]
        for entry in entries
    )
    return table(title, columns, rows)
