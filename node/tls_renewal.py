"""A node's TLS key and certificate, replaced together while the node may be running.

A new key waits beside the present one until its certificate has come. Two files cannot be renamed
at once: after a cut between the two renames, whoever loads the pair finishes the second.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from ledger.whole_file import replace_synced, write_whole
from node.config import NodeFolder
from node.p2p.rehearsal import rehearse
from node.p2p.trust import Trust
from node.pki import (
    InvalidNodeCertificate,
    NodeIdentity,
    decode_certificate,
    encode_certificate,
    load_key,
    new_key,
    save_key,
)


def waiting_key(folder: NodeFolder) -> Path:
    """Where a new key waits for its certificate."""
    return folder.tls_key.with_name(folder.tls_key.name + ".new")


def key_for_request(folder: NodeFolder, *, is_new: bool) -> ec.EllipticCurvePrivateKey:
    """The key to have certified: the present one, or one that waits; made where there is none.

    Raises InvalidNodeCertificate or OSError.
    """
    path = waiting_key(folder) if is_new and folder.tls_key.is_file() else folder.tls_key
    # A key that waits may be at the organisation's CA already: it is not made again.
    if not path.is_file():
        save_key(path, new_key())
    return load_key(path)


def install_certificate(
    folder: NodeFolder, node_id: str, pem: bytes, trust: Trust, now: datetime
) -> NodeIdentity:
    """Put a certificate in place, with the key that waits for it if it is that key's.

    Nothing changes unless a peer with this trust would take it. Raises InvalidNodeCertificate,
    RefusedPeer or OSError.
    """
    certificate = decode_certificate(pem)
    key_path = next(
        (
            path
            for path in (waiting_key(folder), folder.tls_key)
            if path.is_file() and load_key(path).public_key() == certificate.public_key()
        ),
        None,
    )
    if key_path is None:
        raise InvalidNodeCertificate(
            f"expected a certificate for a key in {folder.tls_key.parent}, got another key's: "
            "have this node's request certified, made with: quorate member request"
        )
    staged = _staged(folder)
    write_whole(staged, encode_certificate(certificate))
    try:
        identity = NodeIdentity.load(staged, key_path)
        if identity.node_id != node_id:
            raise InvalidNodeCertificate(
                f"expected a certificate that names {node_id}, got one of {identity.node_id}: "
                "have this node's request certified"
            )
        rehearse(identity, trust, now)
    except Exception:
        staged.unlink()
        raise
    if key_path != folder.tls_key:
        replace_synced(key_path, folder.tls_key)
    with contextlib.suppress(FileNotFoundError):  # the running node was faster: `load_identity`
        replace_synced(staged, folder.tls_certificate)
    return NodeIdentity.load(folder.tls_certificate, folder.tls_key)


def load_identity(folder: NodeFolder) -> NodeIdentity:
    """The node's pair; an installation that was cut off is finished.

    Raises InvalidNodeCertificate, InvalidNodeId or OSError.
    """
    try:
        return NodeIdentity.load(folder.tls_certificate, folder.tls_key)
    except InvalidNodeCertificate:
        staged = _staged(folder)
        # Its key was put in place, so it had passed; the rename was all that was left to do.
        if not _is_pair(staged, folder.tls_key):
            raise
        replace_synced(staged, folder.tls_certificate)
        return NodeIdentity.load(folder.tls_certificate, folder.tls_key)


def _staged(folder: NodeFolder) -> Path:
    return folder.tls_certificate.with_name(folder.tls_certificate.name + ".new")


def _is_pair(certificate: Path, key: Path) -> bool:
    try:
        NodeIdentity.load(certificate, key)
    except (InvalidNodeCertificate, OSError):
        return False
    return True
