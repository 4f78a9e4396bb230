"""A steady load of token transfers, every transaction accounted for by its hash.

Each lane has senders of its own and a home node. While the home does not answer, the lane sends to
another node; what the home acknowledged before is not sent again: that it survives is under test.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cli.bench.workload import Transfer, Workload, signed_transfers
from tests.fire.ground import Ground

TICK_S = 0.2
ANSWER_S_MAX = 3.0
AVOID_S = 3.0
"""A node that did not answer is left alone this long."""
RETRY_S = 0.2
LANE_END_S = 60.0
FINAL_REASONS = ("NONCE_USED",)
"""Sent again after an answer was lost, it may be in a block already."""
PASSING_REASONS = ("POOL_FULL", "SENDER_FULL", "")
"""Refusals of a node that has no room, or that says to try another; both without fault of ours."""


class Load:
    """Runs from `start` to `stop`. `acknowledged` maps a hash to the node that returned it."""

    def __init__(self, ground: Ground, rate: float) -> None:
        self.urls = dict(ground.network.urls)
        homes = list(self.urls)
        self.sent: set[str] = set()
        self.acknowledged: dict[str, str] = {}
        self.refusals: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._lanes = [
            _Lane(self, homes[place % len(homes)], workload, ground.chain_id, share)
            for share in [rate / len(ground.workloads)]
            for place, workload in enumerate(ground.workloads)
        ]
        self._started_s = 0.0

    def start(self) -> None:
        """Begin to send."""
        self._started_s = time.monotonic()
        for lane in self._lanes:
            lane.start()

    def stop(self) -> float:
        """Send no more; the rate that was reached. Raises what a lane raised."""
        self._stopping.set()
        for lane in self._lanes:
            lane.join(LANE_END_S)
            assert not lane.is_alive(), f"the lane of {lane.home} does not end"
        for lane in self._lanes:
            if lane.failure is not None:
                raise lane.failure
        return len(self.acknowledged) / (time.monotonic() - self._started_s)

    @property
    def is_stopping(self) -> bool:
        """Whether lanes are to end."""
        return self._stopping.is_set()


class _Lane(threading.Thread):
    def __init__(
        self, load: Load, home: str, workload: Workload, chain_id: int, rate: float
    ) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.failure: Exception | None = None
        self._load = load
        self._transfers: Iterator[Transfer] = signed_transfers(workload, chain_id)
        self._rate = rate
        self._avoid_until_s: dict[str, float] = {}
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def run(self) -> None:
        try:
            self._send_steadily()
        except Exception as failure:
            self.failure = failure
        finally:
            for connection in self._connections.values():
                connection.close()

    def _send_steadily(self) -> None:
        start_s, taken = time.monotonic(), 0
        while not self._load.is_stopping:
            due = int((time.monotonic() - start_s) * self._rate)
            # After a node's silence the lane makes up for what it missed, in bearable portions.
            count = min(due - taken, int(4 * self._rate * TICK_S) + 1)
            if count > 0:
                self._send([next(self._transfers) for _ in range(count)])
                taken += count
            time.sleep(TICK_S)

    def _send(self, batch: list[Transfer]) -> None:
        waiting = {"0x" + transfer.hash.hex(): "0x" + transfer.raw.hex() for transfer in batch}
        self._load.sent.update(waiting)
        give_up_s = time.monotonic() + LANE_END_S
        while waiting:
            node = self._choose()
            try:
                answers = self._post(node, list(waiting.values()))
            except (OSError, http.client.HTTPException, ValueError):
                self._connections.pop(node).close()
                self._avoid_until_s[node] = time.monotonic() + AVOID_S
                answers = []
            hashes = list(waiting)
            for answer in answers:
                if self._is_settled(node, hashes[answer["id"]], answer):
                    del waiting[hashes[answer["id"]]]
            if waiting:
                assert time.monotonic() < give_up_s, f"no node takes what {self.home}'s lane sends"
                time.sleep(RETRY_S)

    def _choose(self) -> str:
        now_s = time.monotonic()
        order = [self.home, *(name for name in self._load.urls if name != self.home)]
        usable = [name for name in order if self._avoid_until_s.get(name, 0.0) <= now_s]
        return (usable or order)[0]

    def _post(self, node: str, raws: list[str]) -> list[dict[str, Any]]:
        connection = self._connections.get(node)
        if connection is None:
            connection = self._connections[node] = http.client.HTTPConnection(
                urlsplit(self._load.urls[node]).netloc, timeout=ANSWER_S_MAX
            )
        body = [
            {"jsonrpc": "2.0", "id": place, "method": "eth_sendRawTransaction", "params": [raw]}
            for place, raw in enumerate(raws)
        ]
        connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answers: list[dict[str, Any]] = json.loads(connection.getresponse().read())
        return answers

    def _is_settled(self, node: str, name: str, answer: dict[str, Any]) -> bool:
        if "result" in answer:
            assert answer["result"] == name, answer
            self._load.acknowledged[name] = node
            return True
        reason = str((answer["error"].get("data") or {}).get("reason", ""))
        self._load.refusals[reason or str(answer["error"]["message"])[:80]] += 1
        if reason in FINAL_REASONS:
            return True
        assert reason in PASSING_REASONS, f"{node} refuses {name}: {answer}"
        if not reason:
            self._avoid_until_s[node] = time.monotonic() + AVOID_S
        return False
