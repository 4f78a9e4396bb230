"""TLS of the RPC listener: 1.3 only, a client certificate where there is one, failures told.

The network's CAs are the anchors. Whom a certificate names, and whether it still counts, is
`authentication`'s matter: here OpenSSL only learns that some organisation's CA issued it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from ledger.private_file import ExposedFile, check_private

HANDSHAKE_S_MAX = 10.0


class InvalidRpcCertificate(ValueError):
    """The certificate or key that the listener should show cannot be used."""


def listener_context(
    certificate: Path, key: Path, authorities_pem: str, on_failure: Callable[[ssl.SSLError], None]
) -> ssl.SSLContext:
    """The listener's context. Raises InvalidRpcCertificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= (
        ssl.VerifyFlags.VERIFY_X509_STRICT | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    )
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
    context.sslobject_class = _watched(on_failure)
    trust_authorities(context, authorities_pem)
    show_certificate(context, certificate, key)
    return context


def show_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """New connections see this pair from now on. Raises InvalidRpcCertificate."""
    try:
        check_private(key)
        # With a password that is never asked for: OpenSSL must not stop at a terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except ExposedFile as error:
        raise InvalidRpcCertificate(f"the key {error}") from error
    except (OSError, ssl.SSLError) as error:
        raise InvalidRpcCertificate(
            f"expected a PEM certificate with its key in {certificate} and {key}: {error}"
        ) from error


def trust_authorities(context: ssl.SSLContext, authorities_pem: str) -> None:
    """Take clients of these CAs too; those of one that left are refused after the handshake."""
    context.load_verify_locations(cadata=authorities_pem)


def _watched(on_failure: Callable[[ssl.SSLError], None]) -> type[ssl.SSLObject]:
    """TLS that tells of a handshake that failed: asyncio itself keeps it to itself."""

    class WatchedTls(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                on_failure(error)
                raise

    return WatchedTls
