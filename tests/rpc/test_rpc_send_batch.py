"""Neighbouring `eth_sendRawTransaction` calls of a batch are one submission, each answered."""

import json
from typing import Any

import pytest
import urllib3

from ledger.codec import encode
from ledger.values import keccak
from tests.rpc.local_network import CHAIN_ID, ServedNode, signer

HTTP = urllib3.PoolManager(retries=False)


def raw(nonce: int, chain_id: int = CHAIN_ID) -> bytes:
    body = [chain_id, nonce, 0, 0, 50_000, bytes(19) + b"\x63", 0, b"", []]
    made = signer("author").sign(keccak(b"\x02" + encode(body)))
    tail = [made[64], int.from_bytes(made[:32]), int.from_bytes(made[32:64])]
    return b"\x02" + encode(body + tail)


def send(nonce: int, **changes: Any) -> dict[str, Any]:
    call = {
        "jsonrpc": "2.0",
        "id": nonce,
        "method": "eth_sendRawTransaction",
        "params": ["0x" + raw(nonce).hex()],
    }
    return {key: value for key, value in {**call, **changes}.items() if value is not None}


def post(served: ServedNode, batch: list[Any]) -> list[dict[str, Any]]:
    answer = HTTP.request(
        "POST",
        served.url,
        body=json.dumps(batch).encode(),
        headers={"Content-Type": "application/json"},
    )
    answers: list[dict[str, Any]] = answer.json()
    return answers


def test_a_run_of_sends_is_one_submission(served: ServedNode) -> None:
    answers = post(served, [send(0), send(1), send(2)])
    assert [answer["id"] for answer in answers] == [0, 1, 2]
    assert [answer["result"] for answer in answers] == [
        "0x" + keccak(raw(nonce)).hex() for nonce in range(3)
    ]
    assert served.group.submitted_batches == [3]


def test_good_and_bad_sends_have_their_own_answers(served: ServedNode) -> None:
    wrong_chain = "0x" + raw(7, chain_id=1).hex()
    answers = post(
        served,
        [
            send(0),
            send(1, params=["0xzz"]),
            send(2, params=[wrong_chain]),
            send(3, params=[]),
            send(4, jsonrpc="1.0"),
            send(1),
        ],
    )
    assert [answer["id"] for answer in answers] == [0, 1, 2, 3, 4, 1]
    codes = [answer.get("error", {}).get("code") for answer in answers]
    assert codes == [None, -32602, -32003, -32602, -32600, None]
    assert answers[2]["error"]["data"] == {"reason": "WRONG_CHAIN"}
    assert answers[5]["result"] == "0x" + keccak(raw(1)).hex()
    assert served.group.submitted_batches == [3]


def test_other_calls_between_keep_their_turn(served: ServedNode) -> None:
    number = {"jsonrpc": "2.0", "method": "eth_blockNumber"}
    answers = post(served, [send(0), number | {"id": "a"}, send(1), send(2), number | {"id": "b"}])
    assert [answer["id"] for answer in answers] == [0, "a", 1, 2, "b"]
    assert (answers[1]["result"], answers[4]["result"]) == ("0x1", "0x2")
    assert served.group.submitted_batches == [1, 2]


def test_a_notification_is_done_and_not_answered(served: ServedNode) -> None:
    answers = post(served, [send(0, id=None), send(1)])
    assert [answer["id"] for answer in answers] == [1]
    assert served.group.submitted_batches == [2]


def test_a_batch_over_the_bound_is_refused_whole(served: ServedNode) -> None:
    refused: Any = post(served, [send(0)] * 1_001)
    assert refused["error"]["code"] == -32005
    assert served.group.submitted_batches == []


def test_a_fault_of_ours_answers_each_and_tells_nothing(
    served: ServedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("secret path")

    monkeypatch.setattr(served.group, "submit_batch", fail)
    answers = post(served, [send(0), send(1)])
    assert [answer["error"]["code"] for answer in answers] == [-32603, -32603]
    assert "secret" not in json.dumps(answers)
