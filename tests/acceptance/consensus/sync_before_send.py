"""A trace of system calls shows a sync between each vote's write and its send.

One of four validators runs under strace, which also holds up every sync of the vote log for a
while. What a vote that is sent too early would show is a send to a peer during that while. In the
first moments of it, what the step before had sent may still leave; no byte may leave later.
"""

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fire.books import blocks_alike
from tests.fire.ground import make_ground
from tests.fire.processes import processes_of

TRACED = "market-1"
HEARTBEAT_MS = 1_000
SECONDS = 30
HELD_UP_S = 0.3
LEAVING_S = 0.1
"""Frames of the step before leave within this time, on a machine with other work to do as well."""
SYNCS_MIN = 5
SENDS = ("sendto", "write")
SIZE = re.compile(r"\.\.\., (\d+)[,)]")
VOTE_BYTES_MIN = 65 + 32 + 32
"""A vote carries a signature, a digest, and its frame the group's hash. What is shorter are
requests of the catch-up, credits, and signs of life."""
LINE = re.compile(r"^(\d+) +(\d+\.\d+) (?:<\.\.\. )?(\w+)(.*)$")


@dataclass(frozen=True)
class _Window:
    """From a write to the vote log (its bytes) to the end of the sync that follows it."""

    written_s: float
    synced_s: float


def run(folder: Path, *, engine: str = "native", base_port: int | None = None) -> dict[str, Any]:
    """Empty blocks only: every send to a peer is then consensus, or of the connection itself."""
    if shutil.which("strace") is None:
        return {"skipped": "needs strace: apt-get install strace"}
    consensus = {"heartbeat_ms": HEARTBEAT_MS}
    ground = make_ground(folder, engine=engine, base_port=base_port, consensus=consensus)
    network, trace = ground.network, folder / "trace"
    with processes_of(network) as processes:
        held_up_us = int(HELD_UP_S * 1e6)
        processes.prefix[TRACED] = (
            *("strace", "-f", "-yy", "-ttt", "-s", "0", "-o", str(trace)),
            *("-e", "trace=pwrite64,fsync,sendto,write"),
            *("-e", f"inject=fsync:delay_enter={held_up_us}"),
        )
        processes.start_all()
        time.sleep(SECONDS)
        compared = blocks_alike(network)
        processes.end_all()
    rpc_address = network.urls[TRACED].removeprefix("http://")
    windows, sends = _read(trace, str(processes.folder(TRACED) / "groups"), rpc_address)
    assert len(windows) >= SYNCS_MIN, f"only {len(windows)} syncs of the vote log were seen"
    early = [
        sent
        for window in windows
        for sent in sends
        if window.written_s + LEAVING_S < sent < window.synced_s
    ]
    assert not early, f"{len(early)} sends to peers before the sync of what was just written"
    followed = sum(
        any(window.synced_s <= sent <= window.synced_s + HELD_UP_S for sent in sends)
        for window in windows
    )
    assert followed >= SYNCS_MIN, "no sends after the syncs: this trace shows nothing"
    return {
        "syncs": len(windows),
        "syncs_followed_by_a_send": followed,
        "sends": len(sends),
        "blocks_compared": compared,
    }


def _read(trace: Path, groups: str, rpc_address: str) -> tuple[list[_Window], list[float]]:
    """Windows of the vote log, and when something long enough for a vote left for a peer."""
    windows: list[_Window] = []
    sends: list[float] = []
    written_s: float | None = None
    syncing: dict[str, bool] = {}
    for line in trace.read_text(errors="replace").splitlines():
        found = LINE.match(line)
        if found is None:
            continue
        thread, at_s, call, rest = found[1], float(found[2]), found[3], found[4]
        is_log = f"{groups}/" in rest and "/wal/" in rest
        if call == "pwrite64" and is_log:
            written_s = at_s if written_s is None else written_s
        elif call == "fsync":
            syncing[thread] = is_log or syncing.get(thread, False)
            if "unfinished" in rest:
                continue
            if syncing.pop(thread) and written_s is not None:
                # An uninterrupted call shows when it began: its end is later by the delay.
                end_s = at_s if "resumed" in rest else at_s + HELD_UP_S
                windows.append(_Window(written_s, end_s))
                written_s = None
        elif call in SENDS and "<TCP" in rest and f"[{rpc_address}->" not in rest:
            size = SIZE.search(rest)
            if size is None or int(size[1]) >= VOTE_BYTES_MIN:
                sends.append(at_s)
    return windows, sends
