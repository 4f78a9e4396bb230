"""Transactions between pools: a micro-batch of raw transactions as one payload.

Every member of a group is connected to every other, so what came from a peer is not passed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ledger.codec import as_bytes, as_list, decode_list, encode
from ledger.transactions import DECODABLE_BYTES_MAX

GOSSIP_BYTES_MAX = DECODABLE_BYTES_MAX + 1024
MICRO_BATCH_BYTES = 128 << 10
GOSSIP_COUNT_MAX = 1_024


def encode_gossip(raws: Iterable[bytes]) -> Iterator[bytes]:
    """Payloads that carry all of `raws` in order; only a single large one exceeds a micro-batch."""
    batch: list[bytes] = []
    size_bytes = 0
    for raw in raws:
        if batch and (len(batch) == GOSSIP_COUNT_MAX or size_bytes + len(raw) > MICRO_BATCH_BYTES):
            yield encode(batch)
            batch, size_bytes = [], 0
        batch.append(raw)
        size_bytes += len(raw)
    if batch:
        yield encode(batch)


def decode_gossip(payload: bytes) -> tuple[bytes, ...]:
    """The raw transactions; raises `InvalidEncoding`."""
    items = decode_list(payload, bytes_max=GOSSIP_BYTES_MAX)
    as_list(items, "transactions", length_max=GOSSIP_COUNT_MAX)
    return tuple(as_bytes(item, "transaction") for item in items)
