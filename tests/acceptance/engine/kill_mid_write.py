"""A validator killed 70 times in the middle of its work always restarts with a consistent store.

Fifty kills come at random moments under load; twenty are planted inside a write of the store, where
the kernel ends the node at a byte drawn by chance. After each kill the store is copied as it lies
and checked wholly, then the node goes on from the real one: with its log, its group and no block
that is not the others'.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ledger.genesis import load_genesis
from ledger.keyvalue import LevelDB
from ledger.native import is_available
from ledger.store import BlockStore
from ledger.store_check import Census, check_store
from tests.acceptance.harness import Network, eventually, is_running, post, running_network, sign

SEED = 5
RANDOM_KILLS, PLANTED_KILLS = 50, 20
VICTIM, SENDERS = "audit-1", {"tax-1": "tax-officer", "market-1": "registrar"}
BATCH, DATA_BYTES, GAS = 15, 1_500, 100_000
KILL_WITHIN_S = 3.0
BATCH_EVERY_S = 1.0
"""Slow enough that reading the store wholly after each kill stays a matter of seconds."""
PLANTED_BYTES_MAX = 60_000
"""Some blocks of the load: the limit is met in one of the next writes."""
UP_S = DIE_S = 300
# Python ignores the signal; a node that it may end dies inside the write that is too long.
LAUNCH = """
import signal
from cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
main()
"""


def run(folder: Path) -> dict[str, Any]:
    """What was killed where, and what the last check of every node's store counted."""
    assert is_available(), "the native engine is not built: make native builds it"
    chance = random.Random(SEED)
    with running_network(folder / "network") as network:
        load = _Load(network)
        load.start()
        try:
            killed = _kill_at_random(network, chance, folder)
            planted = _kill_in_writes(network, chance, folder)
        finally:
            load.stop()
        network.up(VICTIM)
        _caught_up(network)
        top = min(network.height(name) for name in network.urls)
        assert len({network.block_hash(name, top) for name in network.urls}) == 1
    censuses = {name: _check(network, name, folder) for name in network.urls}
    return {
        "kills": len(killed) + len(planted),
        "killed_at_height": killed,
        "planted_in_writes": planted,
        "died_of": dict(Counter(entry["signal"] for entry in planted)),
        "sent": load.sent,
        "stores": {name: vars(census) for name, census in censuses.items()},
    }


class _Load:
    """Keeps two validators busy until it is stopped."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.sent = 0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=entry, daemon=True)
            for entry in SENDERS.items()
        ]
        self._failures: list[Exception] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        assert not self._failures, self._failures

    def _send(self, node: str, name: str) -> None:
        account, chain_id = self.network.account(name), self.network.file["groups"][0]["chain_id"]
        nonce = 0
        chance = random.Random(name)
        try:
            while not self._stopping.wait(BATCH_EVERY_S):
                data = [chance.randbytes(DATA_BYTES) for _ in range(BATCH)]
                raws = [
                    sign(account, chain_id, nonce + step, data="0x" + data[step].hex(), gas=GAS)
                    for step in range(BATCH)
                ]
                body = [
                    {"jsonrpc": "2.0", "id": n, "method": "eth_sendRawTransaction", "params": [raw]}
                    for n, raw in enumerate(raws)
                ]
                answers = post(self.network.urls[node], body)
                refused = [answer for answer in answers if "error" in answer]
                if refused:  # the pool is full while the group waits for a quorum: send them later
                    assert "POOL" in str(refused[0]) or "FULL" in str(refused[0]), refused[0]
                    taken = BATCH - len(refused)
                else:
                    taken = BATCH
                nonce += taken
                self.sent += taken
        except Exception as error:
            self._failures.append(error)


def _kill_at_random(network: Network, chance: random.Random, folder: Path) -> list[int]:
    heights: list[int] = []
    for _ in range(RANDOM_KILLS):
        time.sleep(chance.uniform(0, KILL_WITHIN_S))
        pid = network.pid(VICTIM)
        network.kill(VICTIM)
        eventually("the node is gone", lambda pid=pid: not is_running(pid), DIE_S)
        heights.append(_check(network, VICTIM, folder).head)
        print(f"kill {len(heights)} at block {heights[-1]}: consistent", flush=True)
        network.up(VICTIM)
        _caught_up(network)
    assert heights == sorted(heights), f"the node lost blocks: {heights}"
    return heights


def _kill_in_writes(network: Network, chance: random.Random, folder: Path) -> list[dict[str, Any]]:
    """The node in a process that the kernel may end, and its files bounded while it works."""
    pid = network.pid(VICTIM)
    os.kill(pid, signal.SIGTERM)
    eventually("the node stops", lambda: not is_running(pid), DIE_S)
    entry = next(entry for entry in network.nodes if entry["name"] == VICTIM)
    node = network.folder / entry["dir"]
    found = []
    for _ in range(PLANTED_KILLS):
        command = [sys.executable, "-c", LAUNCH, "node", "run", str(node)]
        with open(folder / "console.log", "ab") as console:
            process = subprocess.Popen(command, stdout=console, stderr=console)
        try:
            _caught_up(network)
            database = _database(network, VICTIM)
            longest = max(path.stat().st_size for path in database.glob("*.log"))
            most = longest + chance.randrange(PLANTED_BYTES_MAX)
            resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
            ended = process.wait(DIE_S)
        finally:
            process.kill()
            process.wait()
        sizes = [path.stat().st_size for path in database.glob("*.log")]
        census = _check(network, VICTIM, folder)
        print(f"planted kill {len(found) + 1} at block {census.head}: consistent", flush=True)
        found.append(
            {
                "signal": signal.Signals(-ended).name if ended < 0 else ended,
                "log_bytes_max": most,
                "in_the_store": most in sizes,
                "height": census.head,
            }
        )
    assert all(entry["signal"] == "SIGXFSZ" for entry in found), found
    in_store = sum(entry["in_the_store"] for entry in found)
    assert in_store >= PLANTED_KILLS // 2, f"only {in_store} kills were inside a write: {found}"
    return found


def _caught_up(network: Network) -> None:
    """The victim has what the others had when this was asked, and its log is not lost."""
    target = max(network.height(name) for name in network.urls if name != VICTIM)
    eventually(f"{VICTIM} is up", lambda: network.height(VICTIM) >= target, UP_S)
    assert not network.status(VICTIM).get("log_lost")
    aside = list(_database(network, VICTIM).parent.glob("db.corrupt.*"))
    assert not aside, f"the node found its store corrupt: {aside}"


def _database(network: Network, name: str) -> Path:
    entry = next(entry for entry in network.nodes if entry["name"] == name)
    [group] = (network.folder / entry["dir"] / "groups").iterdir()
    return group / "db"


def _check(network: Network, name: str, folder: Path) -> Census:
    """A copy of the store as it lies on disk, read wholly."""
    database, copy = _database(network, name), folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(database, copy)
    genesis = load_genesis(database.parent / "genesis.json")
    store = BlockStore(LevelDB(copy), genesis.suite)
    try:
        window_blocks = genesis.parameters.window_blocks
        return check_store(store, genesis.suite, window_blocks=window_blocks)
    finally:
        store.close()
