"""An issuer, a holder, a credential, and an independent reading of the conditions."""

import itertools
import random
from dataclasses import replace

from zkp import eddsa
from zkp.babyjubjub import BASE, SUBGROUP_ORDER, Point, add, multiply
from zkp.blake512 import blake512
from zkp.circuits.credential import (
    ISSUER_TAG,
    Conditions,
    Credential,
    Holding,
    credential_hash,
    holder_mark,
    issue,
    issuer_leaf,
)
from zkp.eddsa import Signature
from zkp.field import R
from zkp.gadgets.canonical import LOW_BITS, LOW_MAX
from zkp.merkle import MerkleTree
from zkp.poseidon import poseidon

DEPTH = 2
ISSUERS = [bytes([index]) * 32 for index in range(1, 4)]
KEYS = [eddsa.public_key(issuer) for issuer in ISSUERS]
SECRET, NONCE = 2**247 + 99, 2**240 + 7
CREDENTIAL = Credential(holder_mark(SECRET), 33_000, 7, 1, 46_500, (11, 22, 33, 2**250))


def registry(depth: int = DEPTH) -> MerkleTree:
    """The issuers' keys in a tree."""
    return MerkleTree(depth, [issuer_leaf(key) for key in KEYS])


def conditions(depth: int = DEPTH, **changes: int) -> Conditions:
    """Conditions that the credential meets, but for the changes."""
    return Conditions(registry(depth).root, 5, 2**200, 46_000, 38_000, 5, 9, 1, 2)._replace(
        **changes
    )


def holding(credential: Credential = CREDENTIAL, issuer: int = 1, depth: int = DEPTH) -> Holding:
    """The credential, signed by one of the issuers."""
    signature = issue(ISSUERS[issuer], credential)
    path = registry(depth).path(issuer)
    return Holding(credential, SECRET, signature, KEYS[issuer], path)


def half_forged(credential: Credential) -> list[Signature]:
    """Of the second issuer, by its key: points that are alike in one of their coordinates."""
    signature = issue(ISSUERS[1], credential)
    # The same height on the other side of the axis.
    mirrored = Signature(signature.r8, SUBGROUP_ORDER - signature.s)
    # The same side at the opposite height, which the point of order two makes of it.
    secret = _scalar(ISSUERS[1])
    mixed = add(multiply(BASE, NONCE), Point(0, R - 1))
    challenge = _challenge(mixed, credential)
    return [mirrored, Signature(mixed, -(NONCE + challenge * secret) % SUBGROUP_ORDER)]


def stray_key(asked: Conditions, own: Holding) -> tuple[Conditions, Holding]:
    """The same with a key beside the curve, in a registry that has it."""
    key = Point(own.issuer.x, own.issuer.y + 1)
    tree = MerkleTree(len(own.path.siblings), [poseidon(ISSUER_TAG, *key)])
    return asked._replace(issuers=tree.root), own._replace(issuer=key, path=tree.path(0))


def stray_commitment(own: Holding) -> Holding:
    """The same with a signature's point beside the curve."""
    r8, s = own.signature
    return own._replace(signature=Signature(Point(r8.x, r8.y + 1), s))


def with_small_lower_half(credential: Credential) -> Credential:
    """Another first attribute, so that the second issuer's challenge has a lower half that is not
    above that of r - 1: one in six is like that."""
    changed = (
        replace(credential, attributes=(first, *credential.attributes[1:]))
        for first in itertools.count()
    )
    challenges = ((found, _challenge(issue(ISSUERS[1], found).r8, found)) for found in changed)
    return next(found for found, number in challenges if number % (1 << LOW_BITS) <= LOW_MAX)


def _challenge(r8: Point, credential: Credential) -> int:
    """What a signature by the second issuer's key answers."""
    return poseidon(*r8, *KEYS[1], credential_hash(credential))


def _scalar(private_key: bytes) -> int:
    """The secret scalar of a key, by RFC 8032, 5.1.5."""
    digest = int.from_bytes(blake512(private_key)[:32], "little")
    return digest & ~7 & ~(1 << 255) | 1 << 254


def is_met(asked: Conditions, credential: Credential) -> bool:
    """Whether the credential meets the conditions."""
    days = (credential.born, credential.valid_until, asked.today, asked.born_by)
    bands = (credential.band, asked.band_low, asked.band_high)
    return (
        all(0 <= day < 2**20 for day in days)
        and all(0 <= band < 2**8 for band in bands)
        and asked.needs_tax_clear in (0, 1)
        and credential.tax_clear in (0, 1)
        and credential.born <= asked.born_by
        and asked.today <= credential.valid_until
        and asked.band_low <= credential.band <= asked.band_high
        and (credential.tax_clear == 1 or asked.needs_tax_clear == 0)
        and asked.attribute in range(4)
    )


def random_case(rng: random.Random) -> tuple[Conditions, Credential]:
    """On and around the lines."""
    born, until, band = rng.randrange(2**20), rng.randrange(2**20), rng.randrange(2**8)
    credential = replace(
        CREDENTIAL,
        born=rng.choice([born, born, 2**20]),
        band=rng.choice([band, band, 2**8]),
        tax_clear=rng.choice([0, 1, 1, 2]),
        valid_until=until,
    )
    asked = conditions(
        today=max(until + rng.choice([-5, 0, 0, 1]), 0),
        born_by=max(born + rng.choice([-1, 0, 0, 5]), 0),
        band_low=max(band + rng.choice([-3, 0, 0, 1]), 0),
        band_high=max(band + rng.choice([-1, 0, 0, 3]), 0),
        needs_tax_clear=rng.choice([0, 1, 1, 2]),
        attribute=rng.choice([0, 1, 2, 3, 3, 4]),
    )
    return asked, credential
