"""A parser under fuzz: its samples, its damage, and what it may answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.fuzz.mutate import Mutation, of_bytes, of_rlp

CPU_S_MAX = 2.0
"""For one input; the largest samples take milliseconds."""


class Finding(AssertionError):
    """A parser did what it must not."""


class TooSlow(Exception):
    """Raised into a parser that does not come back."""


@dataclass(frozen=True)
class Subject:
    """`decode` answers with a value or raises one of `refusals`.

    A value encodes to the very bytes that it came from (`canonical`), or else to bytes that give
    the same value. `agrees` may hold it against a second parser.
    """

    name: str
    samples: Sequence[bytes]
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes] | None
    """None for what only people write."""
    refusals: tuple[type[Exception], ...]
    mutations: Sequence[Mutation] = (of_rlp, of_bytes)
    canonical: bool = True
    agrees: Callable[[bytes, Any], None] | None = None
    """Raises Finding; called with the input and its value, None if it was refused."""

    def input(self, seed: int, index: int) -> bytes:
        """The input of that index; the samples themselves come first."""
        if index < len(self.samples):
            return self.samples[index]
        random = Random(f"{seed}/{self.name}/{index}")
        return random.choice(self.mutations)(random, self.samples)

    def examine(self, data: bytes) -> bool:
        """Whether the parser took the input; raises Finding where it broke its promise."""
        try:
            value = self.decode(data)
        except self.refusals:
            if self.agrees is not None:
                self.agrees(data, None)
            return False
        except Exception as error:
            expected = " or ".join(refusal.__name__ for refusal in self.refusals)
            kind = type(error).__name__
            raise Finding(f"expected a value or {expected}, got {kind}: {error!s:.200}") from error
        if self.encode is not None:
            self._check_encoding(data, value, self.encode)
        if self.agrees is not None:
            self.agrees(data, value)
        return True

    def _check_encoding(self, data: bytes, value: Any, encode: Callable[[Any], bytes]) -> None:
        try:
            again = encode(value)
            same = again == data if self.canonical else self.decode(again) == value
        except Exception as error:
            kind = type(error).__name__
            raise Finding(f"taken, but does not encode, {kind}: {error!s:.200}") from error
        if not same:
            what = "to other bytes" if self.canonical else "to another value"
            raise Finding(f"taken, but encodes {what}: {again[:100].hex()}")
