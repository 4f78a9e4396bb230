"""A vote log as a power cut would leave it, rebuilt from system calls: only what was synced counts.

What it would tell a restarted node is read by the product's own recovery.
"""

from dataclasses import dataclass, field
from pathlib import Path

from consensus.log_codec import encode_entry
from ledger.suite import STANDARD
from ledger.values import Address, Hash32
from node.vote_log import VoteLog
from tests.fire.syscalls import Call
from tests.simulation.simulated_files import SimulatedFiles


@dataclass
class _File:
    written: bytearray = field(default_factory=bytearray)
    being_synced: bytes | None = None
    synced: bytes | None = None
    is_named: bool = False
    """Whether the folder was synced after the file: only then does its name outlive a cut."""


class SyncedLog:
    """Follows the calls on one log's folder. `since` tells where each entry was synced first."""

    def __init__(self, folder: Path, group: Hash32, address: Address) -> None:
        self._folder = str(folder)
        self._identity = group, address
        self._files = {
            path.name: _File(bytearray(path.read_bytes()), None, path.read_bytes(), True)
            for path in folder.iterdir()
        }
        self.since: dict[bytes, int] = {}
        self.syncs = 0
        self.writes = 0

    def take(self, call: Call) -> None:
        """A call, at its beginning or its end; others' files are none of its business."""
        if call.name in ("unlink", "unlinkat"):
            if call.result == 0:
                folder, _, name = call.data.decode().rpartition("/")
                if folder == self._folder:
                    self._files.pop(name, None)
            return
        if call.subject == self._folder and call.name == "fsync" and call.result == 0:
            for file in self._files.values():
                file.is_named = file.is_named or file.synced is not None
            self._read(call.ended)
            return
        folder, _, name = call.subject.rpartition("/")
        if folder != self._folder:
            return
        file = self._files.setdefault(name, _File())
        if call.name == "pwrite64" and call.result is not None:
            self.writes += 1
            end = call.number + call.result
            file.written.extend(bytes(max(0, end - len(file.written))))
            file.written[call.number : end] = call.data[: call.result]
        elif call.name == "ftruncate" and call.result == 0:
            del file.written[call.number :]
        elif call.name == "fsync":
            self._sync(file, call)

    def _sync(self, file: _File, call: Call) -> None:
        """What was written when a sync began has been synced when it ends."""
        if call.result is None or file.being_synced is None:
            file.being_synced = bytes(file.written)
        if call.result == 0:
            file.synced, file.being_synced = file.being_synced, None
            self.syncs += 1
            self._read(call.ended)

    def _read(self, place: int) -> None:
        disk = SimulatedFiles()
        for name, file in self._files.items():
            if file.is_named and file.synced is not None:
                disk.append(name, file.synced)
        log = VoteLog.open(disk, STANDARD, *self._identity)
        if log.lost is None:
            for entry in log.entries:
                self.since.setdefault(encode_entry(entry), place)
