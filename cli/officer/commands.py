"""`quorate account request` and `accept`: an officer makes its keys itself, and keeps them."""

from pathlib import Path
from typing import Annotated

import typer
from eth_account import Account as EthereumAccount

from cli.new_file import check_new
from cli.officer.request import load_request, save_request, signed_request
from cli.officer.role import give_role
from cli.options import PasswordOption
from cli.output import JsonOption, emit
from cli.reach import remote
from cli.remote_desk import (
    GroupName,
    KeyFileOption,
    RpcOption,
    check_organisation,
    password_in,
    remote_desk,
)
from client.accounts import save_account
from contracts.bindings.accounts import holder_digest
from contracts.roles import role_named
from ledger.values import address_from_hex
from node.pki import new_key, officer_request, save_key


def request(
    org: Annotated[str, typer.Option(help="The officer's organisation.")],
    name: Annotated[str, typer.Option(help="A pseudonym, no person's name.")],
    role: Annotated[str, typer.Option(help="The role that is asked for.")],
    key_file: Annotated[Path, typer.Option(help="The account's keystore, a new file.")],
    out: Annotated[Path, typer.Option(help="The request: it holds no secret.")],
    tls_key: Annotated[
        Path | None, typer.Option(help="Ask for a certificate too, with this new key (mode 600).")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="The keystore's password (mode 600); else it is asked for.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """By an officer: make the keys, and a request to carry to the administrator. 申请账户。"""
    role_named(role)
    check_new(key_file, tls_key, out)
    password = _new_password(password_file)
    account = EthereumAccount.create()
    certificate_request = ""
    if tls_key is not None:
        key = new_key()
        certificate_request = officer_request(org, name, key).decode()
        save_key(tls_key, key)
    made = signed_request(
        bytes(account.key),
        organisation=org,
        name=name,
        role=role,
        certificate_request=certificate_request,
    )
    key_file.parent.mkdir(parents=True, exist_ok=True)
    save_account(account, key_file, password)
    save_request(out, made)
    value = {"address": made.address, "role": role, "organisation": org, "request": str(out)}
    emit(
        value,
        as_json,
        lambda: f"{out}: carry it to the administrator of {org}; the keys stay here",
    )


@remote
def accept(
    file: Annotated[Path, typer.Argument(metavar="REQUEST", help="What the officer made.")],
    rpc: RpcOption,
    group: GroupName,
    key_file: KeyFileOption,
    holder: Annotated[
        str, typer.Option(help="An administrator's pseudonym; nobody holds two posts.")
    ] = "",
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """By the administrator: give the role that is asked for, or propose it. 批准账户申请。"""
    asked = load_request(file)
    desk = remote_desk(rpc, group, key_file, password_file)
    check_organisation(desk, asked.organisation)
    digest = holder_digest(group, holder) if holder else bytes(32)
    address = address_from_hex(asked.address)
    said = give_role(desk, asked.organisation, address, role_named(asked.role), digest)
    value = {
        "address": asked.address,
        "organisation": asked.organisation,
        "role": asked.role,
        "given": not said,
    }
    emit(value, as_json, lambda: f"{asked.address}: {asked.role} of {asked.organisation}{said}")


def _new_password(file: Path | None) -> str:
    if file is None:
        prompt = "A password for the keystore 新口令"
        return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=True))
    return password_in(file)
