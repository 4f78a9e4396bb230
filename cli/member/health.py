"""What the doctor says about certificates: of a folder, and of the node that runs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cli.finding import Finding
from cli.finding_codes import Code
from cli.member.publication import load_trust
from node.config import NodeConfig, NodeFolder
from node.expiry import Lifetime, lifetimes
from node.membership import InvalidMembership
from node.p2p.trust import Refusal, RefusedPeer, Trust
from node.pki import InvalidNodeCertificate, InvalidNodeId, NodeIdentity
from node.tls_renewal import load_identity

_RENEWAL = "renew it: quorate member request, issue, install"
_REMEDIES: Mapping[Refusal, str] = {
    Refusal.UNKNOWN_NODE: "have the organisations sign it in: quorate member change --add-node",
    Refusal.REVOKED: "have another key certified: quorate member request --new-key",
    Refusal.NOT_YET_VALID: "set this machine's clock, or wait",
    Refusal.WRONG_ORGANISATION: "have this organisation's own CA certify the key: quorate member "
    "request, issue, install; if the CA is new, sign it in: quorate member change --renew-ca",
}


def findings_of_folder(
    folder: NodeFolder, config: NodeConfig
) -> tuple[NodeIdentity | None, Trust | None, list[Finding]]:
    """The node's certificate as its peers would see it, and every CA that runs out.

    Identity and trust are None where they cannot be read.
    """
    identity, trust, findings = None, None, []
    try:
        trust = load_trust(folder)
    except (OSError, InvalidMembership, InvalidNodeCertificate) as error:
        seen = f"expected a signed document in {folder.membership}, found: {error}"
        remedy = "copy membership.json from another node's folder"
        findings.append(Finding(Code.MEMBERSHIP, "membership document", False, seen, remedy))
    try:
        identity = load_identity(folder)
    except (OSError, InvalidNodeCertificate, InvalidNodeId) as error:
        seen = f"expected a certificate for the key in {folder.tls_key}, found: {error}"
        findings.append(Finding(Code.CERTIFICATE, "certificate", False, seen, _RENEWAL))
    if identity is None or trust is None:
        return None, trust, findings
    if identity.node_id != config.node_id:
        seen = f"expected a certificate of {config.node_id}, found one of {identity.node_id}"
        remedy = "put this node's own certificate and key in place"
        findings.append(Finding(Code.CERTIFICATE_NODE, "certificate", False, seen, remedy))
        return None, trust, findings
    return identity, trust, findings + _of_lifetimes(identity, trust)


def _of_lifetimes(identity: NodeIdentity, trust: Trust) -> list[Finding]:
    now = datetime.now(UTC)
    own, *authorities = lifetimes(identity, trust.membership, now)
    try:
        trust.check_certificate(identity.certificate, now)
    except RefusedPeer as refusal:
        remedy = _REMEDIES.get(refusal.reason, _RENEWAL)
        certificate = Finding(Code.CERTIFICATE, "certificate", False, str(refusal), remedy)
    else:
        certificate = _of_own(own)
    return [
        certificate,
        *(
            Finding(
                Code.AUTHORITY_EXPIRES,
                lifetime.what,
                False,
                f"expected {lifetime.days_min} days or more, found {lifetime.days_left} days left",
                lifetime.remedy,
            )
            for lifetime in authorities
            if lifetime.is_due
        ),
    ]


def _of_own(own: Lifetime) -> Finding:
    seen = f"{own.days_left} days left"
    if own.is_due:
        seen = f"expected {own.days_min} days or more, found {seen}"
    return Finding(
        Code.CERTIFICATE_EXPIRES,
        "certificate",
        not own.is_due,
        seen,
        _RENEWAL if own.is_due else "",
    )


def findings_of_status(status: Mapping[str, Any]) -> list[Finding]:
    """The certificate that a running node shows, and what else it says of lifetimes."""
    shown = status.get("certificate")
    if shown is None:
        return []
    seen = f"{shown['serial']}, {shown['days_left']} days left"
    refused = shown["refused"]
    return [
        Finding(
            Code.CERTIFICATE,
            "certificate in use",
            not refused,
            refused or seen,
            _RENEWAL if refused else "",
        ),
        *(
            Finding(
                Code.CERTIFICATE_EXPIRES
                if entry["what"].startswith("cert")
                else Code.AUTHORITY_EXPIRES,
                entry["what"],
                False,
                f"expected more days, found {entry['days_left']} days left",
                entry["remedy"],
            )
            for entry in status["expiring"]
        ),
    ]
