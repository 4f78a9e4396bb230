"""A desk on a machine without a network's folder: a node's address, a group, a keystore.

For acts of an organisation's officers in a real network, each on a machine of its own.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli.failure import CommandFailed
from cli.reach import reach
from client.accounts import InvalidKeystore, load_account, password_file
from contracts.bindings.accounts import permission
from ledger.private_file import ExposedFile, read_private
from workflows.equity_transfer.deploy import SetUpDesk, organisation_number

PASSWORD_BYTES_MAX = 1_024

RpcOption = Annotated[str, typer.Option("--rpc", help="A node of the group: http(s)://HOST:PORT.")]
GroupName = Annotated[str, typer.Option("--group", help="The group's name at that node.")]
KeyFileOption = Annotated[
    Path, typer.Option("--key-file", help="The keystore of the account that acts.")
]


def remote_desk(rpc: str, group: str, key_file: Path, password: Path | None) -> SetUpDesk:
    """The account's desk; what it sent is noted beside its keystore. Raises CommandFailed."""
    try:
        account = load_account(key_file, keystore_password(key_file, password))
    except InvalidKeystore as error:
        raise CommandFailed(str(error)) from error
    notes = key_file.with_name(key_file.name + ".sent") / group
    return SetUpDesk(client=reach(rpc, group), account=account, notes=notes)


def keystore_password(key_file: Path, password: Path | None) -> str | None:
    """The password of a file, or of who sits here; None where it stands beside the keystore."""
    if password is not None:
        return password_in(password)
    if password_file(key_file).is_file():
        return None
    return str(typer.prompt(f"Password of {key_file} 口令", hide_input=True))


def password_in(file: Path) -> str:
    """The password that a file of mode 600 holds. Raises CommandFailed."""
    try:
        password = read_private(file, PASSWORD_BYTES_MAX).decode().rstrip("\r\n")
    except (ExposedFile, OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"the password file: {error}") from error
    if not password:
        raise CommandFailed(f"{file}: expected a password, found nothing")
    return password


def check_organisation(desk: SetUpDesk, organisation: str) -> int:
    """The number of an organisation in the group, which must be the account's own."""
    number = organisation_number(desk, organisation)
    if desk.ask(permission(desk.sender)).organisation != number:
        raise CommandFailed(
            f"the account {desk.account.address} is not of {organisation}: "
            "each organisation acts for its own"
        )
    return number
