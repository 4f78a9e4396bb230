"""Runs a long command with a time limit, its output in a log, its progress in one line.

On a terminal the line is drawn over and over; elsewhere one is printed now and then.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

LINE_PERIOD_S = 20.0
LAST_WORDS_MAX = 3
_COMPILING = re.compile(r"\s*(?:Compiling|Downloaded|Downloading) (\S+)")


class CommandEnded(Exception):
    """The command failed, was not there, or took too long; the message says which."""


def run_watched(
    command: list[str],
    folder: Path,
    *,
    environment: Mapping[str, str],
    log: Path,
    activity: str,
    seconds_max: int,
    steps: int = 0,
) -> None:
    """Run to the end or for `seconds_max`; `steps` is about how many crates will be named.

    Raises `CommandEnded`. Whatever happens, no process of the command is left.
    """
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise CommandEnded(f"{command[0]}: {error.strerror}") from error
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(seconds_max, end)
    timer.start()
    try:
        words = _follow(process, log, activity, steps, started)
        code = process.wait()
    finally:
        timer.cancel()
        _kill(process)
        process.wait()
    if late.is_set():
        raise CommandEnded(f"not done after {seconds_max} s")
    if code != 0:
        raise CommandEnded(_last_words(words) or f"ended with code {code}")


def _follow(
    process: subprocess.Popen[str], log: Path, activity: str, steps: int, started: float
) -> list[str]:
    """Read to the end, showing progress; returns the last lines."""
    assert process.stdout is not None
    is_terminal = sys.stdout.isatty()
    words: list[str] = []
    done, shown = 0, started
    with log.open("a", encoding="utf-8") as file:
        for line in process.stdout:
            file.write(line)
            words = [*words[-50:], line.strip()]
            found = _COMPILING.match(line)
            if found is None:
                continue
            done += 1
            now = time.monotonic()
            text = f"  {activity} {found.group(1)}, {done}"
            text += f" of at most {steps}" if steps else ""
            text += f", {now - started:.0f} s"
            if is_terminal:
                print(f"\r\x1b[K{text[:78]}", end="", flush=True)
            elif now - shown >= LINE_PERIOD_S:
                shown = now
                print(text, flush=True)
    if is_terminal and done:
        print("\r\x1b[K", end="", flush=True)
    return words


def _last_words(lines: list[str]) -> str:
    """What went wrong: the first line that calls itself an error and what follows, else the end."""
    told = [line for line in lines if line and not line.lower().startswith("caused by")]
    errors = [place for place, line in enumerate(told) if line.lower().startswith("error")]
    chosen = told[errors[0] :][:LAST_WORDS_MAX] if errors else told[-LAST_WORDS_MAX:]
    return " / ".join(chosen)[:600]


def _kill(process: subprocess.Popen[str]) -> None:
    """The command with all that it started; it leads a group of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
