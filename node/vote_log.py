"""A group's write-ahead log as the replica's entries: `wal.py` keeps bytes, here they get meaning.

A lost log is a state of its own: the node follows as an observer, and says so. A log under another
key than the given one is none: it is whole, and needs its key.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from consensus.entries import LogEntry
from consensus.log_codec import InvalidEntry, decode_entry, encode_entry
from ledger.sealing import BrokenSeal, Sealer, WrongSealKey
from ledger.suite import Suite
from ledger.values import Address, Hash32
from node.files import Files, RealFiles
from node.wal import LostLog, WriteAheadLog, first_record

HEAD_TAG = b"quorate/wal/1"


class VoteLog:
    """What one consensus key said in one group. Blocking: call `append` and `replace` in a thread.

    entries: what a restart found. lost: why the key may not vote any more, None if all is well.
    """

    def __init__(
        self,
        log: WriteAheadLog | None,
        entries: tuple[LogEntry, ...],
        lost: str | None,
        sealer: Sealer | None = None,
    ) -> None:
        self._log = log
        self._sealer = sealer
        self.entries = entries
        self.lost = lost

    @classmethod
    def create(
        cls, folder: Path, group: Hash32, address: Address, sealer: Sealer | None = None
    ) -> None:
        """Found a log on creating or joining a group; raises `node.wal.LogExists`."""
        WriteAheadLog.create(RealFiles(folder), log_head(group, address, sealer)).close()

    @classmethod
    def open(
        cls,
        files: Files,
        suite: Suite,
        group: Hash32,
        address: Address,
        sealer: Sealer | None = None,
    ) -> VoteLog:
        """The log as it is; a missing, damaged or foreign one is a lost one.

        Raises WrongSealKey for this key's log that is sealed otherwise.
        """
        _check_seal(files, group, address, sealer)
        try:
            log, records = WriteAheadLog.recover(files, log_head(group, address, sealer))
            entries = tuple(decode_entry(suite, open_record(sealer, one)) for one in records)
            return cls(log, entries, None, sealer)
        except (LostLog, InvalidEntry, BrokenSeal) as error:
            return cls(None, (), str(error))

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Add entries; synced on return. Raises `OSError`."""
        assert self._log is not None, "whoever lost its log does not vote"
        self._log.append(seal_record(self._sealer, encode_entry(entry)) for entry in entries)

    def replace(self, entries: Iterable[LogEntry]) -> None:
        """Put entries in the place of all others; synced on return. Raises `OSError`."""
        assert self._log is not None, "whoever lost its log does not vote"
        self._log.replace(seal_record(self._sealer, encode_entry(entry)) for entry in entries)

    def close(self) -> None:
        """Release the files."""
        if self._log is not None:
            self._log.close()


def inspect_vote_log(
    folder: Path, suite: Suite, group: Hash32, address: Address, sealer: Sealer | None = None
) -> str | None:
    """Why the log in a folder would count as lost, None if it is whole; changes nothing.

    Raises WrongSealKey.
    """
    try:
        _inspected(folder, suite, group, address, sealer)
    except (LostLog, InvalidEntry, BrokenSeal) as error:
        return str(error)
    return None


def may_have_voted(
    folder: Path, suite: Suite, group: Hash32, address: Address, sealer: Sealer | None = None
) -> bool:
    """Whether the key said anything by the log in a folder, or nobody can tell; changes nothing."""
    try:
        return bool(_inspected(folder, suite, group, address, sealer))
    except (LostLog, InvalidEntry, BrokenSeal, WrongSealKey):
        return True


def _inspected(
    folder: Path, suite: Suite, group: Hash32, address: Address, sealer: Sealer | None
) -> list[LogEntry]:
    if not folder.is_dir():
        raise LostLog(f"{folder} is missing: this key may not vote again")
    files = RealFiles(folder)
    _check_seal(files, group, address, sealer)
    records = WriteAheadLog.inspect(files, log_head(group, address, sealer))
    return [decode_entry(suite, open_record(sealer, record)) for record in records]


def log_head(group: Hash32, address: Address, sealer: Sealer | None) -> bytes:
    """A log's first record: whose it is, and under which key the others are sealed."""
    return HEAD_TAG + group + address + (b"" if sealer is None else sealer.check_word)


def seal_record(sealer: Sealer | None, record: bytes) -> bytes:
    """A record as it stands in the file."""
    return record if sealer is None else sealer.seal(record, b"")


def open_record(sealer: Sealer | None, record: bytes) -> bytes:
    """What `seal_record` sealed; raises BrokenSeal."""
    return record if sealer is None else sealer.open(record, b"")


def _check_seal(files: Files, group: Hash32, address: Address, sealer: Sealer | None) -> None:
    head = first_record(files)
    own = log_head(group, address, None)
    if head is None or not head.startswith(own) or head == log_head(group, address, sealer):
        return
    if head == own:
        raise WrongSealKey(
            "the vote log is not encrypted, and node.toml names a key file: "
            "run `quorate store encrypt` on the stopped node"
        )
    if sealer is None:
        raise WrongSealKey("the vote log is encrypted, and node.toml names no key file for it")
    raise WrongSealKey("the vote log is encrypted under another key")
