"""Makes the next state of a key: delta times a secret, L and H over it, and the proof of that.

The secret lives in one call and is written nowhere. Plain integers cannot be wiped from memory:
who fears for them takes part on a machine that is switched off afterwards.
"""

from dataclasses import replace

from zkp.ceremony.key_file import CeremonyKey
from zkp.ceremony.transcript import transcript_of
from zkp.curve import jacobian
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2, G2Point
from zkp.field import R
from zkp.snarkjs.contributions import NAME_CHARS_MAX, Beacon, Contribution, ContributionNote
from zkp.snarkjs.randomness import (
    BEACON_EXPONENT_MAX,
    BEACON_EXPONENT_MIN,
    Randomness,
    from_beacon,
    from_system,
    hash_to_g2,
)
from zkp.work import QUIET, Work, scaled

TEXT_CHARS_MAX = 4_096


def contribute(
    key: CeremonyKey,
    name: str,
    text: str = "",
    work: Work = QUIET,
) -> CeremonyKey:
    """The key after a secret contribution. `text` is stirred into the system's randomness."""
    assert 1 <= len(name) <= NAME_CHARS_MAX, "the caller bounds the name"
    return _applied(key, from_system(text), ContributionNote(name), work)


def apply_beacon(
    key: CeremonyKey,
    beacon: Beacon,
    name: str,
    work: Work = QUIET,
) -> CeremonyKey:
    """The key after the beacon: the same for everybody who computes it."""
    exponent = beacon.iterations_exponent
    assert BEACON_EXPONENT_MIN <= exponent <= BEACON_EXPONENT_MAX, "the caller bounds it"
    return _applied(key, from_beacon(beacon), ContributionNote(name, beacon), work)


def _applied(
    key: CeremonyKey, drawn: Randomness, note: ContributionNote, work: Work
) -> CeremonyKey:
    secret, g1_s = drawn.scalar(), drawn.g1()
    assert secret, "a secret of zero was drawn"
    g1_sx = _times1(g1_s, secret)
    before = key.history
    transcript = transcript_of(before.circuit_hash, before.contributions, g1_s, g1_sx)
    g2_spx = _times2(hash_to_g2(transcript), secret)
    delta1 = _times1(key.delta1, secret)
    made = Contribution(delta1, g1_s, g1_sx, g2_spx, transcript, note)
    by_secret = pow(secret, -1, R)
    row_l = scaled(work, G1, key.l, [by_secret] * len(key.l), "L")
    row_h = scaled(work, G1, key.h, [by_secret] * len(key.h), "H")
    return replace(
        key,
        delta1=delta1,
        delta2=_times2(key.delta2, secret),
        l=row_l,
        h=row_h,
        history=replace(before, contributions=(*before.contributions, made)),
    )


def _times1(point: G1Point, scalar: int) -> G1Point:
    product = jacobian.multiply(point, scalar)
    assert product is not None, "a finite point times a scalar below r"
    return product


def _times2(point: G2Point, scalar: int) -> G2Point:
    product = G2.multiply(point, scalar)
    assert product is not None, "a point of order r times a scalar below r"
    return product
