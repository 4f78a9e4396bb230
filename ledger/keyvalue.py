"""Ordered key-value stores with atomic batches: LevelDB on disk, and a model of it in memory.

A batch is applied wholly or not at all; a synced batch and all before it survive a crash, later
ones survive as a prefix. `MemoryStore` models just that, for tests and simulation.
"""

import bisect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import plyvel

Batch = Mapping[bytes, bytes | None]
"""What to put; None deletes."""

# Most of a store is trie nodes, whose hashes do not compress, so compression would only cost time,
# in every read too.
WRITE_BUFFER_BYTES = 16 * 1024 * 1024
"""What LevelDB gathers in memory and in its log before it sorts it into a file; at most twice."""
READ_CACHE_BYTES_MAX = 32 * 1024 * 1024


class CorruptStore(Exception):
    """Data on disk that contradicts itself: the store has to be rebuilt from peers."""


class StoreInUse(Exception):
    """Another process has the store open."""


class KeyValueReader(Protocol):
    """Single reads, of a store or of a snapshot."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""


class KeyValueStore(KeyValueReader, Protocol):
    """What block stores need of a database."""

    def snapshot(self) -> KeyValueReader:
        """What the store holds now, for as long as it is open; later writes do not show."""

    def items(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Pairs whose key has the prefix, in (reverse) key order.

        `start` is the first key that may come: the least, or in reverse the greatest.
        """

    def write(self, batch: Batch, *, sync: bool) -> None:
        """Apply a batch atomically; return after it is on disk if `sync`."""

    def close(self) -> None:
        """Release the store; further calls are a bug."""


class LevelDB:
    """A folder with a LevelDB database; raises StoreInUse or CorruptStore when it cannot open."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        try:
            self._db = plyvel.DB(
                str(path),
                create_if_missing=True,
                paranoid_checks=True,
                bloom_filter_bits=10,
                compression=None,
                write_buffer_size=WRITE_BUFFER_BYTES,
                lru_cache_size=READ_CACHE_BYTES_MAX,
            )
        except plyvel.CorruptionError as error:
            raise CorruptStore(f"{path}: {error}") from error
        except plyvel.IOError as error:
            if "lock" in str(error).lower():
                raise StoreInUse(f"{path} is open elsewhere: stop the other node first") from error
            if "corrupt" in str(error).lower() or "missing" in str(error).lower():
                raise CorruptStore(f"{path}: {error}") from error
            raise

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except plyvel.CorruptionError as error:
            raise CorruptStore(f"reading {key.hex()}: {error}") from error
        return value

    def items(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        end = _prefix_end(prefix)
        bounds: dict[str, Any] = {"stop": end, "include_stop": False}
        if reverse and start is not None and (end is None or start < end):
            bounds = {"stop": start, "include_stop": True}
        if not reverse:
            bounds["start"] = max(prefix, start or b"") or None
        # In reverse plyvel 1.5 leaves out the database's least key if it equals `start`.
        try:
            with self._db.iterator(reverse=reverse, **bounds) as pairs:
                for key, value in pairs:
                    if key < prefix:
                        return
                    yield key, value
        except plyvel.CorruptionError as error:
            raise CorruptStore(f"scanning {prefix.hex()}: {error}") from error

    def snapshot(self) -> KeyValueReader:
        return _LevelDBSnapshot(self._db.snapshot())

    def write(self, batch: Batch, *, sync: bool) -> None:
        with self._db.write_batch(transaction=True, sync=sync) as pending:
            put = pending.put
            for key, value in batch.items():
                if value is None:
                    pending.delete(key)
                else:
                    put(key, value)

    def close(self) -> None:
        self._db.close()


class _LevelDBSnapshot:
    def __init__(self, snapshot: Any) -> None:
        self._snapshot = snapshot

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._snapshot.get(key)
        except plyvel.CorruptionError as error:
            raise CorruptStore(f"reading {key.hex()}: {error}") from error
        return value


class MemoryStore:
    """A store in memory that can crash: unsynced batches may be lost, the later ones first."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._unsynced: list[dict[bytes, bytes | None]] = []
        """For each batch since the last sync, what its keys held before it."""
        self._shared = False
        """Whether a snapshot looks at `_values`, which must then be copied before a change."""
        self._closed = False

    def get(self, key: bytes) -> bytes | None:
        assert not self._closed, "the store is closed"
        return self._values.get(key)

    def snapshot(self) -> KeyValueReader:
        self._shared = True
        return self._values

    def items(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        assert not self._closed, "the store is closed"
        keys = self._keys
        low = bisect.bisect_left(keys, prefix)
        end = _prefix_end(prefix)
        high = len(keys) if end is None else bisect.bisect_left(keys, end)
        if start is not None and reverse:
            high = min(high, bisect.bisect_right(keys, start))
        elif start is not None:
            low = max(low, bisect.bisect_left(keys, start))
        found = keys[low:high]
        for key in reversed(found) if reverse else found:
            yield key, self._values[key]

    def write(self, batch: Batch, *, sync: bool) -> None:
        assert not self._closed, "the store is closed"
        self._unsynced.append({key: self._values.get(key) for key in batch})
        self._apply(batch)
        if sync:
            self._unsynced.clear()

    def _apply(self, batch: Batch) -> None:
        if self._shared:
            self._values, self._shared = dict(self._values), False
        for key, value in batch.items():
            known = key in self._values
            if value is None:
                if known:
                    del self._values[key]
                    del self._keys[bisect.bisect_left(self._keys, key)]
                continue
            self._values[key] = value
            if not known:
                bisect.insort(self._keys, key)

    @property
    def unsynced_batches(self) -> int:
        """How many batches a crash could still lose."""
        return len(self._unsynced)

    def crash(self, kept: int = 0) -> None:
        """Lose the unsynced batches but the first `kept`, and stand as after a restart."""
        while len(self._unsynced) > kept:
            self._apply(self._unsynced.pop())
        self._unsynced.clear()
        self._closed = False

    def close(self) -> None:
        self._closed = True


def _prefix_end(prefix: bytes) -> bytes | None:
    """The least key after all keys with the prefix, or None if there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else None
