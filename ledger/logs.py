"""Finding logs: Ethereum's filters by address and topics, over a bounded range, by blooms first."""

from dataclasses import dataclass

from ledger.receipts import Log, bloom_bits
from ledger.values import Address, Hash32

LOG_RANGE_BLOCKS_MAX = 100_000
LOG_RESULTS_MAX = 10_000
LOG_CHOICES_MAX = 256
"""Addresses, and alternatives for one topic, that a filter may list."""


class InvalidFilter(ValueError):
    """A filter over a bound or with a range that is none."""


@dataclass(frozen=True)
class LogFilter:
    """Blocks from `first` to `last`; an empty set of addresses, or None for a topic, means any."""

    first: int
    last: int
    addresses: frozenset[Address] = frozenset()
    topics: tuple[frozenset[Hash32] | None, ...] = ()

    def check(self) -> None:
        """Raises InvalidFilter with the bound that is broken."""
        if not 0 <= self.first <= self.last:
            raise InvalidFilter(f"expected an ascending range, got {self.first} to {self.last}")
        if self.last - self.first >= LOG_RANGE_BLOCKS_MAX:
            raise InvalidFilter(
                f"expected a range of at most {LOG_RANGE_BLOCKS_MAX} blocks: ask in parts"
            )
        if len(self.topics) > 4:
            raise InvalidFilter(f"expected at most 4 topics, got {len(self.topics)}")
        for choices in (self.addresses, *self.topics):
            if choices is not None and len(choices) > LOG_CHOICES_MAX:
                raise InvalidFilter(f"expected at most {LOG_CHOICES_MAX} alternatives")

    def may_match(self, bloom: bytes) -> bool:
        """Whether a block with this bloom can hold a match."""
        bits = int.from_bytes(bloom)
        groups = [self.addresses, *(choices for choices in self.topics if choices is not None)]
        return all(
            not choices or any(bits & mask == mask for mask in map(bloom_bits, choices))
            for choices in groups
        )

    def matches(self, log: Log) -> bool:
        """Whether a log is wanted."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(
            choices is None or topic in choices
            for choices, topic in zip(self.topics, log.topics, strict=False)
        )


@dataclass(frozen=True)
class FoundLog:
    """A log and where it stands; `log_index` counts within the block."""

    log: Log
    number: int
    block_hash: Hash32
    transaction_hash: Hash32
    transaction_index: int
    log_index: int
