"""The listener: groups, who may ask, health, metrics, the OpenRPC document."""

import re
import socket
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from node.rpc.access import CallerRole
from node.rpc.limits import Limits
from node.rpc.nesting import is_too_deep
from node.rpc.principal import Principal
from node.rpc.server import InvalidListenAddress, RpcServer
from tests.rpc.local_network import LocalGroup, LocalNode, ServedNode, make_genesis

PROMISED = [
    *(f"eth_{name}" for name in ("chainId", "blockNumber", "syncing", "call", "estimateGas")),
    *(f"eth_getBlock{by}" for by in ("ByNumber", "ByHash", "Receipts")),
    *(f"eth_getTransaction{by}" for by in ("ByHash", "Receipt", "Count")),
    *(f"eth_get{name}" for name in ("Logs", "Code", "StorageAt", "Proof", "Balance")),
    *(f"eth_{name}" for name in ("sendRawTransaction", "gasPrice", "maxPriorityFeePerGas")),
    *(f"eth_{name}" for name in ("feeHistory", "newFilter", "newBlockFilter", "uninstallFilter")),
    *(f"eth_{name}" for name in ("getFilterChanges", "getFilterLogs", "subscribe", "unsubscribe")),
    *("net_version", "net_listening", "net_peerCount", "web3_clientVersion", "web3_sha3"),
    *(f"quorate_get{name}" for name in ("BlockCertificate", "EpochProof", "TransactionStatus")),
    *(f"quorate_{name}" for name in ("getTransactionProof", "getReceiptProof", "validators")),
    *(f"quorate_{name}" for name in ("status", "groups", "peers", "txpool", "getRecoveries")),
    "rpc.discover",
]
HTTP = urllib3.PoolManager(retries=False)
BODY = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}


def ask(served: ServedNode, path: str = "/", **headers: str) -> Any:
    return HTTP.request("POST", served.url + path, json=BODY, headers=headers)


def test_each_group_has_its_path(served: ServedNode) -> None:
    answers = [ask(served, path).json()["result"] for path in ("/", "/groups/main")]
    assert answers[0] == answers[1] == hex(served.genesis.chain_id)
    assert ask(served, "/groups/other").json()["result"] == hex(served.genesis.chain_id + 1)
    assert served.client("other").chain_id() == served.genesis.chain_id + 1


def test_unknown_and_forbidden_groups_look_alike(
    served: ServedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Principal("officer-3", CallerRole.MEMBER, "tax", groups=frozenset({"main"}))
    monkeypatch.setattr(served.server, "_principal", lambda request: stranger)
    unknown, forbidden = ask(served, "/groups/none"), ask(served, "/groups/other")
    assert unknown.status == forbidden.status == 404
    assert unknown.data == forbidden.data
    headers = [
        {key: value for key, value in answer.headers.items() if key != "Date"}
        for answer in (unknown, forbidden)
    ]
    assert headers[0] == headers[1]
    assert [entry["name"] for entry in served.client().groups()] == ["main"]
    assert [entry["name"] for entry in served.client().status()["groups"]] == ["main"]
    assert ask(served, "/elsewhere").data == unknown.data


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/x.1\r\nHost: " + b"x" * 5_000 + b"\r\n\r\n",
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\ng\r\n{}\r\n",
    ],
    ids=["head", "half a body", "chunk"],
)
def test_a_callers_broken_request_is_counted_and_leaves_no_line_in_the_log(
    served: ServedNode, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    host, port = served.server.host, served.server.port
    counted = 'quorate_rpc_requests_total{method="invalid",outcome="error"} 1.0'
    with socket.create_connection((host, port), 5) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        while connection.recv(1_000):
            pass
    metrics = HTTP.request("GET", served.url + "/metrics").data.decode()
    assert not caplog.records
    assert counted in metrics


def test_only_the_operator_handles_envelopes(
    served: ServedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served.client()
    digest = client.send_envelope("tax", b"sealed")
    (received,) = client.envelopes()
    assert received["digest"] == digest
    assert received["envelope"] == "0x" + b"sealed".hex()
    reader = Principal("officer-4", CallerRole.AUTHOR, "tax")
    monkeypatch.setattr(served.server, "_principal", lambda request: reader)
    for method, params in (("quorate_envelopes", []), ("quorate_sendEnvelope", ["tax", "0x01"])):
        (failure,) = client.batch([(method, params)])
        assert "operator" in failure.message


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8545", "127.0.0.1.evil.example"])
def test_another_host_name_is_refused(served: ServedNode, host: str) -> None:
    answer = ask(served, Host=host)
    assert answer.status == 403
    assert b"Host header" in answer.data


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:1", "[::1]:1"])
def test_names_of_this_machine_are_taken(served: ServedNode, host: str) -> None:
    assert ask(served, Host=host).status == 200


def test_web_pages_are_refused(served: ServedNode) -> None:
    assert ask(served, Origin="http://localhost:3000").status == 403
    plain = HTTP.request("POST", served.url, body=b"{}", headers={"Content-Type": "text/plain"})
    assert plain.status == 415
    assert HTTP.request("GET", served.url).status == 405


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])
def test_only_loopback_is_bound(served: ServedNode, host: str) -> None:
    with pytest.raises(InvalidListenAddress, match="loopback only"):
        RpcServer(served.node, host, 0, metrics=served.metrics)


def test_a_port_in_use_is_said_so(served: ServedNode) -> None:
    async def second() -> None:
        server = RpcServer(served.node, "127.0.0.1", served.server.port, metrics=served.metrics)
        with pytest.raises(InvalidListenAddress, match="stop what uses the port"):
            await server.start()
        await server.stop()

    served.run(second())


def test_health_and_readiness(served: ServedNode) -> None:
    assert HTTP.request("GET", served.url + "/healthz").json() == {"status": "alive"}
    assert HTTP.request("GET", served.url + "/readyz").status == 200
    served.node.obstacles = {"main": "catching up"}
    unready = HTTP.request("GET", served.url + "/readyz")
    assert unready.status == 503
    assert unready.json()["groups"] == {"main": "catching up"}


def test_metrics_count_requests_by_known_methods_only(served: ServedNode) -> None:
    served.metrics.stable_height.labels("main").set(5)
    served.metrics.handshakes_refused.labels("unknown_ca").inc()
    ask(served)
    served.client().batch([("eth_made_up_1", []), ("eth_made_up_2", []), ("eth_getBalance", [])])
    answer = HTTP.request("GET", served.url + "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    text = answer.data.decode()
    assert 'quorate_stable_height{group="main"} 5.0' in text
    assert 'quorate_handshakes_refused_total{reason="unknown_ca"} 1.0' in text
    assert 'quorate_rpc_requests_total{method="eth_chainId",outcome="ok"} 1.0' in text
    assert 'quorate_rpc_requests_total{method="unknown",outcome="error"} 2.0' in text
    assert 'quorate_rpc_requests_total{method="eth_getBalance",outcome="error"} 1.0' in text
    assert "made_up" not in text


def test_the_openrpc_document_lists_every_method(served: ServedNode) -> None:
    document = served.client().call_method("rpc.discover")
    assert re.fullmatch(r"1\.\d+\.\d+", document["openrpc"])
    assert set(document["info"]) >= {"title", "version"}
    names = [method["name"] for method in document["methods"]]
    assert names == sorted(set(names))
    for promised in PROMISED:
        assert promised in names
    for method in document["methods"]:
        assert method["summary"]
        assert set(method["result"]) == {"name", "schema"}
        optional = [not parameter["required"] for parameter in method["params"]]
        assert optional == sorted(optional), f"{method['name']}: an optional one before a required"


def test_parameters_may_be_named(served: ServedNode) -> None:
    body = {**BODY, "method": "eth_getBlockByNumber", "params": {"block": "earliest"}}
    assert HTTP.request("POST", served.url, json=body).json()["result"]["number"] == "0x0"


def test_filters_are_bounded_and_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    served = ServedNode(
        LocalGroup(make_genesis()), limits=Limits(filters_max=2, filter_idle_s_max=60)
    )
    try:
        client = served.client()
        first, second = (client.call_method("eth_newBlockFilter") for _ in range(2))
        (refused,) = client.batch([("eth_newBlockFilter", [])])
        assert refused.code == -32005
        now_s = served.do(served.server._filters._now_s)
        monkeypatch.setattr(served.server._filters, "_now_s", lambda: now_s + 50)
        assert client.call_method("eth_getFilterChanges", first) == []
        monkeypatch.setattr(served.server._filters, "_now_s", lambda: now_s + 100)
        assert client.call_method("eth_getFilterChanges", first) == []
        (expired,) = client.batch([("eth_getFilterChanges", [second])])
        assert "filter not found" in expired.message
        assert client.call_method("eth_newBlockFilter")
    finally:
        served.stop()


def test_a_filter_belongs_to_its_group(served: ServedNode) -> None:
    identifier = served.client().call_method("eth_newBlockFilter")
    (foreign,) = served.client("other").batch([("eth_getFilterChanges", [identifier])])
    assert foreign.code == -32001


@given(st.binary(max_size=300), st.integers(0, 8))
def test_depth_is_that_of_the_parsed_text(noise: bytes, depth: int) -> None:
    text = b"[" * depth + b'"' + re.sub(rb'[\\"]', b"", noise) + b'"' + b"]" * depth
    assert not is_too_deep(text, depth_max=depth)
    assert depth == 0 or is_too_deep(text, depth_max=depth - 1)


def test_depth_of_hostile_text_is_found_in_linear_time() -> None:
    assert not is_too_deep(b'\\"' * 2_000_000 + b"[" * 100)
    assert is_too_deep(b'{"a":' * 100_000)


def test_a_node_without_tls_is_the_operators() -> None:
    with pytest.raises(InvalidListenAddress):
        RpcServer(LocalNode(LocalGroup(make_genesis())), "10.0.0.1", 1, metrics=None)  # type: ignore[arg-type]
