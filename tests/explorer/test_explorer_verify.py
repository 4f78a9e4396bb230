"""`verify` finds every planted alteration, and nothing where nothing was altered."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from client.rpc import Client
from explorer import verify
from explorer.values import Verification
from ledger.certificate import certificate_of, checkpoint_digest
from ledger.header import decode_header, encode_header
from ledger.suite import STANDARD
from ledger.values import from_hex, to_hex
from tests.explorer.equity_scene import LyingClient, Scene
from tests.rpc.local_network import (
    ORGANISATIONS,
    LocalGroup,
    ServedNode,
    make_genesis,
    signer,
)


def check(client: Client, scene: Scene, **options: Any) -> Verification:
    # The scene was played once; its head counts as fresh.
    head_ms = scene.served.group.chain.head.record.timestamp_ms
    return verify(client, scene.served.genesis, **({"now_ms": head_ms} | options))


def codes(found: Verification) -> set[str]:
    return {problem.what for problem in found.problems}


def test_an_honest_node_passes(scene: Scene) -> None:
    seen: list[tuple[int, int]] = []
    found = check(
        scene.served.client(), scene, progress=lambda done, last: seen.append((done, last))
    )
    assert found.problems == ()
    assert found.ok
    head = scene.served.group.chain.head.number
    assert (found.start, found.end, found.head) == (0, head, head)
    assert seen == [(number, head) for number in range(head + 1)]
    assert found.checked.blocks == head + 1
    assert found.checked.transactions == found.checked.receipts == head
    assert found.checked.logs > 10
    assert found.checked.signatures == 3 * head
    assert found.genesis_hash == to_hex(scene.served.group.group_id)
    assert msgspec.json.decode(msgspec.json.encode(found.to_json()))["ok"] is True


def test_a_part_can_be_checked(scene: Scene) -> None:
    found = check(scene.served.client(), scene, start=3, end=5)
    assert found.ok
    assert (found.start, found.end, found.checked.blocks) == (3, 5, 3)
    beyond = check(scene.served.client(), scene, start=3, end=10_000)
    assert codes(beyond) == {"missing"}


def _flip(text: str, at: int = -1) -> str:
    data = bytearray(from_hex(text))
    data[at] ^= 1
    return to_hex(bytes(data))


def in_block(number: int, change: Callable[[dict[str, Any]], Any]) -> Callable[[Any], Any]:
    """A lie about one block, whatever the shape of the answer."""

    def lie(answer: Any) -> Any:
        first = answer[0] if isinstance(answer, list) and answer else answer
        found = first.get("number", first.get("blockNumber")) if isinstance(first, dict) else None
        if found in (number, hex(number)):
            change(answer)
        return answer

    return lie


def _tx(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda block: change(block["transactions"][0])


def _put(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda found: found.update({key: value})


def _turn(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda found: found.update({key: _flip(found[key])})


LIES: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "certified header": ("quorate_getBlockCertificate", _turn("header")),
    "record": ("quorate_getBlockCertificate", _turn("record")),
    "signature": (
        "quorate_getBlockCertificate",
        lambda a: a["signatures"].__setitem__(0, _flip(a["signatures"][0], 3)),
    ),
    "signer twice": (
        "quorate_getBlockCertificate",
        lambda a: (
            a["signers"].__setitem__(1, a["signers"][0]),
            a["signatures"].__setitem__(1, a["signatures"][0]),
        ),
    ),
    "signer missing": (
        "quorate_getBlockCertificate",
        lambda a: (a["signers"].pop(), a["signatures"].pop()),
    ),
    "block's state root": ("eth_getBlockByNumber", _turn("stateRoot")),
    "block's hash": ("eth_getBlockByNumber", _turn("hash")),
    "block's time": ("eth_getBlockByNumber", _put("timestamp", "0x1")),
    "block's producer": ("eth_getBlockByNumber", _turn("miner")),
    "block by its hash": ("eth_getBlockByHash", _put("gasUsed", "0x0")),
    "transaction left out": ("eth_getBlockByNumber", lambda b: b["transactions"].clear()),
    "transaction twice": (
        "eth_getBlockByNumber",
        lambda b: b["transactions"].append(b["transactions"][0]),
    ),
    "transaction's input": ("eth_getBlockByNumber", _tx(_turn("input"))),
    "transaction's recipient": ("eth_getBlockByNumber", _tx(_turn("to"))),
    "transaction's sender": ("eth_getBlockByNumber", _tx(_turn("from"))),
    "transaction's hash": ("eth_getBlockByNumber", _tx(_turn("hash"))),
    "transaction's value": ("eth_getBlockByNumber", _tx(_put("value", "0x5"))),
    "transaction's place": ("eth_getBlockByNumber", _tx(_put("transactionIndex", "0x1"))),
    "transaction's signature": ("eth_getBlockByNumber", _tx(_put("s", "0x5"))),
    "transaction by its hash": ("eth_getTransactionByHash", _turn("input")),
    "receipt left out": ("eth_getBlockReceipts", lambda r: r.clear()),
    "receipt's status": ("eth_getBlockReceipts", lambda r: r[0].update(status="0x0")),
    "receipt's gas": ("eth_getBlockReceipts", lambda r: r[0].update(gasUsed="0x1")),
    "receipt's sender": ("eth_getBlockReceipts", lambda r: _turn("from")(r[0])),
    "receipt's contract": (
        "eth_getBlockReceipts",
        lambda r: r[0].update(contractAddress="0x" + "11" * 20),
    ),
    "receipt's log data": ("eth_getBlockReceipts", lambda r: _turn("data")(r[0]["logs"][0])),
    "receipt's log left out": ("eth_getBlockReceipts", lambda r: r[0]["logs"].pop()),
    "receipt's log place": (
        "eth_getBlockReceipts",
        lambda r: r[0]["logs"][0].update(logIndex="0x7"),
    ),
    "receipt by its hash": ("eth_getTransactionReceipt", _put("status", "0x0")),
    "log left out": ("eth_getLogs", lambda logs: logs.pop()),
    "log's topic": (
        "eth_getLogs",
        lambda logs: logs[0]["topics"].__setitem__(1, _flip(logs[0]["topics"][1])),
    ),
    "batch": ("quorate_getProposal", _turn("proposal")),
    "a drop invented": (
        "quorate_getProposal",
        lambda a: a["dropped"].append({"hash": "0x" + "11" * 32, "index": 1, "reason": "FROZEN"}),
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_each_alteration_is_found(scene: Scene, lying: LyingClient, name: str) -> None:
    number = scene.served.client().receipt(scene.sent["apply"])["blockNumber"]  # type: ignore[index]
    method, change = LIES[name]
    told = in_block(int(number, 16), change)
    lying.lies[method] = told
    found = check(lying, scene, start=int(number, 16) - 1, end=int(number, 16) + 1)
    assert not found.ok
    assert {problem.block for problem in found.problems} == {int(number, 16)}


def test_a_forged_block_with_a_minority_is_found(scene: Scene, lying: LyingClient) -> None:
    """f validators sign another header: not enough."""

    def lie(answer: dict[str, Any]) -> dict[str, Any]:
        header = decode_header(from_hex(answer["header"]))
        if header.number != 2:
            return answer
        forged = replace(header, gas_used=1)
        digest = checkpoint_digest(STANDARD, scene.served.group.group_id, 0, 2, forged.hash)
        key = signer(f"{ORGANISATIONS[0]}-node")
        votes = certificate_of(0, 2, forged.hash, {key.address: key.sign(digest)})
        return {
            **answer,
            "header": to_hex(encode_header(forged)),
            "signers": [to_hex(found) for found in votes.signers],
            "signatures": [to_hex(found) for found in votes.signatures],
        }

    lying.lies["quorate_getBlockCertificate"] = lie
    found = check(lying, scene, start=1, end=3)
    assert "certificate" in codes(found)


def test_an_old_head_is_flagged(scene: Scene) -> None:
    head_ms = scene.served.group.chain.head.record.timestamp_ms
    heartbeat_ms = scene.served.genesis.parameters.heartbeat_ms
    fresh = check(scene.served.client(), scene, start=1, end=1, now_ms=head_ms + 3 * heartbeat_ms)
    assert fresh.ok
    old = check(scene.served.client(), scene, start=1, end=1, now_ms=head_ms + 3 * heartbeat_ms + 1)
    assert codes(old) == {"stale"}
    early = check(scene.served.client(), scene, start=1, end=1, now_ms=head_ms - 3_600_000)
    assert codes(early) == {"stale"}


def test_a_frozen_view_is_flagged(scene: Scene, lying: LyingClient) -> None:
    """A node that claims more than it proves, or shows less than it proves."""
    lying.lies["eth_blockNumber"] = lambda _: hex(1_000)
    assert "head" in codes(check(lying, scene, start=1, end=1))
    lying.lies["eth_blockNumber"] = lambda _: "0x1"
    assert "head" in codes(check(lying, scene, start=1, end=1))


def test_another_groups_node_fails_at_once(scene: Scene) -> None:
    other = ServedNode(LocalGroup(make_genesis(name="other")))
    try:
        other.mine()
        found = check(other.client(), scene, now_ms=None)
        assert not found.ok
        assert found.head == -1 or "certificate" in codes(found) or "genesis" in codes(found)
        both = check([scene.served.client(), other.client()], scene, start=0, end=1)  # type: ignore[arg-type]
        assert {problem.rpc for problem in both.problems} == {other.url}
    finally:
        other.stop()


def test_a_node_that_is_down_is_a_problem_not_a_traceback(scene: Scene) -> None:
    found = check(Client("http://127.0.0.1:1"), scene)
    assert codes(found) == {"unreachable"}
    assert not found.ok


def test_answers_of_another_shape_are_problems(scene: Scene, lying: LyingClient) -> None:
    for method, answer in (
        ("eth_getBlockByNumber", {"number": "0x1"}),
        ("eth_getBlockByNumber", []),
        ("eth_getBlockReceipts", {"a": 1}),
        ("eth_getBlockReceipts", [7]),
        ("eth_getLogs", "0x"),
        ("quorate_getProposal", {"proposal": "0xzz"}),
        ("quorate_getProposal", {"proposal": "0xc0", "dropped": [5]}),
        ("quorate_getBlockCertificate", {"header": 5}),
        ("eth_blockNumber", {}),
    ):
        lying.lies = {method: lambda _, answer=answer: answer}
        found = check(lying, scene, start=1, end=1)
        assert not found.ok, method


def test_two_quorums_for_one_block_are_a_fork() -> None:
    """Validators that sign twice: each node proves its own block."""
    genesis = make_genesis()
    nodes = [ServedNode(LocalGroup(genesis)) for _ in range(2)]
    try:
        for shift, node in enumerate(nodes):
            node.mine(time_ms=genesis.timestamp_ms + 1_000 + shift)
        now_ms = genesis.timestamp_ms + 2_000
        found = verify([node.client() for node in nodes], genesis, now_ms=now_ms)
        assert codes(found) == {"fork"}
        assert found.problems[0].block == 1
    finally:
        for node in nodes:
            node.stop()
