"""Load on one group of a network: signed beforehand, sent at a rate, counted in its blocks.

Black box: JSON-RPC only. Each stream has senders of its own, so that two never share a nonce.
"""

import multiprocessing
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from eth_account.signers.local import LocalAccount

from tests.acceptance.harness import Network, Refused, post, rpc, sign

BATCH_ITEMS_MAX = 100
TICK_S = 0.1
WAIT_S_MAX = 120.0
FLOOD_PAUSE_S = 0.02


def group_url(network: Network, node: str, group: str) -> str:
    """Where a node serves a group."""
    return f"{network.urls[node]}/groups/{group}"


def height(url: str) -> int:
    """The number of the last stable block."""
    return int(rpc(url, "eth_blockNumber"), 16)


def executed_between(url: str, after: int, last: int) -> int:
    """How many transactions stand in the blocks above `after`, up to `last`."""
    return sum(
        len(rpc(url, "eth_getBlockByNumber", hex(number), False)["transactions"])
        for number in range(after + 1, last + 1)
    )


def signed_load(url: str, accounts: Sequence[LocalAccount], count: int) -> list[str]:
    """`count` transactions that follow each sender's last one, the senders taking turns."""
    chain_id = int(rpc(url, "eth_chainId"), 16)
    nonces = {
        account.address: int(rpc(url, "eth_getTransactionCount", account.address, "pending"), 16)
        for account in accounts
    }
    raws = []
    for place in range(count):
        account = accounts[place % len(accounts)]
        raws.append(sign(account, chain_id, nonces[account.address]))
        nonces[account.address] += 1
    return raws


def send(url: str, raws: Sequence[str]) -> list[str]:
    """Send a batch; the hashes of those that were acknowledged, in order."""
    body = [
        {"jsonrpc": "2.0", "id": place, "method": "eth_sendRawTransaction", "params": [raw]}
        for place, raw in enumerate(raws)
    ]
    answers = post(url, body)
    if not isinstance(answers, list):
        raise Refused(str(answers))
    by_place = {answer["id"]: answer.get("result") for answer in answers}
    return [by_place[place] for place in range(len(raws)) if by_place.get(place)]


class Stream(threading.Thread):
    """Sends `raws` at `rate` a second until they are out or it is told to stop."""

    def __init__(self, url: str, raws: Sequence[str], rate: float) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self.failure: Exception | None = None
        self._url, self._raws, self._rate = url, raws, rate
        self._stopping = threading.Event()

    def run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # raised again by whoever waits
            self.failure = error

    def _send_all(self) -> None:
        began_s, sent = time.monotonic(), 0
        while sent < len(self._raws) and not self._stopping.is_set():
            due = min(len(self._raws), int((time.monotonic() - began_s) * self._rate) + 1)
            while sent < due:
                part = self._raws[sent : min(due, sent + BATCH_ITEMS_MAX)]
                self.acknowledged += send(self._url, part)
                sent += len(part)
            self._stopping.wait(TICK_S)

    def finish(self) -> list[str]:
        """Stop; the hashes that were acknowledged. Raises what went wrong."""
        self._stopping.set()
        self.join(WAIT_S_MAX)
        assert not self.is_alive(), f"the stream to {self._url} does not end"
        if self.failure is not None:
            raise self.failure
        return self.acknowledged


def flood(url: str, raws: Sequence[str]) -> None:
    """Send all as fast as they are taken; what is refused for want of room is sent again."""
    waiting = list(raws)
    while waiting:
        part, waiting = waiting[:BATCH_ITEMS_MAX], waiting[BATCH_ITEMS_MAX:]
        if len(send(url, part)) < len(part):
            waiting = part + waiting
            time.sleep(FLOOD_PAUSE_S)


@contextmanager
def flooded(url: str, raws: Sequence[str]) -> Iterator[None]:
    """A process of its own floods the group meanwhile."""
    process = multiprocessing.get_context("spawn").Process(target=flood, args=(url, raws))
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()
