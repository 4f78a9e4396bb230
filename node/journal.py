"""The transactions that this node acknowledged, kept until they are final or refused.

Acknowledged means synced: `add` returns after its bytes are on disk. Removals need no sync; one
that a crash forgets is found again in the chain. Not the pool: no order and no checks here.
"""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from ledger.sealing import BrokenSeal, Sealer, WrongSealKey
from ledger.whole_file import replace_synced
from node.stages import Stages

JOURNAL_HEAD = b"quorate-journal-1\n"
SEALED_HEAD = b"quorate-journal-1s"
"""What a check word of the key follows; as long as the other, so that either can be told."""
RECORD_BYTES_MAX = 1 << 20
REFUSALS_COUNT_MAX = 65_536
COMPACT_BYTES_MIN = 1 << 20

_FRAME = struct.Struct(">II")  # length of the body, CRC-32 of the body
_ADDED, _SETTLED, _REFUSED = b"a", b"s", b"r"

log = structlog.get_logger("journal")


class JournalClosed(Exception):
    """The journal was closed before the transaction was on disk: it is not acknowledged."""


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why an acknowledged transaction will not be executed: a reason code and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True)
class _Recovered:
    transactions: OrderedDict[bytes, bytes]
    refusals: OrderedDict[bytes, Refusal]
    good_bytes: int
    total_bytes: int


class Journal:
    """One file of framed, checksummed records; many `add`s share one fsync."""

    def __init__(
        self, path: Path, stages: Stages | None = None, sealer: Sealer | None = None
    ) -> None:
        """Open or create the file; an incomplete end is cut.

        Blocking; raises `OSError`, and WrongSealKey for a file that is sealed otherwise.
        """
        self._stages = Stages() if stages is None else stages
        self._path = path
        self._sealer = sealer
        path.parent.mkdir(parents=True, exist_ok=True)
        recovered = _recover(path, sealer)
        self._transactions = recovered.transactions
        self._refusals = recovered.refusals
        if recovered.good_bytes == 0:
            _replace(path, sealer, [])
        self._file: BinaryIO = path.open("r+b")
        if 0 < recovered.good_bytes < recovered.total_bytes:
            log.warning("journal.cut", bytes_cut=recovered.total_bytes - recovered.good_bytes)
            self._file.truncate(recovered.good_bytes)
        self._file.seek(0, os.SEEK_END)
        self._file_bytes = self._file.tell()
        self._compact_at_bytes = 2 * self._file_bytes + COMPACT_BYTES_MIN
        self._buffer: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def transactions(self) -> Mapping[bytes, bytes]:
        """Hash to raw transaction, in the order of arrival; those not yet final."""
        return self._transactions

    @property
    def refusals(self) -> Mapping[bytes, Refusal]:
        """Hash to the reason, oldest first; bounded by `REFUSALS_COUNT_MAX`."""
        return self._refusals

    async def add(self, transactions: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep transactions (hash and bytes of each); returns once all of them are synced.

        Raises `JournalClosed`, `OSError`: then none of them counts as kept.
        """
        if self._closed:
            raise JournalClosed("the node is stopping; send the transaction to another node")
        for transaction_hash, raw in transactions:
            assert len(transaction_hash) == 32
            assert len(raw) <= RECORD_BYTES_MAX - 64
            if transaction_hash not in self._transactions:
                self._transactions[transaction_hash] = raw
                self._refusals.pop(transaction_hash, None)
                self._buffer.append(self._frame(_ADDED + transaction_hash + raw))
        synced = asyncio.get_running_loop().create_future()
        self._waiting.append(synced)
        self._start_flush()
        await synced

    def settle(self, hashes: Iterable[bytes]) -> None:
        """Forget transactions: they are in a stable block, which tells their fate."""
        for transaction_hash in hashes:
            if self._forget(transaction_hash):
                self._buffer.append(self._frame(_SETTLED + transaction_hash))

    def refuse(self, transaction_hash: bytes, reason: str, message: str) -> None:
        """Forget a transaction that will never execute, and remember why."""
        if self._forget(transaction_hash):
            refusal = Refusal(reason, message)
            self._remember_refusal(transaction_hash, refusal)
            body = _REFUSED + transaction_hash + msgspec.json.encode(refusal)
            self._buffer.append(self._frame(body))

    async def abandon(self) -> None:
        """Close without writing what is pending, as a killed process would."""
        self._closed = True
        for synced in self._waiting:
            synced.set_exception(JournalClosed("the node ended before the transaction was synced"))
        self._waiting, self._buffer = [], []
        if self._flushing is not None:
            await self._flushing
        self._file.close()

    async def close(self) -> None:
        """Write what is pending and close the file."""
        self._closed = True
        if self._buffer or self._waiting:
            self._start_flush()
        if self._flushing is not None:
            await self._flushing
        self._file.close()

    def _frame(self, body: bytes) -> bytes:
        return _frame(body if self._sealer is None else self._sealer.seal(body, b""))

    def _forget(self, transaction_hash: bytes) -> bool:
        return self._transactions.pop(transaction_hash, None) is not None

    def _remember_refusal(self, transaction_hash: bytes, refusal: Refusal) -> None:
        self._refusals[transaction_hash] = refusal
        if len(self._refusals) > REFUSALS_COUNT_MAX:
            self._refusals.popitem(last=False)

    def _start_flush(self) -> None:
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._stages.steps("journal", self._flush()))

    async def _flush(self) -> None:
        while self._buffer or self._waiting:
            waiting, self._waiting = self._waiting, []
            frames, self._buffer = self._buffer, []
            try:
                if self._file_bytes > self._compact_at_bytes:
                    await asyncio.to_thread(self._compact, self._snapshot())
                else:
                    await asyncio.to_thread(self._write, frames)
            except OSError as error:
                # What a failed write or sync left on disk is unknown: append nothing after it.
                self._closed = True
                log.error("journal.failed", error=str(error))
                for synced in waiting + self._waiting:
                    if not synced.done():
                        synced.set_exception(error)
                self._waiting, self._buffer = [], []
                return
            for synced in waiting:
                if not synced.done():
                    synced.set_result(None)

    def _snapshot(self) -> list[bytes]:
        return [self._frame(body) for body in _bodies(self._transactions, self._refusals)]

    def _write(self, frames: list[bytes]) -> None:
        with self._stages.measure("journal"):
            self._append(frames)

    def _append(self, frames: list[bytes]) -> None:
        data = b"".join(frames)
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file_bytes += len(data)

    def _compact(self, frames: list[bytes]) -> None:
        self._file.close()
        _replace(self._path, self._sealer, frames)
        self._file = self._path.open("r+b")
        self._file.seek(0, os.SEEK_END)
        self._file_bytes = self._file.tell()
        self._compact_at_bytes = 2 * self._file_bytes + COMPACT_BYTES_MIN


def reseal_journal(path: Path, sealer: Sealer | None, target: Sealer | None) -> None:
    """Write the journal of a stopped node anew under another key, or none; whole or not at all.

    Raises `OSError`, WrongSealKey.
    """
    found = _recover(path, sealer)
    bodies = _bodies(found.transactions, found.refusals)
    seal = (lambda body: body) if target is None else (lambda body: target.seal(body, b""))
    _replace(path, target, [_frame(seal(body)) for body in bodies])


def _bodies(
    transactions: Mapping[bytes, bytes], refusals: Mapping[bytes, Refusal]
) -> Iterator[bytes]:
    """The records that say what is known, no more."""
    for key, refusal in refusals.items():
        yield _REFUSED + key + msgspec.json.encode(refusal)
    for key, raw in transactions.items():
        yield _ADDED + key + raw


def _head(sealer: Sealer | None) -> bytes:
    return JOURNAL_HEAD if sealer is None else SEALED_HEAD + sealer.check_word


def _check_head(path: Path, found: bytes, sealer: Sealer | None) -> None:
    if found.startswith(JOURNAL_HEAD) and sealer is not None:
        raise WrongSealKey(
            "the journal is not encrypted, and node.toml names a key file: "
            "run `quorate store encrypt` on the stopped node"
        )
    if found.startswith(SEALED_HEAD):
        if sealer is None:
            raise WrongSealKey("the journal is encrypted, and node.toml names no key file for it")
        raise WrongSealKey("the journal is encrypted under another key")
    raise OSError(f"{path} is not a journal of this version; move it away to go on")


def _frame(body: bytes) -> bytes:
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _replace(path: Path, sealer: Sealer | None, frames: list[bytes]) -> None:
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(_head(sealer))
        file.writelines(frames)
        file.flush()
        os.fsync(file.fileno())
    replace_synced(temporary, path)


def _recover(path: Path, sealer: Sealer | None) -> _Recovered:
    transactions: OrderedDict[bytes, bytes] = OrderedDict()
    refusals: OrderedDict[bytes, Refusal] = OrderedDict()
    if not path.exists():
        return _Recovered(transactions, refusals, 0, 0)
    total_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = _head(sealer)
        found = file.read(len(head))
        if found != head:
            if total_bytes >= len(JOURNAL_HEAD):
                _check_head(path, found, sealer)
            return _Recovered(transactions, refusals, 0, total_bytes)
        good_bytes = len(head)
        while (kept := _read_body(file)) is not None:
            body = _open(path, sealer, kept)
            kind, key, rest = body[:1], body[1:33], body[33:]
            if kind == _ADDED:
                transactions[key] = rest
            else:
                transactions.pop(key, None)
            if kind == _REFUSED:
                refusals[key] = _refusal(rest, path)
                if len(refusals) > REFUSALS_COUNT_MAX:
                    refusals.popitem(last=False)
            good_bytes += _FRAME.size + len(kept)
    return _Recovered(transactions, refusals, good_bytes, total_bytes)


def _refusal(data: bytes, path: Path) -> Refusal:
    try:
        return msgspec.json.decode(data, type=Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OSError(
            f"{path} holds a refusal that this version did not write; move it away to go on"
        ) from error


def _open(path: Path, sealer: Sealer | None, kept: bytes) -> bytes:
    try:
        return kept if sealer is None else sealer.open(kept, b"")
    except BrokenSeal as error:
        raise OSError(f"{path}: a record does not open: {error}; move it away to go on") from error


def _read_body(file: BinaryIO) -> bytes | None:
    head = file.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack(head)
    if not 33 <= length <= RECORD_BYTES_MAX:
        return None
    body = file.read(length)
    return body if len(body) == length and zlib.crc32(body) == checksum else None
