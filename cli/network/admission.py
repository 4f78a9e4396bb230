"""A node is let into a group, or taken off its list, by its organisation's administrator."""

from dataclasses import replace

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from client.rpc import Client
from contracts.bindings import accounts
from contracts.roles import NODE_ROLES
from workflows.equity_transfer.deploy import SetUpDesk, organisation_number


def admit(network: LocalNetwork, organisation: str, name: str) -> None:
    """The group's list names the node from now on."""
    desk = _desk(network, organisation)
    put_on_list(desk, organisation_number(desk, organisation), name)


def dismiss(network: LocalNetwork, organisation: str, name: str) -> None:
    """The list names it no more; the contract refuses this for a validator's node.

    Sent through another node, for this one hears no more of the group from that block on.
    """
    others = [node for node in network.nodes if node.name != name]
    if not others:
        raise CommandFailed(f"no other node of group '{network.group.name}' is known here to ask")
    validators = [node for node in others if node.name in network.group.validators]
    client = Client((validators or others)[0].rpc, network.group.name)
    desk = replace(_desk(network, organisation), client=client)
    take_off_list(desk, organisation_number(desk, organisation), name)


def put_on_list(desk: SetUpDesk, organisation: int, name: str) -> None:
    """Sends nothing if the group's list names the node already."""
    if not _is_listed(desk, organisation, name):
        desk.act(_step("admit", desk, name), accounts.admit_node(name))


def take_off_list(desk: SetUpDesk, organisation: int, name: str) -> None:
    """Sends nothing if the group's list does not name the node."""
    if _is_listed(desk, organisation, name):
        desk.act(_step("dismiss", desk, name), accounts.dismiss_node(name))


def _is_listed(desk: SetUpDesk, organisation: int, name: str) -> bool:
    return (organisation, name) in desk.ask(accounts.node_list())


def _desk(network: LocalNetwork, organisation: str) -> SetUpDesk:
    return network.set_up_desk(network.first_account(organisation, *NODE_ROLES))


def _step(act: str, desk: SetUpDesk, name: str) -> str:
    """Numbered by the block: a node that comes back is admitted by another transaction."""
    return f"{act}-{name}-{desk.client.block_number()}"
