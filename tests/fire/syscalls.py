"""Reads what strace wrote: which file or connection a call was about, its bytes and its result.

A call that others interrupt stands in two lines; it is told when it begins and when it ends.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

COMMAND = ("strace", "-f", "--seccomp-bpf", "-yy", "-xx", "-s", str(1 << 24))
"""Every byte in hexadecimal, and every descriptor with its file or both ends of its connection."""

_LINE = re.compile(r"^(?P<thread>\d+) +(?:<\.\.\. )?(?P<name>\w+)(?P<rest>.*)$")
_SUBJECT = re.compile(r"^\(\d+<(.*?)>(?=[,) ])")
_STRINGS = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_NUMBERS = re.compile(r", (\d+)(?=[,) ])")
_RESULT = re.compile(r"\) += (-?\d+)")


@dataclass(frozen=True)
class Call:
    """`place` and `ended` order beginnings and ends; `result` is None while it is under way.

    subject: the descriptor's file, or `TCP:[own->other]`. data: the first string. number: the
    last whole number among the arguments, such as an offset.
    """

    place: int
    ended: int
    name: str
    subject: str
    data: bytes
    number: int
    result: int | None


def calls(trace: Path) -> Iterator[Call]:
    """Each call as it begins and, if it was interrupted, again with its result as it ends."""
    waiting: dict[tuple[str, str], Call] = {}
    with trace.open(encoding="ascii", errors="replace") as lines:
        for place, line in enumerate(lines):
            found = _LINE.match(line)
            if found is None:
                continue
            thread, name, rest = found.group("thread", "name", "rest")
            result = _RESULT.search(rest)
            answer = None if result is None else int(result[1])
            if rest.startswith(" resumed"):
                begun = waiting.pop((thread, name), None)
                if begun is not None:
                    yield replace(begun, ended=place, result=answer)
                continue
            call = Call(place, place, name, *_arguments(rest), result=answer)
            if answer is None:
                waiting[thread, name] = call
            yield call


def _arguments(rest: str) -> tuple[str, bytes, int]:
    subject, strings, numbers = _SUBJECT.match(rest), _STRINGS.search(rest), _NUMBERS.findall(rest)
    data = b"" if strings is None else _bytes(strings[1])
    name = "" if subject is None else _text(subject[1])
    return name, data, int(numbers[-1]) if numbers else 0


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _text(escaped: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), escaped)
