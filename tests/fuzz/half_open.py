"""Connections without a handshake: `python -m tests.fuzz.half_open COUNT ADDRESS PAUSE_S`.

A process of its own. From many loopback addresses, so that ports suffice, it keeps more than COUNT
connections open or opening until its standard input ends; half of them send the beginning of a TLS
hello. What the node closes is given up and made anew, at once but for PAUSE_S between two looks. A
line `full` says that all are made. Written for speed: to hold so many it has to connect more often
than a node sheds.
"""

import contextlib
import json
import resource
import select
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

HOSTS = 60
FIRST_HOST = 2
"""127.0.0.1 is left to the nodes of the network."""
SPARE_FILES = 200
SPARE_SHARE = 2
"""Half as many attempts again as asked for, so that those just closed leave enough."""
BATCH = 500
"""Connections made between two looks at what became of the others."""
IDLE_S = 0.01
FULL_S_MAX = 60.0
TABLE_INTERVAL_S = 2.0
ENDED = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
"""The node answers nobody that shows no certificate: what comes is an alert and the end."""
EVENTS = ENDED | select.EPOLLOUT | select.EPOLLET
HELLO_PART = bytes.fromhex("1603010200010001fc0303") + bytes(64)
STATES = {"01": "established", "02": "opening", "08": "closed by the node"}
"""The kernel's numbers (`include/net/tcp_states.h`) of what an attacker's socket can be."""


class Siege:
    """The attempts, and what was seen of them.

    An attempt is held from its SYN until the attacker learns that the node closed it: open for the
    attacker, whether or not the node has accepted it or it waits in the kernel's queue.
    """

    def __init__(self, address: tuple[str, int], count: int, pause_s: float) -> None:
        self._address = address
        self._count = count
        self._pause_s = pause_s
        self._slots = count + count // SPARE_SHARE
        self._epoll = select.epoll()
        self._held: dict[int, socket.socket] = {}
        self._turn = 0
        self._samples: list[int] = []
        self._in_table: list[Counter[str]] = []
        self.made = self.closed = 0
        self.held_s = 0.0

    def fill(self) -> bool:
        """Make as many as shall be held; False if the node sheds as fast as this connects."""
        deadline_s = time.monotonic() + FULL_S_MAX
        while len(self._held) < self._slots and time.monotonic() < deadline_s:
            self._make()
            self._look(0.0)
        return len(self._held) >= self._slots

    def hold(self, is_over: Callable[[], bool]) -> None:
        """Keep them up, and note how many there were before each repair."""
        began_s = table_s = time.monotonic()
        while not is_over():
            self._look(0.0 if len(self._held) < self._slots else IDLE_S)
            self._samples.append(len(self._held))
            self._make()
            time.sleep(self._pause_s)
            if time.monotonic() >= table_s:
                self._in_table.append(_states(self._address[1]))
                table_s = time.monotonic() + TABLE_INTERVAL_S
        self.held_s = time.monotonic() - began_s

    def _make(self) -> None:
        for _ in range(min(BATCH, self._slots - len(self._held))):
            self._turn += 1
            attacker = _connect(self._address, f"127.0.0.{FIRST_HOST + self._turn % HOSTS}")
            if attacker is not None:
                self._held[attacker.fileno()] = attacker
                self._epoll.register(attacker, EVENTS)

    def _look(self, wait_s: float) -> None:
        for number, events in self._epoll.poll(wait_s):
            attacker = self._held[number]
            if events & ENDED:
                del self._held[number]
                attacker.close()
                self.closed += 1
                continue
            self.made += 1
            if number % 2 == 0:
                with contextlib.suppress(OSError):
                    attacker.send(HELLO_PART)

    def figures(self) -> dict[str, object]:
        """Counts of attempts; what the kernel's table said is the least and the median of looks."""
        living = [table["established"] + table["opening"] for table in self._in_table]
        return {
            "made": self.made,
            "closed_by_node": self.closed,
            "held_s": round(self.held_s, 1),
            "looks": len(self._samples),
            "held_min": min(self._samples, default=0),
            "held_median": round(statistics.median(self._samples or [0])),
            "below_count": sum(held < self._count for held in self._samples),
            "kernel_looks": len(living),
            "kernel_min": min(living, default=0),
            "kernel_median": round(statistics.median(living or [0])),
            "kernel_last": dict(self._in_table[-1]) if self._in_table else {},
        }

    def end(self) -> None:
        """Close all."""
        for attacker in self._held.values():
            attacker.close()


def _connect(address: tuple[str, int], source: str) -> socket.socket | None:
    attacker = socket.socket()
    attacker.setblocking(False)
    # A port is chosen at connect, when the whole address pair is known: else 28,000 would be all.
    attacker.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    # What the node sheds is gone at once, and leaves its port free for the next.
    attacker.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    try:
        attacker.bind((source, 0))
        attacker.connect(address)
    except BlockingIOError:
        return attacker
    except OSError:
        attacker.close()
        return None
    return attacker


def _states(port: int) -> Counter[str]:
    """How many sockets that were connected to `port` are in which state, by the kernel."""
    found: Counter[str] = Counter()
    wanted = f":{port:04X}"
    with Path("/proc/net/tcp").open(encoding="ascii") as table:
        next(table)
        for line in table:
            _, _, remote, state, *_ = line.split(maxsplit=4)
            if remote.endswith(wanted):
                found[STATES.get(state, "other")] += 1
    return found


def _is_input_over() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], 0.0)
    return bool(readable)


def main() -> None:
    """The figures as JSON on standard output, after the line that says it is full."""
    count, (host, _, port), pause_s = int(sys.argv[1]), sys.argv[2].rpartition(":"), sys.argv[3]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + count // SPARE_SHARE + SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, needed),) * 2)
    siege = Siege((host, int(port)), count, float(pause_s))
    print("full" if siege.fill() else "not full: more attackers are needed", flush=True)
    siege.hold(_is_input_over)
    print(json.dumps(siege.figures()), flush=True)
    siege.end()


if __name__ == "__main__":
    main()
