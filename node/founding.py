"""Who founds a group: organisations sign its genesis with the keys that the network knows them by.

Recovery keys stand in the genesis itself and prove nothing about who holds them. The membership
document, which the organisations signed together, says whose key is whose.
"""

from __future__ import annotations

import msgspec

from ledger.codec import encode
from ledger.genesis import FounderSignature, Genesis, document_hash
from ledger.suite import InvalidSignature, Signer
from ledger.values import Hash32, from_hex, to_hex
from node.membership import Membership
from node.pki import organisation_of

FOUNDING_TAG = b"quorate/founding/1"


class InvalidFounding(ValueError):
    """A genesis that this network's organisations did not found; the message says what to do."""


def founding_digest(genesis: Genesis, network: str) -> Hash32:
    """What a founder signs: the hash of the RLP of a tag, the network's name, the document hash."""
    return genesis.suite.hash(encode([FOUNDING_TAG, network.encode(), document_hash(genesis)]))


def sign_founding(genesis: Genesis, membership: Membership, signer: Signer) -> Genesis:
    """With the signature of the organisation whose key in the membership document the signer holds.

    Raises InvalidFounding for a key of none, and for an organisation that is no founder.
    """
    names = [o.name for o in membership.organisations.values() if o.key == signer.address]
    if not names:
        raise InvalidFounding(
            f"the key {to_hex(signer.address)} is no organisation's in membership version "
            f"{membership.version}: sign with the organisation.key that the document names"
        )
    [name] = names
    if name not in {entry.name for entry in genesis.organisations}:
        raise InvalidFounding(
            f"{name} is no founder of group {genesis.name!r}: "
            "its founders are the organisations that the genesis names"
        )
    signature = signer.sign(founding_digest(genesis, membership.network))
    entry = FounderSignature(organisation=name, signature=to_hex(signature))
    others = [known for known in genesis.founders if known.organisation != name]
    founders = sorted([*others, entry], key=lambda each: each.organisation)
    return msgspec.structs.replace(genesis, founders=founders)


def signed_founders(genesis: Genesis, membership: Membership) -> list[str]:
    """The founders whose signature is by the key that the membership document knows, by name."""
    digest = founding_digest(genesis, membership.network)
    signed = []
    for entry in genesis.founders:
        organisation = membership.organisations.get(entry.organisation)
        try:
            signer = genesis.suite.recover(digest, from_hex(entry.signature))
        except InvalidSignature:
            continue
        if organisation is not None and signer == organisation.key:
            signed.append(entry.organisation)
    return sorted(signed)


def unsigned_founders(genesis: Genesis, membership: Membership) -> list[str]:
    """The founders that are in the network and whose good signature is missing, by name."""
    signed = signed_founders(genesis, membership)
    named = {entry.name for entry in genesis.organisations}
    return sorted(named.intersection(membership.organisations).difference(signed))


def check_founding(genesis: Genesis, membership: Membership, node_id: str) -> None:
    """Raise InvalidFounding unless a node may carry this group.

    Its organisation is a founder; every founder that is in the network signed, and these are as
    many as the recovery threshold: founders that left the network since cannot sign again.
    """
    own = organisation_of(node_id)
    if own not in {entry.name for entry in genesis.organisations}:
        raise InvalidFounding(
            f"{own} is no organisation of group {genesis.name!r}: only nodes of its founders "
            "carry a group"
        )
    missing = unsigned_founders(genesis, membership)
    if missing:
        raise InvalidFounding(
            f"group {genesis.name!r} lacks the signatures of {', '.join(missing)} by the keys in "
            f"membership version {membership.version} of {membership.network!r}: have them run "
            "`quorate group sign`"
        )
    signed = signed_founders(genesis, membership)
    if len(signed) < genesis.recovery_threshold:
        raise InvalidFounding(
            f"{len(signed)} founders of group {genesis.name!r} are in this network, expected "
            f"{genesis.recovery_threshold} at least: take a genesis of this network"
        )
