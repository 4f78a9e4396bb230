"""Putting a newer membership document or revocation list into a node's folder, and telling it.

One node is enough: it hands both on to all others.
"""

from pathlib import Path
from typing import Any

from cli.failure import CommandFailed
from cli.member.files import Kind, kind_of, load_document, read_file
from cli.network.process import tell_to_reload
from ledger.suite import STANDARD
from node.config import NodeFolder
from node.membership import Membership, load_membership
from node.membership_change import differences
from node.p2p.trust import Trust
from node.revocations import authority_of, load_revocations


def load_trust(folder: NodeFolder) -> Trust:
    """What the node in this folder believes: its document and revocation lists."""
    membership = load_membership(folder.membership, STANDARD)
    return Trust(membership, load_revocations(folder.revocations, membership))


def told(pid: int | None) -> str:
    """Whether a running node was told, in words."""
    return (
        "no node runs here: it takes it up when it starts"
        if pid is None
        else (f"the running node (process {pid}) takes it up now")
    )


def publish_document(folder: NodeFolder, document: Membership) -> int | None:
    """Put a document that is known to be good in force; the pid of the node that was told."""
    document.save(folder.membership)
    return tell_to_reload(folder.pid_file)


def publish_file(folder: NodeFolder, path: Path) -> dict[str, Any]:
    """Check a file against what is in force in the folder, then put it there and tell the node."""
    kind = kind_of(path)
    if kind is Kind.MEMBERSHIP:
        return _publish_document(folder, path)
    if kind is Kind.REVOCATIONS:
        return _publish_list(folder, path)
    raise CommandFailed(
        f"{path}: expected a revocation list or a membership document, found a {kind}"
        + ("; use: quorate member install" if kind is Kind.CERTIFICATE else "")
    )


def _publish_document(folder: NodeFolder, path: Path) -> dict[str, Any]:
    present, document = load_membership(folder.membership, STANDARD), load_document(path)
    value: dict[str, Any] = {"kind": Kind.MEMBERSHIP, "version": document.version}
    if document == present:
        return {**value, "changes": [], "told": tell_to_reload(folder.pid_file)}
    present.check_successor(STANDARD, document)
    return {
        **value,
        "changes": list(differences(present, document)),
        "told": publish_document(folder, document),
    }


def _publish_list(folder: NodeFolder, path: Path) -> dict[str, Any]:
    trust, data = load_trust(folder), read_file(path)
    authority = authority_of(data)
    organisation = trust.authorities.get(authority)
    if organisation is None:
        raise CommandFailed(
            f"{path}: expected a list of a CA in membership version {trust.membership.version}, "
            "found another CA's; publish the document that names the CA first"
        )
    newer = trust.with_crl(organisation, data)
    if newer is not trust:
        newer.revocations.save(folder.revocations, organisation)
    before, now = trust.revocations.held.get(authority), newer.revocations.held[authority]
    known = before.revocations.serials if before else frozenset()
    return {
        "kind": Kind.REVOCATIONS,
        "organisation": organisation,
        "number": now.revocations.number,
        "changes": [
            f"certificate {serial:x} of {organisation} is revoked"
            for serial in sorted(now.revocations.serials - known)
        ],
        "told": tell_to_reload(folder.pid_file),
    }
