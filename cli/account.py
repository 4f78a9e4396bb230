"""The `quorate account` commands: a new account with its keystore and its role in the group, and
what is done to accounts later: removed, frozen by a regulator, lifted by the organisations' vote.
"""

import secrets
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from eth_account import Account as EthereumAccount

from cli.access import certificate, token
from cli.desks import LocalNetwork
from cli.network.create import LOCAL_KEYSTORE_ROUNDS
from cli.network.folder import Account, check_new_name, save_network
from cli.officer.commands import accept, request
from cli.officer.role import give_role
from cli.options import GroupOption, NetworkOption
from cli.output import JsonOption, emit, table
from cli.proposals import (
    Wish,
    agree,
    proposal_row,
    proposal_sentence,
    propose,
    subject_address,
)
from client.accounts import password_file, save_account, save_password
from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind, holder_digest, permission
from contracts.roles import ACCOUNT_ROLES, role_label, role_named
from ledger.gate import Role
from ledger.values import Address, address_from_hex, checksum_address
from workflows.equity_transfer.deploy import SetUpDesk

app = typer.Typer(help="Accounts of officers and systems. 账户。")
app.add_typer(token, name="token")
app.command()(request)
app.command()(accept)
app.command()(certificate)

Target = Annotated[str, typer.Argument(help="An account's name, or an address: a contract's too.")]


@app.command()
def create(
    network: NetworkOption,
    org: Annotated[str, typer.Option(help="Its organisation.")],
    role: Annotated[
        str, typer.Option(help="member, gateway, author, regulator or an administrator.")
    ],
    name: Annotated[str, typer.Option(help="A new name.")],
    holder: Annotated[
        str,
        typer.Option(help="An administrator's pseudonym, drawn by chance; nobody holds two posts."),
    ] = "",
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and give it its role; an administrator's is then up for vote. 新建账户。"""
    local = LocalNetwork(network, group)
    wanted = role_named(role)
    check_new_name(name, "an account", local.file.accounts)
    desk = local.set_up_desk(local.first_account(org, *ACCOUNT_ROLES))
    account = EthereumAccount.create()
    key_file = Path("accounts") / f"{name}.json"
    groups = (local.group.name,) if len(local.file.groups) > 1 else ()
    entry = Account(name, org, role, account.address, str(key_file), groups)
    password = secrets.token_urlsafe(24)
    save_account(account, network / key_file, password, rounds=LOCAL_KEYSTORE_ROUNDS)
    try:
        save_password(network / key_file, password)
        digest = holder_digest(local.group.name, holder) if holder else bytes(32)
        said = give_role(desk, org, address_from_hex(account.address), wanted, digest)
    except BaseException:
        # Nothing on chain knows this key: a file left behind would only block the next try.
        (network / key_file).unlink()
        password_file(network / key_file).unlink(missing_ok=True)
        raise
    known = (*local.file.accounts, entry)
    save_network(network, msgspec.structs.replace(local.file, accounts=known))
    emit(entry, as_json, lambda: f"{name}: {account.address}, {role} of {org}{said}")


@app.command()
def remove(
    account: Annotated[str, typer.Argument(help="An account's name, or an address.")],
    network: NetworkOption,
    sender: Annotated[
        str, typer.Option("--as", help="A security administrator or admin of its organisation.")
    ],
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an account's role from it; its keystore stays. 注销账户。"""
    local = LocalNetwork(network, group)
    target, desk = subject_address(local, account), local.set_up_desk(sender)
    if desk.ask(permission(target)).roles:
        desk.act(f"remove-{target.hex()}", accounts.remove_account(target))
    _emit_standing(desk, target, as_json)


@app.command()
def freeze(
    target: Target,
    network: NetworkOption,
    sender: Annotated[str, typer.Option("--as", help="A regulator's account.")],
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """By any regulator: stop an account or a contract at once. 冻结。"""
    local = LocalNetwork(network, group)
    subject, desk = subject_address(local, target), local.set_up_desk(sender)
    if not desk.ask(permission(subject)).frozen:
        desk.act(f"freeze-{subject.hex()}", accounts.freeze(subject))
    _emit_standing(desk, subject, as_json)


@app.command()
def lift(
    target: Target,
    network: NetworkOption,
    sender: Annotated[
        str, typer.Option("--as", help="A security administrator or admin, for its organisation.")
    ],
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose to end a freezing, or agree to it where that is proposed. 解冻。"""
    local = LocalNetwork(network, group)
    subject, desk = subject_address(local, target), local.set_up_desk(sender)
    change = propose(desk, Wish(ProposalKind.LIFT, subject))
    row = proposal_row(desk, agree(desk, local.file.account(sender).org, change))
    frozen = desk.ask(permission(subject)).frozen
    emit({**row, "frozen": frozen}, as_json, lambda: proposal_sentence(row))


def _emit_standing(desk: SetUpDesk, target: Address, as_json: bool) -> None:
    found = desk.ask(permission(target))
    roles = ", ".join(role_label(role) for role in Role if found.holds(role))
    value = {"address": checksum_address(target), "roles": roles, "frozen": found.frozen}
    emit(
        value,
        as_json,
        lambda: f"{value['address']}: {roles or 'no role'}{', frozen' if found.frozen else ''}",
    )


@app.command("list")
def list_(network: NetworkOption, group: GroupOption = None, as_json: JsonOption = False) -> None:
    """The accounts of this folder, and what the group lets them do. 账户一览。"""
    local = LocalNetwork(network, group)
    rows = []
    for entry in local.accounts:
        desk = local.set_up_desk(local.first_account(entry.org, *ACCOUNT_ROLES))
        granted = desk.ask(permission(address_from_hex(entry.address)))
        roles = ", ".join(role_label(role) for role in Role if granted.holds(role))
        rows.append(
            {
                "name": entry.name,
                "org": entry.org,
                "address": entry.address,
                "roles": roles,
                "frozen": granted.frozen,
            }
        )
    emit(
        {"accounts": rows},
        as_json,
        lambda: table(
            "Accounts",
            ("name", "organisation", "address", "roles on chain", "frozen"),
            (row.values() for row in rows),
        ),
    )
