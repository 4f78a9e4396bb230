"""The points of one contribution that a ledger can check by itself, without the key's rows."""

from dataclasses import dataclass

from zkp.ceremony.key_file import CeremonyKey
from zkp.curve.g1 import G1Point
from zkp.curve.g2 import G2Point
from zkp.snarkjs.randomness import hash_to_g2


@dataclass(frozen=True)
class PublicPoints:
    """Delta after the contribution in both groups, and the proof of knowledge with its base.

    `g2_sp` follows from the transcript; a ledger takes it as given, and who has the file compares.
    """

    delta1: G1Point
    delta2: G2Point
    g1_s: G1Point
    g1_sx: G1Point
    g2_sp: G2Point
    g2_spx: G2Point


def public_points(key: CeremonyKey) -> PublicPoints:
    """Those of the key's last contribution."""
    assert key.history.contributions, "nobody has contributed yet"
    made = key.history.contributions[-1]
    g2_sp = hash_to_g2(made.transcript)
    return PublicPoints(key.delta1, key.delta2, made.g1_s, made.g1_sx, g2_sp, made.g2_spx)
