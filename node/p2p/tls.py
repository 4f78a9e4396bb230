"""TLS contexts for both ends, and the name of what went wrong in a handshake.

TLS 1.3 only, both sides authenticated, no tickets: every connection shows its certificate. There
is no way to make a context without these.
"""

from __future__ import annotations

import ssl
from typing import Any

from cryptography import x509

from node.p2p.trust import Refusal, RefusedPeer, Trust
from node.pki import InvalidNodeCertificate, NodeIdentity, decode_der_certificate
from node.stages import Stages

# RFC 5280 errors by OpenSSL's numbers (x509_vfy.h), which Python passes on without names.
_EXPIRED, _NOT_YET_VALID = 10, 9
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})

_REASONS = {
    "HTTP_REQUEST": Refusal.PLAINTEXT,
    "HTTPS_PROXY_REQUEST": Refusal.PLAINTEXT,
    "WRONG_VERSION_NUMBER": Refusal.PLAINTEXT,
    "PACKET_LENGTH_TOO_LONG": Refusal.PLAINTEXT,
    "UNSUPPORTED_PROTOCOL": Refusal.TLS_VERSION,
    "VERSION_TOO_LOW": Refusal.TLS_VERSION,
    "NO_PROTOCOLS_AVAILABLE": Refusal.TLS_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": Refusal.TLS_VERSION,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": Refusal.NO_CERTIFICATE,
}


def server_context(identity: NodeIdentity, trust: Trust) -> ssl.SSLContext:
    """The context of the accepting side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    return _restrict(context, identity, trust)


def client_context(identity: NodeIdentity, trust: Trust) -> ssl.SSLContext:
    """The context of the dialling side. Names are checked by `Trust`, not as host names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    return _restrict(context, identity, trust)


def _restrict(context: ssl.SSLContext, identity: NodeIdentity, trust: Trust) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    # The CA that the membership names is the anchor, whether or not it is a root of its own.
    context.verify_flags |= (
        ssl.VerifyFlags.VERIFY_X509_STRICT | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    )
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
    context.load_verify_locations(cadata=trust.authorities_pem())
    context.load_cert_chain(identity.certificate_path, identity.key_path)
    return context


def measured_tls(stages: Stages) -> type[ssl.SSLObject]:
    """TLS whose encrypting and decrypting are counted; for a context's `sslobject_class`."""

    class MeasuredTls(ssl.SSLObject):
        def read(self, *arguments: Any) -> Any:
            with stages.measure("p2p"):
                return super().read(*arguments)

        def write(self, data: Any) -> int:
            with stages.measure("p2p"):
                return super().write(data)

    return MeasuredTls


def peer_certificate(ssl_object: ssl.SSLObject) -> x509.Certificate:
    """The certificate that the peer showed. Raises RefusedPeer if it is beyond reading."""
    data = ssl_object.getpeercert(binary_form=True)
    if data is None:
        raise RefusedPeer(Refusal.NO_CERTIFICATE, "expected a client certificate, got none")
    try:
        return decode_der_certificate(data)
    except InvalidNodeCertificate as error:
        raise RefusedPeer(Refusal.BAD_CERTIFICATE, str(error)) from error


def refusal_of(error: BaseException) -> RefusedPeer:  # noqa: PLR0911 - one per exception
    """The reason behind an exception of handshake or hello. A RefusedPeer stays itself."""
    match error:
        case RefusedPeer():
            return error
        case ssl.SSLCertVerificationError():
            return RefusedPeer(_verification_reason(error.verify_code), error.verify_message)
        case ssl.SSLError():
            reason = error.reason or ""
            known = _REASONS.get(reason)
            if known is None:
                known = Refusal.REFUSED_BY_PEER if "ALERT" in reason else Refusal.HANDSHAKE
            return RefusedPeer(known, reason or str(error))
        case TimeoutError():
            return RefusedPeer(Refusal.HANDSHAKE_TIMEOUT, "no handshake and hello in time")
        case ConnectionRefusedError():
            return RefusedPeer(Refusal.UNREACHABLE, "connection refused")
        case EOFError() | ConnectionError():
            return RefusedPeer(Refusal.CLOSED, "closed before handshake and hello were done")
        case OSError():
            return RefusedPeer(Refusal.UNREACHABLE, error.strerror or str(error))
        case _:
            raise AssertionError(f"no reason for {error!r}") from error


def _verification_reason(code: int) -> Refusal:
    if code == _EXPIRED:
        return Refusal.EXPIRED
    if code == _NOT_YET_VALID:
        return Refusal.NOT_YET_VALID
    return Refusal.STRANGER if code in _UNKNOWN_ISSUER else Refusal.BAD_CERTIFICATE
