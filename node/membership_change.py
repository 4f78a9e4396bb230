"""The next version of the membership document: what is to change, and in which words.

It makes drafts only; the organisations sign them, and `check_successor` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cryptography import x509

from ledger.values import Address, to_hex
from node.membership import InvalidMembership, Membership, Organisation, draft
from node.pki import organisation_of


class NextVersion:
    """Collects changes to `present`; every method raises InvalidMembership for what cannot be."""

    def __init__(self, present: Membership) -> None:
        self._present = present
        self._organisations = dict(present.organisations)
        self._nodes = dict(present.nodes)
        self._threshold: int | None = None

    def add_organisation(self, name: str, key: Address, authority: x509.Certificate) -> None:
        """An organisation joins, with its signing address and its CA."""
        if name in self._organisations:
            raise InvalidMembership(
                f"expected an organisation that is not in the network, got {name!r}: "
                "use --renew-ca or --renew-key to change a member"
            )
        self._organisations[name] = Organisation(name, key, (authority,))

    def remove_organisation(self, name: str) -> None:
        """An organisation leaves, with all its nodes."""
        self._member(name)
        del self._organisations[name]
        self._nodes = {
            node_id: address
            for node_id, address in self._nodes.items()
            if organisation_of(node_id) != name
        }

    def renew_key(self, name: str, key: Address) -> None:
        """An organisation signs with another key from this version on."""
        self._organisations[name] = replace(self._member(name), key=key)

    def add_authority(self, name: str, authority: x509.Certificate) -> None:
        """A further CA of an organisation; certificates of either are good."""
        member = self._member(name)
        if authority in member.ca_certificates:
            raise InvalidMembership(
                f"expected a new CA of {name!r}, got one that the document has: "
                "make one with: quorate member create"
            )
        kept = (*member.ca_certificates, authority)
        self._organisations[name] = replace(member, ca_certificates=kept)

    def remove_authority(self, name: str, authority: x509.Certificate) -> None:
        """Drop a CA; nodes whose certificates it issued are no longer admitted."""
        member = self._member(name)
        kept = tuple(c for c in member.ca_certificates if c != authority)
        if len(kept) == len(member.ca_certificates) or not kept:
            raise InvalidMembership(
                f"expected one of several CAs of {name!r}, got "
                + ("its only one" if not kept else "another")
                + ": look at them with: quorate member show DOCUMENT"
            )
        self._organisations[name] = replace(member, ca_certificates=kept)

    def revoke(self, name: str, serial: int) -> None:
        """All organisations together revoke a certificate: for one whose own CA does not."""
        member = self._member(name)
        self._organisations[name] = replace(
            member, revoked_serials=member.revoked_serials | {serial}
        )

    def set_node(self, node_id: str, address: str) -> None:
        """A node joins at `host:port`, or moves there."""
        self._nodes[node_id] = address

    def remove_node(self, node_id: str) -> None:
        """A node leaves."""
        if self._nodes.pop(node_id, None) is None:
            raise InvalidMembership(
                f"expected a node of the network, got {node_id!r}: "
                f"choose one of {', '.join(sorted(self._nodes))}"
            )

    def set_threshold(self, threshold: int) -> None:
        """How many organisations sign from this version on."""
        self._threshold = threshold

    def draft(self) -> Membership:
        """The unsigned next version. A threshold that no longer fits becomes the majority."""
        count = len(self._organisations)
        threshold = self._threshold
        if threshold is None:
            present = self._present.threshold
            threshold = present if count < 2 * present <= 2 * count else count // 2 + 1
        made = draft(
            self._present.network,
            self._present.version + 1,
            threshold,
            list(self._organisations.values()),
            self._nodes,
        )
        if not list(differences(self._present, made)):
            raise InvalidMembership("expected a change, got none: name what shall be different")
        return made

    def _member(self, name: str) -> Organisation:
        try:
            return self._organisations[name]
        except KeyError:
            raise InvalidMembership(
                f"expected an organisation of the network, got {name!r}: "
                f"choose one of {', '.join(sorted(self._organisations))}"
            ) from None


def differences(old: Membership, new: Membership) -> Iterator[str]:
    """What `new` changes, a line each, for whoever is asked to sign it."""
    if old.network != new.network:
        yield f"another network: {old.network} becomes {new.network}"
    if old.threshold != new.threshold:
        yield f"threshold {old.threshold} becomes {new.threshold}"
    for name in sorted(old.organisations.keys() - new.organisations.keys()):
        yield f"organisation {name} leaves"
    for name, organisation in sorted(new.organisations.items()):
        present = old.organisations.get(name)
        if present is None:
            yield f"organisation {name} joins with the key {to_hex(organisation.key)}"
        else:
            yield from _changes(present, organisation)
    for node_id in sorted(old.nodes.keys() - new.nodes.keys()):
        yield f"node {node_id} leaves"
    for node_id, address in sorted(new.nodes.items()):
        before = old.nodes.get(node_id)
        if before is None:
            yield f"node {node_id} joins at {address}"
        elif before != address:
            yield f"node {node_id} moves from {before} to {address}"


def _changes(old: Organisation, new: Organisation) -> Iterator[str]:
    if old.key != new.key:
        yield f"organisation {new.name} signs with {to_hex(new.key)} instead of {to_hex(old.key)}"
    for certificate in old.ca_certificates:
        if certificate not in new.ca_certificates:
            yield f"organisation {new.name} drops its CA {certificate.serial_number:x}"
    for certificate in new.ca_certificates:
        if certificate not in old.ca_certificates:
            yield f"organisation {new.name} adds the CA {certificate.serial_number:x}"
    for serial in sorted(new.revoked_serials - old.revoked_serials):
        yield f"certificate {serial:x} of {new.name} is revoked"
    for serial in sorted(old.revoked_serials - new.revoked_serials):
        yield f"certificate {serial:x} of {new.name} is no longer revoked"
