"""`quorate group create` and `sign`: organisations found a group by signing its genesis."""

from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from cli.failure import CommandFailed
from cli.group.local import create_group
from cli.group.plan import check_votes, draft_genesis, load_plan
from cli.member.files import load_document, load_organisation_signer
from cli.output import JsonOption, emit
from cli.progress import say
from cli.result_file import write_result
from ledger.genesis import Genesis, encode_genesis, load_genesis, sign_genesis
from ledger.suite import STANDARD, KeySigner
from ledger.values import address_from_hex, to_hex
from node.founding import sign_founding, signed_founders, unsigned_founders
from node.keyfile import load_private_key, save_private_key
from node.membership import Membership


def create(
    plan: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", help="The founders' plan (TOML), for keys kept apart."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The draft to write.")] = None,
    network: Annotated[
        Path | None, typer.Option("--network", help="A network's folder: found and start it there.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The new group's name.")] = None,
    validators: Annotated[
        str | None, typer.Option("--validators", help="Nodes that vote, separated by commas.")
    ] = None,
    observers: Annotated[
        str | None, typer.Option("--observers", help="Nodes that follow, separated by commas.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Found a group; nodes that run carry it without a restart. 创建群组。"""
    if network is not None:
        if name is None or plan is not None or out is not None:
            raise typer.BadParameter("--network DIR goes with --name and --validators")
        group = create_group(network, name, _names(validators), _names(observers), say)
        emit(group, as_json, lambda: f"Group {group.name}: chain id {group.chain_id}")
        return
    if plan is None or out is None:
        raise typer.BadParameter("give PLAN and --out FILE, or --network DIR")
    read = load_plan(plan)
    check_votes(read)
    genesis = draft_genesis(read)
    write_result(out, encode_genesis(genesis))
    founders = [entry.name for entry in genesis.organisations]
    value = {"genesis": str(out), "chain_id": genesis.chain_id, "founders": founders}
    emit(
        value,
        as_json,
        lambda: f"{out}: to be signed by {', '.join(founders)}: quorate group sign",
    )


def sign(
    file: Annotated[Path, typer.Argument(metavar="GENESIS", help="The draft.")],
    against: Annotated[
        Path, typer.Option(help="The membership document in force, or a node's folder.")
    ],
    membership_key: Annotated[
        Path | None, typer.Option("--key", help="The organisation's key file, or its folder.")
    ] = None,
    recovery_key: Annotated[
        Path | None, typer.Option("--recovery-key", help="Its recovery key signs as well.")
    ] = None,
    copies: Annotated[
        list[Path] | None, typer.Option("--with", help="A copy that others have signed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add an organisation's signatures to a genesis, or those of another copy. 签署创世文件。"""
    if membership_key is None and recovery_key is None and not copies:
        raise typer.BadParameter("give --key FILE, --recovery-key FILE or --with COPY")
    genesis, membership = load_genesis(file, founding=True), load_document(against)
    for path in copies or ():
        genesis = _with_copy(genesis, load_genesis(path, founding=True), path)
    if membership_key is not None:
        genesis = sign_founding(genesis, membership, load_organisation_signer(membership_key))
    if recovery_key is not None:
        genesis = _with_recovery(genesis, recovery_key)
    write_result(file, encode_genesis(genesis.checked(founding=True)))
    value = _standing(file, genesis, membership)
    emit(
        value,
        as_json,
        lambda: (
            f"{file}: signed by {', '.join(value['signed']) or 'nobody'}; "
            + (f"still to sign: {', '.join(value['unsigned'])}" if value["unsigned"] else "by all")
        ),
    )


def key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A key file, or one to make.")],
    as_json: JsonOption = False,
) -> None:
    """Say the address of a key that a plan names, and make the key if there is none. 密钥地址。"""
    is_new = not file.exists()
    if is_new:
        save_private_key(file, STANDARD.new_private_key())
    address = to_hex(STANDARD.address_of(load_private_key(file)))
    emit(
        {"address": address, "key_file": str(file), "made": is_new},
        as_json,
        lambda: address + (f", a new key in {file}: keep it offline" if is_new else ""),
    )


def _with_copy(genesis: Genesis, copy: Genesis, path: Path) -> Genesis:
    if replace(copy, signatures=[], founders=[]) != replace(genesis, signatures=[], founders=[]):
        raise CommandFailed(
            f"{path}: expected a copy of the same genesis, found another document; collect "
            "signatures of one and the same draft"
        )
    founders = {entry.organisation: entry for entry in (*copy.founders, *genesis.founders)}
    signatures = {entry.organisation: entry for entry in (*copy.signatures, *genesis.signatures)}
    return replace(genesis, founders=list(founders.values()), signatures=list(signatures.values()))


def _with_recovery(genesis: Genesis, path: Path) -> Genesis:
    signer = KeySigner(STANDARD, load_private_key(path))
    for entry in genesis.organisations:
        if address_from_hex(entry.recovery_key) == signer.address:
            return sign_genesis(genesis, entry.name, signer)
    raise CommandFailed(
        f"{path}: expected the recovery key of a founder, found {to_hex(signer.address)}, which "
        "this genesis does not name"
    )


def _standing(file: Path, genesis: Genesis, membership: Membership) -> dict[str, Any]:
    return {
        "genesis": str(file),
        "signed": signed_founders(genesis, membership),
        "unsigned": unsigned_founders(genesis, membership),
        "recovery_signed": sorted(entry.organisation for entry in genesis.signatures),
    }


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
