"""A node as an operating-system process: started in the background, found and stopped by its pid.

Knows nothing of what the node does; whether it works is asked over RPC.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cli.failure import CommandFailed

STOP_TIMEOUT_S = 20.0
KILL_TIMEOUT_S = 5.0
POLL_S = 0.05
CONSOLE_LOG = "logs/console.log"
CONSOLE_BYTES_MAX = 1 << 20
"""Beyond this a start begins a new file and keeps the old one as `console.log.1`."""


def read_pid(pid_file: Path) -> int | None:
    """The pid that `pid_file` holds, or None where there is none."""
    try:
        text = pid_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    if not text.isdecimal() or len(text) > 10:
        raise CommandFailed(f"{pid_file}: not a process number; remove the file if no node runs")
    return int(text)


def running_pid(pid_file: Path) -> int | None:
    """The pid of the live node behind `pid_file`; a stale file counts as none."""
    pid = read_pid(pid_file)
    return pid if pid is not None and _is_node(pid) else None


def _is_node(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False
    proc = Path(f"/proc/{pid}")
    if not proc.is_dir():
        return True  # a system without /proc: the signal is all that can be asked
    try:
        state = (proc / "stat").read_text().rpartition(")")[2].split()[0]
        command = (proc / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    # A pid is reused after a crash: only a process that runs a node is ours to signal.
    return state != "Z" and b"node" in command and b"run" in command


def start(node_folder: Path) -> subprocess.Popen[bytes]:
    """Start `quorate node run` detached from this terminal; its output goes to the console log."""
    console = node_folder / CONSOLE_LOG
    console.parent.mkdir(parents=True, exist_ok=True)
    if console.is_file() and console.stat().st_size > CONSOLE_BYTES_MAX:
        console.replace(console.with_name(console.name + ".1"))
    with console.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "cli.main", "node", "run", str(node_folder.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def tell_to_reload(pid_file: Path) -> int | None:
    """Have the live node behind `pid_file` read its folder anew; its pid, None where none runs."""
    pid = running_pid(pid_file)
    if pid is not None:
        os.kill(pid, signal.SIGHUP)
    return pid


def last_words(node_folder: Path, lines: int = 3) -> str:
    """The end of the console log: why a node did not stay up."""
    console = node_folder / CONSOLE_LOG
    if not console.is_file():
        return "it wrote nothing"
    with console.open("rb") as log:
        log.seek(max(0, console.stat().st_size - 4096))
        return " / ".join(log.read().decode(errors="replace").strip().splitlines()[-lines:])


def stop(pid: int) -> bool:
    """Ask the process to end, then make it; returns whether asking was enough."""
    os.kill(pid, signal.SIGTERM)
    if _gone(pid, STOP_TIMEOUT_S):
        return True
    os.kill(pid, signal.SIGKILL)
    if not _gone(pid, KILL_TIMEOUT_S):
        raise CommandFailed(f"process {pid} does not end; stop it by hand")
    return False


def _gone(pid: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not _is_node(pid):
            return True
        time.sleep(POLL_S)
    return not _is_node(pid)
