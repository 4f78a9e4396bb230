"""`quorate member show`: what a file or folder holds, how long it lasts, what it lacks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from rich.console import Group, RenderableType

from cli.member.files import (
    ORGANISATION_KEY,
    Kind,
    kind_of,
    load_document,
    load_organisation_signer,
    read_file,
)
from cli.member.publication import load_trust
from cli.member.standing import standing
from cli.output import JsonOption, emit, flat, table
from ledger.values import to_hex
from node.config import NodeFolder, load_node_config
from node.membership import Membership
from node.membership_change import differences
from node.p2p.trust import RefusedPeer, Trust
from node.pki import (
    InvalidNodeCertificate,
    OrganisationCA,
    days_left,
    decode_certificate,
    node_id_of,
    read_request,
)
from node.revocations import authority_of
from node.tls_renewal import load_identity, waiting_key


def show(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A CA's or a node's folder, or a file of either, or a document."
        ),
    ],
    against: Annotated[
        Path | None,
        typer.Option(help="For a draft: the document in force, or a node's folder that has it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Names, serials, days left, signatures and what is missing. 查看证书与成员文件。"""
    kind, now = kind_of(path), datetime.now(UTC)
    if kind is Kind.MEMBERSHIP:
        document = load_document(path)
        value = _document(document, load_document(against) if against else None, now)
    else:
        value = _READERS[kind](path, now)
    value = {"kind": kind, **value}
    emit(value, as_json, lambda: _render(str(path), value))


def _authority(path: Path, now: datetime) -> dict[str, Any]:
    authority = OrganisationCA.load(path)
    has_key = (path / ORGANISATION_KEY).is_file()
    return {
        "organisation": authority.organisation,
        **_certificate_fields(authority.certificate, now),
        "key": to_hex(load_organisation_signer(path).address) if has_key else None,
        "list": authority.revocations.number,
        "revoked": [f"{serial:x}" for serial in sorted(authority.revocations.serials)],
    }


def _node(path: Path, now: datetime) -> dict[str, Any]:
    folder = NodeFolder(path)
    trust, identity = load_trust(folder), load_identity(folder)
    return {
        "node": load_node_config(folder).node_id,
        **_certificate_fields(identity.certificate, now),
        "refused": _refusal(trust, identity.certificate, now),
        "new_key_waits": waiting_key(folder).is_file(),
        "membership": _document(trust.membership, None, now),
        "revocations": [
            {
                "organisation": held.organisation,
                "list": held.revocations.number,
                "revoked": len(held.revocations.serials),
            }
            for held in trust.revocations.held.values()
        ],
    }


def _certificate(path: Path, now: datetime) -> dict[str, Any]:
    certificate = decode_certificate(read_file(path))
    try:
        node_id = node_id_of(certificate)
    except InvalidNodeCertificate:
        node_id = None
    return {
        "node": node_id,
        **_certificate_fields(certificate, now),
        "issuer": certificate.issuer.rfc4514_string(),
    }


def _request(path: Path, _: datetime) -> dict[str, Any]:
    return {"node": read_request(read_file(path))[0]}


def _revocations(path: Path, _: datetime) -> dict[str, Any]:
    data = read_file(path)
    authority_of(data)  # in words of ours, if it is none
    crl = x509.load_pem_x509_crl(data)
    try:
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        number = None
    return {
        "issuer": crl.issuer.rfc4514_string(),
        "list": number,
        "made": crl.last_update_utc.isoformat(),
        "revoked": [f"{entry.serial_number:x}" for entry in crl],
    }


_READERS = {
    Kind.AUTHORITY: _authority,
    Kind.NODE: _node,
    Kind.CERTIFICATE: _certificate,
    Kind.REQUEST: _request,
    Kind.REVOCATIONS: _revocations,
}


def _document(document: Membership, present: Membership | None, now: datetime) -> dict[str, Any]:
    progress = standing(document, present)
    return {
        "network": document.network,
        "version": document.version,
        **progress,
        "changes": list(differences(present, document)) if present else [],
        "organisations": [
            {
                "name": organisation.name,
                "key": to_hex(organisation.key),
                "signed": organisation.name in progress["signed"],
                "authorities": [
                    _certificate_fields(certificate, now)
                    for certificate in organisation.ca_certificates
                ],
                "revoked": len(organisation.revoked_serials),
            }
            for organisation in sorted(document.organisations.values(), key=lambda o: o.name)
        ],
        "nodes": dict(sorted(document.nodes.items())),
    }


def _certificate_fields(certificate: x509.Certificate, now: datetime) -> dict[str, Any]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "days_left": days_left(certificate, now),
    }


def _refusal(trust: Trust, certificate: x509.Certificate, now: datetime) -> str | None:
    try:
        trust.check_certificate(certificate, now)
    except RefusedPeer as refusal:
        return str(refusal)
    return None


def _render(title: str, value: dict[str, Any]) -> RenderableType:
    membership = value if value["kind"] is Kind.MEMBERSHIP else value.get("membership")
    rest = {
        key: entry
        for key, entry in value.items()
        if key not in ("membership", "organisations", "nodes") and entry not in (None, [])
    }
    parts: list[RenderableType] = [table(title, ("", ""), flat(rest))]
    if membership is not None:
        parts += _render_membership(membership)
    return Group(*parts)


def _render_membership(value: dict[str, Any]) -> list[RenderableType]:
    organisations = (
        (
            organisation["name"],
            organisation["key"],
            "yes" if organisation["signed"] else "no",
            "\n".join(authority["serial"] for authority in organisation["authorities"]),
            "\n".join(str(authority["days_left"]) for authority in organisation["authorities"]),
            organisation["revoked"],
        )
        for organisation in value["organisations"]
    )
    return [
        table(
            f"Membership of {value['network']}, version {value['version']}: {value['sentence']}",
            ("organisation", "key", "signed", "CA serial", "days left", "revoked"),
            organisations,
        ),
        table("Nodes", ("node", "address"), value["nodes"].items()),
    ]
