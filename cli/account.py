"""The `quorate account` commands: a new account with its keystore and its role in the group."""

import secrets
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from eth_account import Account as EthereumAccount

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.network.create import LOCAL_KEYSTORE_ROUNDS
from cli.network.folder import Account, save_network
from cli.network.manifest import NAME_PATTERN
from cli.output import JsonOption, emit, table
from client.accounts import password_file, save_account, save_password
from contracts.bindings.accounts import permission, set_account
from contracts.roles import role_label, role_named
from ledger.gate import Role
from ledger.values import address_from_hex

app = typer.Typer(help="Accounts of officers and systems. 账户。")

NetworkOption = Annotated[Path, typer.Option("--network", help="The network's folder.")]
GroupOption = Annotated[str | None, typer.Option("--group", help="By default the first group.")]


@app.command()
def create(
    network: NetworkOption,
    org: Annotated[str, typer.Option(help="Its organisation.")],
    role: Annotated[
        str, typer.Option(help="member, gateway, author, regulator or an administrator.")
    ],
    name: Annotated[str, typer.Option(help="A new name.")],
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and have the organisation's admin give it its role. 新建账户。"""
    local = LocalNetwork(network, group)
    wanted = role_named(role)
    if wanted is Role.ADMIN:
        raise CommandFailed("an admin is appointed by vote of the organisations, not by one admin")
    if not NAME_PATTERN.fullmatch(name):
        raise CommandFailed(f"--name '{name}': a-z, 0-9 and '-', at most 31 characters")
    if name in {entry.name for entry in local.file.accounts}:
        raise CommandFailed(f"--name '{name}': this network has an account of that name")
    admin = local.set_up_desk(local.first_account(org, "admin"))
    account = EthereumAccount.create()
    key_file = Path("accounts") / f"{name}.json"
    groups = (local.group.name,) if len(local.file.groups) > 1 else ()
    entry = Account(name, org, role, account.address, str(key_file), groups)
    password = secrets.token_urlsafe(24)
    save_account(account, network / key_file, password, rounds=LOCAL_KEYSTORE_ROUNDS)
    try:
        save_password(network / key_file, password)
        admin.act(f"account-{name}", set_account(address_from_hex(account.address), wanted))
    except BaseException:
        # Nothing on chain knows this key: a file left behind would only block the next try.
        (network / key_file).unlink()
        password_file(network / key_file).unlink(missing_ok=True)
        raise
    accounts = (*local.file.accounts, entry)
    save_network(network, msgspec.structs.replace(local.file, accounts=accounts))
    emit(entry, as_json, lambda: f"{name}: {account.address}, {role} of {org}")


@app.command("list")
def list_(network: NetworkOption, group: GroupOption = None, as_json: JsonOption = False) -> None:
    """The accounts of this folder, and what the group lets them do. 账户一览。"""
    local = LocalNetwork(network, group)
    rows = []
    for entry in local.accounts:
        desk = local.set_up_desk(local.first_account(entry.org, "admin"))
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
