"""What processes and folders take: memory and processor time from /proc, bytes on disk.

On systems without /proc memory and the machine's load are not known and count as zero.
"""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import msgspec

SAMPLE_PERIOD_S = 0.5
PARTS = {"store": "db", "journal": "journal", "vote log": "wal"}


class Memory(msgspec.Struct, frozen=True):
    """A node's own memory in bytes: before the load, at most, after it, and all samples with the
    seconds since the first transaction. `mapped` is what of files was in memory after the load."""

    start: int
    peak: int
    end: int
    mapped: int
    samples: tuple[tuple[float, int], ...]


def memory_bytes(pid: int) -> tuple[int, int]:
    """Of a process, what is in memory and its own, and what is of files; zeros if it is gone.

    LevelDB maps its files: their pages come with the store's size, and the system takes them back
    whenever it wants the room, so they are not what a node needs.
    """
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    resident, mapped = int(fields[1]) * page_bytes, int(fields[2]) * page_bytes
    return resident - mapped, mapped


def machine_busy_s() -> float:
    """Processor seconds that all processes of this machine spent since it started."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except FileNotFoundError:
        return 0.0
    user, nice, system, _, _, irq, softirq = map(int, line.split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def folder_bytes(folder: Path) -> int:
    """Sum of the sizes of all files below."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a log that was replaced meanwhile
            continue
    return total


class MemoryWatch:
    """Samples processes' memory in a thread while open; `of` tells what was seen."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._samples: dict[str, list[tuple[float, int]]] = {name: [] for name in pids}
        self._mapped = dict.fromkeys(pids, 0)

    def __enter__(self) -> "MemoryWatch":
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._sample()

    def of(self, name: str, start_s: float) -> Memory:
        """What was seen of one process; `start_s` is the monotonic clock's zero of the samples."""
        samples = tuple((round(at_s - start_s, 2), size) for at_s, size in self._samples[name])
        sizes = [size for _, size in samples]
        return Memory(sizes[0], max(sizes), sizes[-1], self._mapped[name], samples)

    def _run(self) -> None:
        while not self._ended.wait(SAMPLE_PERIOD_S):
            self._sample()

    def _sample(self) -> None:
        for name, pid in self._pids.items():
            own, self._mapped[name] = memory_bytes(pid)
            self._samples[name].append((time.monotonic(), own))
