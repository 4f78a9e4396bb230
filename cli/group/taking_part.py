"""`quorate group join` and `leave`: a node's part in a group, while it runs or while it is down."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli.failure import CommandFailed
from cli.group.local import dismiss_local, join_local, note_departure
from cli.group.telling import tell, wait_taken_up, when_closed
from cli.network.folder import load_network
from cli.output import JsonOption, emit
from cli.progress import say
from cli.second_factor import CodeOption, confirm
from client.rpc import Client, NodeUnreachable, RpcFailure
from ledger.genesis import genesis_block, load_genesis
from ledger.pin import parse_pin
from ledger.suite import STANDARD
from node.config import NodeFolder, load_node_config
from node.departures import Departure
from node.joining import join_group
from node.leaving import forget_group, is_validator, put_away
from node.membership import load_membership

NodeDir = Annotated[Path | None, typer.Argument(metavar="[NODE_DIR]", help="The node's folder.")]
NetworkOption = Annotated[
    Path | None, typer.Option("--network", help="A network's folder, with --node.")
]
NodeOption = Annotated[str | None, typer.Option("--node", help="A node of that network.")]


def join(
    folder: NodeDir = None,
    genesis: Annotated[
        Path | None, typer.Option("--genesis", help="The group's signed genesis.")
    ] = None,
    trust: Annotated[
        str | None, typer.Option(help="NUMBER:HASH, a block that the group's history must hold.")
    ] = None,
    network: NetworkOption = None,
    node: NodeOption = None,
    name: Annotated[str | None, typer.Option("--name", help="The group, with --network.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Have a node carry a group, without a restart. 加入群组。"""
    if trust is not None:
        parse_pin(trust)
    if network is not None and node is not None and name is not None and folder is None:
        entry = join_local(network, name, node, trust or "", say)
        emit(entry, as_json, lambda: f"{node} carries group {name}")
        return
    if folder is None or genesis is None or network is not None:
        raise typer.BadParameter("give NODE_DIR and --genesis, or --network, --node and --name")
    home, document = NodeFolder(folder), load_genesis(genesis)
    part = join_group(home, document, load_membership(home.membership, STANDARD), trust=trust or "")
    pid = tell(home)
    if pid is not None:
        wait_taken_up(home, part.name, genesis_block(document).hash)
    value = {**msgspec.to_builtins(part), "chain_id": document.chain_id, "told": pid}
    emit(
        value,
        as_json,
        lambda: (
            f"group {part.name}, as {part.role}: "
            + ("the node takes it up when it starts" if pid is None else "the node carries it now")
        ),
    )


def leave(
    folder: NodeDir = None,
    name: Annotated[str | None, typer.Option("--name", help="The group.")] = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="Keep the group's data, put aside.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", help="Where; by default archive/ in the node's folder.")
    ] = None,
    destroy: Annotated[bool, typer.Option("--destroy", help="Remove the group's data.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Though the node is one of the group's validators.")
    ] = False,
    network: NetworkOption = None,
    node: NodeOption = None,
    code: CodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a node carry a group no more; its data is archived or destroyed. 退出群组。"""
    if archive == destroy or (to is not None and not archive):
        raise typer.BadParameter("say what becomes of the data: --archive [--to DIR] or --destroy")
    if name is None or (folder is None) == (network is None) or (network is None) != (node is None):
        raise typer.BadParameter("give NODE_DIR or --network with --node, and --name")
    home = NodeFolder(folder) if folder is not None else _folder_in(network, node)
    _object(home, name, force)
    confirm(home, code)
    if network is not None and node is not None and not force:
        dismiss_local(network, name, node, say)
    departure = _leave(home, name, (to or home.archive) if archive else None)
    if network is not None and node is not None:
        note_departure(network, node, departure)
    emit(departure, as_json, lambda: _sentence(departure))


def _folder_in(network: Path | None, node: str | None) -> NodeFolder:
    assert network is not None
    assert node is not None
    return NodeFolder(network / load_network(network).node(node).dir)


def _leave(folder: NodeFolder, name: str, archive: Path | None) -> Departure:
    forget_group(folder, name)
    tell(folder)
    return when_closed(folder, name, lambda: put_away(folder, name, archive, datetime.now(UTC)))


def _object(folder: NodeFolder, name: str, force: bool) -> None:
    """A validator that goes takes a vote along that the group counts on."""
    if not force and folder.group(name).genesis.is_file() and _is_validator(folder, name):
        raise CommandFailed(
            f"the node is a validator of group '{name}': have the organisations vote it out first "
            "(quorate governance propose remove-validator), or add --force"
        )


def _is_validator(folder: NodeFolder, name: str) -> bool:
    client = Client(f"http://{load_node_config(folder).rpc.listen}", name)
    try:
        groups: list[dict[str, Any]] = client.groups()
    except (RpcFailure, NodeUnreachable):
        return when_closed(folder, name, lambda: is_validator(folder, name))
    return any(group["name"] == name and group["role"] == "validator" for group in groups)


def _sentence(departure: Departure) -> str:
    kept = f" in {departure.where}" if departure.where else ""
    return (
        f"group {departure.group} is left at block {departure.stable_number}: "
        f"{departure.files} files, {departure.size_bytes} bytes {departure.did}{kept}"
    )
