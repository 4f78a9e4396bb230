"""Who may connect: a peer's certificate judged against the network's membership.

OpenSSL has checked, in the handshake, that the chain ends at *some* CA of the network and that the
peer holds the key. Here follows what OpenSSL cannot know: that the CA is the one of the
organisation whose node the certificate names, and that nothing was revoked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from cryptography import x509

from node.membership import Membership
from node.pki import (
    InvalidNodeCertificate,
    encode_certificate,
    is_issued_by,
    node_id_of,
    organisation_of,
)
from node.revocations import Revocations, authority_id


class Refusal(StrEnum):
    """Why a connection got no further than handshake and hello."""

    PLAINTEXT = "plaintext"
    TLS_VERSION = "tls_version"
    NO_CERTIFICATE = "no_certificate"
    STRANGER = "stranger"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    BAD_CERTIFICATE = "bad_certificate"
    WRONG_ORGANISATION = "wrong_organisation"
    REVOKED = "revoked"
    UNKNOWN_NODE = "unknown_node"
    OTHER_NODE = "other_node"
    OWN_NODE = "own_node"
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    HANDSHAKE = "handshake"
    REFUSED_BY_PEER = "refused_by_peer"
    BAD_HELLO = "bad_hello"
    DUPLICATE = "duplicate"
    TOO_MANY = "too_many"
    UNREACHABLE = "unreachable"
    CLOSED = "closed"


class RefusedPeer(Exception):
    """A connection that is not let in: `reason` for counting, the message for the log."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Trust:
    """The membership in force, with the newest revocation list of each authority.

    Revocations come both ways: in the membership document, signed by the organisations, and as an
    organisation's own CRL, signed by its CA, which needs nobody else's agreement.
    """

    membership: Membership
    revocations: Revocations = field(default_factory=Revocations)

    @cached_property
    def authorities(self) -> dict[bytes, str]:
        """The organisation of each CA of the network, by `authority_id`."""
        return {
            authority_id(certificate): organisation.name
            for organisation in self.membership.organisations.values()
            for certificate in organisation.ca_certificates
        }

    def authorities_pem(self) -> str:
        """All CA certificates of the network, for OpenSSL."""
        return "".join(
            encode_certificate(certificate).decode()
            for organisation in self.membership.organisations.values()
            for certificate in organisation.ca_certificates
        )

    def check_certificate(self, certificate: x509.Certificate, now: datetime) -> str:
        """The node id of a peer with this certificate at `now` (aware), or RefusedPeer."""
        try:
            node_id = node_id_of(certificate)
        except InvalidNodeCertificate as error:
            raise RefusedPeer(Refusal.BAD_CERTIFICATE, str(error)) from error
        self.check_in_force(certificate, organisation_of(node_id), node_id, now)
        if node_id not in self.membership.nodes:
            raise RefusedPeer(
                Refusal.UNKNOWN_NODE,
                f"expected a node of membership version {self.membership.version}, got "
                f"{node_id!r}: add it to the membership document",
            )
        return node_id

    def check_in_force(
        self, certificate: x509.Certificate, name: str, holder: str, now: datetime
    ) -> None:
        """Raise RefusedPeer unless the organisation `name` issued it and it counts at `now`.

        `holder` is whom the certificate names: a node id, or an officer.
        """
        organisation = self.membership.organisations.get(name)
        if organisation is None:
            raise RefusedPeer(
                Refusal.UNKNOWN_NODE,
                f"expected a node of a member organisation, got {holder!r}: "
                "the organisation must join the network first",
            )
        issuers = [c for c in organisation.ca_certificates if is_issued_by(certificate, c)]
        if not issuers:
            raise RefusedPeer(
                Refusal.WRONG_ORGANISATION,
                f"expected a certificate for {holder!r} from the CA of {name!r}, got one issued "
                f"by {certificate.issuer.rfc4514_string()!r}: somebody claims another's node",
            )
        if now > certificate.not_valid_after_utc:
            raise RefusedPeer(
                Refusal.EXPIRED,
                f"expected a valid certificate of {holder!r}, got one that expired at "
                f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: renew it",
            )
        if now < certificate.not_valid_before_utc:
            raise RefusedPeer(
                Refusal.NOT_YET_VALID,
                f"expected a valid certificate of {holder!r}, got one valid from "
                f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC: check both clocks",
            )
        if certificate.serial_number in organisation.revoked_serials or any(
            self.revocations.is_revoked(issuer, certificate.serial_number) for issuer in issuers
        ):
            raise RefusedPeer(
                Refusal.REVOKED,
                f"expected a certificate in force, got {certificate.serial_number:#x} of "
                f"{holder!r}, which {name!r} revoked: have a new one issued",
            )

    def with_crl(self, organisation: str, crl_pem: bytes) -> Trust:
        """Trust with an organisation's own revocation list; itself if the list is not newer.

        Raises InvalidMembership or InvalidNodeCertificate.
        """
        revocations = self.revocations.with_list(self.membership, organisation, crl_pem)
        return self if revocations is self.revocations else replace(self, revocations=revocations)

    def succeeded_by(self, membership: Membership) -> Trust:
        """Trust in a newer document; revocation lists stay, but those of authorities that left."""
        return Trust(membership, self.revocations.within(membership))
