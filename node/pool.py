"""The transactions that wait: ordered by arrival, chained by nonce, bounded in every direction.

A container only: checks are `admission.py`'s, durability is `journal.py`'s, and what became of a
transaction in a block is the chain's. Arrival order is local and differs from node to node.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from ledger.reasons import Reason
from ledger.state import Account
from ledger.transactions import InvalidTransaction, Transaction
from ledger.values import Address, Hash32
from node.journal import Refusal
from node.pool_chains import Chains

REFUSALS_COUNT_MAX = 65_536
RETURNING = (Reason.NONCE_GAP, Reason.BLOCK_FULL)
"""Reasons for which a dropped transaction returns to the pool."""


class PoolReason(StrEnum):
    """Why a valid transaction finds no place in this node's pool."""

    POOL_FULL = "POOL_FULL"
    SENDER_FULL = "SENDER_FULL"
    NONCE_TAKEN = "NONCE_TAKEN"

    @property
    def remedy(self) -> str:
        """A sentence on what to do."""
        return _REMEDIES[self]


_REMEDIES = {
    PoolReason.POOL_FULL: "Send it again when blocks have made room.",
    PoolReason.SENDER_FULL: "Wait until some of the account's transactions are executed.",
    PoolReason.NONCE_TAKEN: "The first transaction of a nonce stays: take the next nonce.",
}


class RefusedByPool(InvalidTransaction):
    """A transaction that is valid and has no place here now."""

    def __init__(self, code: PoolReason, message: str) -> None:
        super().__init__(cast(Reason, code), message)


@dataclass(frozen=True)
class PoolLimits:
    """Bounds of one group's pool."""

    count_max: int = 16_384
    bytes_max: int = 64 << 20
    sender_count_max: int = 1_024


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds of one proposal's batch."""

    gas_max: int
    count_max: int
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A waiting transaction with its hash and nonce, its sender, and its place by arrival."""

    transaction: Transaction
    sender: Address
    arrival: int
    hash: Hash32
    nonce: int


@dataclass(frozen=True, slots=True)
class BlockOutcome:
    """What a stable block did: what it holds, what it dropped and why, and what it changed.

    accounts: those that the block wrote, as they are after it, None for one that is gone.
    is_gate_changed: whether permissions may be others than before.
    """

    included: tuple[Hash32, ...]
    dropped: tuple[tuple[Hash32, Reason], ...]
    accounts: Mapping[Address, Account | None]
    is_gate_changed: bool = False


class Pool:
    """One group's waiting transactions. `nonce_of` reads an account's nonce in the stable state."""

    def __init__(self, limits: PoolLimits, nonce_of: Callable[[Address], int]) -> None:
        self._limits = limits
        self._nonce_of = nonce_of
        self._entries: OrderedDict[Hash32, Entry] = OrderedDict()
        self._by_sender: dict[Address, dict[int, Entry]] = {}
        self._state_nonces: dict[Address, int] = {}
        self._ordered: set[Hash32] = set()
        self._changed: dict[Address, None] = {}
        self._chains = Chains()
        self._bytes = 0
        self._arrivals = 0
        self._refusals: OrderedDict[Hash32, Refusal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, transaction_hash: object) -> bool:
        return transaction_hash in self._entries

    @property
    def bytes_held(self) -> int:
        """Size of all waiting transactions."""
        return self._bytes

    def get(self, transaction_hash: Hash32) -> Transaction | None:
        """A transaction that waits here."""
        entry = self._entries.get(transaction_hash)
        return None if entry is None else entry.transaction

    def entry(self, transaction_hash: Hash32) -> Entry | None:
        """As `get`, with sender and arrival."""
        return self._entries.get(transaction_hash)

    def transactions(self) -> Iterator[tuple[Address, Transaction]]:
        """Senders and transactions, in the order of their arrival."""
        return ((entry.sender, entry.transaction) for entry in self._entries.values())

    def next_nonce(self, sender: Address, state_nonce: int) -> int:
        """The nonce after the sender's unbroken run of waiting transactions."""
        waiting = self._by_sender.get(sender, {})
        while state_nonce in waiting:
            state_nonce += 1
        return state_nonce

    def refusal(self, transaction_hash: Hash32) -> Refusal | None:
        """Why a transaction left without being executed; bounded, oldest forgotten first."""
        return self._refusals.get(transaction_hash)

    def remember_refusal(self, transaction_hash: Hash32, refusal: Refusal) -> None:
        """Keep a reason for those who ask later."""
        self._refusals[transaction_hash] = refusal
        if len(self._refusals) > REFUSALS_COUNT_MAX:
            self._refusals.popitem(last=False)

    def add(self, transaction: Transaction, sender: Address, *, is_kept: bool = False) -> bool:
        """Take a checked transaction; False if it waits here already. Raises `RefusedByPool`.

        What waits for a missing nonce has half of the room, unless it is in the journal already.
        """
        transaction_hash = transaction.hash
        if transaction_hash in self._entries:
            return False
        waiting = self._by_sender.get(sender, {})
        if transaction.nonce in waiting:
            raise RefusedByPool(
                PoolReason.NONCE_TAKEN, f"another transaction waits with nonce {transaction.nonce}"
            )
        if len(waiting) >= self._limits.sender_count_max:
            raise RefusedByPool(
                PoolReason.SENDER_FULL, f"{len(waiting)} transactions of this sender wait here"
            )
        size_bytes = len(transaction.raw)
        if (
            len(self._entries) >= self._limits.count_max
            or self._bytes + size_bytes > self._limits.bytes_max
        ):
            raise RefusedByPool(
                PoolReason.POOL_FULL,
                f"{len(self._entries)} transactions of {self._bytes} bytes wait here",
            )
        state_nonce = self._state_nonces.get(sender)
        if state_nonce is None:
            state_nonce = self._nonce_of(sender)
        if not is_kept and not self._chains.follows(sender, transaction.nonce, state_nonce):
            self._check_stranded(size_bytes)
        entry = Entry(transaction, sender, self._arrivals, transaction_hash, transaction.nonce)
        self._arrivals += 1
        self._entries[entry.hash] = entry
        self._by_sender.setdefault(sender, {})[entry.nonce] = entry
        self._state_nonces[sender] = state_nonce
        self._chains.add(sender, entry.nonce, size_bytes, state_nonce)
        self._bytes += size_bytes
        self._refusals.pop(entry.hash, None)
        if entry.nonce == self._state_nonces[sender]:
            self._changed[sender] = None
        return True

    def _check_stranded(self, size_bytes: int) -> None:
        count, held_bytes = self._chains.stranded_count, self._chains.stranded_bytes
        if (
            2 * count >= self._limits.count_max
            or 2 * (held_bytes + size_bytes) > self._limits.bytes_max
        ):
            raise RefusedByPool(
                PoolReason.POOL_FULL,
                f"{count} transactions wait here for a missing nonce before them; send the "
                "missing ones first",
            )

    def set_ordered(self, hashes: Iterable[Hash32]) -> None:
        """Say which transactions stand in open proposals; all others may be proposed."""
        self._ordered = set(hashes)

    def is_ordered(self, transaction_hash: Hash32) -> bool:
        """Whether an open proposal holds the transaction."""
        return transaction_hash in self._ordered

    def take_batch(self, limits: BatchLimits) -> tuple[Entry, ...]:
        """The oldest transactions that can execute after all ordered ones, within the bounds.

        A sender whose next transaction does not fit waits; the others go on.
        """
        batch: list[Entry] = []
        gas = size_bytes = 0
        heads = [head for sender in self._by_sender if (head := self._first_open(sender))]
        heapq.heapify(heads)
        while heads and len(batch) < limits.count_max:
            entry = heapq.heappop(heads)[1]
            if (
                gas + entry.transaction.gas > limits.gas_max
                or size_bytes + len(entry.transaction.raw) > limits.bytes_max
            ):
                continue
            batch.append(entry)
            gas += entry.transaction.gas
            size_bytes += len(entry.transaction.raw)
            following = self._by_sender[entry.sender].get(entry.nonce + 1)
            if following is not None and following.hash not in self._ordered:
                heapq.heappush(heads, (following.arrival, following))
        return tuple(batch)

    def has_ready(self) -> bool:
        """Whether a batch would hold anything."""
        return any(self._first_open(sender) for sender in self._by_sender)

    def older_than(self, entry: Entry) -> int:
        """How many that wait here came before this one, at most: some of those may have left."""
        oldest = next(iter(self._entries.values()))
        return min(len(self._entries) - 1, entry.arrival - oldest.arrival)

    def take_changed(self) -> list[Address]:
        """Senders for whom `executable` may answer otherwise than when this was last asked."""
        changed, self._changed = list(self._changed), {}
        return changed

    def executable(self, sender: Address) -> Entry | None:
        """The sender's transaction that could execute next on the stable state."""
        waiting = self._by_sender.get(sender)
        return None if waiting is None else waiting.get(self._state_nonces[sender])

    def run_from(self, transaction_hash: Hash32, count_max: int) -> list[Transaction]:
        """A waiting transaction and those of its sender that follow without a gap, so many at
        most; empty if it waits here no more."""
        entry = self._entries.get(transaction_hash)
        found: list[Transaction] = []
        while entry is not None and len(found) < count_max:
            found.append(entry.transaction)
            entry = self._by_sender[entry.sender].get(entry.nonce + 1)
        return found

    def remove(self, transaction_hash: Hash32) -> bool:
        """Take a transaction out; False if it does not wait here."""
        entry = self._entries.pop(transaction_hash, None)
        if entry is None:
            return False
        waiting = self._by_sender[entry.sender]
        del waiting[entry.nonce]
        self._chains.remove(entry.sender, entry.nonce)
        self._changed[entry.sender] = None
        if not waiting:
            del self._by_sender[entry.sender]
            del self._state_nonces[entry.sender]
        self._bytes -= len(entry.transaction.raw)
        self._ordered.discard(transaction_hash)
        return True

    def drop(self, transaction_hash: Hash32) -> None:
        """Take out what waits here and may not be executed; what came after it waits on."""
        entry = self._entries[transaction_hash]
        self.remove(transaction_hash)
        if entry.sender in self._by_sender:
            self._chains.settle(entry.sender, self._state_nonces[entry.sender])

    def apply_block(self, outcome: BlockOutcome) -> list[tuple[Hash32, Refusal]]:
        """Prune after a stable block; answers what left for another reason than being in it.

        A nonce gap and a full block send the transaction back to wait; every other reason ends
        its stay. The stable state is the block's or a later one's: what a later block holds shows
        here as a used nonce.
        """
        for transaction_hash in outcome.included:
            self.remove(transaction_hash)
        refused = []
        touched = dict.fromkeys(outcome.accounts)
        for transaction_hash, reason in outcome.dropped:
            entry = self._entries.get(transaction_hash)
            if reason not in RETURNING and entry is not None:
                self.remove(transaction_hash)
                touched[entry.sender] = None
                refused.append((transaction_hash, Refusal(reason.value, reason.remedy)))
        refused += self._drop_used_nonces(outcome.accounts)
        for sender in touched:
            if sender in self._by_sender:
                self._chains.settle(sender, self._state_nonces[sender])
        return refused

    def _drop_used_nonces(self, accounts: Iterable[Address]) -> list[tuple[Hash32, Refusal]]:
        refusal = Refusal(Reason.NONCE_USED.value, Reason.NONCE_USED.remedy)
        refused = []
        for sender in accounts:
            if sender not in self._by_sender:
                continue
            nonce = self._nonce_of(sender)
            if nonce == self._state_nonces[sender]:
                continue
            self._state_nonces[sender] = nonce
            self._changed[sender] = None
            for entry in [e for n, e in self._by_sender[sender].items() if n < nonce]:
                self.remove(entry.hash)
                refused.append((entry.hash, refusal))
        return refused

    def _first_open(self, sender: Address) -> tuple[int, Entry] | None:
        waiting = self._by_sender[sender]
        nonce = self._state_nonces[sender]
        while (entry := waiting.get(nonce)) is not None:
            if entry.hash not in self._ordered:
                return entry.arrival, entry
            nonce += 1
        return None
