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
    """Resident memory of a node in bytes: before the load, at most, after it, and all samples
    with the seconds since the first transaction."""

    start: int
    peak: int
    end: int
    samples: tuple[tuple[float, int], ...]


def resident_bytes(pid: int) -> int:
    """Memory of a process that is not swapped out; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


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
        return Memory(sizes[0], max(sizes), sizes[-1], samples)

    def _run(self) -> None:
        while not self._ended.wait(SAMPLE_PERIOD_S):
            self._sample()

    def _sample(self) -> None:
        for name, pid in self._pids.items():
            self._samples[name].append((time.monotonic(), resident_bytes(pid)))
