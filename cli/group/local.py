"""Groups of a network in one folder: founded, joined and left, `network.json` kept true.

Where organisations' machines are apart, each does its own part by the same commands on its files.
"""

from pathlib import Path

import msgspec

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.group.local_keys import planned_organisation, sign_as_organisation
from cli.group.plan import (
    GroupPlan,
    PlannedAccount,
    PlannedValidator,
    check_votes,
    draft_genesis,
)
from cli.group.telling import tell, wait_taken_up
from cli.network.admission import admit, dismiss
from cli.network.folder import (
    Account,
    Group,
    NetworkFile,
    Node,
    check_new_name,
    load_network,
    save_network,
)
from cli.network.folder import Membership as Part
from cli.network.manifest import load_manifest
from cli.progress import Progress
from ledger.genesis import Genesis, encode_genesis, genesis_block
from ledger.suite import STANDARD
from ledger.values import to_hex
from ledger.whole_file import write_whole
from node.config import NodeFolder
from node.departures import Departure
from node.founding import check_founding
from node.joining import join_group, make_consensus_key, role_in
from node.membership import Membership, load_membership


def create_group(
    folder: Path,
    name: str,
    validators: tuple[str, ...],
    observers: tuple[str, ...],
    progress: Progress,
) -> Group:
    """Found a group of nodes of this folder; those that run carry it when this returns.

    Its founders are the nodes' organisations, with all their accounts. Raises CommandFailed.
    """
    network = load_network(folder)
    check_new_name(name, "a group", network.groups)
    nodes = [network.node(node) for node in (*validators, *observers)]
    if len({node.name for node in nodes}) != len(nodes):
        raise CommandFailed("a node stands twice among --validators and --observers")
    membership = _newest_membership(folder, network)
    plan = _plan(folder, network, name, validators, observers)
    check_votes(plan)
    genesis = draft_genesis(plan)
    for organisation in plan.organisation:
        genesis = sign_as_organisation(folder, organisation.name, genesis, membership)
    path = Path("groups") / name / "genesis.json"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    write_whole(folder / path, encode_genesis(genesis.checked()))
    progress(f"group {name}: genesis signed by {', '.join(e.name for e in genesis.organisations)}")
    group = Group(name, genesis.chain_id, str(path), validators)
    # First where it is not forgotten: a node that is not reached joins by `quorate group join`.
    founders = {entry.name for entry in plan.organisation}
    save_network(folder, _with_group(network, group, founders))
    carry(folder, [node.name for node in nodes], genesis, membership, progress)
    return group


def join_local(folder: Path, name: str, node: str, trust: str, progress: Progress) -> Node:
    """Have a node of this folder follow a group: admitted by its organisation's admin first."""
    local = LocalNetwork(folder, name)
    entry, genesis = local.file.node(node), local.genesis
    membership = _newest_membership(folder, local.file)
    check_founding(genesis, membership, entry.node_id)
    if role_in(genesis, entry.node_id) == "observer":
        admit(local, entry.org, entry.name)
        progress(f"group {name}: {entry.node_id} is admitted")
    carry(folder, [node], genesis, membership, progress, trust=trust)
    return load_network(folder).node(node)


def carry(
    folder: Path,
    names: list[str],
    genesis: Genesis,
    membership: Membership,
    progress: Progress,
    *,
    trust: str = "",
) -> None:
    """Write the group into the nodes' folders, tell them, and wait for those that run."""
    told = []
    for name in names:
        network = load_network(folder)
        entry = network.node(name)
        home = NodeFolder(folder / entry.dir)
        join_group(home, genesis, membership, trust=trust)
        part = Part(genesis.name, role_in(genesis, entry.node_id))
        _save_part(folder, network, entry, part)
        if tell(home) is not None:
            told.append((name, home))
    for name, home in told:
        wait_taken_up(home, genesis.name, genesis_block(genesis).hash)
        progress(f"{name}: carries {genesis.name}")


def dismiss_local(folder: Path, name: str, node: str, progress: Progress) -> None:
    """The organisation's admin takes the node out of the group's list."""
    local = LocalNetwork(folder, name)
    entry = local.file.node(node)
    if name not in {group.name for group in entry.groups}:
        raise CommandFailed(f"--node '{node}': it carries no group '{name}'")
    dismiss(local, entry.org, entry.name)
    progress(f"group {name}: {entry.node_id} is dismissed")


def note_departure(folder: Path, node: str, departure: Departure) -> None:
    """Keep `network.json` true."""
    network = load_network(folder)
    entry = network.node(node)
    groups = tuple(group for group in entry.groups if group.name != departure.group)
    default = entry.default_group
    if default == departure.group:
        default = groups[0].name if groups else ""
    _save_node(folder, network, entry, groups, default)


def _newest_membership(folder: Path, network: NetworkFile) -> Membership:
    return max(
        (
            load_membership(NodeFolder(folder / node.dir).membership, STANDARD)
            for node in network.nodes
            if (folder / node.dir).is_dir()
        ),
        key=lambda document: document.version,
    )


def _plan(
    folder: Path,
    network: NetworkFile,
    name: str,
    validators: tuple[str, ...],
    observers: tuple[str, ...],
) -> GroupPlan:
    manifest = load_manifest(folder / "network.toml")
    known = {entry.name: entry for entry in manifest.org}
    nodes = [network.node(node) for node in (*validators, *observers)]
    founders = list(dict.fromkeys(node.org for node in nodes))
    return GroupPlan(
        name=name,
        organisation=tuple(
            planned_organisation(folder, founder, known[founder].label, known[founder].weight)
            if founder in known
            else planned_organisation(folder, founder)
            for founder in founders
        ),
        validator=tuple(
            PlannedValidator(
                node.node_id,
                to_hex(make_consensus_key(NodeFolder(folder / node.dir).group(name), STANDARD)),
            )
            for node in nodes[: len(validators)]
        ),
        account=tuple(
            PlannedAccount(
                entry.address, entry.org, entry.role, manifest.holder(entry.name, entry.role)
            )
            for entry in network.accounts
            if entry.org in founders
        ),
        observers=tuple(node.node_id for node in nodes[len(validators) :]),
        production=manifest.production,
        consensus=manifest.consensus,
    )


def _with_group(network: NetworkFile, group: Group, founders: set[str]) -> NetworkFile:
    """With the group, and with it among those of its founders' accounts."""

    def known(account: Account) -> Account:
        if account.org not in founders or account.is_of(group.name):
            return account
        return msgspec.structs.replace(account, groups=(*account.groups, group.name))

    return msgspec.structs.replace(
        network,
        groups=(*network.groups, group),
        accounts=tuple(map(known, network.accounts)),
    )


def _save_part(folder: Path, network: NetworkFile, entry: Node, part: Part) -> None:
    if part.name not in {group.name for group in entry.groups}:
        groups = (*entry.groups, part)
        _save_node(folder, network, entry, groups, entry.default_group or part.name)


def _save_node(
    folder: Path, network: NetworkFile, entry: Node, groups: tuple[Part, ...], default: str
) -> None:
    changed = msgspec.structs.replace(entry, groups=groups, default_group=default)
    nodes = tuple(changed if node is entry else node for node in network.nodes)
    save_network(folder, msgspec.structs.replace(network, nodes=nodes))
