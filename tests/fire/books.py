"""Black-box checks over RPC after a run: one history, nothing lost, nothing twice."""

from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from tests.acceptance.harness import Network, eventually, post

SETTLE_S = 90
ASKED_AT_ONCE = 25


def ask(url: str, method: str, parameters: Iterable[list[Any]]) -> list[Any]:
    """One call for each list of parameters, in batches; the results in their order.

    Long answers may pass a batch's bound: those left out are asked for again.
    """
    wanted = list(parameters)
    results: list[Any] = []
    while len(results) < len(wanted):
        part = wanted[len(results) : len(results) + ASKED_AT_ONCE]
        body = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": given}
            for place, given in enumerate(part)
        ]
        answers = {answer["id"]: answer for answer in _patiently(url, body)}
        ordered = (answers[place] for place in range(len(part)))
        taken = list(takewhile(lambda answer: "result" in answer, ordered))
        assert taken, f"{url} answers {method} with {answers[0]}"
        results += [answer["result"] for answer in taken]
    return results


def _patiently(url: str, body: list[Any]) -> list[dict[str, Any]]:
    """A read may be asked again; on a busy machine an answer may take longer than a call waits."""
    answers: list[dict[str, Any]] = eventually(f"{url} answers", lambda: post(url, body), SETTLE_S)
    return answers


def level(network: Network, names: Iterable[str] | None = None) -> int:
    """Wait until all nodes stand where the highest stood when it was asked; that height."""
    every = list(network.urls if names is None else names)
    for name in every:
        eventually(f"{name} answers", lambda n=name: network.status(n), SETTLE_S)
    highest = max(network.height(name) for name in every)
    for name in every:
        eventually(
            f"{name} reaches block {highest}", lambda n=name: network.height(n) >= highest, SETTLE_S
        )
    return highest


def blocks_alike(network: Network, names: Iterable[str] | None = None) -> int:
    """Every block has one hash on all nodes; how many blocks were compared."""
    every = list(network.urls if names is None else names)
    height = level(network, every)
    hashes = {
        name: [block["hash"] for block in _blocks(network.urls[name], height)] for name in every
    }
    for number in range(height + 1):
        found = {name: hashes[name][number] for name in every}
        assert len(set(found.values())) == 1, f"the nodes differ at block {number}: {found}"
    return height + 1


def each_once(network: Network, sent: set[str] | None, acknowledged: set[str]) -> dict[str, int]:
    """Every acknowledged hash is in exactly one block, with a receipt, or dropped with a reason.

    With `sent`, nothing else is in a block; without it, others sent something too.
    """
    url = next(iter(network.urls.values()))
    name = next(iter(network.urls))
    placed: dict[str, int] = {}
    looked_at = 0

    def all_settled() -> bool:
        nonlocal looked_at
        height = network.height(name)
        for block in _blocks(url, height, first=looked_at):
            for one in block["transactions"]:
                assert one not in placed, f"{one} is in blocks {placed[one]} and {block['number']}"
                placed[one] = int(block["number"], 16)
        looked_at = height + 1
        return all(_is_dropped(url, one) for one in sorted(acknowledged - placed.keys()))

    eventually("every acknowledged transaction is in a block or dropped", all_settled, SETTLE_S)
    assert sent is None or placed.keys() <= sent, "a block holds a transaction that nobody sent"
    kept = acknowledged & placed.keys()
    heights = sorted({placed[one] for one in kept})
    with_receipt: set[str] = set()
    for receipts in ask(url, "eth_getBlockReceipts", ([hex(number)] for number in heights)):
        for receipt in receipts:
            one = receipt["transactionHash"]
            assert one not in with_receipt, f"{one} has two receipts"
            assert int(receipt["blockNumber"], 16) == placed[one], receipt
            with_receipt.add(one)
    assert kept <= with_receipt, f"{len(kept - with_receipt)} included transactions lack a receipt"
    return {"in_blocks": len(kept), "dropped_with_reason": len(acknowledged) - len(kept)}


def _is_dropped(url: str, one: str) -> bool:
    status = ask(url, "quorate_getTransactionStatus", [[one]])[0]
    if not status or status["status"] != "dropped":
        return False
    assert status["reason"], f"{one} was dropped without a reason"
    return True


def _blocks(url: str, last: int, *, first: int = 0) -> list[dict[str, Any]]:
    wanted = ([hex(number), False] for number in range(first, last + 1))
    return ask(url, "eth_getBlockByNumber", wanted)
