"""A sequence whose items are made when somebody first asks for one; its length is known before."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

Item = TypeVar("Item")


class Deferred(Sequence[Item]):
    """Equal to any sequence with the same items; `make` is called at most once.

    A pickle of it holds the items.
    """

    def __init__(self, length: int, make: Callable[[], Sequence[Item]]) -> None:
        self._length = length
        self._make: Callable[[], Sequence[Item]] | None = make
        self._items: Sequence[Item] = ()

    def _made(self) -> Sequence[Item]:
        if self._make is not None:
            items = self._make()
            assert len(items) == self._length
            self._items, self._make = items, None
        return self._items

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        return self._made()[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)

    def __repr__(self) -> str:
        return repr(tuple(self))
