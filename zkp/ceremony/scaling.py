"""A row of points times one scalar, in parts that are told as they are done.

The native backend has no such operation of its own: it multiplies point by point through the
precompile, some ten times faster than plain integers all together.
"""

from collections.abc import Callable, Sequence

from zkp import backend, reference
from zkp.backend import Backend
from zkp.curve.g1 import G1, G1Point
from zkp.curve.same_scalar import multiply_all
from zkp.field import ELEMENT_BYTES

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
        is_reference = by.NAME == reference.NAME
        made = multiply_all(G1, part, scalar) if is_reference else _one_by_one(by, part, scalar)
        scaled += made
        progress(what, len(scaled), len(points))
    return scaled


def _one_by_one(by: Backend, points: Sequence[G1Point | None], scalar: int) -> list[G1Point | None]:
    factor = scalar.to_bytes(ELEMENT_BYTES)
    return [None if point is None else _multiplied(by, point, factor) for point in points]


def _multiplied(by: Backend, point: G1Point, factor: bytes) -> G1Point | None:
    x, y = point
    made = by.ecmul(x.to_bytes(ELEMENT_BYTES) + y.to_bytes(ELEMENT_BYTES) + factor)
    if not any(made):
        return None
    return int.from_bytes(made[:ELEMENT_BYTES]), int.from_bytes(made[ELEMENT_BYTES:])
