"""A group's signs of life while somebody attacks it: blocks go on, memory is bounded, no crash.

A thread of its own sends a transaction a second through one watched node after the other and waits
for the receipt. What the nodes wrote into their logs is read at the end.
"""

import json
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.acceptance.harness import Network, Refused, rpc, sign

MIB = 1 << 20
PROBE_INTERVAL_S = 1.0
POLL_S = 0.05
SENDER = "registrar"
FILES_GROWTH_MAX = 512
"""Handshakes of strangers and of members' addresses, connections being closed, RPC's own."""
CRASH_WORDS = ("Traceback", "internal_error", "handler_failed", "callback_failed", "method_failed")
"""What a fault of ours leaves in a log; what a peer does wrong leaves other words."""


class VitalSigns(AbstractContextManager["VitalSigns"]):
    """Watches some nodes of a network between `with` and its end; then `check` says what was seen.

    block_s_max: how long a transaction may take. growth_bytes_max: how much more memory a process
    may hold than when the watch began. files_growth_max: how many more descriptors.
    """

    def __init__(
        self,
        network: Network,
        nodes: list[str],
        *,
        block_s_max: float,
        growth_bytes_max: int,
        files_growth_max: int = FILES_GROWTH_MAX,
    ) -> None:
        self._network = network
        self._nodes = nodes
        self._block_s_max = block_s_max
        self._growth_bytes_max = growth_bytes_max
        self._files_growth_max = files_growth_max
        self._pids = {name: network.pid(name) for name in nodes}
        self._rss_first = {name: resident_bytes(pid) for name, pid in self._pids.items()}
        self._rss_max = dict(self._rss_first)
        self._files_first = {name: open_files(pid) for name, pid in self._pids.items()}
        self._files_max = dict(self._files_first)
        self._logs = {name: _log(network, name) for name in nodes}
        self._log_start = {name: path.stat().st_size for name, path in self._logs.items()}
        self._account = network.account(SENDER)
        self._waits_s: list[float] = []
        self._problem: BaseException | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "VitalSigns":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join(2 * self._block_s_max + 30)

    @property
    def has_failed(self) -> bool:
        """Whether to go on with the attack makes no sense."""
        return self._problem is not None

    def check(self) -> dict[str, Any]:
        """What was measured; raises AssertionError where a promise was broken."""
        if self._problem is not None:
            raise AssertionError(str(self._problem)) from self._problem
        assert self._waits_s, "the watch was too short to see a block"
        crashes = {name: found for name in self._nodes if (found := self._crashes(name))}
        assert not crashes, crashes
        waits = sorted(self._waits_s)
        return {
            "transactions": len(waits),
            "block_s_median": round(waits[len(waits) // 2], 2),
            "block_s_max": round(waits[-1], 2),
            "rss_mib_first": {name: size // MIB for name, size in self._rss_first.items()},
            "rss_mib_max": {name: size // MIB for name, size in self._rss_max.items()},
            "rss_mib_last": {name: resident_bytes(pid) // MIB for name, pid in self._pids.items()},
            "files_first": self._files_first,
            "files_max": self._files_max,
        }

    def _watch(self) -> None:
        try:
            turn = 0
            while not self._is_over.is_set():
                self._look_at_processes()
                self._waits_s.append(self._send(self._nodes[turn % len(self._nodes)]))
                turn += 1
                self._is_over.wait(PROBE_INTERVAL_S)
        except BaseException as error:
            self._problem = error

    def _look_at_processes(self) -> None:
        for name, pid in self._pids.items():
            assert self._network.pid(name) == pid, f"{name} is another process"
            resident = resident_bytes(pid)
            self._rss_max[name] = max(self._rss_max[name], resident)
            grown = resident - self._rss_first[name]
            assert grown <= self._growth_bytes_max, f"{name} grew by {grown // MIB} MiB"
            files = open_files(pid)
            self._files_max[name] = max(self._files_max[name], files)
            more = files - self._files_first[name]
            assert more <= self._files_growth_max, (
                f"{name} has {more} more files open than at first"
            )

    def _send(self, node: str) -> float:
        """How long a transaction took from a node's RPC into a stable block there."""
        url, started = self._network.urls[node], time.monotonic()
        nonce = chain_id = digest = None
        while True:
            waited = time.monotonic() - started
            assert waited <= self._block_s_max, f"no block at {node} within {waited:.0f} s"
            try:
                if digest is None:
                    address = self._account.address
                    nonce = int(rpc(url, "eth_getTransactionCount", address, "pending"), 16)
                    chain_id = int(rpc(url, "eth_chainId"), 16)
                    raw = sign(self._account, chain_id, nonce)
                    digest = rpc(url, "eth_sendRawTransaction", raw)
                elif rpc(url, "eth_getTransactionReceipt", digest) is not None:
                    return time.monotonic() - started
            except (OSError, Refused, ValueError):
                self._look_at_processes()
            time.sleep(POLL_S)

    def _crashes(self, node: str) -> list[str]:
        with self._logs[node].open("rb") as log:
            log.seek(min(self._log_start[node], self._logs[node].stat().st_size))
            lines = log.read().decode(errors="replace").splitlines()
        return [line[:600] for line in lines if any(word in line for word in CRASH_WORDS)][:5]


def resident_bytes(pid: int) -> int:
    """A process' memory; raises AssertionError if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        status = ""
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} is gone")


def open_files(pid: int) -> int:
    """How many descriptors a process has; raises AssertionError if it is gone."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        raise AssertionError(f"process {pid} is gone") from None


def _log(network: Network, name: str) -> Path:
    directory = next(node["dir"] for node in network.nodes if node["name"] == name)
    return network.folder / str(directory) / "logs" / "node.log"


def metric(text: str, name: str) -> float:
    """The sum of a metric over its labels, in Prometheus' text."""
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith((name + "{", name + " "))
    )


def show(figures: dict[str, Any]) -> None:
    """Print figures as they come."""
    print(json.dumps(figures, indent=1), flush=True)
