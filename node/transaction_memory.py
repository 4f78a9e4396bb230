"""Decoded transactions by their raw bytes, so that a node decodes and recovers each sender once.

A cache with a bound: forgetting costs time and changes nothing. Used by event loop and worker.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from ledger.transactions import Transaction, decode_transaction

TRANSACTIONS_COUNT_MAX = 32_768


class TransactionMemory:
    """One group's recently seen transactions, oldest forgotten first."""

    def __init__(self, count_max: int = TRANSACTIONS_COUNT_MAX) -> None:
        self._count_max = count_max
        self._known: OrderedDict[bytes, Transaction] = OrderedDict()
        self._lock = threading.Lock()

    def decode(self, raw: bytes) -> Transaction:
        """The transaction that `raw` encodes; raises `InvalidTransaction`."""
        known = self._known.get(raw)
        if known is not None:
            return known
        transaction = decode_transaction(raw)
        with self._lock:
            self._known[transaction.raw] = transaction
            if len(self._known) > self._count_max:
                self._known.popitem(last=False)
        return transaction
