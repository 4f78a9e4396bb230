"""Decoded transactions by their raw bytes, so that a node decodes and recovers each sender once.

A cache with a bound: forgetting costs time and changes nothing. Used by several threads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from ledger.engine import DecodeBatch, decode_each
from ledger.transactions import InvalidTransaction, Transaction

TRANSACTIONS_COUNT_MAX = 32_768


class TransactionMemory:
    """One group's recently seen transactions, oldest forgotten first.

    decode: what decodes those not seen before, as one batch: an engine does it on all cores.
    """

    def __init__(
        self, decode: DecodeBatch = decode_each, *, count_max: int = TRANSACTIONS_COUNT_MAX
    ) -> None:
        self._decode = decode
        self._count_max = count_max
        self._known: OrderedDict[bytes, Transaction] = OrderedDict()
        self._lock = threading.Lock()

    def holds(self, batch: Sequence[bytes]) -> bool:
        """Whether none of these would have to be decoded."""
        known = self._known
        return all(raw in known for raw in batch)

    def decode(self, batch: Sequence[bytes]) -> list[Transaction | InvalidTransaction]:
        """Each transaction, or why it is none."""
        found = [self._known.get(raw) for raw in batch]
        unknown = list(
            dict.fromkeys(raw for raw, one in zip(batch, found, strict=True) if one is None)
        )
        decoded = dict(zip(unknown, self._decode(unknown), strict=True)) if unknown else {}
        if decoded:
            self._remember(decoded)
        return [one or decoded[raw] for raw, one in zip(batch, found, strict=True)]

    def _remember(self, decoded: dict[bytes, Transaction | InvalidTransaction]) -> None:
        with self._lock:
            for raw, one in decoded.items():
                if not isinstance(one, InvalidTransaction):
                    self._known[raw] = one
            while len(self._known) > self._count_max:
                self._known.popitem(last=False)
