"""A long row of curve points that stays as bytes, in a file's form, until a point is asked for.

Files of phase 1 hold millions of points of which a key needs some; as Python numbers they would
take ten times the room. A point is checked to lie on its curve whenever it is read.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar, overload

from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2, G2Point
from zkp.curve.group import Group
from zkp.snarkjs.points import G1_BYTES, G2_BYTES, decode_g1, decode_g2, encode_g1, encode_g2
from zkp.snarkjs.sections import Reader

Point = TypeVar("Point")


class PointRow(Sequence[Point | None], Generic[Point]):
    """Points of one group. Raises `InvalidKey` where one that is off its curve is read."""

    def __init__(
        self,
        group: Group[Point],
        point_bytes: int,
        packed: bytes | memoryview,
        decode: Callable[[Reader, int, str], list[Point | None]],
    ) -> None:
        assert len(packed) % point_bytes == 0, "a row holds whole points"
        self.group = group
        self.packed = memoryview(packed)
        self._point_bytes = point_bytes
        self._decode = decode

    def __len__(self) -> int:
        return len(self.packed) // self._point_bytes

    @overload
    def __getitem__(self, index: int) -> Point | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[Point | None]: ...
    def __getitem__(self, index: int | slice) -> Point | list[Point | None] | None:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return [self[place] for place in range(start, stop, step)]
            part = self.packed[start * self._point_bytes : stop * self._point_bytes]
            return self._decode(Reader(part), max(0, stop - start), self.group.name)
        place = range(len(self))[index]
        return self[place : place + 1][0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PointRow) and (self.group.name, self.packed) == (
            other.group.name,
            other.packed,
        )

    def __hash__(self) -> int:
        return hash((self.group.name, bytes(self.packed)))


def g1_row(packed: bytes | memoryview) -> PointRow[G1Point]:
    """A row of G1 over a file's bytes."""
    return PointRow(G1, G1_BYTES, packed, decode_g1)


def g2_row(packed: bytes | memoryview) -> PointRow[G2Point]:
    """A row of G2 over a file's bytes."""
    return PointRow(G2, G2_BYTES, packed, decode_g2)


def pack_g1(points: Iterable[G1Point | None]) -> PointRow[G1Point]:
    """A row of G1 from points."""
    return g1_row(encode_g1(points))


def pack_g2(points: Iterable[G2Point | None]) -> PointRow[G2Point]:
    """A row of G2 from points."""
    return g2_row(encode_g2(points))
