"""The organisations' own revocation lists: which are in force, and their files in a node's folder.

A list is of one authority. While an organisation renews its CA it has two, each with a list and
numbers of its own; both stand in the organisation's one file, one PEM block after the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.bounded_file import read_bounded
from ledger.whole_file import write_whole
from node.membership import CA_CERTIFICATES_COUNT_MAX, InvalidMembership, Membership
from node.pki import CRL_BYTES_MAX, InvalidNodeCertificate, RevocationList, read_crl

FILE_BYTES_MAX = CA_CERTIFICATES_COUNT_MAX * CRL_BYTES_MAX
_BLOCK = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\s*", re.DOTALL)


def authority_id(certificate: x509.Certificate) -> bytes:
    """32 bytes that stand for a CA: the hash of its subject, unique in a membership document."""
    return hashlib.sha256(certificate.subject.public_bytes()).digest()


def authority_of(crl_pem: bytes) -> bytes:
    """The `authority_id` of the CA that a list names, unverified. Raises InvalidNodeCertificate."""
    try:
        issuer = x509.load_pem_x509_crl(crl_pem).issuer
    except Exception as error:  # the library parses on access, and raises a dozen kinds
        raise InvalidNodeCertificate(
            "expected a PEM revocation list, got something else: "
            "export it again from the organisation's CA"
        ) from error
    return hashlib.sha256(issuer.public_bytes()).digest()


@dataclass(frozen=True)
class HeldList:
    """The newest list of one authority of `organisation`, as values and as it was signed."""

    organisation: str
    revocations: RevocationList
    pem: bytes


@dataclass(frozen=True)
class Revocations:
    """The newest verified list of each authority, by `authority_id`."""

    held: Mapping[bytes, HeldList] = field(default_factory=dict)

    def with_list(self, membership: Membership, organisation: str, pem: bytes) -> Revocations:
        """With a list that one of the organisation's CAs signed; itself if the list is not newer.

        Raises InvalidMembership or InvalidNodeCertificate.
        """
        member = membership.organisations.get(organisation)
        if member is None:
            raise InvalidMembership(
                f"expected a list of a member organisation, got {organisation!r}: "
                f"choose one of {', '.join(sorted(membership.organisations))}"
            )
        problem: InvalidNodeCertificate | None = None
        for issuer in member.ca_certificates:
            try:
                read = read_crl(pem, issuer)
            except InvalidNodeCertificate as error:
                problem = error
                continue
            key = authority_id(issuer)
            present = self.held.get(key)
            if present is not None and present.revocations.number >= read.number:
                return self
            return Revocations({**self.held, key: HeldList(organisation, read, _plain(pem))})
        assert problem is not None
        raise problem

    def within(self, membership: Membership) -> Revocations:
        """Without the lists of authorities that are no longer in the document."""
        known = {
            authority_id(certificate)
            for organisation in membership.organisations.values()
            for certificate in organisation.ca_certificates
        }
        return Revocations({key: held for key, held in self.held.items() if key in known})

    def is_revoked(self, issuer: x509.Certificate, serial: int) -> bool:
        """Whether that authority's own list names the serial."""
        held = self.held.get(authority_id(issuer))
        return held is not None and serial in held.revocations.serials

    def save(self, folder: Path, organisation: str) -> None:
        """Write the organisation's lists into its file in `folder`. Raises OSError."""
        pems = [held.pem for held in self.held.values() if held.organisation == organisation]
        write_whole(_path(folder, organisation), b"".join(sorted(pems)))


def load_revocations(folder: Path, membership: Membership) -> Revocations:
    """The lists in `folder`, each verified; those of authorities that have left are passed over.

    Raises InvalidNodeCertificate, naming the file, or OSError. No folder is no list.
    """
    found = Revocations()
    for name in sorted(membership.organisations):
        path = _path(folder, name)
        if not path.is_file():
            continue
        known = {authority_id(c) for c in membership.organisations[name].ca_certificates}
        remedy = (
            "remove the file: peers bring the list again, or put "
            f"{name}'s newest one in place with: quorate member publish"
        )
        data = read_bounded(path, FILE_BYTES_MAX, InvalidNodeCertificate, remedy=remedy)
        try:
            for pem in _blocks(data):
                if authority_of(pem) in known:
                    found = found.with_list(membership, name, pem)
        except ValueError as error:
            raise InvalidNodeCertificate(f"in {path}: {error}; {remedy}") from error
    return found


def _blocks(data: bytes) -> Iterator[bytes]:
    blocks = _BLOCK.findall(data)
    if b"".join(blocks) != data or not blocks:
        raise InvalidNodeCertificate("expected whole PEM revocation lists, got something else")
    yield from blocks


def _path(folder: Path, organisation: str) -> Path:
    return folder / f"{organisation}.pem"


def _plain(pem: bytes) -> bytes:
    """The list without what stands around it in the file that it came from."""
    plain = x509.load_pem_x509_crl(pem).public_bytes(Encoding.PEM)
    if len(plain) > CRL_BYTES_MAX:
        raise InvalidNodeCertificate(
            f"expected a revocation list of at most {CRL_BYTES_MAX} bytes, got {len(plain)}: "
            "drop the serials of expired certificates"
        )
    return plain
