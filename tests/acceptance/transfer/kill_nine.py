"""Each node is killed three times with 50 transactions in flight: no loss, no fork, it comes back.

The primary is among the killed. Every node takes a share of the load, the victim too: what it
acknowledged has to survive. Afterwards every hash that was returned has exactly one receipt, or a
status with a reason, and all nodes have the same blocks.
"""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from tests.acceptance.harness import Network, eventually, post, rpc, running_network, sign

ROUNDS = 3
BATCH = 300
IN_FLIGHT_MIN = 50
SENDER_OF_NODE = {
    "tax-1": "tax-officer",
    "market-1": "registrar",
    "data-1": "applicant",
    "audit-1": "tax-reviewer",
}
PROGRESS_S = 60
CATCH_UP_S = 90
ASKED_AT_ONCE = 200


@dataclass
class _Load:
    """Pre-signed transactions, a sender of its own for each node, and what was answered."""

    network: Network
    accounts: dict[str, LocalAccount]
    sent: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    nonces: dict[str, int] = field(default_factory=dict)

    def batches(self) -> dict[str, list[str]]:
        """The next batch for each node."""
        chain_id = self.network.file["groups"][0]["chain_id"]
        made = {}
        for node, account in self.accounts.items():
            first = self.nonces.get(node, 0)
            made[node] = [sign(account, chain_id, first + step) for step in range(BATCH)]
            self.nonces[node] = first + BATCH
            self.sent |= {Web3.to_hex(Web3.keccak(hexstr=raw)) for raw in made[node]}
        return made

    def send(self, node: str, raws: list[str]) -> None:
        """Send a batch; whatever hash comes back was acknowledged."""
        body = [
            {"jsonrpc": "2.0", "id": place, "method": "eth_sendRawTransaction", "params": [raw]}
            for place, raw in enumerate(raws)
        ]
        for answer in post(self.network.urls[node], body):
            if "result" in answer:
                self.returned.add(answer["result"])
            else:
                # Sent again after the crash, it may be in a block already.
                assert answer["error"]["data"]["reason"] == "NONCE_USED", answer


def run(folder: Path) -> dict[str, Any]:
    """Twelve kills, then the books are balanced."""
    with running_network(folder / "network") as network:
        accounts = {node: network.account(name) for node, name in SENDER_OF_NODE.items()}
        load = _Load(network, accounts)
        kills = [_kill_under_load(load, victim) for _ in range(ROUNDS) for victim in SENDER_OF_NODE]
        _settled(network, load.returned)
        _once_each(network, load.sent)
        compared = _same_blocks(network)
    return {
        "kills": kills,
        "transactions_returned": len(load.returned),
        "blocks_compared": compared,
        "in_flight_least": min(kill["in_flight"] for kill in kills),
    }


def _kill_under_load(load: _Load, victim: str) -> dict[str, Any]:
    network = load.network
    others = [name for name in network.urls if name != victim]
    was_primary = network.status(victim)["primary"] == victim
    batches = load.batches()
    with ThreadPoolExecutor(len(batches)) as pool:
        sending: dict[str, Future[None]] = {
            node: pool.submit(load.send, node, raws) for node, raws in batches.items()
        }
        wait(sending.values(), return_when=FIRST_COMPLETED)
        network.kill(victim)
        killed = time.monotonic()
        height = max(network.height(name) for name in others)
        for name in others:
            sending[name].result()
    eventually(
        f"the others go on without {victim}",
        lambda: all(network.height(name) > height for name in others),
        PROGRESS_S,
    )
    progressed = time.monotonic()
    network.up(victim)
    load.send(victim, batches[victim])
    target = max(network.height(name) for name in others)
    eventually(f"{victim} catches up", lambda: network.height(victim) >= target, CATCH_UP_S)
    return {
        "victim": victim,
        "was_primary": was_primary,
        "height": height,
        "progress_s": round(progressed - killed, 1),
        "back_s": round(time.monotonic() - progressed, 1),
        "in_flight": _settled_above(network, others[0], height, load.returned),
    }


def _settled_above(network: Network, node: str, height: int, returned: set[str]) -> int:
    """How many acknowledged transactions came into a block after the kill: they were in flight."""
    found = 0
    for number in range(height + 1, network.height(node) + 1):
        block = rpc(network.urls[node], "eth_getBlockByNumber", hex(number), False)
        found += len(returned & set(block["transactions"]))
    assert found >= IN_FLIGHT_MIN, f"only {found} transactions were in flight at the kill"
    return found


def _settled(network: Network, returned: set[str]) -> None:
    """Every returned hash has a receipt on every node, or a drop with its reason."""
    for url in network.urls.values():
        waiting = set(returned)

        def all_settled(url: str = url, waiting: set[str] = waiting) -> bool:
            for some in _slices(sorted(waiting), ASKED_AT_ONCE):
                receipts = _ask(url, "eth_getTransactionReceipt", some)
                waiting -= {found for found, receipt in receipts.items() if receipt is not None}
            for some in _slices(sorted(waiting), ASKED_AT_ONCE):
                for found, status in _ask(url, "quorate_getTransactionStatus", some).items():
                    if status and status["status"] == "dropped":
                        assert status["reason"], f"{found} was dropped without a reason"
                        waiting.discard(found)
            return not waiting

        eventually(f"every returned hash is settled at {url}", all_settled, PROGRESS_S)


def _slices(items: list[str], size: int) -> list[list[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _ask(url: str, method: str, hashes: list[str]) -> dict[str, Any]:
    """One batch: the answer for each hash."""
    body = [
        {"jsonrpc": "2.0", "id": place, "method": method, "params": [one]}
        for place, one in enumerate(hashes)
    ]
    return {hashes[answer["id"]]: answer["result"] for answer in post(url, body)}


def _once_each(network: Network, sent: set[str]) -> None:
    name, url = next(iter(network.urls.items()))
    seen: set[str] = set()
    for number in range(network.height(name) + 1):
        for transaction in rpc(url, "eth_getBlockByNumber", hex(number), False)["transactions"]:
            assert transaction not in seen, f"{transaction} stands in two blocks"
            seen.add(transaction)
    assert seen <= sent, "a block holds a transaction that nobody sent"


def _same_blocks(network: Network) -> int:
    lowest = min(network.height(name) for name in network.urls)
    for number in range(lowest + 1):
        hashes = {network.block_hash(name, number) for name in network.urls}
        assert len(hashes) == 1, f"the nodes differ at block {number}: {hashes}"
    return lowest + 1
