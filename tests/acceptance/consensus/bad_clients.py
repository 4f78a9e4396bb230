"""Clients that send gapped nonces, frozen senders' transactions and too much cause no view change.

For ten view time-outs, with an honest load beside them. The pools fill up and refuse; nobody takes
what cannot execute for a primary that does not work.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.bench.workload import address_of, sender_keys, signed_transfers
from cli.desks import LocalNetwork
from contracts.bindings.accounts import freeze
from tests.acceptance.harness import post
from tests.fire.books import blocks_alike, each_once
from tests.fire.ground import Ground, make_ground
from tests.fire.load import Load
from tests.fire.processes import processes_of

RATES = {"native": 50, "py-evm": 5}
SECONDS = 40
BATCH = 200
PAUSE_S = 0.5
KINDS = ("gapped", "frozen", "overload")


def run(
    folder: Path, *, seconds: int = SECONDS, engine: str = "native", base_port: int | None = None
) -> dict[str, Any]:
    """The last lanes' senders are the bad ones; the honest load has the first lane."""
    ground = make_ground(folder, engine=engine, base_port=base_port)
    network = ground.network
    honest = Ground(network, ground.workloads[:1])
    with processes_of(network) as processes:
        processes.start_all()
        sources = {
            "gapped": _gapped(ground, 1),
            "frozen": _of_frozen(ground, 2),
            "overload": _sliced(ground, 3),
        }
        load = Load(honest, RATES[engine])
        load.start()
        views = {name: network.status(name)["view"] for name in network.urls}
        answers = _send_all(ground, sources, seconds)
        after = {name: network.status(name)["view"] for name in network.urls}
        rate = load.stop()
        books = each_once(network, None, set(load.acknowledged))
        compared = blocks_alike(network)
    assert after == views, f"the views were {views} and are {after}"
    return {
        "views": after,
        "answers": {kind: dict(counter["answers"]) for kind, counter in answers.items()},
        "rate_acknowledged": round(rate, 1),
        "blocks_compared": compared,
        **books,
    }


def _send_all(
    ground: Ground, sources: dict[str, Iterator[tuple[str, str]]], seconds: int
) -> dict[str, dict[str, Any]]:
    """Each source from a thread of its own, to a node of its own, until the time is over."""
    ending = threading.Event()
    found: dict[str, dict[str, Any]] = {kind: {"answers": Counter()} for kind in KINDS}
    urls = list(ground.network.urls.values())
    threads = [
        threading.Thread(target=_send, args=(urls[place], sources[kind], ending, found[kind]))
        for place, kind in enumerate(KINDS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    ending.set()
    for thread in threads:
        thread.join()
    return found


def _send(
    url: str, source: Iterator[tuple[str, str]], ending: threading.Event, found: dict[str, Any]
) -> None:
    while not ending.is_set():
        batch = list(itertools.islice(source, BATCH))
        body = [
            {"jsonrpc": "2.0", "id": place, "method": "eth_sendRawTransaction", "params": [raw]}
            for place, (_, raw) in enumerate(batch)
        ]
        for answer in post(url, body):
            error = answer.get("error")
            reason = "taken" if error is None else (error.get("data") or {}).get("reason", "other")
            found["answers"][reason] += 1
        ending.wait(PAUSE_S)


def _sliced(ground: Ground, lane: int) -> Iterator[tuple[str, str]]:
    """All that a lane's senders can send, in order: with no pause a flood."""
    for transfer in signed_transfers(ground.workloads[lane], ground.chain_id):
        yield "0x" + transfer.hash.hex(), "0x" + transfer.raw.hex()


def _gapped(ground: Ground, lane: int) -> Iterator[tuple[str, str]]:
    """The same without anyone's first nonce: none of it can ever execute."""
    return itertools.islice(_sliced(ground, lane), ground.workloads[lane].senders, None)


def _of_frozen(ground: Ground, lane: int) -> Iterator[tuple[str, str]]:
    """What a lane's senders signed; an eighth of them are frozen before it comes."""
    network = LocalNetwork(ground.network.folder)
    source = _sliced(ground, lane)
    keys = sender_keys(ground.workloads[lane])
    waiting = list(itertools.islice(source, BATCH * 2))
    desk = network.set_up_desk(network.first_of_role("regulator"))
    for key in keys[: len(keys) // 8]:
        address = address_of(key)
        desk.act(f"freeze-{address.hex()}", freeze(address))
    return itertools.chain(waiting, source)
