"""A process that writes one block into a store and is ended by the kernel inside that write.

A limit on the size of files makes the system call write up to the limit and then kills whoever
calls again: what is on disk is what a kill at that byte leaves. It comes from a fork server, which
has neither threads nor an open store.
"""

import multiprocessing
import os
import resource
import signal
from pathlib import Path

from ledger.keyvalue import Batch, LevelDB
from ledger.sealed_store import opened
from ledger.sealing import Sealer
from ledger.store import BlockStore
from ledger.suite import STANDARD

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])
TIMEOUT_S = 60
SEALER = Sealer(b"\x01" * 32, b"test")


class LastBatch(LevelDB):
    """A store that puts down all but one batch: `held` gets the next one after `hold`."""

    held: dict[bytes, bytes | None] | None = None
    _holds = False

    def hold(self) -> None:
        self._holds = True

    def write(self, batch: Batch, *, sync: bool) -> None:
        if self._holds:
            assert sync, "a block is one synced batch"
            assert self.held is None, "a block is one batch"
            self.held = dict(batch)
            return
        super().write(batch, sync=sync)


def write_and_die(folder: Path, batch: Batch, log_bytes_max: int | None, *, is_sealed: bool) -> int:
    """How the writer of a block's batch ended: SIGXFSZ inside the write, SIGKILL after it.

    batch: as it goes to disk, sealed where the store is. log_bytes_max: how many bytes each of its
    files may have; None for no limit.
    """
    return _ended(_write, folder, batch, log_bytes_max, is_sealed)


def open_and_die(folder: Path, file_bytes_max: int) -> int:
    """How a process ended that opened a store and could write that much to each of its files."""
    return _ended(_open, folder, file_bytes_max)


def log_of(folder: Path) -> Path:
    """The one log of a store that is open or was killed."""
    [log] = folder.glob("*.log")
    return log


def _ended(work: object, *arguments: object) -> int:
    process = _SERVER.Process(target=work, args=arguments)  # type: ignore[arg-type]
    process.start()
    process.join(TIMEOUT_S)
    assert process.exitcode is not None, "the writer hangs"
    return process.exitcode


def _limit_files(bytes_max: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))


def _write(folder: Path, batch: Batch, log_bytes_max: int | None, is_sealed: bool) -> None:
    database = LevelDB(folder)
    BlockStore(opened(database, SEALER if is_sealed else None), STANDARD)
    if log_bytes_max is not None:
        _limit_files(log_bytes_max)
    database.write(batch, sync=True)
    os.kill(os.getpid(), signal.SIGKILL)


def _open(folder: Path, file_bytes_max: int) -> None:
    _limit_files(file_bytes_max)
    LevelDB(folder)
    os.kill(os.getpid(), signal.SIGKILL)
