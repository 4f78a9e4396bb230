"""A further node for a network that exists: certificate, membership, genesis, node.toml.

For networks whose organisations' keys stand in one folder. The node starts as an observer of one
group; the organisations make it a validator by vote.
"""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.member.files import load_organisation_signer
from cli.member.publication import publish_document
from cli.network.admission import admit as admit_node
from cli.network.folder import Membership as Part
from cli.network.folder import Node, check_new_name, save_network
from cli.network.manifest import NODES_MAX
from cli.progress import Progress
from ledger import genesis as founding
from ledger.suite import STANDARD
from ledger.values import Address, to_hex
from node.config import (
    GroupConfig,
    ListenConfig,
    NodeConfig,
    NodeFolder,
    PeerConfig,
    RpcConfig,
    load_node_config,
    parse_address,
    save_node_config,
)
from node.group_assembly import found_group
from node.joining import make_consensus_key
from node.membership import Membership, load_membership
from node.membership_change import NextVersion
from node.pki import OrganisationCA

HOST = "127.0.0.1"
PORT_MAX = 65_535


def add_node(
    network: LocalNetwork,
    organisation: str,
    name: str,
    engine: str | None,
    progress: Progress,
    *,
    admit: bool = True,
) -> Node:
    """Admit the node by its organisation's admin, then make its folder and tell the others.

    Without `admit` nobody is asked: a group that stands still admits it by a recovery certificate.
    Repeated after a failure, it goes on where it stopped. Raises `CommandFailed`.
    """
    _check(network, organisation, name)
    if admit:
        admit_node(network, organisation, name)
        progress(f"group {network.group.name}: {organisation}/{name} is admitted")
    p2p, rpc = _free_addresses(network)
    folder = NodeFolder(network.folder / "nodes" / name)
    address = _keys(network, folder, organisation, name)
    document = _successor(network, f"{organisation}/{name}", p2p)
    document.save(folder.membership)
    _genesis(network, folder)
    config = _config(network, organisation, name, engine, p2p, rpc)
    save_node_config(config, folder)
    entry = Node(
        name=name,
        org=organisation,
        node_id=config.node_id,
        address=to_hex(address),
        rpc=f"http://{rpc}",
        p2p=p2p,
        dir=str(Path("nodes") / name),
        pid_file=str(Path("nodes") / name / "node.pid"),
        engine=config.engine,
        default_group=network.group.name,
        groups=(Part(network.group.name, "observer"),),
    )
    save_network(
        network.folder,
        msgspec.structs.replace(network.file, nodes=(*network.file.nodes, entry)),
    )
    _publish(network, document)
    progress(f"node {name}: rpc {rpc}, p2p {p2p}")
    return entry


def _check(network: LocalNetwork, organisation: str, name: str) -> None:
    check_new_name(name, "a node", network.file.nodes)
    if len(network.file.nodes) >= NODES_MAX:
        raise CommandFailed(f"this network has {NODES_MAX} nodes, no folder holds more")
    if not (network.folder / "organisations" / organisation / "ca.key").is_file():
        known = sorted(path.name for path in (network.folder / "organisations").glob("*"))
        raise CommandFailed(
            f"--org '{organisation}': its authority's key is not in this folder; "
            f"there are: {', '.join(known)}"
        )


def _free_addresses(network: LocalNetwork) -> tuple[str, str]:
    """The two ports after the highest that the network uses."""
    used = [parse_address(node.p2p)[1] for node in network.file.nodes]
    used += [int(node.rpc.rpartition(":")[2]) for node in network.file.nodes]
    first = max(used) + 1
    if first + 1 > PORT_MAX:
        raise CommandFailed(f"no ports are left above {max(used)}; move the network's ports first")
    return f"{HOST}:{first}", f"{HOST}:{first + 1}"


def _keys(network: LocalNetwork, folder: NodeFolder, organisation: str, name: str) -> Address:
    folder.tls.mkdir(parents=True, exist_ok=True)
    if not folder.tls_certificate.is_file():
        folder.tls_key.unlink(missing_ok=True)
        authority = OrganisationCA.load(network.folder / "organisations" / organisation)
        authority.issue_identity(
            f"{organisation}/{name}", folder.tls_certificate, folder.tls_key, datetime.now(UTC)
        )
    return make_consensus_key(folder.group(network.group.name), STANDARD)


def _successor(network: LocalNetwork, node_id: str, p2p: str) -> Membership:
    """The newest membership document with this node in it, signed by every organisation here."""
    documents = [
        load_membership(NodeFolder(network.folder / node.dir).membership, STANDARD)
        for node in _nodes_here(network)
    ]
    newest = max(documents, key=lambda document: document.version)
    if newest.nodes.get(node_id) == p2p:
        return newest
    version = NextVersion(newest)
    version.set_node(node_id, p2p)
    keys = sorted((network.folder / "organisations").glob("*/organisation.key"))
    return version.draft().signed(STANDARD, *map(load_organisation_signer, keys))


def _nodes_here(network: LocalNetwork) -> list[Node]:
    """The nodes whose folders are there; those of lost ones may be gone."""
    found = [node for node in network.file.nodes if (network.folder / node.dir).is_dir()]
    if not found:
        raise CommandFailed(f"{network.folder}: no node's folder is left in this network")
    return found


def _genesis(network: LocalNetwork, folder: NodeFolder) -> None:
    target = folder.group(network.group.name)
    if not target.genesis.is_file():
        target.path.mkdir(parents=True, exist_ok=True)
        founding.save_genesis(network.genesis, target.genesis)
    if not target.wal.exists():
        found_group(folder, network.group.name)


def _config(
    network: LocalNetwork, organisation: str, name: str, engine: str | None, p2p: str, rpc: str
) -> NodeConfig:
    sibling = load_node_config(NodeFolder(network.folder / _nodes_here(network)[0].dir))
    return NodeConfig(
        name=name,
        org=organisation,
        p2p=ListenConfig(p2p),
        rpc=RpcConfig(rpc),
        engine=engine or sibling.engine,
        default_group=network.group.name,
        group=(GroupConfig(network.group.name, "observer"),),
        peer=tuple(PeerConfig(node.node_id, node.p2p) for node in network.file.nodes),
    )


def _publish(network: LocalNetwork, document: Membership) -> None:
    """Put the document into every node's folder; those that run read it at once."""
    for node in _nodes_here(network):
        publish_document(NodeFolder(network.folder / node.dir), document)
