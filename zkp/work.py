"""Many points times many numbers, with word of how far it got: what both phases of a set-up do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from zkp.backend import CURRENT, Backend
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2Point
from zkp.curve.group import Group
from zkp.precompiles import InvalidCurveInput

Point = TypeVar("Point")

Progress = Callable[[str, int, int], None]
"""Told what is worked on, how many parts of it are done, and of how many."""

_CHUNK = 1 << 11


def say_nothing(what: str, done: int, total: int) -> None:
    """For who does not want to know."""
    del what, done, total


@dataclass(frozen=True)
class Work:
    """Who computes, and who is told how far it got."""

    backend: Backend = CURRENT
    progress: Progress = say_nothing

    def step(self, what: str) -> None:
        """Word of something that has no parts."""
        self.progress(what, 0, 1)


QUIET = Work()


def same_ratio(work: Work, ones: tuple[G1Point, G1Point], twos: tuple[G2Point, G2Point]) -> bool:
    """Whether the second of both pairs is the same multiple of the first; no point may be None."""
    (one, one_x), (two, two_x) = ones, twos
    try:
        return work.backend.pairing_product_is_one([(one, two_x), (G1.negate(one_x), two)])
    except InvalidCurveInput:
        return False


def scaled(
    work: Work,
    group: Group[Point],
    points: Sequence[Point | None],
    scalars: Sequence[int],
    what: str,
) -> list[Point | None]:
    """Each point times its number in [0, r)."""
    products: list[Point | None] = []
    work.progress(what, 0, len(points))
    for start in range(0, len(points), _CHUNK):
        part = slice(start, start + _CHUNK)
        found = work.backend.multiply_each(group, points[part], scalars[part])
        products += found
        work.progress(what, len(products), len(points))
    return products


def combined(
    work: Work,
    group: Group[Point],
    points: Sequence[Point | None],
    lists: Sequence[Sequence[tuple[int, int]]],
    what: str,
) -> list[Point | None]:
    """For each list of (place, number) the sum of number · points[place], numbers in [1, r)."""
    work.progress(what, 0, len(lists))
    sums = work.backend.combine(group, points, lists)
    work.progress(what, len(sums), len(lists))
    return sums
