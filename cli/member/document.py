"""The `quorate member` commands about the membership document: change, sign, publish.

An organisation joins or leaves by a new version that the threshold of the present one has signed.
The draft goes from hand to hand as a file; each organisation signs on its own machine.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failure import CommandFailed
from cli.member.files import load_document, load_organisation_signer, read_file
from cli.member.publication import publish_file, told
from cli.member.standing import standing
from cli.options import NodeArgument
from cli.output import JsonOption, emit
from cli.typed import typed_address
from ledger.suite import STANDARD
from ledger.values import to_hex
from node.config import NodeFolder
from node.membership import Membership
from node.membership_change import NextVersion, differences
from node.pki import decode_certificate, parse_serial

Document = Annotated[
    Path, typer.Argument(metavar="DOCUMENT", help="A membership document, or a node's folder.")
]
Several = list[str]


def change(
    document: Document,
    out: Annotated[Path, typer.Option("--out", help="The draft to write.")],
    add_organisation: Annotated[
        str | None, typer.Option(help="An organisation that joins; with --key and --ca.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The address that it signs with.")] = None,
    ca: Annotated[Path | None, typer.Option(help="Its CA's certificate.")] = None,
    remove_organisation: Annotated[
        Several | None, typer.Option(help="One that leaves, with its nodes. Repeatable.")
    ] = None,
    add_node: Annotated[
        Several | None, typer.Option(help="ID=HOST:PORT of a new node, or one that moves.")
    ] = None,
    remove_node: Annotated[Several | None, typer.Option(help="ID of a node that leaves.")] = None,
    renew_ca: Annotated[
        Several | None, typer.Option(help="ORG=FILE: a further CA; the old one stays good.")
    ] = None,
    retire_ca: Annotated[
        Several | None, typer.Option(help="ORG=FILE: a CA to drop once nothing hangs on it.")
    ] = None,
    renew_key: Annotated[
        Several | None, typer.Option(help="ORG=ADDRESS: another signing key.")
    ] = None,
    revoke: Annotated[
        Several | None, typer.Option(help="ORG=SERIAL: a certificate that all revoke together.")
    ] = None,
    threshold: Annotated[
        int | None, typer.Option(help="How many organisations sign. Fitted if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draft the next version, for the organisations to sign. 起草新版成员文件。"""
    present = load_document(document)
    version = NextVersion(present)
    if (add_organisation is None) != (key is None) or (key is None) != (ca is None):
        raise typer.BadParameter("--add-organisation, --key and --ca go together")
    if add_organisation is not None and key is not None and ca is not None:
        version.add_organisation(
            add_organisation, typed_address("--key", key), decode_certificate(read_file(ca))
        )
    for name in remove_organisation or ():
        version.remove_organisation(name)
    for name, file in _pairs("--renew-ca", renew_ca):
        version.add_authority(name, decode_certificate(read_file(Path(file))))
    for name, file in _pairs("--retire-ca", retire_ca):
        version.remove_authority(name, decode_certificate(read_file(Path(file))))
    for name, address in _pairs("--renew-key", renew_key):
        version.renew_key(name, typed_address("--renew-key", address))
    for name, serial in _pairs("--revoke", revoke):
        version.revoke(name, parse_serial(serial))
    for node_id in remove_node or ():
        version.remove_node(node_id)
    for node_id, address in _pairs("--add-node", add_node):
        version.set_node(node_id, address)
    if threshold is not None:
        version.set_threshold(threshold)
    made = version.draft()
    made.save(out)
    _emit(out, made, present, as_json)


def sign(
    document: Document,
    key: Annotated[
        Path | None, typer.Option("--key", help="The organisation's key file, or its folder.")
    ] = None,
    copies: Annotated[
        list[Path] | None, typer.Option("--with", help="A copy that others have signed.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="The document in force, or a node's folder: what changes.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add an organisation's signature, or those of another copy. 签署成员文件。"""
    if key is None and not copies:
        raise typer.BadParameter("give --key FILE, --with COPY, or both")
    if document.is_dir():
        raise typer.BadParameter("sign a draft, not the document in a node's folder")
    draft, present = load_document(document), load_document(against) if against else None
    for path in copies or ():
        copy = load_document(path)
        if copy.body != draft.body:
            raise CommandFailed(
                f"{path}: expected a copy of {document}, found another document (version "
                f"{copy.version}); collect signatures of one and the same draft"
            )
        draft = draft.with_signatures(copy.signatures)
    if key is not None:
        signer = load_organisation_signer(key)
        voters = {o.key for m in (draft, present) if m for o in m.organisations.values()}
        if signer.address not in voters:
            raise CommandFailed(
                f"{key}: expected an organisation's key, found {to_hex(signer.address)}, which "
                f"none in {document} has; an organisation that leaves signs with --against"
            )
        draft = draft.signed(STANDARD, signer)
    draft.save(document)
    _emit(document, draft, present, as_json)


def publish(
    folder: NodeArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A signed document, or a revocation list.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Put a document or revocation list in force; the node passes it on. 发布到网络。"""
    value = publish_file(NodeFolder(folder), file)
    what = (
        f"membership version {value['version']}"
        if "version" in value
        else f"list {value['number']} of {value['organisation']}"
    )
    lines = [*value["changes"], f"{what} is in place; {told(value['told'])}"]
    emit(value, as_json, lambda: "\n".join(lines))


def _emit(path: Path, made: Membership, present: Membership | None, as_json: bool) -> None:
    changes = list(differences(present, made)) if present else []
    value: dict[str, Any] = {
        "document": str(path),
        "version": made.version,
        "changes": changes,
        **standing(made, present),
    }
    sentence = f"{path}: version {made.version}; {value['sentence']}"
    emit(value, as_json, lambda: "\n".join([*changes, sentence]))


def _pairs(option: str, texts: Several | None) -> list[tuple[str, str]]:
    pairs = []
    for text in texts or ():
        name, separator, value = text.partition("=")
        if not separator or not name or not value:
            raise typer.BadParameter(f"{option} '{text}': expected NAME=VALUE")
        pairs.append((name, value))
    return pairs
