"""Whether powers of tau are what they must be: powers, of secrets that the contributions made.

Sums with random weights of 128 bits stand for all points at once, so a wrong file passes with
probability 2^-128 (Bowe, Gabizon, Miers, eprint 2017/1050, section 5). All of it needs no secret.
"""

import secrets
from collections.abc import Sequence
from typing import TypeVar, cast

from zkp import reference
from zkp.curve.ate import g2_is_valid
from zkp.curve.g1 import G1
from zkp.curve.g2 import G2, G2Point
from zkp.curve.group import Group
from zkp.phase1.challenge import next_challenge, response_hash, response_state
from zkp.phase1.history import Standing, verify_history
from zkp.snarkjs.ptau import InvalidPowers, PowersOfTau, lagrange_slice
from zkp.snarkjs.resumable_blake2b import InvalidState, ResumableBlake2b
from zkp.snarkjs.rows import PointRow
from zkp.work import QUIET, Work, same_ratio

Point = TypeVar("Point")

_WEIGHT_BITS = 128
_CHUNK = 1 << 14


def verify_powers(powers: PowersOfTau, work: Work = QUIET) -> None:
    """Raises `InvalidPowers` that says what does not fit; `InvalidKey` for points off a curve.

    Of contributions before the last, the proofs and what they did to the first powers are checked;
    the powers that they left are no longer there. A file that was cut down hides the last
    contribution's powers as well, so that its hashes are not checked either.
    """
    before, last = verify_history(powers, work)
    _check_first_powers(powers, last)
    _check_rows(work, powers, last)
    if powers.power == powers.ceremony_power:
        work.step("hashes of the last contribution")
        _check_hashes(powers, before.challenge)
    if powers.lagrange is not None:
        _check_lagrange(work, powers)


def _check_first_powers(powers: PowersOfTau, last: Standing) -> None:
    """The rows must begin with what the last contribution says."""
    expected = (
        ("tau in G1", powers.tau1[:2], [G1.generator, last.tau1]),
        ("tau in G2", powers.tau2[:2], [G2.generator, last.tau2]),
        ("alpha in G1", powers.alpha1[:1], [last.alpha1]),
        ("beta in G1", powers.beta1[:1], [last.beta1]),
        ("beta in G2", [powers.beta2], [last.beta2]),
    )
    for name, found, wanted in expected:
        if found != wanted:
            raise InvalidPowers(f"{name}: does not begin as the last contribution says")


def _check_rows(work: Work, powers: PowersOfTau, last: Standing) -> None:
    """Each row must go on by the factor tau from point to point."""
    tau2 = (G2.generator, last.tau2)
    for name, row in (
        ("tau in G1", powers.tau1),
        ("alpha in G1", powers.alpha1),
        ("beta in G1", powers.beta1),
    ):
        found = _weighed_neighbours(work, name, row)
        low, high = found
        if low is None or high is None or not same_ratio(work, (low, high), tau2):
            raise InvalidPowers(f"{name}: the points are not powers of one tau")
    found2 = _weighed_neighbours(work, "tau in G2", powers.tau2)
    low2, high2 = found2
    tau1 = (G1.generator, last.tau1)
    if low2 is None or high2 is None or not same_ratio(work, tau1, (low2, high2)):
        raise InvalidPowers("tau in G2: the points are not powers of one tau")


def _weighed_neighbours(
    work: Work, name: str, row: PointRow[Point]
) -> tuple[Point | None, Point | None]:
    """The sum of weight · point over all but the last point, and over all but the first."""
    low: Point | None = None
    high: Point | None = None
    for start in range(0, len(row) - 1, _CHUNK):
        work.progress(name, start, len(row))
        points = row[start : start + _CHUNK + 1]
        if None in points:
            raise InvalidPowers(f"{name}: a power is the identity")
        weights = _weights(len(points) - 1)
        part_low = _sum(work, row.group, points[:-1], weights)
        part_high = _sum(work, row.group, points[1:], weights)
        low, high = row.group.add(low, part_low), row.group.add(high, part_high)
    return low, high


def _check_hashes(powers: PowersOfTau, challenge: bytes) -> None:
    """The last contribution must have hashed the challenge before it and these powers."""
    made = powers.contributions[-1]
    try:
        response = response_hash(made)
        state = ResumableBlake2b.from_state(made.response_state).state()
    except InvalidState as error:
        raise InvalidPowers(f"the last contribution: {error}") from None
    if state != response_state(challenge, powers):
        raise InvalidPowers("the last contribution's hash is not of these powers")
    if made.next_challenge != next_challenge(response, powers):
        raise InvalidPowers(
            "the last contribution's next challenge is not the hash of these powers"
        )


def _check_lagrange(work: Work, powers: PowersOfTau) -> None:
    assert powers.lagrange is not None, "the file is prepared"
    rows = powers.lagrange
    sizes = powers.power + 1
    _check_lagrange_row(work, "tau in G1", powers.tau1, rows.tau1, sizes + 1)
    _check_lagrange_row(work, "tau in G2", powers.tau2, rows.tau2, sizes)
    _check_lagrange_row(work, "alpha in G1", powers.alpha1, rows.alpha1, sizes)
    _check_lagrange_row(work, "beta in G1", powers.beta1, rows.beta1, sizes)


def _check_lagrange_row(
    work: Work, name: str, row: PointRow[Point], prepared: PointRow[Point], sizes: int
) -> None:
    """A random polynomial must come out alike from its coefficients and from its values."""
    for power in range(sizes):
        work.step(f"{name}, prepared for size {1 << power:,}")
        points = row[: 1 << power]
        coefficients = _weights(1 << power)
        by_power = _sum(work, row.group, points, coefficients[: len(points)])
        values = work.backend.evaluate(coefficients)
        by_root = _sum(work, row.group, prepared[lagrange_slice(power)], values)
        if by_power != by_root:
            raise InvalidPowers(
                f"{name}: what is prepared for size {1 << power} is not of these powers; "
                "prepare the file again"
            )


def _sum(
    work: Work, group: Group[Point], points: Sequence[Point | None], weights: Sequence[int]
) -> Point | None:
    """The weighed sum; points outside of their subgroup are refused by either backend."""
    outside = InvalidPowers(f"a point lies outside of {group.name}: the file was made to fail")
    # The reference takes any point of the curve, and all of G1's curve is G1.
    if group.name == G2.name and work.backend.NAME == reference.NAME:
        twisted = cast(Sequence[G2Point | None], points)
        if not all(map(g2_is_valid, twisted)):
            raise outside
    try:
        return work.backend.multi_scalar_multiply(group, points, weights)
    except ValueError:
        # The crate looks at each point itself.
        raise outside from None


def _weights(count: int) -> list[int]:
    return [secrets.randbits(_WEIGHT_BITS) for _ in range(count)]
