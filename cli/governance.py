"""The `quorate governance` commands: what organisations vote on, and what they voted.

Each act is an administrator's own transaction. What would leave too few live validators, or blocks
that an engine cannot keep up with, is refused here unless it is forced: the contract itself knows
only its state.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.group_status import group_status
from cli.liveness import objection_to_adding, objection_to_removing
from cli.network.folder import NetworkFile, Node, save_network
from cli.options import GroupOption, NetworkOption
from cli.output import JsonOption, emit, table
from cli.parameters import objection_to_gas
from cli.proposals import (
    KIND_LABELS,
    Wish,
    agree,
    proposal,
    proposal_row,
    proposal_sentence,
)
from cli.proposals import propose as make_proposal
from cli.wishes import Asked, wish_of
from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind, ProposedChange
from ledger.suite import STANDARD, KeySigner
from ledger.values import to_hex
from node.config import NodeFolder
from node.keyfile import load_private_key
from workflows.equity_transfer.deploy import SetUpDesk, organisation_number

app = typer.Typer(help="Votes of the organisations. 组织投票治理。")

AsOption = Annotated[
    str,
    typer.Option(
        "--as",
        help="Whose vote it is: a system administrator's on validators, a security "
        "administrator's on the rest; an admin's on all, in local networks.",
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Do it though too few validators seem to be alive.")
]


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
    home = NodeFolder(network / entry.dir).group(local.group.name)
    signer = KeySigner(STANDARD, load_private_key(home.consensus_key))
    number = organisation_number(desk, entry.org)
    digest = accounts.ready_digest(local.genesis.chain_id, number, entry.name, signer.address)
    known = desk.ask(accounts.consensus_key(signer.address))
    if not known.ready:
        call = accounts.ready(signer.address, entry.name, signer.sign(digest))
        desk.act(f"ready-{to_hex(signer.address)}", call)
    if local.group.name == entry.default_group:
        _note_address(network, local.file, entry, to_hex(signer.address))
    value = {"node": entry.node_id, "key": to_hex(signer.address), "ready": True}
    emit(value, as_json, lambda: f"{entry.node_id} is ready with the key {value['key']}")


@app.command()
def propose(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(KIND_LABELS)}.")],
    network: NetworkOption,
    account: AsOption,
    subject: Annotated[
        str,
        typer.Argument(
            help="For validators a node's name or a consensus key's address, for set-parameter "
            "the parameter's name, for upgrade-protocol the version, for replace-code a system "
            "contract's name or address, else an account's name or an address.",
        ),
    ] = "",
    value: Annotated[
        str,
        typer.Argument(
            help="set-parameter: the new value, in the name's unit; replace-code: the address of a "
            "contract that has the new code.",
        ),
    ] = "",
    at: Annotated[
        int,
        typer.Option(
            "--at",
            help="upgrade-protocol: the first block under the version; replace-code: the block "
            "at whose start the code is replaced.",
        ),
    ] = 0,
    role: Annotated[str, typer.Option(help="appoint: an administrator's role.")] = "",
    org: Annotated[str, typer.Option(help="appoint: by default the account's own.")] = "",
    holder: Annotated[
        str, typer.Option(help="appoint: the person's pseudonym; nobody holds two posts.")
    ] = "",
    group: GroupOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Propose a change; the organisation's own vote is counted at once. 提案。"""
    asked = Asked(kind, subject, value, at, role, org, holder)
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(account)
    wish = wish_of(local, desk, asked)
    _object(local, desk, wish, force)
    _emit_proposal(desk, make_proposal(desk, wish), as_json)


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
    change = proposal(desk, number)
    organisation = local.file.account(account).org
    if organisation_number(desk, organisation) not in change.votes:
        _object(local, desk, change, force)
    _emit_proposal(desk, agree(desk, organisation, change), as_json)


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
    change = proposal(desk, number)
    if not change.enacted:
        obstacle = desk.ask(accounts.obstacle(number))
        if obstacle:
            raise CommandFailed(f"proposal {number} cannot be enacted now: {obstacle}")
        _object(local, desk, change, force)
        desk.act(f"enact-{number}", accounts.enact(number))
    _emit_proposal(desk, proposal(desk, number), as_json)


@app.command("list")
def list_(network: NetworkOption, group: GroupOption = None, as_json: JsonOption = False) -> None:
    """Every proposal: what, who agrees, what is in the way. 提案一览。"""
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(local.accounts[0].name)
    count = desk.ask(accounts.proposal_count())
    rows = [proposal_row(desk, proposal(desk, number)) for number in range(1, count + 1)]
    pending = desk.ask(accounts.pending_until())
    columns = ("number", "words", "agree", "weight", "needed", "state")
    emit(
        {"proposals": rows, "pending_until": pending},
        as_json,
        lambda: table(
            f"Proposals; the next change is taken from block {pending}" if pending else "Proposals",
            columns,
            (
                [", ".join(row["agree"]) if n == "agree" else row[n] for n in columns]
                for row in rows
            ),
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


def _object(
    local: LocalNetwork, desk: SetUpDesk, change: Wish | ProposedChange, force: bool
) -> None:
    """Raises CommandFailed for what speaks against a change now, unless it is forced."""
    if force:
        return
    objection = None
    if change.kind.concerns_validators:
        objection = _objection_to_set(desk, change)
    elif change.kind is ProposalKind.SET_PARAMETER:
        objection = _objection_to_value(local, desk, change)
    elif change.kind is ProposalKind.UPGRADE_PROTOCOL:
        supported = group_status(desk.client, desk.client.group)["upgrade"]["supported"]
        if change.value > supported:
            objection = (
                f"the node asked speaks protocol version {supported} at most and would stop before "
                f"version {change.value} begins: install the newer build everywhere first"
            )
    if objection:
        raise CommandFailed(f"{objection}; if it shall be done all the same, add --force")


def _objection_to_set(desk: SetUpDesk, change: Wish | ProposedChange) -> str | None:
    status = group_status(desk.client, desk.client.group)
    holder = desk.ask(accounts.consensus_key(change.subject))
    if change.kind is ProposalKind.REMOVE_VALIDATOR:
        return objection_to_removing(status, holder.node)
    return objection_to_adding(status, holder.node, desk.client.peers())


def _objection_to_value(
    local: LocalNetwork, desk: SetUpDesk, change: Wish | ProposedChange
) -> str | None:
    if change.parameter not in ("gas_limit", "block_execution_ms_max"):
        return None
    founded = local.genesis.parameters
    gas_limit = desk.ask(accounts.parameter("gas_limit")) or founded.gas_limit
    bound_ms = desk.ask(accounts.parameter("block_execution_ms_max"))
    bound_ms = bound_ms or founded.block_execution_ms_max
    if change.parameter == "gas_limit":
        gas_limit = change.value
    else:
        bound_ms = change.value
    return objection_to_gas(gas_limit, bound_ms, [node.engine for node in local.nodes])


def _emit_proposal(desk: SetUpDesk, change: ProposedChange, as_json: bool) -> None:
    row = proposal_row(desk, change)
    emit(row, as_json, lambda: proposal_sentence(row))
