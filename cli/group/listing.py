"""`quorate group admit` and `dismiss`: a node comes on a group's list, or is taken off it.

By an administrator of the node's organisation, from wherever a node of the group can be reached:
no network's folder is needed, nor the node itself, which may be lost or stolen.
"""

from typing import Annotated

import typer

from cli.failure import CommandFailed
from cli.network.admission import put_on_list, take_off_list
from cli.options import PasswordOption
from cli.output import JsonOption, emit
from cli.reach import remote
from cli.remote_desk import (
    GroupName,
    KeyFileOption,
    RpcOption,
    check_organisation,
    remote_desk,
)

NodeId = Annotated[str, typer.Argument(metavar="ORG/NODE", help="The node's id.")]


@remote
def admit(
    node: NodeId,
    rpc: RpcOption,
    group: GroupName,
    key_file: KeyFileOption,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a node of the account's organisation follow a group. 准入节点。"""
    organisation, name = _parts(node)
    desk = remote_desk(rpc, group, key_file, password_file)
    put_on_list(desk, check_organisation(desk, organisation), name)
    emit({"node": node, "admitted": True}, as_json, lambda: f"{node} may follow group {group} now")


@remote
def dismiss(
    node: NodeId,
    rpc: RpcOption,
    group: GroupName,
    key_file: KeyFileOption,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a node of the account's organisation off a group's list. 移出节点。"""
    organisation, name = _parts(node)
    desk = remote_desk(rpc, group, key_file, password_file)
    number = check_organisation(desk, organisation)
    if desk.client.status()["node"] == name:
        raise CommandFailed(
            f"{rpc} is {node} itself, which hears no more of the group from that block on: "
            "name another node of the group"
        )
    take_off_list(desk, number, name)
    emit(
        {"node": node, "admitted": False},
        as_json,
        lambda: f"{node} is off the list of group {group}, and no node of it sends it anything",
    )


def _parts(node: str) -> tuple[str, str]:
    organisation, separator, name = node.partition("/")
    if not (organisation and separator and name):
        raise CommandFailed(f"expected a node's id, ORG/NODE, got {node!r}")
    return organisation, name
