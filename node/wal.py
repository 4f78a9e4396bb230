"""The write-ahead log of one consensus key in one group: what a vote depends on, synced before it.

Records are bytes here. A log is one file of framed, checksummed records, beside it the end of what
was synced, written apart: damage before that end means that votes are lost, and they cannot be
repaired from peers. The log never guesses: `LostLog` is for an operator.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from node.files import Files

END_NAME = "wal.end"
RECORD_BYTES_MAX = 64 * 1024 * 1024

_FRAME = struct.Struct(">II")  # length of the record, CRC-32 of the length and the record
_END = struct.Struct(">QQQ")  # counter, generation, bytes of its file that are synced
_CHECKSUM = struct.Struct(">I")
_LOOKS_MAX = 3
_SLOT_BYTES = 512  # one disk sector for each of the two: a torn write spoils one of them only


class LostLog(Exception):
    """The log is missing, damaged before its synced end, or another key's.

    The replica must not vote under this key again before an epoch that lists a new one.
    """


class LogExists(Exception):
    """A log is there already: creating another one would forget its votes."""


@dataclass(frozen=True, slots=True)
class _End:
    counter: int
    generation: int
    size_bytes: int


class WriteAheadLog:
    """An open log. Build it with `create` or `recover`."""

    def __init__(self, files: Files, head: bytes, end: _End) -> None:
        self._files = files
        self._head = head
        self._end = end

    @property
    def size_bytes(self) -> int:
        """How long the log is."""
        return self._end.size_bytes

    @classmethod
    def create(cls, files: Files, head: bytes) -> "WriteAheadLog":
        """Start a log on creating or joining a group; raises LogExists.

        head: what binds the log to its group and key. Without it, no log is ever opened.
        """
        if files.read(END_NAME) is not None:
            raise LogExists("a write-ahead log is here already: its votes must not be forgotten")
        log = cls(files, head, _End(0, 0, 0))
        log.replace(())
        return log

    @classmethod
    def recover(cls, files: Files, head: bytes) -> "tuple[WriteAheadLog, list[bytes]]":
        """Open the log of an existing group: the log and its records; raises LostLog.

        A torn record after the synced end is cut; whole records there are kept.
        """
        end, data, records, good_bytes = _read_log(files, head)
        name = _name(end.generation)
        log = cls(files, head, end)
        if good_bytes < len(data):
            files.truncate(name, good_bytes)
        if good_bytes != end.size_bytes or good_bytes < len(data):
            files.sync(name)
            log._record_end(end.generation, good_bytes)
        else:
            # A process that was killed may have left an end that can be read and is not synced:
            # without it, the generation that is removed next would be the one to start from.
            files.sync(END_NAME)
        log._remove_others()
        return log, records[1:]

    def replace_head(self, head: bytes, records: Iterable[bytes]) -> None:
        """As `replace`, with another head: one group and key, its records written otherwise."""
        self._head = head
        self.replace(records)

    @staticmethod
    def inspect(files: Files, head: bytes) -> list[bytes]:
        """The records of a log that another process may be writing; changes nothing.

        Raises LostLog.
        """
        for attempt in range(_LOOKS_MAX):
            end = _read_end(files)
            try:
                return _read_log(files, head)[2][1:]
            except LostLog:
                # A replaced log's file goes while we look: then another end stands there.
                if attempt == _LOOKS_MAX - 1 or _read_end(files) == end:
                    raise
        raise AssertionError("the last look answers or raises")

    def append(self, records: Iterable[bytes]) -> None:
        """Add records; they survive a power cut once this returns."""
        data = b"".join(map(_frame, records))
        name = _name(self._end.generation)
        self._files.append(name, data)
        self._files.sync(name)
        self._record_end(self._end.generation, self._end.size_bytes + len(data))

    def replace(self, records: Iterable[bytes]) -> None:
        """Put these records in the place of all others: it is one log or the other, never less."""
        data = b"".join(map(_frame, (self._head, *records)))
        generation = self._end.generation + 1
        name = _name(generation)
        self._files.remove(name)
        self._files.append(name, data)
        self._files.sync(name)
        self._record_end(generation, len(data))
        self._remove_others()

    def close(self) -> None:
        """Release the files."""
        self._files.close()

    def _record_end(self, generation: int, size_bytes: int) -> None:
        self._end = _End(self._end.counter + 1, generation, size_bytes)
        body = _END.pack(self._end.counter, generation, size_bytes)
        slot = body + _CHECKSUM.pack(zlib.crc32(body))
        offset = _SLOT_BYTES * (self._end.counter % 2)
        self._files.overwrite(END_NAME, offset, slot.ljust(_SLOT_BYTES, b"\0"))
        self._files.sync(END_NAME)

    def _remove_others(self) -> None:
        for name in self._files.names():
            if name.startswith("wal.") and name not in (END_NAME, _name(self._end.generation)):
                self._files.remove(name)


def first_record(files: Files) -> bytes | None:
    """The head of the log that is there, whatever it says; None where none can be read."""
    try:
        data = files.read(_name(_read_end(files).generation))
    except LostLog:
        return None
    records, _ = _parse(data or b"")
    return records[0] if records else None


def _name(generation: int) -> str:
    return f"wal.{generation:08d}"


def _frame(record: bytes) -> bytes:
    assert len(record) <= RECORD_BYTES_MAX
    length = _CHECKSUM.pack(len(record))
    return _FRAME.pack(len(record), zlib.crc32(length + record)) + record


def _parse(data: bytes) -> tuple[list[bytes], int]:
    """Whole records from the start on, and where the first other byte is."""
    records = []
    position = 0
    while position + _FRAME.size <= len(data):
        size, checksum = _FRAME.unpack_from(data, position)
        start = position + _FRAME.size
        record = data[start : start + size]
        if size > RECORD_BYTES_MAX or len(record) < size:
            break
        if zlib.crc32(_CHECKSUM.pack(size) + record) != checksum:
            break
        records.append(record)
        position = start + size
    return records, position


def _read_log(files: Files, head: bytes) -> tuple[_End, bytes, list[bytes], int]:
    """The end, the file's bytes, its records, and where they stop; raises LostLog."""
    end = _read_end(files)
    name = _name(end.generation)
    data = files.read(name)
    if data is None or len(data) < end.size_bytes:
        raise LostLog(
            f"{name} is missing or shorter than the {end.size_bytes} bytes that were synced; "
            "this key may not vote again"
        )
    records, good_bytes = _parse(data)
    if good_bytes < end.size_bytes:
        raise LostLog(
            f"{name} is damaged at byte {good_bytes}, before its synced end at "
            f"{end.size_bytes}; this key may not vote again"
        )
    if not records or records[0] != head:
        raise LostLog(f"{name} belongs to another group or key: put the right folder in place")
    return end, data, records, good_bytes


def _read_end(files: Files) -> _End:
    data = files.read(END_NAME)
    if data is None:
        raise LostLog(f"{END_NAME} is missing in an existing group: this key may not vote again")
    ends = []
    for offset in (0, _SLOT_BYTES):
        slot = data[offset : offset + _END.size + _CHECKSUM.size]
        if len(slot) == _END.size + _CHECKSUM.size:
            body = slot[: _END.size]
            if _CHECKSUM.pack(zlib.crc32(body)) == slot[_END.size :] and any(body):
                ends.append(_End(*_END.unpack(body)))
    if not ends:
        raise LostLog(f"{END_NAME} is damaged: this key may not vote again")
    return max(ends, key=lambda end: end.counter)
