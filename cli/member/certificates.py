"""The `quorate member` commands about certificates: a CA's part and a node's part.

A node's key is made on the node and stays there; what travels are requests, certificates and
revocation lists, which are public.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.failure import CommandFailed
from cli.member.files import read_file
from cli.member.organisation import save_organisation
from cli.member.publication import load_trust, told
from cli.network.process import tell_to_reload
from cli.options import NodeArgument
from cli.output import JsonOption, emit
from cli.result_file import write_result
from ledger.values import to_hex
from node.config import NodeFolder, load_node_config
from node.pki import (
    NODE_VALIDITY_DAYS,
    OrganisationCA,
    certificate_request,
    decode_certificate,
    encode_certificate,
    is_issued_by,
    node_id_of,
    parse_serial,
)
from node.tls_renewal import install_certificate, key_for_request

CaDir = Annotated[Path, typer.Argument(metavar="CA_DIR", help="The organisation's CA folder.")]
OutOption = Annotated[Path, typer.Option("--out", help="The file to write.")]


def create(
    folder: CaDir,
    organisation: Annotated[str, typer.Option("--org", help="The organisation's name.")],
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="A CA certificate made elsewhere (PEM).")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Its P-256 key (PEM, mode 600).")
    ] = None,
    crl: Annotated[
        Path | None, typer.Option("--crl", help="Its newest revocation list, if it has one.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make an organisation's CA and membership key, or take over a CA. 创建机构证书颁发机构。"""
    now = datetime.now(UTC)
    if (certificate is None) != (key is None) or (crl is not None and certificate is None):
        raise typer.BadParameter("a CA made elsewhere needs both --certificate and --key")
    if certificate is not None and key is not None:
        authority = OrganisationCA.adopt(
            organisation, read_file(certificate), key, read_file(crl) if crl else None
        )
    else:
        authority = OrganisationCA.create(organisation, now)
    signer = save_organisation(folder, authority, now)
    value = {
        "organisation": organisation,
        "certificate": str(folder / "ca.crt"),
        "serial": f"{authority.certificate.serial_number:x}",
        "key": to_hex(signer.address),
    }
    emit(
        value,
        as_json,
        lambda: (
            f"CA of {organisation} in {folder}: keep the folder offline, on no node. "
            f"The organisation signs membership documents with the key {value['key']}"
        ),
    )


def request(
    folder: NodeArgument,
    out: OutOption,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Certify a new key; the present one works meanwhile.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask for a certificate; the key never leaves the node. 申请节点证书。"""
    node = NodeFolder(folder)
    node_id = load_node_config(node).node_id
    key = key_for_request(node, is_new=new_key)
    write_result(out, certificate_request(node_id, key))
    value = {"node": node_id, "request": str(out)}
    emit(value, as_json, lambda: f"{out}: carry it to the CA of {node_id}; it holds no secret")


def issue(
    folder: CaDir,
    file: Annotated[Path, typer.Argument(metavar="REQUEST", help="A node's request.")],
    out: OutOption,
    days: Annotated[int, typer.Option(help="How long it is valid.")] = NODE_VALIDITY_DAYS,
    as_json: JsonOption = False,
) -> None:
    """Certify a node's request. 签发节点证书。"""
    authority = OrganisationCA.load(folder)
    issued = authority.issue_for_request(read_file(file), datetime.now(UTC), days)
    write_result(out, encode_certificate(issued))
    value = {
        "node": node_id_of(issued),
        "certificate": str(out),
        "serial": f"{issued.serial_number:x}",
        "not_after": issued.not_valid_after_utc.isoformat(),
    }
    emit(
        value,
        as_json,
        lambda: (
            f"{out}: certificate {value['serial']} of {value['node']}, valid to "
            f"{value['not_after']}; carry it to the node: quorate member install"
        ),
    )


def install(
    folder: NodeArgument,
    file: Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="The node's certificate.")],
    as_json: JsonOption = False,
) -> None:
    """Put a certificate and its key in place, with no restart. 安装节点证书。"""
    node = NodeFolder(folder)
    node_id, trust = load_node_config(node).node_id, load_trust(node)
    now = datetime.now(UTC)
    identity = install_certificate(node, node_id, read_file(file), trust, now)
    pid = tell_to_reload(node.pid_file)
    value = {
        "node": node_id,
        "serial": f"{identity.certificate.serial_number:x}",
        "days_left": identity.days_left(now),
        "told": pid,
    }
    emit(
        value,
        as_json,
        lambda: (
            f"{node_id} has the certificate {value['serial']}, {value['days_left']} days left; "
            f"{told(pid)}"
        ),
    )


def revoke(
    folder: CaDir,
    out: OutOption,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="The certificate to revoke.")
    ] = None,
    serial: Annotated[
        str | None, typer.Option("--serial", help="Its serial number in hex instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a certificate, and write the CA's new list. 吊销证书。"""
    if (certificate is None) == (serial is None):
        raise typer.BadParameter("give either --certificate FILE or --serial HEX")
    authority = OrganisationCA.load(folder)
    number = _serial(authority, certificate, serial)
    now = datetime.now(UTC)
    if number not in authority.revocations.serials:
        authority.revoke([number])
        # First where it is not forgotten, then for the others.
        authority.save(folder, now)
    write_result(out, authority.crl(now))
    value = {
        "organisation": authority.organisation,
        "serial": f"{number:x}",
        "list": str(out),
        "number": authority.revocations.number,
        "revoked": len(authority.revocations.serials),
    }
    emit(
        value,
        as_json,
        lambda: (
            f"{out}: list {value['number']} of {authority.organisation} with {value['revoked']} "
            "serials; carry it to any one node: quorate member publish"
        ),
    )


def _serial(authority: OrganisationCA, certificate: Path | None, serial: str | None) -> int:
    if certificate is not None:
        read = decode_certificate(read_file(certificate))
        if not is_issued_by(read, authority.certificate):
            raise CommandFailed(
                f"{certificate}: expected a certificate of this CA of {authority.organisation}, "
                f"found one issued by {read.issuer.rfc4514_string()!r}; revoke it at its own CA"
            )
        return read.serial_number
    assert serial is not None
    return parse_serial(serial)
