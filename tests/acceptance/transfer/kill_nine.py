"""Each node is killed three times with 50 transactions in flight: no loss, no fork, it comes back.

The primary is among the killed. Afterwards every hash that was returned has exactly one receipt,
or a status with a reason, and all nodes have the same blocks.
"""

import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, Refused, eventually, rpc, running_network, sign

ROUNDS = 3
IN_FLIGHT = 60
SENDERS = ("tax-officer", "tax-reviewer", "registrar", "applicant")
PROGRESS_S = 60
CATCH_UP_S = 90


def run(folder: Path) -> dict[str, Any]:
    """Twelve kills, then the books are balanced."""
    with running_network(folder / "network") as network:
        senders = [network.account(name) for name in SENDERS]
        nonces = dict.fromkeys(SENDERS, 0)
        chain_id = network.file["groups"][0]["chain_id"]
        returned: list[str] = []
        kills = []
        for _ in range(ROUNDS):
            for victim in list(network.urls):
                accepted_before = len(returned)
                for count in range(IN_FLIGHT):
                    name = SENDERS[count % len(SENDERS)]
                    account = senders[count % len(SENDERS)]
                    raw = sign(account, chain_id, nonces[name])
                    # Every node takes a share, the victim too: what it acknowledged must survive.
                    url = list(network.urls.values())[count % len(SENDERS)]
                    returned.append(rpc(url, "eth_sendRawTransaction", raw))
                    nonces[name] += 1
                pending = sum(not _has_receipt(network, h) for h in returned[accepted_before:])
                kills.append(_kill_and_return(network, victim, pending))
        _settled(network, returned)
        heights = _same_blocks(network)
    return {
        "kills": kills,
        "transactions_returned": len(returned),
        "blocks_compared": heights,
        "in_flight_least": min(kill["in_flight"] for kill in kills),
    }


def _kill_and_return(network: Network, victim: str, in_flight: int) -> dict[str, Any]:
    others = [name for name in network.urls if name != victim]
    was_primary = network.status(victim)["primary"] == victim
    height = max(network.height(name) for name in others)
    killed = time.monotonic()
    network.kill(victim)
    eventually(
        f"the others go on without {victim}",
        lambda: all(network.height(name) > height for name in others),
        PROGRESS_S,
    )
    progressed = time.monotonic()
    network.up(victim)
    target = max(network.height(name) for name in others)
    eventually(f"{victim} catches up", lambda: network.height(victim) >= target, CATCH_UP_S)
    return {
        "victim": victim,
        "was_primary": was_primary,
        "in_flight": in_flight,
        "progress_s": round(progressed - killed, 1),
        "caught_up_s": round(time.monotonic() - progressed, 1),
    }


def _has_receipt(network: Network, transaction: str) -> bool:
    url = next(iter(network.urls.values()))
    return rpc(url, "eth_getTransactionReceipt", transaction) is not None


def _settled(network: Network, returned: list[str]) -> None:
    assert len(set(returned)) == len(returned), "a hash was returned twice"

    def is_settled(transaction: str) -> bool:
        for url in network.urls.values():
            receipt = rpc(url, "eth_getTransactionReceipt", transaction)
            status = rpc(url, "quorate_getTransactionStatus", transaction)
            if receipt is None and not (status and status["status"] == "dropped"):
                return False
            if status and status["status"] == "dropped" and not status["reason"]:
                raise Refused(f"{transaction} was dropped without a reason")
        return True

    for transaction in returned:
        eventually(
            f"{transaction} is settled everywhere", lambda h=transaction: is_settled(h), PROGRESS_S
        )
    seen: dict[str, int] = {}
    url = next(iter(network.urls.values()))
    for number in range(network.height(next(iter(network.urls))) + 1):
        for transaction in rpc(url, "eth_getBlockByNumber", hex(number), False)["transactions"]:
            seen[transaction] = seen.get(transaction, 0) + 1
    assert set(seen.values()) <= {1}, "a transaction stands in two blocks"
    assert set(seen) <= set(returned), "a block holds a transaction nobody sent"


def _same_blocks(network: Network) -> int:
    lowest = min(network.height(name) for name in network.urls)
    for number in range(lowest + 1):
        hashes = {network.block_hash(name, number) for name in network.urls}
        assert len(hashes) == 1, f"the nodes differ at block {number}: {hashes}"
    return lowest + 1
