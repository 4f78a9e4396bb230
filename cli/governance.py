"""The `quorate governance` commands: what organisations vote on, and what they voted.

Each act is an admin's own transaction. What would leave too few live validators is refused here
unless it is forced: the contract itself knows only its state.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.liveness import objection_to_adding, objection_to_removing
from cli.network.folder import NetworkFile, Node, save_network
from cli.output import JsonOption, emit, table
from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind, ProposedChange
from ledger.suite import STANDARD, KeySigner
from ledger.values import Address, InvalidValue, address_from_hex, checksum_address, to_hex
from node.config import NodeFolder
from node.keyfile import load_private_key
from workflows.equity_transfer.deploy import SetUpDesk, organisation_number

app = typer.Typer(help="Votes of the organisations. 组织投票治理。")

NetworkOption = Annotated[Path, typer.Option("--network", help="The network's folder.")]
GroupOption = Annotated[str | None, typer.Option("--group", help="By default the first group.")]
AsOption = Annotated[str, typer.Option("--as", help="An account with the role admin.")]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Do it though too few validators seem to be alive.")
]
KINDS = {
    "add-validator": ProposalKind.ADD_VALIDATOR,
    "remove-validator": ProposalKind.REMOVE_VALIDATOR,
}


@app.command()
def ready(
    network: NetworkOption,
    account: AsOption,
    node: Annotated[str, typer.Option(help="A node of the account's organisation.")],
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Declare that a node holds its consensus key and is in step. 声明节点就绪。"""
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(account)
    entry = local.file.node(node)
    signer = KeySigner(STANDARD, load_private_key(NodeFolder(network / entry.dir).consensus_key))
    number = organisation_number(desk, entry.org)
    digest = accounts.ready_digest(local.genesis.chain_id, number, entry.name, signer.address)
    known = desk.ask(accounts.consensus_key(signer.address))
    if not known.ready:
        call = accounts.ready(signer.address, entry.name, signer.sign(digest))
        desk.act(f"ready-{to_hex(signer.address)}", call)
    _note_address(network, local.file, entry, to_hex(signer.address))
    value = {"node": entry.node_id, "key": to_hex(signer.address), "ready": True}
    emit(value, as_json, lambda: f"{entry.node_id} is ready with the key {value['key']}")


@app.command()
def propose(
    kind: Annotated[str, typer.Argument(help=f"{' or '.join(KINDS)}.")],
    node: Annotated[str, typer.Argument(help="The node's name, or a consensus key's address.")],
    network: NetworkOption,
    account: AsOption,
    group: GroupOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Propose a change; the organisation's own vote is counted at once. 提案。"""
    if kind not in KINDS:
        raise CommandFailed(f"'{kind}' is no kind of proposal; there are: {', '.join(KINDS)}")
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(account)
    key = _key(local, desk, node)
    _object(desk, KINDS[kind], key, force)
    pending = _open_proposal(desk, KINDS[kind], key)
    if pending is None:
        # Numbered, for a proposal made again after an expired one is another transaction.
        step = f"propose-{kind}-{to_hex(key)}-{desk.ask(accounts.proposal_count())}"
        desk.act(step, accounts.propose_validator(KINDS[kind], key))
        pending = _open_proposal(desk, KINDS[kind], key, enacted=True)
    assert pending is not None
    _emit_proposal(local, desk, pending, as_json)


@app.command()
def vote(
    number: Annotated[int, typer.Argument(help="The proposal's number.")],
    network: NetworkOption,
    account: AsOption,
    group: GroupOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Agree for the account's organisation; the last vote needed enacts. 投票。"""
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(account)
    change = _proposal(desk, number)
    organisation = organisation_number(desk, local.file.account(account).org)
    if organisation not in change.votes:
        _object(desk, change.kind, change.subject, force)
        desk.act(f"vote-{number}", accounts.vote(number))
    _emit_proposal(local, desk, _proposal(desk, number), as_json)


@app.command()
def enact(
    number: Annotated[int, typer.Argument(help="The proposal's number.")],
    network: NetworkOption,
    account: AsOption,
    group: GroupOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Enact what has its votes but was in the way of another change. 生效。"""
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(account)
    change = _proposal(desk, number)
    if not change.enacted:
        obstacle = desk.ask(accounts.obstacle(number))
        if obstacle:
            raise CommandFailed(f"proposal {number} cannot be enacted now: {obstacle}")
        _object(desk, change.kind, change.subject, force)
        desk.act(f"enact-{number}", accounts.enact(number))
    _emit_proposal(local, desk, _proposal(desk, number), as_json)


@app.command("list")
def list_(network: NetworkOption, group: GroupOption = None, as_json: JsonOption = False) -> None:
    """Every proposal: what, who agrees, what is in the way. 提案一览。"""
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(local.first_of_role("admin"))
    count = desk.ask(accounts.proposal_count())
    rows = [_row(desk, _proposal(desk, number)) for number in range(1, count + 1)]
    pending = desk.ask(accounts.pending_until())
    emit(
        {"proposals": rows, "pending_until": pending},
        as_json,
        lambda: table(
            f"Proposals; the next change is taken from block {pending}" if pending else "Proposals",
            ("number", "kind", "subject", "node", "agree", "needed", "state"),
            ([", ".join(v) if isinstance(v, list) else v for v in row.values()] for row in rows),
        ),
    )


def _note_address(folder: Path, file: NetworkFile, entry: Node, address: str) -> None:
    """A renewed key's address belongs into the network's folder too."""
    if entry.address != address:
        nodes = tuple(
            msgspec.structs.replace(node, address=address) if node is entry else node
            for node in file.nodes
        )
        save_network(folder, msgspec.structs.replace(file, nodes=nodes))


def _key(local: LocalNetwork, desk: SetUpDesk, node: str) -> Address:
    """The consensus key that a name or an address stands for."""
    if not node.startswith("0x"):
        return address_from_hex(local.file.node(node).address)
    try:
        return address_from_hex(node)
    except InvalidValue as error:
        raise CommandFailed(f"'{node}': {error}") from None


def _object(desk: SetUpDesk, kind: ProposalKind, key: Address, force: bool) -> None:
    if kind is ProposalKind.APPOINT_ADMIN:
        return
    status = _group_status(desk)
    holder = desk.ask(accounts.consensus_key(key))
    if kind is ProposalKind.REMOVE_VALIDATOR:
        objection = objection_to_removing(status, holder.node)
    else:
        objection = objection_to_adding(status, holder.node, desk.client.peers())
    if objection and not force:
        raise CommandFailed(f"{objection}; if it shall be done all the same, add --force")


def _group_status(desk: SetUpDesk) -> Mapping[str, Any]:
    for group in desk.client.status()["groups"]:
        if group["name"] == desk.client.group:
            return dict(group)
    raise CommandFailed(f"the node of this account does not carry group '{desk.client.group}'")


def _proposal(desk: SetUpDesk, number: int) -> ProposedChange:
    count = desk.ask(accounts.proposal_count())
    if not 1 <= number <= count:
        raise CommandFailed(f"there is no proposal {number}; the latest is {count}")
    return desk.ask(accounts.proposal(number))


def _open_proposal(
    desk: SetUpDesk, kind: ProposalKind, key: Address, *, enacted: bool = False
) -> ProposedChange | None:
    """The latest proposal of this change that still counts."""
    now = int(desk.client.block()["timestamp"], 16)  # type: ignore[index]
    for number in range(desk.ask(accounts.proposal_count()), 0, -1):
        change = desk.ask(accounts.proposal(number))
        if (change.kind, change.subject) == (kind, key):
            is_open = not change.enacted and change.expires_at >= now
            return change if is_open or (enacted and change.enacted) else None
    return None


def _row(desk: SetUpDesk, change: ProposedChange) -> dict[str, Any]:
    names = [desk.ask(accounts.organisation(number)).name for number in sorted(change.votes)]
    state = "enacted" if change.enacted else desk.ask(accounts.obstacle(change.number)) or "open"
    return {
        "number": change.number,
        "kind": change.kind.name.lower().replace("_", "-"),
        "subject": checksum_address(change.subject),
        "node": desk.ask(accounts.consensus_key(change.subject)).node,
        "agree": names,
        "needed": desk.ask(accounts.threshold()),
        "state": state,
    }


def _emit_proposal(
    local: LocalNetwork, desk: SetUpDesk, change: ProposedChange, as_json: bool
) -> None:
    row = _row(desk, change)
    emit(
        row,
        as_json,
        lambda: (
            f"proposal {row['number']}: {row['kind']} {row['node'] or row['subject']}; "
            f"{', '.join(row['agree'])} agree, {row['needed']} are needed; {row['state']}"
        ),
    )
