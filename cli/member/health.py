"""What the doctor says about certificates: of a folder, and of the node that runs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cli.finding import Finding
from cli.member.publication import load_trust
from node.config import NodeFolder
from node.expiry import lifetimes
from node.p2p.trust import Refusal, RefusedPeer
from node.tls_renewal import load_identity

_RENEWAL = "renew it: quorate member request, issue, install"
_REMEDIES: Mapping[Refusal, str] = {
    Refusal.UNKNOWN_NODE: "have the organisations sign it in: quorate member change --add-node",
    Refusal.REVOKED: "have another key certified: quorate member request --new-key",
    Refusal.NOT_YET_VALID: "set this machine's clock, or wait",
}


def findings_of_folder(folder: NodeFolder) -> list[Finding]:
    """The node's certificate as its peers would see it, and every CA that runs out."""
    now, trust, identity = datetime.now(UTC), load_trust(folder), load_identity(folder)
    own, *authorities = lifetimes(identity, trust.membership, now)
    try:
        trust.check_certificate(identity.certificate, now)
    except RefusedPeer as refusal:
        remedy = _REMEDIES.get(refusal.reason, _RENEWAL)
        certificate = Finding("certificate", False, str(refusal), remedy)
    else:
        certificate = Finding(
            "certificate",
            not own.is_due,
            f"{own.days_left} days left",
            _RENEWAL if own.is_due else "",
        )
    return [
        certificate,
        *(
            Finding(lifetime.what, False, f"{lifetime.days_left} days left", lifetime.remedy)
            for lifetime in authorities
            if lifetime.is_due
        ),
    ]


def findings_of_status(status: Mapping[str, Any]) -> list[Finding]:
    """The certificate that a running node shows, and what else it says of lifetimes."""
    shown = status.get("certificate")
    if shown is None:
        return []
    seen = f"{shown['serial']}, {shown['days_left']} days left"
    refused = shown["refused"]
    return [
        Finding("certificate in use", not refused, refused or seen, _RENEWAL if refused else ""),
        *(
            Finding(entry["what"], False, f"{entry['days_left']} days left", entry["remedy"])
            for entry in status["expiring"]
        ),
    ]
