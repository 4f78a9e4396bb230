"""A key-value store whose values are sealed: what the database file shows is keys and lengths.

Keys stay as they are, because the store reads ranges of them; they are block numbers, addresses,
slots and hashes. One entry says under which key the rest is sealed.
"""

from collections.abc import Iterator

from ledger.keyvalue import Batch, CorruptStore, KeyValueReader, KeyValueStore
from ledger.sealing import BrokenSeal, Sealer, WrongSealKey
from ledger.store_keys import SEALED_KEY


class SealedStore:
    """Seals on the way in and opens on the way out; batches and their atomicity are as below.

    Build it with `opened`.
    """

    def __init__(self, inner: KeyValueStore, sealer: Sealer) -> None:
        self._inner = inner
        self._sealer = sealer

    def get(self, key: bytes) -> bytes | None:
        return _opened(self._sealer, key, self._inner.get(key))

    def snapshot(self) -> KeyValueReader:
        return _SealedReader(self._inner.snapshot(), self._sealer)

    def items(
        self, prefix: bytes, *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        for key, sealed in self._inner.items(prefix, start=start, reverse=reverse):
            if key != SEALED_KEY:
                yield key, _open(self._sealer, key, sealed)

    def write(self, batch: Batch, *, sync: bool) -> None:
        seal = self._sealer.seal
        sealed = {key: None if value is None else seal(value, key) for key, value in batch.items()}
        self._inner.write(sealed, sync=sync)

    def close(self) -> None:
        self._inner.close()


class _SealedReader:
    def __init__(self, inner: KeyValueReader, sealer: Sealer) -> None:
        self._inner = inner
        self._sealer = sealer

    def get(self, key: bytes) -> bytes | None:
        return _opened(self._sealer, key, self._inner.get(key))


def opened(inner: KeyValueStore, sealer: Sealer | None) -> KeyValueStore:
    """The store, sealed if there is a sealer; an empty one becomes that. Raises WrongSealKey.

    A wrong or missing key is no corruption: nothing on disk is at fault.
    """
    held = inner.get(SEALED_KEY)
    if sealer is None:
        if held is not None:
            raise WrongSealKey("the store is encrypted, and node.toml names no key file for it")
        return inner
    if held is None:
        if next(inner.items(b""), None) is not None:
            raise WrongSealKey(
                "the store is not encrypted, and node.toml names a key file: "
                "run `quorate store encrypt` on the stopped node"
            )
        inner.write({SEALED_KEY: sealer.check_word}, sync=True)
    elif held != sealer.check_word:
        raise WrongSealKey("the store is encrypted under another key")
    return SealedStore(inner, sealer)


def _opened(sealer: Sealer, key: bytes, sealed: bytes | None) -> bytes | None:
    return None if sealed is None else _open(sealer, key, sealed)


def _open(sealer: Sealer, key: bytes, sealed: bytes) -> bytes:
    try:
        return sealer.open(sealed, key)
    except BrokenSeal as error:
        raise CorruptStore(f"the entry {key.hex()} does not open: {error}") from error
