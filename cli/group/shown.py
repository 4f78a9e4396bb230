"""`quorate group show`: the rules of a group as one node tells them, in force and voted."""

from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from cli.group_status import group_status
from cli.output import JsonOption, emit, table
from cli.reach import reach, remote


@remote
def show(
    rpc: Annotated[str, typer.Option("--rpc", help="A node's address.")],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="By default the node's first group.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """A group's parameters and protocol version, in force and pending. 群组参数与协议版本。"""
    found = group_status(reach(rpc), name)
    value = {key: found[key] for key in ("name", "chain_id", "epoch", "parameters", "upgrade")}
    emit(value, as_json, lambda: _render(value))


def _render(value: dict[str, Any]) -> RenderableType:
    told, upgrade = value["parameters"], value["upgrade"]
    since = told["pending_from"]
    rows = [
        (name, f"{number:,}", f"{told['pending'][name]:,}" if name in told["pending"] else "")
        for name, number in told["in_force"].items()
    ]
    title = f"{value['name']}, epoch {value['epoch']}"
    columns = ("parameter", "in force", f"from block {since} on" if since else "pending")
    return Group(table(title, columns, rows), _protocol(upgrade))


def _protocol(upgrade: dict[str, Any]) -> str:
    line = (
        f"protocol version {upgrade['protocol_version']}, this node's build speaks "
        f"{upgrade['supported']}"
    )
    scheduled = upgrade["scheduled"]
    if scheduled is None:
        return line
    if "target" in scheduled:
        return f"{line}; the code of {scheduled['target']} is replaced at block {scheduled['at']}"
    return (
        f"{line}; version {scheduled['protocol_version']} is in force from block "
        f"{scheduled['in_force_from']} on"
    )
