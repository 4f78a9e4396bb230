"""`quorate group admit` and `dismiss`: a node comes on a group's list, or is taken off it.

By an administrator of the node's organisation, from wherever a node of the group can be reached:
no network's folder is needed, nor the node itself, which may be lost or stolen.
"""

from typing import Annotated

import typer

from cli.failure import CommandFailed
from cli.output import JsonOption, emit
from cli.reach import remote
from cli.remote_desk import (
    GroupName,
    KeyFileOption,
    PasswordOption,
    RpcOption,
    check_organisation,
    remote_desk,
)
from contracts.bindings import accounts
from workflows.equity_transfer.deploy import SetUpDesk

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
    number = check_organisation(desk, organisation)
    if not _is_listed(desk, number, name):
        desk.act(_step("admit", desk, name), accounts.admit_node(name))
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
    if _is_listed(desk, number, name):
        desk.act(_step("dismiss", desk, name), accounts.dismiss_node(name))
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


def _is_listed(desk: SetUpDesk, number: int, name: str) -> bool:
    return (number, name) in desk.ask(accounts.node_list())


def _step(act: str, desk: SetUpDesk, name: str) -> str:
    """Numbered by the block: a node that comes back is admitted by another transaction."""
    return f"{act}-{name}-{desk.client.block_number()}"
