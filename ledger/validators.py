"""The set of validators of an epoch and its arithmetic: n, f, quorum, primary.

A set is ordered by address; where it comes from (genesis or the contract) is the chain's concern.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ledger.codec import encode
from ledger.suite import Suite
from ledger.values import ADDRESS_BYTES, Address, Hash32

VALIDATORS_MAX = 128
VALIDATORS_TAG = b"quorate/validators/1"


class InvalidValidators(ValueError):
    """A list that cannot be a validator set: empty, too long, or with a member twice."""


@dataclass(frozen=True)
class ValidatorSet:
    """Distinct addresses in ascending order. Use `of` for a list in any order."""

    members: tuple[Address, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.members) <= VALIDATORS_MAX:
            raise InvalidValidators(
                f"expected 1 to {VALIDATORS_MAX} validators, got {len(self.members)}"
            )
        if any(len(member) != ADDRESS_BYTES for member in self.members):
            raise InvalidValidators(f"expected addresses of {ADDRESS_BYTES} bytes")
        if any(a >= b for a, b in zip(self.members, self.members[1:], strict=False)):
            raise InvalidValidators("expected distinct validators in ascending order")

    @classmethod
    def of(cls, members: Iterable[Address]) -> "ValidatorSet":
        """The set of distinct members given in any order; raises InvalidValidators."""
        return cls(tuple(sorted(members)))

    @cached_property
    def n(self) -> int:
        """How many validators there are."""
        return len(self.members)

    @cached_property
    def f(self) -> int:
        """How many of them may be faulty: floor((n - 1) / 3)."""
        return faults_of(self.n)

    @cached_property
    def quorum(self) -> int:
        """How many distinct validators decide: ceil((n + f + 1) / 2)."""
        return quorum_of(self.n)

    def primary(self, view: int) -> Address:
        """Who proposes in a view: view mod n in the order of addresses."""
        return self.members[view % self.n]

    def index(self, address: Address) -> int:
        """The position of a member; raises KeyError for a stranger."""
        return self._positions[address]

    def __contains__(self, address: object) -> bool:
        return address in self._positions

    def __len__(self) -> int:
        return len(self.members)

    def hash(self, suite: Suite) -> Hash32:
        """What records bind: the suite's hash of the RLP of a tag and the members."""
        return suite.hash(encode([VALIDATORS_TAG, list(self.members)]))

    @cached_property
    def _positions(self) -> dict[object, int]:
        return {member: position for position, member in enumerate(self.members)}


def faults_of(n: int) -> int:
    """How many of n validators may be faulty: floor((n - 1) / 3)."""
    return (n - 1) // 3


def quorum_of(n: int) -> int:
    """How many distinct validators of n decide: ceil((n + f + 1) / 2)."""
    return (n + faults_of(n) + 2) // 2
