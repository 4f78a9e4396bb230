"""Clients that send gapped nonces, frozen senders' transactions and too much cause no view change.

For ten view time-outs, with an honest load beside them. The flood is more than the nodes can
execute: their pools fill up, and RPC says so. What waits for a missing nonce does not take all the
room. Senders are frozen while their transactions wait. When the flood is over, the honest load goes
on as before.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.bench.workload import Workload, address_of, sender_keys, signed_transfers
from cli.desks import LocalNetwork
from contracts.bindings.accounts import freeze
from ledger.values import Address
from tests.acceptance.harness import Network, eventually, post
from tests.fire.books import SETTLE_S, ask, blocks_alike, each_once
from tests.fire.ground import Ground, make_ground
from tests.fire.load import Load
from tests.fire.processes import processes_of
from workflows.equity_transfer.deploy import SetUpDesk
from workflows.sending import SendingFailed

RATES = {"native": 50, "py-evm": 5}
SECONDS = 40
BATCH = 200
FLOOD = 36_000
"""Transactions of the flood: twice a pool's room."""
FLOODERS = 4
"""One for each node; the number of a lane's senders is a multiple of it."""
GAPPED = 12_000
"""More than half of a pool's room."""
FROZEN_SENDERS = 5
FROZEN_PAUSE_S = 0.5
REFUSED_PAUSE_S = 0.05
"""A client whose transactions are refused sends them again after this, all the time."""

Signed = tuple[str, str]


def run(
    folder: Path, *, seconds: int = SECONDS, engine: str = "native", base_port: int | None = None
) -> dict[str, Any]:
    """The last lanes' senders are the bad ones; the honest load has the first lane."""
    ground = make_ground(folder, engine=engine, base_port=base_port)
    network = ground.network
    honest = Ground(network, ground.workloads[:1])
    flood = list(itertools.islice(_transfers(ground, 3), FLOOD))
    sources = {
        "gapped": itertools.islice(_gapped(ground, 1), GAPPED),
        "frozen": _transfers(ground, 2),
        # Senders take turns, so each of these clients has some of them to itself.
        **{f"overload {place}": iter(flood[place::FLOODERS]) for place in range(FLOODERS)},
    }
    with processes_of(network) as processes:
        processes.start_all()
        load = Load(honest, RATES[engine])
        load.start()
        views = _views(network)
        clients = _flood(ground, sources, seconds)
        eventually(
            "the pools are empty but for what lacks a nonce",
            lambda: _is_drained(network, clients["gapped"]),
            SETTLE_S,
            1.0,
        )
        before = len(load.acknowledged)
        time.sleep(seconds / 4)
        afterwards = (len(load.acknowledged) - before) / (seconds / 4)
        rate = load.stop()
        after = _views(network)
        books = each_once(network, None, set(load.acknowledged))
        frozen = _dropped(network, clients["frozen"].taken)
        compared = blocks_alike(network)
    answers = {kind: dict(client.answers) for kind, client in clients.items()}
    print(answers, views, after, flush=True)
    assert after == views, f"the views were {views} and are {after}"
    full = [kind for kind in answers if "overload" in kind and answers[kind].get("POOL_FULL")]
    assert full, "the flood was no overload: no pool was full"
    assert answers["gapped"].get("POOL_FULL"), "all the room was given to what lacks a nonce"
    assert answers["frozen"].get("FROZEN"), "no frozen sender was refused"
    assert afterwards >= RATES[engine] / 2, f"only {afterwards:.0f} tx/s after the flood"
    return {
        "views": after,
        "answers": answers,
        "dropped_of_frozen": dict(frozen),
        "rate_acknowledged": round(rate, 1),
        "rate_afterwards": round(afterwards, 1),
        "blocks_compared": compared,
        **books,
    }


class _Client(threading.Thread):
    """Sends batches to one node until it is told to end; a refused transaction comes again."""

    def __init__(self, url: str, source: Iterator[Signed], pause_s: float) -> None:
        super().__init__(daemon=True)
        self.answers: Counter[str] = Counter()
        self.taken: list[str] = []
        self.ending = threading.Event()
        self._url = url
        self._source = source
        self._pause_s = pause_s

    def run(self) -> None:
        waiting: list[Signed] = []
        while not self.ending.is_set():
            waiting += itertools.islice(self._source, BATCH - len(waiting))
            if not waiting:
                return
            try:
                refused = self._send(waiting)
            except (OSError, ValueError):
                self.answers["no answer"] += 1
                continue
            self.ending.wait(REFUSED_PAUSE_S if refused else self._pause_s)
            waiting = refused

    def _send(self, batch: list[Signed]) -> list[Signed]:
        body = [
            {"jsonrpc": "2.0", "id": place, "method": "eth_sendRawTransaction", "params": [raw]}
            for place, (_, raw) in enumerate(batch)
        ]
        full: list[Signed] = []
        for answer in post(self._url, body):
            one, error = batch[answer["id"]], answer.get("error")
            if error is None:
                self.taken.append(one[0])
                self.answers["taken"] += 1
                continue
            reason = (error.get("data") or {}).get("reason", "no reason")
            self.answers[reason] += 1
            if reason == "POOL_FULL":
                assert "wait here" in error["message"], error
                full.append(one)
        return full


def _flood(
    ground: Ground, sources: dict[str, Iterator[Signed]], seconds: int
) -> dict[str, _Client]:
    """Each source from a thread of its own, to the nodes in turn; senders are frozen meanwhile."""
    urls = itertools.cycle(ground.network.urls.values())
    clients = {
        kind: _Client(url, source, FROZEN_PAUSE_S if kind == "frozen" else 0.0)
        for url, (kind, source) in zip(urls, sources.items(), strict=False)
    }
    end_s = time.monotonic() + seconds
    for client in clients.values():
        client.start()
    _freeze(ground.network, ground.workloads[2])
    time.sleep(max(0.0, end_s - time.monotonic()))
    for client in clients.values():
        client.ending.set()
    for client in clients.values():
        client.join()
    return clients


def _freeze(network: Network, workload: Workload) -> None:
    """Some of a lane's senders, in the middle of what they send."""
    local = LocalNetwork(network.folder)
    desk = local.set_up_desk(local.first_of_role("regulator"))
    for victim in map(address_of, sender_keys(workload)[:FROZEN_SENDERS]):
        eventually(
            "the regulator's transaction finds room in the pool",
            lambda address=victim: _is_frozen_now(desk, address),
            SETTLE_S,
        )


def _is_frozen_now(desk: SetUpDesk, address: Address) -> bool:
    """The regulator sends and waits like everybody else; a full pool refuses him too."""
    try:
        desk.act(f"freeze-{address.hex()}", freeze(address))
    except SendingFailed as failure:
        if "POOL_FULL" not in str(failure):
            raise
        return False
    return True


def _transfers(ground: Ground, lane: int) -> Iterator[Signed]:
    """All that a lane's senders can send, in order."""
    for transfer in signed_transfers(ground.workloads[lane], ground.chain_id):
        yield "0x" + transfer.hash.hex(), "0x" + transfer.raw.hex()


def _gapped(ground: Ground, lane: int) -> Iterator[Signed]:
    """The same without anyone's first nonce: none of it can ever execute."""
    return itertools.islice(_transfers(ground, lane), ground.workloads[lane].senders, None)


def _views(network: Network) -> dict[str, int]:
    return {name: network.status(name)["view"] for name in network.urls}


def _is_drained(network: Network, gapped: _Client) -> bool:
    waiting = [network.status(name)["pool"] for name in network.urls]
    return max(waiting) <= len(gapped.taken) + BATCH


def _dropped(network: Network, hashes: list[str]) -> Counter[str]:
    """Reasons why acknowledged transactions of the frozen lane were not executed."""
    url = next(iter(network.urls.values()))
    found = ask(url, "quorate_getTransactionStatus", ([one] for one in hashes))
    return Counter(status["reason"] for status in found if status and status["status"] == "dropped")
