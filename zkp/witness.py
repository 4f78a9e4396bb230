"""A witness as bytes: 32 for each wire, least significant first, as `.wtns` files hold it.

The native backend gives and takes it so. Whoever only writes or proves a witness needs no integer
of it; whoever asks for one gets it.
"""

from collections.abc import Iterator, Sequence
from typing import overload

from zkp.field import ELEMENT_BYTES


class PackedWitness(Sequence[int]):
    """Reads as integers. The bytes are a backend's, so every value is below r."""

    __slots__ = ("packed",)

    def __init__(self, packed: bytes) -> None:
        assert len(packed) % ELEMENT_BYTES == 0, "a witness has whole values"
        self.packed = packed

    def __len__(self) -> int:
        return len(self.packed) // ELEMENT_BYTES

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...
    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        if isinstance(index, slice):
            return tuple(self._at(place) for place in range(len(self))[index])
        return self._at(range(len(self))[index])

    def __iter__(self) -> Iterator[int]:
        return map(self._at, range(len(self)))

    def _at(self, place: int) -> int:
        start = place * ELEMENT_BYTES
        return int.from_bytes(self.packed[start : start + ELEMENT_BYTES], "little")


def pack(values: Sequence[int]) -> bytes:
    """The bytes of elements, packed already or not."""
    if isinstance(values, PackedWitness):
        return values.packed
    return b"".join([value.to_bytes(ELEMENT_BYTES, "little") for value in values])
