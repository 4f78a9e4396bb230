"""A node of a group, or a reader that verifies what it says: by a network's folder, or by a node's
address and a genesis file.
"""

from pathlib import Path

import typer

from cli.desks import LocalNetwork
from cli.reach import reach
from client.light import LightClient
from client.rpc import Client
from ledger.genesis import load_genesis


def node_of_group(rpc: str | None, network: Path | None, group: str | None) -> Client:
    """The node at `rpc`, or the first of a network's folder that carries the group.

    Raises CommandFailed, BadParameter.
    """
    if network is not None:
        local = LocalNetwork(network, group)
        return reach(rpc or local.nodes[0].rpc, local.group.name)
    if rpc is None:
        raise typer.BadParameter("give --rpc URL, or --network DIR")
    return reach(rpc, group)


def light_reader(
    rpc: str | None, genesis: Path | None, network: Path | None, group: str | None
) -> LightClient:
    """Believes the genesis file alone. Raises CommandFailed, BadParameter."""
    if genesis is not None:
        document = load_genesis(genesis)
        return LightClient(document, node_of_group(rpc, network, group or document.name))
    if network is None:
        raise typer.BadParameter("give --rpc URL and --genesis FILE, or --network DIR")
    asked = node_of_group(rpc, network, group)
    return LightClient(LocalNetwork(network, group).genesis, asked)
