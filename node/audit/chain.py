"""Checks an audit log: every line, the chain through all days' files, and where the log must end.

A last line that was cut off in writing is what a crash leaves; everything else that does not fit
was done to the log afterwards. Reads only, also while the node writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from node.audit.entries import LINE_BYTES_MAX, NO_ENTRY, Entry, InvalidEntry, Link, decode_line

HEAD_FILE = "head"
DAY_FILE = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl")
FINDINGS_COUNT_MAX = 100
FILES_COUNT_MAX = 20_000
HEAD_BYTES = 20 + 1 + 64 + 1
EXPIRED = "expired"
"""The method of the entry that says which day's file was kept long enough and removed."""

_HEAD = re.compile(rb"(\d{20}) ([0-9a-f]{64})\n")


class Fault(StrEnum):
    """What is wrong at a place of the log."""

    TORN = "torn"
    CHANGED = "changed"
    MISSING = "missing"
    HEAD = "head"


@dataclass(frozen=True)
class Finding:
    """One place where the log is not whole: file, line (0: the file itself), what and why."""

    fault: Fault
    file: str
    line: int
    what: str

    @property
    def is_tampering(self) -> bool:
        """Whether no crash explains it."""
        return self.fault is not Fault.TORN


@dataclass(frozen=True)
class Head:
    """The number and hash of an entry that was synced: the log reaches at least so far."""

    number: int
    hash: str

    def encode(self) -> bytes:
        """As the file `head` holds it, of one length always."""
        return f"{self.number:020d} {self.hash}\n".encode()


@dataclass(frozen=True)
class Census:
    """What a check found: how far the log goes, and the findings, the earliest first."""

    first: int
    last: Head
    entries: int
    findings: tuple[Finding, ...]

    @property
    def is_tampered(self) -> bool:
        """Whether anything was done to the log."""
        return any(finding.is_tampering for finding in self.findings)


def parse_head(data: bytes) -> Head | None:
    """The head that a file or an operator names; None if it is none."""
    match = _HEAD.fullmatch(data)
    return None if match is None else Head(int(match[1]), match[2].decode())


def read_head(folder: Path) -> Head | None:
    """What the file `head` says; None if there is none or it is damaged."""
    try:
        with (folder / HEAD_FILE).open("rb") as file:
            return parse_head(file.read(HEAD_BYTES + 1))
    except FileNotFoundError:
        return None


def day_files(folder: Path) -> list[Path]:
    """The days' files, the earliest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if DAY_FILE.fullmatch(path.name)]
    return sorted(found)[-FILES_COUNT_MAX:]


def lines_of(path: Path) -> Iterator[bytes]:
    """The file's lines as they stand; one that is too long comes in parts."""
    with path.open("rb") as file:
        while line := file.readline(LINE_BYTES_MAX + 1):
            yield line


def read_entries(folder: Path) -> Iterator[Entry]:
    """All entries that are well formed, the earliest first."""
    for path in day_files(folder):
        for line in lines_of(path):
            try:
                yield decode_line(line).entry
            except InvalidEntry:
                continue


def check_log(folder: Path, seen: Head | None = None) -> Census:
    """Check everything. `seen` is an entry that someone outside noted: it must still be there."""
    return _Check(folder, seen).run()


class _Check:
    def __init__(self, folder: Path, seen: Head | None) -> None:
        # Before the lines: a node that writes meanwhile only moves the end further.
        self._head = read_head(folder)
        self._folder = folder
        self._must = [
            (head, name)
            for head, name in ((self._head, HEAD_FILE), (seen, "what was noted"))
            if head is not None
        ]
        self._findings: list[Finding] = []
        self._expired: set[Head] = set()
        self._first: Entry | None = None
        self._last = Head(0, NO_ENTRY)
        self._entries = 0
        self._place = ("", 0)

    def run(self) -> Census:
        files = day_files(self._folder)
        for path in files:
            lines = lines_of(path)
            for place, line in enumerate(lines, start=1):
                self._place = (path.name, place)
                is_end = path == files[-1] and not line.endswith(b"\n")
                self._take(line, is_end=is_end and next(lines, None) is None)
        self._place = (files[-1].name if files else "", 0)
        self._judge_beginning()
        self._judge_end(bool(files))
        return Census(
            self._first.number if self._first else 0,
            self._last,
            self._entries,
            tuple(self._findings),
        )

    def _take(self, line: bytes, *, is_end: bool) -> None:
        try:
            link = decode_line(line)
        except InvalidEntry as error:
            if is_end and (self._head is None or self._last.number >= self._head.number):
                self._find(
                    Fault.TORN,
                    f"the last {len(line)} bytes are part of a line that a crash cut off; the node "
                    "takes them out when it starts",
                )
            else:
                self._find(Fault.CHANGED, str(error))
            return
        self._entries += 1
        self._follow(link)

    def _follow(self, link: Link) -> None:
        entry = link.entry
        if self._first is None:
            self._first = entry
        elif (entry.number, entry.previous) != (self._last.number + 1, self._last.hash):
            self._find(
                Fault.MISSING,
                f"entry {entry.number} does not follow on entry {self._last.number}: what stood "
                "between was taken out, or an entry was written anew",
            )
        if entry.method == EXPIRED and entry.kind == "log":
            _, _, number = entry.asked.partition(" ")
            removed = parse_head(number.encode() + b"\n")
            if removed is not None:
                self._expired.add(removed)
        self._last = Head(entry.number, link.hash)
        for head, name in self._must:
            if head.number == self._last.number and head.hash != self._last.hash:
                self._find(
                    Fault.CHANGED, f"entry {head.number} has another hash than {name} has for it"
                )

    def _judge_beginning(self) -> None:
        first = self._first
        if first is None:
            return
        begins = Head(first.number - 1, first.previous)
        if begins != Head(0, NO_ENTRY) and begins not in self._expired:
            self._find(
                Fault.MISSING,
                f"the log begins with entry {first.number}, and no entry says that what came "
                "before was kept long enough and removed",
            )

    def _judge_end(self, has_files: bool) -> None:
        if has_files and self._head is None:
            what = "the file head is missing or damaged: nothing says how far the log went"
            self._find(Fault.HEAD, what)
        for head, name in self._must:
            if head.number > self._last.number:
                self._find(
                    Fault.MISSING,
                    f"the log ends with entry {self._last.number}, and {name} says that it had "
                    f"entry {head.number}: its end was taken away",
                )

    def _find(self, fault: Fault, what: str) -> None:
        if len(self._findings) < FINDINGS_COUNT_MAX:
            self._findings.append(Finding(fault, *self._place, what))
