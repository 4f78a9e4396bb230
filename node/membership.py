"""The network's membership: one versioned document that organisations sign together.

It names the organisations with their keys, CAs and revoked certificates, and the nodes with their
addresses. A newer version replaces an older one only if a threshold of the organisations *of the
older one* signed it. Who belongs to a group is not here: that stands in the group's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography import x509

from ledger.bounded_file import read_bounded
from ledger.suite import InvalidSignature, Signer, Suite
from ledger.values import Address, InvalidValue, address_from_hex, from_hex, to_hex
from ledger.whole_file import write_whole
from node.pki import (
    CERTIFICATE_BYTES_MAX,
    NODE_ID_LENGTH_MAX,
    REVOKED_SERIALS_MAX,
    SERIAL_BITS_MAX,
    InvalidNodeCertificate,
    InvalidNodeId,
    check_authority,
    check_organisation_name,
    decode_certificate,
    encode_certificate,
    organisation_of,
    parse_serial,
)

FORMAT = 1
MEMBERSHIP_BYTES_MAX = 2 << 20
ORGANISATIONS_COUNT_MAX = 128
NODES_COUNT_MAX = 1_024
CA_CERTIFICATES_COUNT_MAX = 4
SIGNATURES_COUNT_MAX = 2 * ORGANISATIONS_COUNT_MAX
ADDRESS_LENGTH_MAX = 261
NETWORK_NAME_LENGTH_MAX = 64
VERSION_MAX = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259 section 6)."""

_SIGNING_TAG = b"quorate/membership/1\n"

_Text = Annotated[str, msgspec.Meta(max_length=NODE_ID_LENGTH_MAX)]


class InvalidMembership(ValueError):
    """A membership document that cannot be used; the message says what to change."""


class _Organisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: _Text
    key: Annotated[str, msgspec.Meta(max_length=42)]
    ca_certificates: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=CERTIFICATE_BYTES_MAX)], ...],
        msgspec.Meta(min_length=1, max_length=CA_CERTIFICATES_COUNT_MAX),
    ]
    revoked_serials: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=2 + SERIAL_BITS_MAX // 4)], ...],
        msgspec.Meta(max_length=REVOKED_SERIALS_MAX),
    ]


class _Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: _Text
    address: Annotated[str, msgspec.Meta(max_length=ADDRESS_LENGTH_MAX)]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    network: Annotated[str, msgspec.Meta(min_length=1, max_length=NETWORK_NAME_LENGTH_MAX)]
    version: Annotated[int, msgspec.Meta(ge=1, le=VERSION_MAX)]
    threshold: Annotated[int, msgspec.Meta(ge=1, le=ORGANISATIONS_COUNT_MAX)]
    organisations: Annotated[
        tuple[_Organisation, ...], msgspec.Meta(min_length=1, max_length=ORGANISATIONS_COUNT_MAX)
    ]
    nodes: Annotated[tuple[_Node, ...], msgspec.Meta(max_length=NODES_COUNT_MAX)]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    body: _Body
    signatures: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=132)], ...],
        msgspec.Meta(max_length=SIGNATURES_COUNT_MAX),
    ]


@dataclass(frozen=True)
class Organisation:
    """A member: its signing address, its CAs (several while one is renewed), revoked serials."""

    name: str
    key: Address
    ca_certificates: tuple[x509.Certificate, ...]
    revoked_serials: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Membership:
    """One version of the document. Make one with `draft`, then `signed`, or read one.

    `nodes` maps node ids to `host:port`. `signatures` are 65 bytes each, in ascending order.
    """

    network: str
    version: int
    threshold: int
    organisations: Mapping[str, Organisation]
    nodes: Mapping[str, str]
    signatures: tuple[bytes, ...] = ()

    @cached_property
    def body(self) -> bytes:
        """The canonical JSON that is signed: keys sorted, no white space, lists in order."""
        return _canonical(self._body_struct())

    def signed(self, suite: Suite, *signers: Signer) -> Membership:
        """The same document with the signatures of `signers` added."""
        digest = suite.hash(_SIGNING_TAG + self.body)
        return self.with_signatures(signer.sign(digest) for signer in signers)

    def with_signatures(self, signatures: Iterable[bytes]) -> Membership:
        """The same document with signatures that were made elsewhere added."""
        return Membership(
            self.network,
            self.version,
            self.threshold,
            self.organisations,
            self.nodes,
            tuple(sorted({*self.signatures, *signatures})),
        )

    def signers(self, suite: Suite) -> frozenset[Address]:
        """Whoever signed, member or not. Raises InvalidMembership for a malformed signature."""
        digest = suite.hash(_SIGNING_TAG + self.body)
        try:
            return frozenset(suite.recover(digest, signature) for signature in self.signatures)
        except InvalidSignature as error:
            raise InvalidMembership(
                f"expected signatures of organisations, got a malformed one ({error}): "
                "collect the signatures again"
            ) from error

    def check_signed_by(self, suite: Suite, voters: Membership) -> None:
        """Raise InvalidMembership unless the threshold of `voters`' organisations signed this."""
        signers = self.signers(suite)
        signed = sorted(o.name for o in voters.organisations.values() if o.key in signers)
        if len(signed) < voters.threshold:
            raise InvalidMembership(
                f"expected signatures of {voters.threshold} organisations of version "
                f"{voters.version}, got {len(signed)} ({', '.join(signed) or 'none'}): "
                "have the others sign it"
            )

    def check_successor(self, suite: Suite, successor: Membership) -> None:
        """Raise InvalidMembership unless `successor` may replace this version.

        It must be of the same network, newer, and signed by the threshold of both versions: of
        this one, because that gives the right; of its own, because a node may start with it.
        """
        if successor.network != self.network:
            raise InvalidMembership(
                f"expected network {self.network!r}, got {successor.network!r}: "
                "take the document of this network"
            )
        if successor.version <= self.version:
            raise InvalidMembership(
                f"expected a version above {self.version}, got {successor.version}: "
                "base the change on the current document"
            )
        successor.check_signed_by(suite, self)
        successor.check_signed_by(suite, successor)

    def encode(self) -> bytes:
        """The document as canonical JSON, signatures included."""
        return _canonical(_Document(self._body_struct(), tuple(map(to_hex, self.signatures))))

    def save(self, path: Path) -> None:
        """Write the document whole or not at all."""
        write_whole(path, self.encode())

    def _body_struct(self) -> _Body:
        return _Body(
            FORMAT,
            self.network,
            self.version,
            self.threshold,
            tuple(
                _Organisation(
                    organisation.name,
                    to_hex(organisation.key),
                    tuple(encode_certificate(c).decode() for c in organisation.ca_certificates),
                    tuple(hex(serial) for serial in sorted(organisation.revoked_serials)),
                )
                for _, organisation in sorted(self.organisations.items())
            ),
            tuple(_Node(*item) for item in sorted(self.nodes.items())),
        )


def draft(
    network: str,
    version: int,
    threshold: int,
    organisations: Sequence[Organisation],
    nodes: Mapping[str, str],
) -> Membership:
    """An unsigned document, checked. Raises InvalidMembership."""
    membership = Membership(
        network, version, threshold, {o.name: o for o in organisations}, dict(nodes)
    )
    if len(membership.organisations) != len(organisations):
        raise InvalidMembership("expected each organisation once: remove the second entry")
    return decode_membership(membership.encode())


def decode_membership(data: bytes) -> Membership:
    """Parse canonical JSON and check everything but the signatures. Raises InvalidMembership."""
    if len(data) > MEMBERSHIP_BYTES_MAX:
        raise InvalidMembership(
            f"expected at most {MEMBERSHIP_BYTES_MAX} bytes, got {len(data)}: "
            "drop revoked serials of expired certificates"
        )
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMembership(
            f"expected a membership document, got something else ({error}): "
            "take the file that an organisation published"
        ) from error
    body = document.body
    if body.format != FORMAT:
        raise InvalidMembership(
            f"expected format {FORMAT}, got {body.format}: use a matching version of the program"
        )
    try:
        membership = Membership(
            body.network,
            body.version,
            body.threshold,
            {item.name: _organisation(item) for item in body.organisations},
            {node.id: node.address for node in body.nodes},
            tuple(from_hex(text) for text in document.signatures),
        )
        _check(membership)
    except (InvalidNodeCertificate, InvalidNodeId, InvalidValue) as error:
        raise InvalidMembership(f"in the membership document: {error}") from error
    if list(membership.signatures) != sorted(set(membership.signatures)) or (
        membership.encode() != data
    ):
        raise InvalidMembership(
            "expected canonical JSON (keys and lists sorted, nothing twice, no white space), "
            "got another form: take the file as it was published, unedited"
        )
    return membership


def load_membership(path: Path, suite: Suite) -> Membership:
    """Read a document and check that it is signed by its own threshold.

    Raises InvalidMembership, or OSError when the file is not there.
    """
    data = read_bounded(
        path, MEMBERSHIP_BYTES_MAX, InvalidMembership, remedy="take the file as it was published"
    )
    membership = decode_membership(data)
    membership.check_signed_by(suite, membership)
    return membership


def parse_host_port(text: str) -> tuple[str, int]:
    """`host:port` as a pair, IPv6 hosts in brackets. Raises InvalidMembership."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    if (
        not name
        or (":" in name) != bracketed
        or not name.isascii()
        or any(c.isspace() or c in "/@[]" for c in name)
        or not (port.isascii() and port.isdigit() and len(port) <= 5)
        or not 0 < int(port) < 65_536
    ):
        raise InvalidMembership(
            f"expected an address host:port, got {text[:ADDRESS_LENGTH_MAX]!r}: correct it"
        )
    return name, int(port)


def _canonical(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _organisation(item: _Organisation) -> Organisation:
    return Organisation(
        check_organisation_name(item.name),
        address_from_hex(item.key),
        tuple(decode_certificate(pem.encode()) for pem in item.ca_certificates),
        frozenset(map(parse_serial, item.revoked_serials)),
    )


def _check(membership: Membership) -> None:
    organisations = list(membership.organisations.values())
    if not len(organisations) < 2 * membership.threshold <= 2 * len(organisations):
        raise InvalidMembership(
            f"expected a threshold above half of {len(organisations)} organisations, got "
            f"{membership.threshold}: with half, two different documents could both be signed"
        )
    if len({o.key for o in organisations}) != len(organisations):
        raise InvalidMembership("expected a signing key per organisation, got one key twice")
    authorities = [c for o in organisations for c in o.ca_certificates]
    if len({c.subject for c in authorities}) != len(authorities):
        raise InvalidMembership(
            "expected every CA certificate to have a subject of its own, got one twice: "
            "a node could not tell whose certificate it sees"
        )
    for authority in authorities:
        check_authority(authority)
    for node_id, address in membership.nodes.items():
        if organisation_of(node_id) not in membership.organisations:
            raise InvalidMembership(
                f"expected nodes of member organisations, got {node_id!r}: "
                "add its organisation or remove the node"
            )
        parse_host_port(address)
