"""Every kind of bad request: its code, and a sentence that helps."""

from collections.abc import Sequence
from typing import Any

import pytest
import urllib3

from client.rpc import Client, RpcFailure
from ledger.codec import encode
from ledger.values import keccak
from node.rpc.view import Unavailable
from tests.rpc.local_network import CHAIN_ID, ServedNode, account, signer

ADDRESS = "0x" + "12" * 20
HASH = "0x" + "cd" * 32
MANY_HASHES = ["0x" + number.to_bytes(32).hex() for number in range(300)]
HTTP = urllib3.PoolManager(retries=False)


def post(served: ServedNode, body: bytes, path: str = "/", **headers: str) -> Any:
    return HTTP.request(
        "POST",
        served.url + path,
        body=body,
        headers={"Content-Type": "application/json", **headers},
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b'{"id": NaN}', -32700),
        (b'"\xff"', -32700),
        (b"[" * 100_000, -32700),
        (b"7", -32600),
        (b"[]", -32600),
        (b'{"id": 1, "method": "eth_chainId"}', -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', -32600),
        (b'{"jsonrpc": "2.0", "id": [], "method": "eth_chainId"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "eth_nothing"}', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": 5}', -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": [1]}', -32602),
    ],
)
def test_malformed_requests(served: ServedNode, body: bytes, code: int) -> None:
    answer = post(served, body).json()
    assert answer["jsonrpc"] == "2.0"
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("eth_getBalance", [], "parameter 1 (address) is missing"),
        ("eth_getBalance", ["0x12"], "expected 20 bytes"),
        ("eth_getBalance", [7], "address: expected 20 bytes of data, got 7"),
        ("eth_getBalance", ["ab" * 20], "starting with 0x"),
        ("eth_getBalance", ["0x" + "zz" * 20], "not hexadecimal"),
        ("eth_getBalance", [ADDRESS, "newest"], "expected a block number as a quantity"),
        ("eth_getBalance", [ADDRESS, "0x01"], "no leading zeros"),
        ("eth_getBalance", [ADDRESS, "0x"], "zero is 0x0"),
        ("eth_getBalance", [ADDRESS, 5], "expected a block number"),
        ("eth_getBalance", [ADDRESS, {"blockNumber": "0x0", "blockHash": HASH}], "EIP-1898"),
        ("eth_getBalance", [ADDRESS, {}], "EIP-1898"),
        ("eth_getBalance", {"account": ADDRESS}, "no parameter named 'account'"),
        ("eth_getBlockByNumber", ["latest", "yes"], "expected true or false"),
        ("eth_getBlockByNumber", [HASH], "over 64 bits"),
        ("eth_getTransactionByHash", ["0xabcd"], "expected 32 bytes"),
        ("eth_getStorageAt", [ADDRESS, "0x" + "f" * 70], "over 256 bits"),
        ("eth_call", ["0x"], "expected an object"),
        ("eth_call", [{"too": ADDRESS}], "no field 'too'"),
        ("eth_call", [{"to": ADDRESS, "data": "0x123"}], "two digits a byte"),
        ("eth_call", [{"to": ADDRESS, "data": "0x12", "input": "0x13"}], "data and input differ"),
        ("eth_call", [{"to": ADDRESS}, "latest", {ADDRESS: {}}], "overrides"),
        ("eth_getLogs", [{"topics": ["0x12"]}], "topics[0]: expected 32 bytes"),
        ("eth_getLogs", [{"topics": [None] * 5}], "at most 4"),
        ("eth_getLogs", [{"blockHash": HASH, "fromBlock": "0x0"}], "EIP-234"),
        ("eth_getLogs", [{"fromBlock": "0x5", "toBlock": "0x4"}], "fromBlock 5 is above toBlock 4"),
        ("eth_getLogs", [{"adress": ADDRESS}], "no field 'adress'"),
        ("eth_feeHistory", ["0x0", "latest"], "expected at least 1"),
        ("eth_feeHistory", ["0x1", "latest", [50, 10]], "rising"),
        ("eth_sendRawTransaction", ["0x1"], "two digits a byte"),
        ("quorate_sendEnvelope", ["nobody", "0x01"], "no node of organisation 'nobody'"),
        ("quorate_sendEnvelope", ["tax", "0x"], "expected 1 to"),
        ("quorate_getEpochProof", ["0x2", "0x1"], "epoch 2 is above epoch 1"),
    ],
)
def test_wrong_parameters(served: ServedNode, method: str, params: Any, words: str) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = HTTP.request("POST", served.url, json=body).json()
    assert answer["error"]["code"] == -32602
    assert words in answer["error"]["message"]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_getBalance", [ADDRESS, "0x99"], -32001),
        ("eth_getBalance", [ADDRESS, {"blockHash": HASH}], -32001),
        ("eth_getLogs", [{"blockHash": HASH}], -32001),
        ("eth_getFilterChanges", ["0x12"], -32001),
        ("eth_subscribe", ["newHeads"], -32004),
        ("eth_call", [{"to": ADDRESS, "gasPrice": "0x1"}], -32003),
        ("eth_call", [{"to": ADDRESS, "chainId": "0x1"}], -32003),
        ("eth_getLogs", [{"topics": [MANY_HASHES]}], -32005),
    ],
)
def test_other_codes(served: ServedNode, method: str, params: list[Any], code: int) -> None:
    with pytest.raises(RpcFailure) as failure:
        served.client().call_method(method, *params)
    assert failure.value.code == code


def raw_transaction(name: str = "author", **changes: Any) -> bytes:
    transaction = {
        "type": 2,
        "chainId": CHAIN_ID,
        "nonce": 0,
        "gas": 100_000,
        "maxFeePerGas": 0,
        "maxPriorityFeePerGas": 0,
        "value": 0,
        "to": ADDRESS,
        "data": b"",
    }
    return bytes(account(name).sign_transaction(transaction | changes).raw_transaction)


def high_s() -> bytes:
    body = [CHAIN_ID, 0, 0, 0, 100_000, bytes(20), 0, b"", []]
    signature = signer("author").sign(keccak(b"\2" + encode(body)))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(signature[32:64])
    return b"\2" + encode([*body, signature[64] ^ 1, int.from_bytes(signature[:32]), s])


REFUSED = {
    "MALFORMED": lambda: raw_transaction() + b"\0",
    "TOO_LARGE": lambda: raw_transaction(data=b"\1" * 140_000, gas=30_000_000),
    "TYPE_NOT_SUPPORTED": lambda: b"\3" + raw_transaction()[1:],
    "WRONG_CHAIN": lambda: raw_transaction(chainId=1),
    "FEE_NOT_ZERO": lambda: raw_transaction(maxFeePerGas=1),
    "GAS_TOO_LOW": lambda: raw_transaction(gas=20_999),
    "GAS_TOO_HIGH": lambda: raw_transaction(gas=2**40),
    "NO_PERMISSION": lambda: raw_transaction("stranger"),
    "NO_DEPLOY": lambda: raw_transaction("registrar", to="", gas=200_000),
    "NOT_THE_GATE": lambda: raw_transaction("auditor"),
    "NONCE_GAP": lambda: raw_transaction(nonce=5_000),
    "BALANCE_TOO_LOW": lambda: raw_transaction("registrar", value=1),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_transactions_name_reason_and_remedy(served: ServedNode, reason: str) -> None:
    with pytest.raises(RpcFailure) as failure:
        served.client().send_raw(REFUSED[reason]())
    assert failure.value.code == -32003
    assert failure.value.reason == reason
    assert len(failure.value.message) > len(reason) + 20


def test_a_malleable_signature_is_refused(served: ServedNode) -> None:
    with pytest.raises(RpcFailure) as failure:
        served.client().send_raw(high_s())
    assert failure.value.reason in ("MALFORMED", "BAD_SIGNATURE")


def test_a_used_nonce_is_refused(served: ServedNode) -> None:
    served.client().send_raw(raw_transaction())
    with pytest.raises(RpcFailure) as failure:
        served.client().send_raw(raw_transaction(value=1))
    assert failure.value.reason == "NONCE_USED"


def test_a_fault_of_ours_tells_nothing(served: ServedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret path")

    monkeypatch.setattr(served.node, "peers", fail)
    with pytest.raises(RpcFailure) as failure:
        served.client().peers()
    assert failure.value.code == -32603
    assert "secret" not in failure.value.message


def test_a_group_that_stopped_says_so(served: ServedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stopped(raws: Sequence[bytes]) -> list[Unavailable]:
        said = Unavailable("group main takes no transactions on this node; send it to another")
        return [said] * len(raws)

    monkeypatch.setattr(served.group, "submit_batch", stopped)
    with pytest.raises(RpcFailure, match="send it to another") as failure:
        served.client().send_raw(raw_transaction())
    assert failure.value.code == -32002


def test_batches_answer_each_request_and_are_bounded(served: ServedNode) -> None:
    batch = (
        b'[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},'
        b'{"jsonrpc":"2.0","method":"eth_chainId"},'
        b'{"jsonrpc":"2.0","id":"b","method":"eth_nothing"},7]'
    )
    answers = post(served, batch).json()
    assert [answer["id"] for answer in answers] == [1, "b", None]
    assert answers[0]["result"] == hex(CHAIN_ID)
    assert [answer["error"]["code"] for answer in answers[1:]] == [-32601, -32600]
    one = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
    refused = post(served, b"[" + b",".join([one] * 1001) + b"]").json()
    assert refused["error"]["code"] == -32005
    assert "at most 1000" in refused["error"]["message"]


def test_notifications_are_not_answered(served: ServedNode) -> None:
    answer = post(served, b'{"jsonrpc":"2.0","method":"eth_chainId"}')
    assert answer.status == 204
    assert answer.data == b""


def test_requests_over_the_bound_are_cut_off(served: ServedNode) -> None:
    assert post(served, b" " * (11 * 1024 * 1024)).status == 413


def test_the_client_says_when_no_node_answers() -> None:
    from client.rpc import NodeUnreachable

    with pytest.raises(NodeUnreachable, match="is it running"):
        Client("http://127.0.0.1:1").chain_id()
