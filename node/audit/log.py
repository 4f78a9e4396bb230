"""Writes the audit log: entries are chained where they happen and synced in groups by a thread.

Who must not be answered before its entry is safe waits with `durable`; everything else is synced
within SYNC_PERIOD_S. What cannot be written is not swallowed: `AuditUnavailable`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from node.audit.chain import EXPIRED, Head, day_files, lines_of, read_head
from node.audit.entries import NO_ENTRY, Entry, InvalidEntry, decode_line, encode_line, shortened
from node.audit.files import AuditFiles, AuditInUse

SYNC_PERIOD_S = 0.5
ENTRIES_WAITING_MAX = 20_000
REFUSALS_WRITTEN_MAX = 20
"""In one second and for one reason; the rest of that second become one entry with their count."""

_log = structlog.get_logger("audit")


class AuditUnavailable(Exception):
    """The log cannot take an entry, or an entry of it cannot be made safe."""


class InvalidAuditFolder(Exception):
    """The log's folder cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Caller:
    """Who an entry is about: a pseudonym, a role, an organisation; empty where unknown."""

    name: str = ""
    role: str = ""
    organisation: str = ""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class AuditLog:
    """One node's log, open for writing. All calls but `open` are on the event loop."""

    def __init__(
        self,
        folder: Path,
        *,
        retention_days: int,
        now: Callable[[], datetime] = utc_now,
        on_failure: Callable[[bool], None] = lambda failing: None,
    ) -> None:
        self._folder = folder
        self._retention = timedelta(days=retention_days)
        self._now = now
        self._on_failure = on_failure
        self._last = Head(0, NO_ENTRY)
        self._day = ""
        self._waiting: list[tuple[str, bytes]] = []
        self._synced = 0
        self._failure = ""
        self._failed = 0
        self._files = AuditFiles(folder)
        self._expired_until = ""
        self._wake = asyncio.Event()
        self._done = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._refusals: Counter[str] = Counter()
        self._refusals_second = 0

    @property
    def last(self) -> Head:
        """The last entry's number and hash."""
        return self._last

    @property
    def failure(self) -> str:
        """Why the last writing failed; empty while all is well."""
        return self._failure

    # -- life

    def open(self) -> None:
        """Take up the log where it ends. Raises InvalidAuditFolder."""
        try:
            torn, broken = self._take_up()
        except AuditInUse as error:
            raise InvalidAuditFolder(str(error)) from error
        except OSError as error:
            raise InvalidAuditFolder(
                f"the audit log in {self._folder} cannot be opened: {error.strerror or error}"
            ) from error
        self._synced = self._last.number
        if torn:
            self.add("log", method="torn", asked=torn, outcome="cut")
        if broken:
            _log.error("audit.broken", reason=broken)
            self.add("log", method="broken", outcome=broken)

    def start(self) -> None:
        """Sync from now on what `add` takes."""
        self._task = asyncio.create_task(self._sync_always())

    async def close(self) -> None:
        """Sync what is left and give the folder free."""
        if self._task is not None:
            self._flush_refusals()
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            await self._sync()
        self._files.close()

    def _take_up(self) -> tuple[str, str]:
        """What was torn off the end, and what does not fit, as texts for entries."""
        self._files.open()
        head = read_head(self._folder)
        files = day_files(self._folder)
        torn = ""
        good, last_line_fits = Head(0, NO_ENTRY), True
        for path in reversed(files):
            size = 0
            for line in lines_of(path):
                if not line.endswith(b"\n") and path == files[-1]:
                    torn = f"{path.name} {len(line)} sha256:{hashlib.sha256(line).hexdigest()}"
                    os.truncate(path, size)
                    break
                size += len(line)
                try:
                    link = decode_line(line)
                    good, last_line_fits = Head(link.entry.number, link.hash), True
                except InvalidEntry:
                    last_line_fits = False
            if good.number:
                break
        self._last, self._day = good, files[-1].name if files else ""
        if head is not None and head.number > good.number:
            self._last = head
            return torn, f"ends with entry {good.number}, entry {head.number} was synced"
        if not last_line_fits:
            return torn, f"the line after entry {good.number} was changed"
        return torn, ""

    # -- entries

    def add(
        self,
        kind: str,
        caller: Caller | None = None,
        *,
        method: str = "",
        group: str = "",
        asked: str = "",
        outcome: str = "",
        count: int = 1,
    ) -> int:
        """Chain an entry; its number, for `durable`. Raises AuditUnavailable when too many wait."""
        if len(self._waiting) >= ENTRIES_WAITING_MAX:
            raise AuditUnavailable(
                f"the audit log has {ENTRIES_WAITING_MAX} entries that cannot be written"
                f"{f' ({self._failure})' if self._failure else ''}: make room, see the node's log"
            )
        caller = caller or Caller()
        now = self._now()
        line, digest = encode_line(
            Entry(
                number=self._last.number + 1,
                at=now.astimezone(UTC).isoformat(timespec="milliseconds"),
                kind=kind,
                who=shortened(caller.name),
                role=caller.role,
                organisation=caller.organisation,
                method=shortened(method),
                group=shortened(group),
                asked=shortened(asked),
                outcome=shortened(outcome),
                count=count,
                previous=self._last.hash,
            )
        )
        self._last = Head(self._last.number + 1, digest)
        # A clock that was set back does not lead back into an earlier day's file.
        self._day = max(self._day, f"{now.astimezone(UTC):%Y-%m-%d}.jsonl")
        self._waiting.append((self._day, line))
        return self._last.number

    def refused(self, reason: str, caller: Caller | None = None, *, asked: str = "") -> None:
        """A caller that was not let in. Never raises: the caller is refused in any case."""
        second = int(self._now().timestamp())
        if second != self._refusals_second:
            self._flush_refusals()
            self._refusals_second = second
        self._refusals[reason] += 1
        if self._refusals[reason] <= REFUSALS_WRITTEN_MAX:
            with contextlib.suppress(AuditUnavailable):
                self.add("refused", caller, asked=asked, outcome=reason)

    def _flush_refusals(self) -> None:
        for reason, count in self._refusals.items():
            if count > REFUSALS_WRITTEN_MAX:
                with contextlib.suppress(AuditUnavailable):
                    self.add("refused", outcome=reason, count=count - REFUSALS_WRITTEN_MAX)
        self._refusals.clear()

    async def durable(self, number: int) -> None:
        """Return once entry `number` survives a power cut. Raises AuditUnavailable."""
        if self._synced >= number:
            return
        self._wake.set()
        async with self._done:
            await self._done.wait_for(lambda: max(self._synced, self._failed) >= number)
        if self._synced < number:
            raise AuditUnavailable(
                f"the audit log cannot be written ({self._failure}), and what has to be logged "
                "is not answered without: make room on the node's disk"
            )

    # -- writing

    async def _sync_always(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SYNC_PERIOD_S)
            self._wake.clear()
            if int(self._now().timestamp()) != self._refusals_second:
                self._flush_refusals()
            await self._sync()
            await self._expire()

    async def _sync(self) -> None:
        batch, head = self._waiting[:], self._last
        if not batch:
            return
        try:
            await asyncio.to_thread(self._files.write, batch, head)
        except OSError as error:
            if not self._failure:
                _log.error("audit.unwritten", entries=len(batch), reason=str(error))
            self._failure, self._failed = error.strerror or str(error), head.number
        else:
            del self._waiting[: len(batch)]
            self._synced, self._failure, self._failed = head.number, "", 0
        self._on_failure(bool(self._failure))
        async with self._done:
            self._done.notify_all()

    async def _expire(self) -> None:
        """Remove days' files that were kept long enough: first the entry, synced, then the file."""
        oldest = f"{self._now().astimezone(UTC) - self._retention:%Y-%m-%d}.jsonl"
        if oldest == self._expired_until:
            return
        self._expired_until = oldest
        for path in day_files(self._folder)[:-1]:
            last = await asyncio.to_thread(_last_of, path) if path.name < oldest else None
            if last is None:
                return
            removed = f"{path.name} {last.number:020d} {last.hash}"
            number = self.add("log", method=EXPIRED, asked=removed)
            await self._sync()
            if self._synced < number:
                return
            path.unlink()


def _last_of(path: Path) -> Head | None:
    """The last whole entry of a file."""
    last = None
    for line in lines_of(path):
        with contextlib.suppress(InvalidEntry):
            link = decode_line(line)
            last = Head(link.entry.number, link.hash)
    return last
