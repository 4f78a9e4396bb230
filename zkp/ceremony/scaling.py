"""A row of points times one scalar, in parts that are told as they are done."""

from collections.abc import Callable, Sequence

from zkp import backend
from zkp.backend import Backend
from zkp.curve.g1 import G1, G1Point

Progress = Callable[[str, int, int], None]
"""Told what is worked on, how many points of it are done, and of how many."""

_PART = 2_048


def say_nothing(what: str, done: int, total: int) -> None:
    """For who does not want to know."""
    del what, done, total


def scale(
    points: Sequence[G1Point | None],
    scalar: int,
    what: str,
    progress: Progress = say_nothing,
    by: Backend = backend.CURRENT,
) -> list[G1Point | None]:
    """scalar · point for each point of G1, scalar in [0, r)."""
    scaled: list[G1Point | None] = []
    progress(what, 0, len(points))
    for start in range(0, len(points), _PART):
        part = points[start : start + _PART]
        made = by.multiply_each(G1, part, [scalar] * len(part))
        scaled += made
        progress(what, len(scaled), len(points))
    return scaled
