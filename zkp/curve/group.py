"""What both groups of the curve have in common, so that sums of points are written once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from zkp.field import R

Point = TypeVar("Point")


@dataclass(frozen=True)
class Group(Generic[Point]):
    """A group of prime order r. A `Point` is never the identity; None stands for that.

    `add_all` adds many independent pairs at once; `is_on_curve` takes any pair of coordinates.
    """

    name: str
    generator: Point
    add_all: Callable[[Sequence[tuple[Point, Point]]], list[Point | None]]
    negate: Callable[[Point], Point]
    is_on_curve: Callable[[Point], bool]

    def add(self, left: Point | None, right: Point | None) -> Point | None:
        """One sum. Prefer `add_all` where there are many."""
        if left is None or right is None:
            return left if right is None else right
        return self.add_all([(left, right)])[0]

    def multiply(self, point: Point | None, scalar: int) -> Point | None:
        """scalar · point by doubling and adding; the scalar is not reduced."""
        if scalar < 0:
            return self.multiply(None if point is None else self.negate(point), -scalar)
        total: Point | None = None
        for digit in f"{scalar:b}":
            total = self.add(total, total)
            if digit == "1":
                total = self.add(total, point)
        return total

    def is_in_subgroup(self, point: Point) -> bool:
        """Whether a point of the curve has order r (in G1 every one has, in G2 few do)."""
        return self.multiply(point, R) is None
