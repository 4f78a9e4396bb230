"""`quorate account token` and `quorate account certificate`: who may ask a node from elsewhere.

They work on the node's folder; a running node follows the file of grants at once.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli.failure import CommandFailed
from cli.new_file import check_new
from cli.officer.request import load_request
from cli.options import NodeArgument
from cli.output import JsonOption, emit, table
from cli.result_file import write_result
from cli.second_factor import CodeOption, confirm
from ledger.new_secret import write_new_secret
from node.config import NodeFolder, load_node_config
from node.pki import OFFICER_VALIDITY_DAYS, OrganisationCA, encode_certificate, new_key, save_key
from node.rpc.grants import Grant, load_grants, new_grant

token = typer.Typer(help="Who may ask a node over TLS, by token or certificate. 访问授权。")


@token.command("create")
def create_token(
    folder: NodeArgument,
    name: Annotated[str, typer.Option(help="A pseudonym: it stands in the audit log.")],
    org: Annotated[str, typer.Option(help="The caller's organisation.")],
    role: Annotated[str, typer.Option(help="What it may read by; or give --account.")] = "",
    account: Annotated[str, typer.Option(help="An address whose role on chain counts.")] = "",
    only: Annotated[
        list[str] | None, typer.Option(help="A group; by default all that the organisation is in.")
    ] = None,
    days: Annotated[int, typer.Option(help="Until it expires.")] = 90,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the token: a file that is not there yet.")
    ] = None,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="For the certificate that names it; no token.")
    ] = False,
    code: CodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a caller in, by a new token or by its certificate. 新建访问授权。"""
    home = NodeFolder(folder)
    load_node_config(home)
    if certificate == (out is not None):
        raise CommandFailed("give --out FILE for the new token, or --certificate")
    made, secret = new_grant(
        name=name, organisation=org, role=role, account=account, groups=tuple(only or ()),
        days=days, now=datetime.now(UTC), with_token=not certificate,
    )  # fmt: skip
    grants = load_grants(home.grants).with_grant(made)
    confirm(home, code)
    if out is not None:
        try:
            write_new_secret(out, secret.encode() + b"\n")
        except FileExistsError:
            raise CommandFailed(f"{out}: is there already; name another file") from None
    grants.save(home.grants)
    emit(_shown(made), as_json, lambda: _said(made, out))


@token.command("list")
def list_tokens(folder: NodeArgument, as_json: JsonOption = False) -> None:
    """All grants of a node, in force and not. 访问授权一览。"""
    rows = [_shown(grant) for grant in load_grants(NodeFolder(folder).grants).entries]
    columns = ("id", "name", "organisation", "role", "groups", "by", "state", "expires")
    emit(
        {"grants": rows},
        as_json,
        lambda: table("Grants", columns, ([row[column] for column in columns] for row in rows)),
    )


@token.command("revoke")
def revoke_token(
    folder: NodeArgument,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    code: CodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a grant; its open connections are cut within seconds. 撤销访问授权。"""
    home = NodeFolder(folder)
    grants = load_grants(home.grants).without(identifier, datetime.now(UTC))
    confirm(home, code)
    grants.save(home.grants)
    emit({"revoked": identifier}, as_json, lambda: f"{identifier} opens nothing any more")


def certificate(
    folder: Annotated[Path, typer.Argument(metavar="CA_DIR", help="The organisation's CA.")],
    out: Annotated[Path, typer.Option(help="The certificate, a new file.")],
    request: Annotated[
        Path | None, typer.Option(help="What the officer asked with: its key stays with it.")
    ] = None,
    name: Annotated[str, typer.Option(help="Without a request: a pseudonym.")] = "",
    key: Annotated[
        Path | None, typer.Option(help="Without a request: its key, a new file of mode 600.")
    ] = None,
    days: Annotated[int, typer.Option(help="Until it expires.")] = OFFICER_VALIDITY_DAYS,
    as_json: JsonOption = False,
) -> None:
    """Issue an officer's or system's certificate to ask nodes with. 签发访问证书。"""
    if (request is None) == (key is None) or bool(name) != (key is not None):
        raise CommandFailed("give --request FILE, or --name and --key to make the key here")
    authority = OrganisationCA.load(folder)
    check_new(out, key)
    now = datetime.now(UTC)
    if request is not None:
        asked = load_request(request)
        name = asked.name
        pem = asked.certificate_request.encode()
        issued = authority.issue_officer_for_request(pem, name, now, days)
    else:
        assert key is not None
        made = new_key()
        issued = authority.issue_officer(name, made.public_key(), now, days)
        save_key(key, made)
    write_result(out, encode_certificate(issued))
    value = {
        "name": name,
        "organisation": authority.organisation,
        "serial": f"{issued.serial_number:x}",
        "not_after": issued.not_valid_after_utc.isoformat(),
    }
    whose = f", key in {key}" if key else ""
    emit(value, as_json, lambda: f"{out}: {authority.organisation}/officer/{name}{whose}")


def _shown(grant: Grant) -> dict[str, object]:
    state = "expired" if grant.expires <= datetime.now(UTC) else "in force"
    plain = msgspec.to_builtins(grant)
    return {
        **{key: value for key, value in plain.items() if key != "token_hash"},
        "role": grant.role or f"of {grant.account}",
        "groups": ", ".join(grant.groups) or "all of its organisation",
        "by": "token" if grant.is_token else "certificate",
        "state": "revoked" if grant.revoked else state,
    }


def _said(grant: Grant, out: Path | None) -> str:
    by = f"the token in {out}" if out else f"certificate {grant.organisation}/officer/{grant.name}"
    role = grant.role or grant.account
    return f"{grant.id}: {grant.name} of {grant.organisation}, {role}, by {by}"
