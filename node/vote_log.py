"""A group's write-ahead log as the replica's entries: `wal.py` keeps bytes, here they get meaning.

A lost log is a state of its own: the node follows as an observer, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from consensus.entries import LogEntry
from consensus.log_codec import InvalidEntry, decode_entry, encode_entry
from ledger.suite import Suite
from ledger.values import Address, Hash32
from node.files import Files, RealFiles
from node.wal import LostLog, WriteAheadLog

HEAD_TAG = b"quorate/wal/1"


class VoteLog:
    """What one consensus key said in one group. Blocking: call `append` and `replace` in a thread.

    entries: what a restart found. lost: why the key may not vote any more, None if all is well.
    """

    def __init__(self, log: WriteAheadLog | None, entries: tuple[LogEntry, ...], lost: str | None):
        self._log = log
        self.entries = entries
        self.lost = lost

    @classmethod
    def create(cls, folder: Path, group: Hash32, address: Address) -> None:
        """Found a log on creating or joining a group; raises `node.wal.LogExists`."""
        WriteAheadLog.create(RealFiles(folder), _head(group, address)).close()

    @classmethod
    def open(cls, files: Files, suite: Suite, group: Hash32, address: Address) -> VoteLog:
        """The log as it is; a missing, damaged or foreign one is a lost one."""
        try:
            log, records = WriteAheadLog.recover(files, _head(group, address))
            return cls(log, tuple(decode_entry(suite, record) for record in records), None)
        except (LostLog, InvalidEntry) as error:
            return cls(None, (), str(error))

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Add entries; synced on return. Raises `OSError`."""
        assert self._log is not None, "whoever lost its log does not vote"
        self._log.append(encode_entry(entry) for entry in entries)

    def replace(self, entries: Iterable[LogEntry]) -> None:
        """Put entries in the place of all others; synced on return. Raises `OSError`."""
        assert self._log is not None, "whoever lost its log does not vote"
        self._log.replace(encode_entry(entry) for entry in entries)

    def close(self) -> None:
        """Release the files."""
        if self._log is not None:
            self._log.close()


def inspect_vote_log(folder: Path, suite: Suite, group: Hash32, address: Address) -> str | None:
    """Why the log in a folder would count as lost, None if it is whole; changes nothing."""
    if not folder.is_dir():
        return f"{folder} is missing: this key may not vote again"
    try:
        for record in WriteAheadLog.inspect(RealFiles(folder), _head(group, address)):
            decode_entry(suite, record)
    except (LostLog, InvalidEntry) as error:
        return str(error)
    return None


def _head(group: Hash32, address: Address) -> bytes:
    return HEAD_TAG + group + address
