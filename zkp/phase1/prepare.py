"""Prepares powers of tau for phase 2: the same secrets at Lagrange's polynomials of every size.

The inverse transform, over points in place of numbers. It uses no secret, so anybody can do it
again; `zkp.phase1.verify` compares without doing so.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from zkp.curve.group import Group
from zkp.curve.msm import add_columns
from zkp.field import inverse, root_of_unity
from zkp.ntt import powers as powers_of
from zkp.snarkjs.ptau import LagrangeRows, PowersOfTau
from zkp.snarkjs.rows import PointRow, pack_g1, pack_g2
from zkp.work import QUIET, Work, scaled

Point = TypeVar("Point")


def prepare(powers: PowersOfTau, work: Work = QUIET) -> PowersOfTau:
    """The powers with their Lagrange rows, for circuits of up to 2^`power` rows."""
    sizes = range(powers.power + 1)
    tau1 = _row(work, powers.tau1, range(powers.power + 2), "tau in G1")
    tau2 = _row(work, powers.tau2, sizes, "tau in G2")
    alpha1 = _row(work, powers.alpha1, sizes, "alpha in G1")
    beta1 = _row(work, powers.beta1, sizes, "beta in G1")
    rows = LagrangeRows(pack_g1(tau1), pack_g2(tau2), pack_g1(alpha1), pack_g1(beta1))
    return replace(powers, lagrange=rows)


def at_lagrange(
    work: Work, group: Group[Point], points: Sequence[Point | None], what: str
) -> list[Point | None]:
    """Points f(tau) for Lagrange's polynomials f, from the powers of tau; as many, a power of two.

    Cooley and Tukey, decimation in time, as `zkp.ntt`.
    """
    size = len(points)
    bits = size.bit_length() - 1
    row = (
        [points[int(f"{index:0{bits}b}"[::-1], 2)] for index in range(size)] if bits else [*points]
    )
    twiddles = powers_of(inverse(root_of_unity(size)), max(1, size // 2))
    half = 1
    while half < size:
        stride = size // (2 * half)
        blocks = range(0, size, 2 * half)
        low = [point for start in blocks for point in row[start : start + half]]
        high = [point for start in blocks for point in row[start + half : start + 2 * half]]
        if half > 1:
            steps = twiddles[::stride] * len(blocks)
            high = scaled(work, group, high, steps, f"{what}, size {size:,}, step {half:,}")
        opposite = [None if point is None else group.negate(point) for point in high]
        sums, differences = add_columns(group, low, high), add_columns(group, low, opposite)
        row = [
            point
            for start in range(0, size // 2, half)
            for part in (sums, differences)
            for point in part[start : start + half]
        ]
        half *= 2
    return scaled(work, group, row, [inverse(size)] * size, f"{what}, size {size:,}")


def _row(work: Work, row: PointRow[Point], sizes: range, what: str) -> list[Point | None]:
    """All sizes after one another; a missing last power counts as the identity."""
    found: list[Point | None] = []
    for power in sizes:
        points = row[: 1 << power]
        points += [None] * ((1 << power) - len(points))
        of_size = at_lagrange(work, row.group, points, what)
        found += of_size
    return found
