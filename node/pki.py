"""Certificates of the network: one CA per organisation, one TLS certificate per node.

A node's certificate names its node id (`org/name`) as a SAN URI, `quorate:org/name`, and nothing
else. This module makes, reads and revokes; whether a peer is let in is `node.p2p.trust`'s matter.

ECDSA P-256 with SHA-256 (RFC 5480, RFC 5758), X.509 v3 (RFC 5280): what every TLS 1.3 stack and
every HSM speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ledger.bounded_file import read_bounded
from ledger.new_secret import write_new_secret
from ledger.private_file import ExposedFile, read_private
from ledger.whole_file import write_whole

NAME_LENGTH_MAX = 64
NODE_ID_LENGTH_MAX = 2 * NAME_LENGTH_MAX + 1
NODE_VALIDITY_DAYS = 365
OFFICER_VALIDITY_DAYS = 365
CA_VALIDITY_DAYS = 3650
CRL_VALIDITY_DAYS = 30
CLOCK_SKEW_MINUTES = 5
CERTIFICATE_BYTES_MAX = 8_192
KEY_BYTES_MAX = 8_192
CRL_BYTES_MAX = 524_288
REVOKED_SERIALS_MAX = 4_096
SERIAL_BITS_MAX = 160

_URI_SCHEME = "quorate:"
_NAME_FILE = "organisation"
_NAME = rf"[a-z0-9](?:[a-z0-9._-]{{0,{NAME_LENGTH_MAX - 2}}}[a-z0-9])?"
_ORGANISATION = re.compile(_NAME)
_SERIAL = re.compile(rf"(?:0x)?[0-9a-fA-F]{{1,{SERIAL_BITS_MAX // 4}}}")
_NODE_ID = re.compile(f"({_NAME})/({_NAME})")
_OFFICER_ID = re.compile(f"({_NAME})/officer/({_NAME})")


class InvalidNodeId(ValueError):
    """A text that should name a node or an organisation does not."""


class InvalidNodeCertificate(ValueError):
    """A certificate, request, key or revocation list that is not what it should be."""


def check_organisation_name(name: str) -> str:
    """`name` itself, or InvalidNodeId."""
    if _ORGANISATION.fullmatch(name) is None:
        raise InvalidNodeId(
            f"expected an organisation name of 1 to {NAME_LENGTH_MAX} characters a-z, 0-9 and "
            f"inner dots, underscores and hyphens, got {name[:NODE_ID_LENGTH_MAX]!r}: rename it"
        )
    return name


def organisation_of(node_id: str) -> str:
    """The organisation that the node id `org/name` names, or InvalidNodeId."""
    match = _NODE_ID.fullmatch(node_id) if len(node_id) <= NODE_ID_LENGTH_MAX else None
    if match is None:
        raise InvalidNodeId(
            "expected a node id like tax/tax-1 (organisation, slash, name; a-z, 0-9 and inner "
            f"dots, underscores and hyphens), got {node_id[:NODE_ID_LENGTH_MAX]!r}: rename it"
        )
    return match[1]


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def save_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write `key` as unencrypted PKCS #8 PEM into a new file of mode 600.

    Raises FileExistsError: a key is never overwritten in passing.
    """
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_new_secret(path, pem)


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a P-256 key. Refuses a file that anyone but its owner may read.

    Raises InvalidNodeCertificate, or OSError when the file is not there.
    """
    try:
        pem = read_private(path, KEY_BYTES_MAX)
        key = serialization.load_pem_private_key(pem, password=None)
    except ExposedFile as error:
        raise InvalidNodeCertificate(f"the key {error}") from error
    except (ValueError, TypeError) as error:
        raise InvalidNodeCertificate(
            f"expected an unencrypted PEM private key at {path}, got something else: "
            "restore it or make a new one and have it certified"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise InvalidNodeCertificate(
            f"expected an ECDSA P-256 key at {path}, got another kind: make a new one"
        )
    return key


def certificate_request(node_id: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS #10 request (PEM) for `node_id`, so that the key never leaves its node."""
    return _request(organisation_of(node_id), node_id, key)


def officer_request(organisation: str, name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The same for an officer's certificate. Raises InvalidNodeId."""
    return _request(organisation, officer_id(organisation, name), key)


def _request(organisation: str, holder: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_subject(organisation, holder))
        .add_extension(_node_uri(holder), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM)


def read_request(pem: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """The node id and key of a request, signed by that key. Raises InvalidNodeCertificate."""
    try:
        if len(pem) > CERTIFICATE_BYTES_MAX:
            raise ValueError("too long")
        request = x509.load_pem_x509_csr(pem)
        names = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        is_signed = request.is_signature_valid
        key = request.public_key()
    except Exception as error:  # as in _read_whole
        raise InvalidNodeCertificate(
            "expected a PEM certificate request with a SAN URI, got something else: "
            "make it with: quorate member request"
        ) from error
    if (
        not is_signed
        or not isinstance(key, ec.EllipticCurvePublicKey)
        or key.curve.name != "secp256r1"
        or len(names) != 1
        or not isinstance(names[0], x509.UniformResourceIdentifier)
    ):
        raise InvalidNodeCertificate(
            "expected a request signed by its own P-256 key with one SAN URI, got another: "
            "make it with: quorate member request"
        )
    return names[0].value.removeprefix(_URI_SCHEME), key


def decode_certificate(data: bytes) -> x509.Certificate:
    """Exactly one certificate in PEM, at most CERTIFICATE_BYTES_MAX, or InvalidNodeCertificate."""
    if len(data) > CERTIFICATE_BYTES_MAX:
        raise InvalidNodeCertificate(
            f"expected a certificate of at most {CERTIFICATE_BYTES_MAX} bytes, got {len(data)}: "
            "pass one certificate, not a bundle"
        )
    try:
        certificates = x509.load_pem_x509_certificates(data)
    except (ValueError, x509.InvalidVersion) as error:
        raise InvalidNodeCertificate(
            "expected a PEM certificate, got something else: export it as PEM"
        ) from error
    if len(certificates) != 1:
        raise InvalidNodeCertificate(
            f"expected one certificate, got {len(certificates)}: pass each in its own file"
        )
    return _read_whole(certificates[0])


def decode_der_certificate(data: bytes) -> x509.Certificate:
    """A certificate as TLS carries it, or InvalidNodeCertificate."""
    try:
        return _read_whole(x509.load_der_x509_certificate(data))
    except (ValueError, x509.InvalidVersion) as error:
        raise InvalidNodeCertificate(
            f"expected an X.509 certificate, got another form ({error}): have a new one issued"
        ) from error


def encode_certificate(certificate: x509.Certificate) -> bytes:
    """PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def node_id_of(certificate: x509.Certificate) -> str:
    """The one node id that a node's certificate names.

    Raises InvalidNodeCertificate for a CA certificate, none, several or another kind of name.
    """
    node_id = _holder_of(certificate)
    try:
        organisation_of(node_id)
    except InvalidNodeId as error:
        raise InvalidNodeCertificate(str(error)) from error
    return node_id


def officer_id(organisation: str, name: str) -> str:
    """`org/officer/name`, as a certificate names an officer or a system. Raises InvalidNodeId."""
    check_organisation_name(organisation)
    if _ORGANISATION.fullmatch(name) is None:
        raise InvalidNodeId(
            f"expected a pseudonym of 1 to {NAME_LENGTH_MAX} characters a-z, 0-9 and inner dots, "
            f"underscores and hyphens, got {name[:NAME_LENGTH_MAX]!r}: choose another"
        )
    return f"{organisation}/officer/{name}"


def officer_of(certificate: x509.Certificate) -> tuple[str, str]:
    """The organisation and pseudonym that an officer's certificate names.

    Raises InvalidNodeCertificate, for a node's certificate too.
    """
    match = _OFFICER_ID.fullmatch(_holder_of(certificate))
    if match is None:
        raise InvalidNodeCertificate(
            "expected an officer's certificate, which names quorate:org/officer/name, got another: "
            "have one issued with: quorate account certificate"
        )
    return match[1], match[2]


def _holder_of(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise InvalidNodeCertificate(
            "expected a certificate with SAN and basic constraints, got one without: "
            "have it issued by the organisation's CA"
        ) from error
    general_names = list(names)
    if constraints.ca or len(general_names) != 1:
        raise InvalidNodeCertificate(
            "expected a certificate (no CA) with one SAN URI, got "
            f"{'a CA' if constraints.ca else f'{len(general_names)} names'}: "
            "have it issued by the organisation's CA"
        )
    only = general_names[0]
    if not isinstance(only, x509.UniformResourceIdentifier):
        raise InvalidNodeCertificate(
            "expected a SAN URI quorate:org/name, got another kind of name: "
            "have it issued by the organisation's CA"
        )
    if not only.value.startswith(_URI_SCHEME):
        raise InvalidNodeCertificate(
            f"expected a SAN URI quorate:org/name, got {only.value[:NODE_ID_LENGTH_MAX]!r}: "
            "have it issued by the organisation's CA"
        )
    return only.value[len(_URI_SCHEME) :]


def days_left(certificate: x509.Certificate, now: datetime) -> int:
    """Whole days until a certificate expires; negative when it has."""
    return (certificate.not_valid_after_utc - now).days


def parse_serial(text: str) -> int:
    """A serial number in hex, colons allowed. Raises InvalidNodeCertificate."""
    plain = text.replace(":", "")
    number = int(plain, 16) if _SERIAL.fullmatch(plain) else 0
    if not number:
        raise InvalidNodeCertificate(
            f"expected a serial number in hex of at most {SERIAL_BITS_MAX} bits, got "
            f"{text[:NAME_LENGTH_MAX]!r}: read it from the certificate with: quorate member show"
        )
    return number


def check_authority(certificate: x509.Certificate) -> None:
    """Raise InvalidNodeCertificate unless every TLS stack takes this CA with all strictness.

    RFC 5280 section 4.2.1: critical basic constraints, key usage, subject key identifier.
    """
    extensions = certificate.extensions
    missing = []
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints)
        if not constraints.value.ca or not constraints.critical:
            missing.append("critical basic constraints CA:TRUE")
    except x509.ExtensionNotFound:
        missing.append("critical basic constraints CA:TRUE")
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.key_cert_sign or not usage.crl_sign:
            missing.append("key usage keyCertSign and cRLSign")
    except x509.ExtensionNotFound:
        missing.append("key usage keyCertSign and cRLSign")
    try:
        extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        missing.append("a subject key identifier")
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        missing.append("an ECDSA P-256 key")
    if missing:
        raise InvalidNodeCertificate(
            f"expected a CA certificate, got {certificate.subject.rfc4514_string()!r} without "
            f"{', '.join(missing)}: have the CA's certificate made anew with them"
        )


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer`'s own key signed `certificate` (no intermediates)."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, UnsupportedAlgorithm, BadSignature):
        return False
    return True


def read_crl(data: bytes, issuer: x509.Certificate) -> RevocationList:
    """Parse a PEM CRL and check that `issuer` signed it. Raises InvalidNodeCertificate."""
    if len(data) > CRL_BYTES_MAX:
        raise InvalidNodeCertificate(
            f"expected a revocation list of at most {CRL_BYTES_MAX} bytes, got {len(data)}: "
            "drop the serials of expired certificates"
        )
    key = issuer.public_key()
    try:
        crl = x509.load_pem_x509_crl(data)
        is_the_issuers = (
            crl.issuer == issuer.subject
            and isinstance(key, ec.EllipticCurvePublicKey)
            and crl.is_signature_valid(key)
        )
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        # Delta and partial lists say so critically (RFC 5280 section 5.2): as a whole list they
        # would give back what they leave out.
        is_whole = not any(extension.critical for extension in crl.extensions)
        serials = frozenset(entry.serial_number for entry in crl) if is_the_issuers else frozenset()
    except Exception as error:  # as in _read_whole
        raise InvalidNodeCertificate(
            "expected a PEM revocation list with a number, got something else: "
            "export it again from the organisation's CA"
        ) from error
    if not is_the_issuers:
        raise InvalidNodeCertificate(
            f"expected a revocation list signed by {issuer.subject.rfc4514_string()!r}, "
            "got another signer: take the list from that organisation"
        )
    if not is_whole:
        raise InvalidNodeCertificate(
            "expected a whole revocation list, got a delta or partial one: "
            "export the whole list from the organisation's CA"
        )
    if len(serials) > REVOKED_SERIALS_MAX:
        raise InvalidNodeCertificate(
            f"expected at most {REVOKED_SERIALS_MAX} revoked serials, got {len(serials)}: "
            "drop the serials of expired certificates"
        )
    return RevocationList(number, serials)


@dataclass(frozen=True)
class RevocationList:
    """What an organisation revoked: a number that grows with each list, and serials."""

    number: int
    serials: frozenset[int]


@dataclass(frozen=True)
class NodeIdentity:
    """A node's own certificate and key, as files, because OpenSSL reads them from there."""

    node_id: str
    certificate: x509.Certificate
    certificate_path: Path
    key_path: Path

    @classmethod
    def load(cls, certificate_path: Path, key_path: Path) -> NodeIdentity:
        """Read both and check that they belong together. Raises InvalidNodeCertificate."""
        certificate = decode_certificate(_read(certificate_path, CERTIFICATE_BYTES_MAX))
        key = load_key(key_path)
        if certificate.public_key() != key.public_key():
            raise InvalidNodeCertificate(
                f"expected the key of {certificate_path} at {key_path}, got another key: "
                "put the pair that was issued together into the node's folder"
            )
        return cls(node_id_of(certificate), certificate, certificate_path, key_path)

    def days_left(self, now: datetime) -> int:
        """Whole days until the certificate expires; negative when it has."""
        return days_left(self.certificate, now)


class OrganisationCA:
    """An organisation's certification authority: issues and revokes its nodes' certificates.

    On disk: `ca.key` (600), `ca.crt`, `ca.crl` and `organisation`, its name, in a folder of its
    own, which belongs on no node.
    """

    def __init__(
        self,
        organisation: str,
        certificate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        revocations: RevocationList | None = None,
    ) -> None:
        self.organisation = check_organisation_name(organisation)
        self.certificate = certificate
        self.revocations = revocations or RevocationList(0, frozenset())
        self._key = key

    @classmethod
    def create(cls, organisation: str, now: datetime) -> OrganisationCA:
        """A fresh self-signed CA, valid for CA_VALIDITY_DAYS from `now` (aware)."""
        check_organisation_name(organisation)
        key = new_key()
        # A number in the subject keeps a renewed CA's name apart from its predecessor's.
        name = _subject(organisation, f"{organisation} CA {x509.random_serial_number():040x}"[:64])
        subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _builder(name, name, key.public_key(), now, CA_VALIDITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(subject_key, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        return cls(organisation, certificate, key)

    @classmethod
    def load(cls, folder: Path) -> OrganisationCA:
        """Read a CA that `save` wrote. Raises InvalidNodeCertificate or OSError."""
        certificate = decode_certificate(_read(folder / "ca.crt", CERTIFICATE_BYTES_MAX))
        key = load_key(folder / "ca.key")
        if certificate.public_key() != key.public_key():
            raise InvalidNodeCertificate(
                f"expected ca.crt and ca.key in {folder} to belong together, got a foreign key: "
                "restore the CA's folder"
            )
        revocations = read_crl(_read(folder / "ca.crl", CRL_BYTES_MAX), certificate)
        return cls(_organisation_of_ca(folder, certificate), certificate, key, revocations)

    @classmethod
    def adopt(
        cls, organisation: str, certificate_pem: bytes, key_path: Path, crl_pem: bytes | None
    ) -> OrganisationCA:
        """A CA that was made elsewhere, with its present revocation list if it has issued one.

        Raises InvalidNodeCertificate, InvalidNodeId or OSError.
        """
        certificate = decode_certificate(certificate_pem)
        check_authority(certificate)
        key = load_key(key_path)
        if certificate.public_key() != key.public_key():
            raise InvalidNodeCertificate(
                f"expected the key of the CA certificate at {key_path}, got a foreign key: "
                "pass the pair that belongs together"
            )
        revocations = None if crl_pem is None else read_crl(crl_pem, certificate)
        return cls(organisation, certificate, key, revocations)

    def save(self, folder: Path, now: datetime) -> None:
        """Write key (once), certificate and a CRL as of `now`."""
        if not (folder / "ca.key").exists():
            save_key(folder / "ca.key", self._key)
        write_whole(folder / _NAME_FILE, f"{self.organisation}\n".encode())
        write_whole(folder / "ca.crt", encode_certificate(self.certificate))
        write_whole(folder / "ca.crl", self.crl(now))

    def issue(
        self,
        node_id: str,
        public_key: ec.EllipticCurvePublicKey,
        now: datetime,
        validity_days: int = NODE_VALIDITY_DAYS,
    ) -> x509.Certificate:
        """A TLS certificate for `node_id`, for both sides of a connection, from `now` (aware) on.

        Raises InvalidNodeId when the id names another organisation.
        """
        if organisation_of(node_id) != self.organisation:
            raise InvalidNodeId(
                f"expected a node id of organisation {self.organisation!r}, got {node_id!r}: "
                "ask that organisation's CA"
            )
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._issue(node_id, public_key, now, validity_days, usages)

    def issue_officer(
        self,
        name: str,
        public_key: ec.EllipticCurvePublicKey,
        now: datetime,
        validity_days: int = OFFICER_VALIDITY_DAYS,
    ) -> x509.Certificate:
        """A TLS client's certificate for an officer or system under the pseudonym `name`.

        It names `org/officer/name`, which no node id is. Raises InvalidNodeId, or
        InvalidNodeCertificate when it would outlive this CA's certificate.
        """
        holder = officer_id(self.organisation, name)
        days_max = days_left(self.certificate, now)
        if not 0 < validity_days <= days_max:
            raise InvalidNodeCertificate(
                f"expected 1 to {days_max} days, which the CA of {self.organisation!r} has left, "
                f"got {validity_days}: ask for fewer, or renew the CA first"
            )
        return self._issue(
            holder, public_key, now, validity_days, [ExtendedKeyUsageOID.CLIENT_AUTH]
        )

    def issue_officer_for_request(
        self,
        request_pem: bytes,
        name: str,
        now: datetime,
        validity_days: int = OFFICER_VALIDITY_DAYS,
    ) -> x509.Certificate:
        """A certificate for a request made by `officer_request` under the pseudonym `name`.

        Raises InvalidNodeCertificate, also for a request under another name, or InvalidNodeId.
        """
        holder, key = read_request(request_pem)
        expected = officer_id(self.organisation, name)
        if holder != expected:
            raise InvalidNodeCertificate(
                f"expected a request of {expected!r}, got one of {holder[:NODE_ID_LENGTH_MAX]!r}: "
                "ask that organisation's CA, or make it anew with: quorate account request"
            )
        return self.issue_officer(name, key, now, validity_days)

    def _issue(
        self,
        holder: str,
        public_key: ec.EllipticCurvePublicKey,
        now: datetime,
        validity_days: int,
        usages: list[x509.ObjectIdentifier],
    ) -> x509.Certificate:
        # Of the CA certificate as it stands: one made elsewhere may number its keys otherwise.
        issuer_key = self.certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        ).value
        return (
            _builder(
                _subject(self.organisation, holder),
                self.certificate.subject,
                public_key,
                now,
                validity_days,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(_node_uri(holder), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )

    def issue_for_request(
        self, request_pem: bytes, now: datetime, validity_days: int = NODE_VALIDITY_DAYS
    ) -> x509.Certificate:
        """A certificate for a request made by `certificate_request`.

        Only the id and the key are taken from it. Raises InvalidNodeCertificate, also when it would
        outlive this CA's certificate, or InvalidNodeId.
        """
        days_max = days_left(self.certificate, now)
        if not 0 < validity_days <= days_max:
            raise InvalidNodeCertificate(
                f"expected 1 to {days_max} days, which the CA of {self.organisation!r} has left, "
                f"got {validity_days}: ask for fewer, or renew the CA first"
            )
        node_id, key = read_request(request_pem)
        return self.issue(node_id, key, now, validity_days)

    def issue_identity(
        self, node_id: str, certificate_path: Path, key_path: Path, now: datetime
    ) -> NodeIdentity:
        """Make key and certificate of a node in one go, for networks made in one place."""
        key = new_key()
        certificate = self.issue(node_id, key.public_key(), now)
        save_key(key_path, key)
        write_whole(certificate_path, encode_certificate(certificate))
        return NodeIdentity(node_id, certificate, certificate_path, key_path)

    def revoke(self, serials: Iterable[int]) -> None:
        """Add serials to the revocation list; `crl` and `save` publish it.

        Raises InvalidNodeCertificate when nobody would take a list so long.
        """
        revoked = self.revocations.serials | set(serials)
        if len(revoked) > REVOKED_SERIALS_MAX:
            raise InvalidNodeCertificate(
                f"expected at most {REVOKED_SERIALS_MAX} revoked serials of one CA, got "
                f"{len(revoked)}: renew the CA, and retire it once its nodes have new certificates"
            )
        self.revocations = RevocationList(self.revocations.number + 1, revoked)

    def crl(self, now: datetime) -> bytes:
        """The present revocation list (RFC 5280 section 5) as PEM."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(now + timedelta(days=CRL_VALIDITY_DAYS))
            .add_extension(x509.CRLNumber(self.revocations.number), critical=False)
        )
        for serial in sorted(self.revocations.serials):
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _organisation_of_ca(folder: Path, certificate: x509.Certificate) -> str:
    if (folder / _NAME_FILE).is_file():
        data = _read(folder / _NAME_FILE, NAME_LENGTH_MAX + 1)
        return data.decode(errors="replace").strip()
    names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(names[0].value) if names else ""


def _subject(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            # RFC 5280 allows 64 characters; the SAN, not this, is what counts.
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def _node_uri(node_id: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(_URI_SCHEME + node_id)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    validity_days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=CLOCK_SKEW_MINUTES))
        .not_valid_after(now + timedelta(days=validity_days))
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _read_whole(certificate: x509.Certificate) -> x509.Certificate:
    # The library parses on access, and then raises a dozen kinds: here once, under one name.
    try:
        _ = (
            certificate.subject,
            certificate.issuer,
            certificate.serial_number,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            certificate.public_key(),
            certificate.signature_hash_algorithm,
            list(certificate.extensions),
        )
    except Exception as error:
        raise InvalidNodeCertificate(
            f"expected a well-formed certificate, got a damaged one ({error}): "
            "have a new one issued"
        ) from error
    return certificate


def _read(path: Path, bytes_max: int) -> bytes:
    return read_bounded(path, bytes_max, InvalidNodeCertificate, remedy="restore the file")
