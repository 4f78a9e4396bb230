"""Files in memory that lose and tear what was not synced: the disk of a simulated node.

`cut_after` arms an end inside one of the next operations: a power cut, of which `crash` decides
what is left, or the end of the process alone, which is `kill`.
"""

from dataclasses import dataclass, field
from random import Random


class PowerCut(Exception):
    """The node died inside a file operation."""


@dataclass
class _File:
    """durable: what a power cut leaves at least, None before the first sync."""

    durable: bytearray | None = None
    current: bytearray = field(default_factory=bytearray)
    pending: list[tuple[str, int, bytes]] = field(default_factory=list)

    def sync(self) -> None:
        if self.durable is None:
            self.durable = bytearray()
        for change in self.pending:
            _apply(self.durable, *change)
        self.pending.clear()


class SimulatedFiles:
    """Implements `node.files.Files`. `ignored_syncs` names files whose syncs do nothing: a fault
    that a test plants."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._cut_after: int | None = None
        self.ignored_syncs: set[str] = set()

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str) -> bytes | None:
        file = self._files.get(name)
        return None if file is None else bytes(file.current)

    def append(self, name: str, data: bytes) -> None:
        file = self._files.setdefault(name, _File())
        self._change(file, ("write", len(file.current), data))

    def overwrite(self, name: str, offset: int, data: bytes) -> None:
        self._change(self._files.setdefault(name, _File()), ("write", offset, data))

    def truncate(self, name: str, size: int) -> None:
        self._change(self._files[name], ("truncate", size, b""))

    def sync(self, name: str) -> None:
        self._operate()
        file = self._files[name]
        kind = "end" if name.endswith(".end") else "data"
        if kind not in self.ignored_syncs:
            file.sync()

    def remove(self, name: str) -> None:
        self._operate()
        self._files.pop(name, None)

    def close(self) -> None:
        pass

    def cut_after(self, operations: int | None) -> None:
        """Raise PowerCut in the operation after so many more; None disarms."""
        self._cut_after = operations

    def copy(self) -> "SimulatedFiles":
        """The same files on another disk, as they are now."""
        other = SimulatedFiles()
        other._files = {
            name: _File(file.current.copy(), file.current.copy())
            for name, file in self._files.items()
        }
        return other

    def kill(self) -> None:
        """The process ends and its machine goes on: what was written is read again, and what was
        not synced may still be lost."""
        self._cut_after = None

    def copy_as_it_is(self) -> "SimulatedFiles":
        """The same files, what is not synced included."""
        other = SimulatedFiles()
        other._files = {
            name: _File(
                None if file.durable is None else file.durable.copy(),
                file.current.copy(),
                list(file.pending),
            )
            for name, file in self._files.items()
        }
        return other

    def crash(self, random: Random) -> bool:
        """Lose what was not synced: any number of the last changes, and part of one.

        Returns whether there was anything to lose.
        """
        self._cut_after = None
        has_lost = any(file.pending for file in self._files.values())
        for name, file in list(self._files.items()):
            kept = random.randint(0, len(file.pending))
            content = bytearray(file.durable or b"")
            for kind, offset, data in file.pending[:kept]:
                _apply(content, kind, offset, data)
            if kept < len(file.pending):
                kind, offset, data = file.pending[kept]
                if kind == "write":
                    _apply(content, kind, offset, _torn(random, data))
            if file.durable is None and not content:
                del self._files[name]
                continue
            self._files[name] = _File(content, content.copy())
        return has_lost

    def _change(self, file: _File, change: tuple[str, int, bytes]) -> None:
        file.pending.append(change)
        _apply(file.current, *change)
        self._operate()

    def _operate(self) -> None:
        if self._cut_after is not None:
            self._cut_after -= 1
            if self._cut_after < 0:
                self._cut_after = None
                raise PowerCut


def _torn(random: Random, data: bytes) -> bytes:
    """What a power cut leaves of a write: its beginning, or all of it with a hole, as disks write
    sectors in any order."""
    if random.random() < 0.5:
        return data[: random.randint(0, len(data))]
    start = random.randint(0, len(data))
    end = random.randint(start, len(data))
    return data[:start] + bytes(end - start) + data[end:]


def _apply(content: bytearray, kind: str, offset: int, data: bytes) -> None:
    if kind == "truncate":
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
