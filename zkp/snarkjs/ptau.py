"""`.ptau` files: the powers of a secret tau that nobody knows, phase 1 of a Groth16 set-up.

Form only: lengths, canonical coordinates, points on their curves as they are read. Whether the
powers are powers and the contributions follow from one another is `zkp.phase1.verify`'s question.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from zkp.curve.g1 import G1Point, P
from zkp.curve.g2 import G2Point
from zkp.field import ELEMENT_BYTES
from zkp.snarkjs.contributions import (
    CONTRIBUTIONS_MAX,
    HASH_BYTES,
    ContributionNote,
    decode_note,
    encode_note,
)
from zkp.snarkjs.points import (
    G1_BYTES,
    G2_BYTES,
    decode_finite_g1,
    decode_finite_g2,
    encode_g1,
    encode_g2,
)
from zkp.snarkjs.resumable_blake2b import STATE_BYTES
from zkp.snarkjs.rows import PointRow, g1_row, g2_row
from zkp.snarkjs.sections import InvalidFile, Reader, encode_sections, read_sections

POWER_MIN, POWER_MAX = 1, 28

_MAGIC, _VERSION = b"ptau", 1
_HEADER, _TAU1, _TAU2, _ALPHA1, _BETA1, _BETA2, _CONTRIBUTIONS = range(1, 8)
_LAGRANGE_TAU1, _LAGRANGE_TAU2, _LAGRANGE_ALPHA1, _LAGRANGE_BETA1 = range(12, 16)
_LAGRANGE = range(_LAGRANGE_TAU1, _LAGRANGE_BETA1 + 1)
_WHAT = ".ptau contributions"


class InvalidPowers(ValueError):
    """Powers of tau that are not what they are said to be, or that do not serve."""


@dataclass(frozen=True)
class SecretProof:
    """Shows knowledge of a factor: it times `g1_s`, and it times a point of G2 from a hash."""

    g1_s: G1Point
    g1_sx: G1Point
    g2_spx: G2Point


@dataclass(frozen=True)
class PowersContribution:
    """One step of phase 1: what the first powers are after it, and proofs of its three factors.

    `response_state` is the state (216 bytes) of the hash over the challenge before and all new
    powers; `next_challenge` (64 bytes) is what the next contribution must name.
    """

    tau1: G1Point
    tau2: G2Point
    alpha1: G1Point
    beta1: G1Point
    beta2: G2Point
    tau: SecretProof
    alpha: SecretProof
    beta: SecretProof
    response_state: bytes
    next_challenge: bytes
    note: ContributionNote = field(default_factory=ContributionNote)


@dataclass(frozen=True)
class LagrangeRows:
    """The same secrets at Lagrange's polynomials: for each size 2^k its points, smallest first.

    `tau1` goes up to twice the file's size, the others up to it. Point i of a size belongs to the
    polynomial that is 1 at the i-th root of unity of that order and 0 at the others.
    """

    tau1: PointRow[G1Point]
    tau2: PointRow[G2Point]
    alpha1: PointRow[G1Point]
    beta1: PointRow[G1Point]


@dataclass(frozen=True)
class PowersOfTau:
    """2^`power` powers: tau1 has twice as many less one, each of the others as many.

    `ceremony_power` is greater than `power` where a larger ceremony's file was cut down.
    `lagrange` is there in files that are prepared for phase 2.
    """

    power: int
    ceremony_power: int
    tau1: PointRow[G1Point]
    tau2: PointRow[G2Point]
    alpha1: PointRow[G1Point]
    beta1: PointRow[G1Point]
    beta2: G2Point
    contributions: tuple[PowersContribution, ...] = ()
    lagrange: LagrangeRows | None = None


def lagrange_slice(power: int) -> slice:
    """Where the points of size 2^`power` stand in a row of Lagrange points."""
    return slice((1 << power) - 1, (2 << power) - 1)


def encode_ptau(powers: PowersOfTau) -> bytes:
    """The file of some powers."""
    header = b"".join(
        (
            ELEMENT_BYTES.to_bytes(4, "little") + P.to_bytes(ELEMENT_BYTES, "little"),
            powers.power.to_bytes(4, "little"),
            powers.ceremony_power.to_bytes(4, "little"),
        )
    )
    sections: list[tuple[int, bytes | memoryview]] = [
        (_HEADER, header),
        (_TAU1, powers.tau1.packed),
        (_TAU2, powers.tau2.packed),
        (_ALPHA1, powers.alpha1.packed),
        (_BETA1, powers.beta1.packed),
        (_BETA2, encode_g2([powers.beta2])),
        (_CONTRIBUTIONS, _encode_contributions(powers.contributions)),
    ]
    if (prepared := powers.lagrange) is not None:
        sections += [
            (_LAGRANGE_TAU1, prepared.tau1.packed),
            (_LAGRANGE_TAU2, prepared.tau2.packed),
            (_LAGRANGE_ALPHA1, prepared.alpha1.packed),
            (_LAGRANGE_BETA1, prepared.beta1.packed),
        ]
    return encode_sections(_MAGIC, _VERSION, sections)


def decode_ptau(data: bytes | memoryview) -> PowersOfTau:
    """The powers in a file, which stay where they are until they are read.

    Raises `InvalidFile` for its form and `InvalidKey` for points of the contributions.
    """
    sections = read_sections(data, _MAGIC, _VERSION, range(_HEADER, _CONTRIBUTIONS + 1))
    header = sections[_HEADER]
    header.expect_prime(P, ".ptau")
    power = header.count(POWER_MAX, "as power of two")
    ceremony_power = header.count(POWER_MAX, "as power of two of the ceremony")
    header.end(".ptau header")
    if not POWER_MIN <= power <= ceremony_power:
        raise InvalidFile(
            f".ptau: power {power} from a ceremony of power {ceremony_power}: expected at least "
            f"{POWER_MIN} and at most the ceremony's"
        )
    size = 1 << power
    beta2 = decode_finite_g2(sections[_BETA2], ".ptau section 6")
    sections[_BETA2].end(".ptau section 6")
    return PowersOfTau(
        power,
        ceremony_power,
        g1_row(_packed(sections, _TAU1, (2 * size - 1) * G1_BYTES)),
        g2_row(_packed(sections, _TAU2, size * G2_BYTES)),
        g1_row(_packed(sections, _ALPHA1, size * G1_BYTES)),
        g1_row(_packed(sections, _BETA1, size * G1_BYTES)),
        beta2,
        _decode_contributions(sections[_CONTRIBUTIONS]),
        _lagrange(sections, size),
    )


def _lagrange(sections: dict[int, Reader], size: int) -> LagrangeRows | None:
    there = [number for number in _LAGRANGE if number in sections]
    if not there:
        return None
    if len(there) < len(_LAGRANGE):
        raise InvalidFile(f".ptau: of the sections 12 to 15 only {there}: cut short?")
    return LagrangeRows(
        g1_row(_packed(sections, _LAGRANGE_TAU1, (4 * size - 1) * G1_BYTES)),
        g2_row(_packed(sections, _LAGRANGE_TAU2, (2 * size - 1) * G2_BYTES)),
        g1_row(_packed(sections, _LAGRANGE_ALPHA1, (2 * size - 1) * G1_BYTES)),
        g1_row(_packed(sections, _LAGRANGE_BETA1, (2 * size - 1) * G1_BYTES)),
    )


def _packed(sections: dict[int, Reader], number: int, size: int) -> memoryview:
    packed = sections[number].view(size)
    sections[number].end(f".ptau section {number}")
    return packed


def _encode_contributions(contributions: Sequence[PowersContribution]) -> bytes:
    parts = [len(contributions).to_bytes(4, "little")]
    for made in contributions:
        proofs = (made.tau, made.alpha, made.beta)
        parts += [encode_g1([made.tau1]), encode_g2([made.tau2])]
        parts += [encode_g1([made.alpha1, made.beta1]), encode_g2([made.beta2])]
        parts += [encode_g1([proof.g1_s, proof.g1_sx]) for proof in proofs]
        parts.append(encode_g2(proof.g2_spx for proof in proofs))
        parts += [made.response_state, made.next_challenge, encode_note(made.note)]
    return b"".join(parts)


def _decode_contributions(section: Reader) -> tuple[PowersContribution, ...]:
    count = section.count(CONTRIBUTIONS_MAX, "contributions")
    contributions = tuple(_decode_contribution(section) for _ in range(count))
    section.end(_WHAT)
    return contributions


def _decode_contribution(section: Reader) -> PowersContribution:
    tau1, tau2 = decode_finite_g1(section, _WHAT), decode_finite_g2(section, _WHAT)
    alpha1, beta1 = (decode_finite_g1(section, _WHAT) for _ in range(2))
    beta2 = decode_finite_g2(section, _WHAT)
    pairs = [(decode_finite_g1(section, _WHAT), decode_finite_g1(section, _WHAT)) for _ in range(3)]
    tau, alpha, beta = [SecretProof(*pair, decode_finite_g2(section, _WHAT)) for pair in pairs]
    state, challenge = section.take(STATE_BYTES), section.take(HASH_BYTES)
    note = decode_note(section, _WHAT)
    return PowersContribution(
        tau1, tau2, alpha1, beta1, beta2, tau, alpha, beta, state, challenge, note
    )
