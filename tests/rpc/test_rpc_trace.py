"""`debug_traceTransaction` by geth's callTracer, the same words and numbers on both engines."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi.abi import encode

from client.rpc import Client
from ledger import engine as ledger_engine
from ledger.crate import why_missing
from ledger.gate import POSEIDON_PRECOMPILE
from ledger.values import address_from_hex, to_hex
from node.engines import NATIVE, PY_EVM, engine_named
from node.rpc.access import CallerRole
from node.rpc.principal import Principal
from tests.rpc.local_network import LocalGroup, ServedNode, account, make_genesis
from zkp.poseidon import poseidon

ENGINES = [
    PY_EVM,
    pytest.param(
        NATIVE, marks=pytest.mark.skipif(bool(why_missing()), reason="quorate_native is not built")
    ),
]
pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")

OPTIONS = {"tracer": "callTracer"}


@pytest.fixture(params=ENGINES)
def node(request: pytest.FixtureRequest) -> Iterator[ServedNode]:
    served = ServedNode(LocalGroup(make_genesis(), engine=engine_named(request.param)))
    yield served
    served.stop()


def init_code(runtime: bytes) -> bytes:
    size = len(runtime)
    return bytes((0x60, size, 0x60, 0x0B, 0x5F, 0x39, 0x60, size, 0x5F, 0xF3, 0x00)) + runtime


def deployed(client: Client, runtime: bytes) -> tuple[str, str]:
    """Where it stands, and the transaction."""
    sent = client.send_transaction(account("author"), None, init_code(runtime))
    return str(client.confirm(sent)["contractAddress"]), sent


def traced(client: Client, sent: str, **config: bool) -> dict[str, Any]:
    options = {**OPTIONS, "tracerConfig": config} if config else OPTIONS
    tree: dict[str, Any] = client.call_method("debug_traceTransaction", sent, options)
    return tree


def send(client: Client, to: str | None, data: bytes = b"", gas: int = 500_000) -> str:
    sent = client.send_transaction(account("author"), to, data, gas=gas)
    client.wait_receipt(sent)
    return sent


def calls(opcode: int, to: str, size: int = 0) -> bytes:
    """A call with 20,000 gas, whose input is so many bytes of memory."""
    value = b"\x5f" if opcode in (0xF1, 0xF2) else b""
    size_pushed = b"\x60" + bytes([size])
    target = b"\x73" + address_from_hex(to)
    return (
        b"\x5f\x5f"
        + size_pushed
        + b"\x5f"
        + value
        + target
        + b"\x61\x4e\x20"
        + bytes([opcode, 0x50])
    )


SENDER = account("author").address.lower()
SAYING = bytes.fromhex("08c379a0") + encode(["string"], ["not today"])


def reverting(data: bytes) -> bytes:
    words = [data[start : start + 32].ljust(32, b"\0") for start in range(0, len(data), 32)]
    stored = b"".join(
        b"\x7f" + word + b"\x60" + bytes([32 * place]) + b"\x52" for place, word in enumerate(words)
    )
    return stored + b"\x60" + bytes([len(data)]) + b"\x5f\xfd"


def test_every_kind_of_frame(node: ServedNode) -> None:
    client = node.client()
    logging, _ = deployed(client, bytes.fromhex("60075f5fa100"))
    body = b"".join(calls(kind, logging) for kind in (0xF1, 0xF2, 0xF4, 0xFA))
    hash_call = bytes.fromhex("60015f526002602052") + calls(0xFA, to_hex(POSEIDON_PRECOMPILE), 64)
    leaving = bytes.fromhex("33ff")  # a created contract that destroys itself at once
    create = b"\x61" + leaving + bytes.fromhex("5f52" + "6002601e5f" + "f050")
    outer, _ = deployed(client, body + hash_call + create + b"\x00")
    sent = send(client, outer)
    tree = traced(client, sent, withLog=True)
    receipt = client.call_method("eth_getTransactionReceipt", sent)
    assert (tree["type"], tree["from"], tree["to"]) == ("CALL", SENDER, outer)
    assert (tree["gas"], tree["gasUsed"]) == (hex(500_000), receipt["gasUsed"])
    assert (tree["value"], tree["input"]) == ("0x0", "0x")
    assert not {"error", "output", "logs", "revertReason"} & set(tree)
    call, callcode, delegate, static, hashed, created = tree["calls"]
    kinds = [frame["type"] for frame in tree["calls"]]
    assert kinds == ["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL", "STATICCALL", "CREATE"]
    for frame in (call, callcode, delegate, static):
        assert (frame["from"], frame["to"], frame["input"]) == (outer, logging, "0x")
    assert [frame.get("value") for frame in tree["calls"]] == ["0x0"] * 3 + [None, None, "0x0"]
    for frame, address in ((call, logging), (callcode, outer), (delegate, outer)):
        topics = ["0x" + "07".zfill(64)]
        [log] = frame["logs"]
        assert log == {"address": address, "topics": topics, "data": "0x", "position": "0x0"}
    assert (static["error"], static["gasUsed"]) == ("write protection", static["gas"])
    assert "logs" not in static
    assert hashed["to"] == to_hex(POSEIDON_PRECOMPILE)
    assert hashed["input"] == to_hex((1).to_bytes(32) + (2).to_bytes(32))
    assert hashed["output"] == to_hex(poseidon(1, 2).to_bytes(32))
    assert hashed["gasUsed"] == hex(540)
    assert (created["from"], created["input"]) == (outer, to_hex(leaving))
    assert created["calls"] == [
        {
            "type": "SELFDESTRUCT",
            "from": created["to"],
            "to": outer,
            "gas": "0x0",
            "gasUsed": "0x0",
            "input": "0x",
            "value": "0x0",
        }
    ]
    bare = traced(client, sent)
    assert all("logs" not in frame for frame in bare["calls"])
    assert "calls" not in traced(client, sent, onlyTopCall=True)


def test_reverts_say_why(node: ServedNode) -> None:
    client = node.client()
    inner, _ = deployed(client, reverting(SAYING))
    outer, _ = deployed(client, bytes.fromhex("60075f5fa1") + calls(0xF1, inner) + b"\xfe")
    tree = traced(client, send(client, outer), withLog=True)
    assert (tree["error"], tree["gasUsed"]) == ("invalid opcode", tree["gas"])
    assert "logs" not in tree
    [frame] = tree["calls"]
    assert frame["error"] == "execution reverted"
    assert frame["revertReason"] == "not today"
    assert frame["output"] == to_hex(SAYING)
    silent, _ = deployed(client, reverting(b"\x01\x02\x03\x04"))
    answer = traced(client, send(client, silent))
    assert answer["output"] == "0x01020304"
    assert "revertReason" not in answer


def test_creations_and_the_gate(node: ServedNode) -> None:
    client = node.client()
    address, sent = deployed(client, b"\x00")
    tree = traced(client, sent)
    assert (tree["type"], tree["to"], tree["output"]) == ("CREATE", address, "0x00")
    assert tree["input"] == to_hex(init_code(b"\x00"))
    failed = traced(client, send(client, None, reverting(b"")))
    assert (failed["type"], failed["error"]) == ("CREATE", "execution reverted")
    assert "to" not in failed
    assert "output" not in failed


def test_the_place_in_a_block_counts(node: ServedNode) -> None:
    """The second of a block sees what the first one wrote."""
    client = node.client()
    counting, _ = deployed(client, bytes.fromhex("5f5460010180" + "5f555f5260205ff3"))
    node.group.instant = False
    sent = [
        client.send_transaction(account("author"), counting, b"", gas=100_000, nonce=1 + place)
        for place in range(3)
    ]
    node.mine()
    outputs = [int(traced(client, entry)["output"], 16) for entry in sent]
    assert outputs == [1, 2, 3]


def test_what_is_not_in_a_block(node: ServedNode) -> None:
    client = node.client()
    unknown = "0x" + "12" * 32
    (failure,) = client.batch([("debug_traceTransaction", [unknown, OPTIONS])])
    assert (failure.code, failure.message) == (-32000, "transaction not found")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (None, "options"),
        ({}, "callTracer"),
        ({"tracer": "prestateTracer"}, "callTracer"),
        ({"tracer": "callTracer", "timeout": "5s"}, "timeout"),
        ({"tracer": "callTracer", "tracerConfig": {"diffMode": True}}, "diffMode"),
        ({"tracer": "callTracer", "tracerConfig": {"withLog": 1}}, "withLog"),
        ({"tracer": "callTracer", "tracerConfig": []}, "tracerConfig"),
    ],
)
def test_other_options_are_refused(served: ServedNode, options: Any, words: str) -> None:
    hash_ = "0x" + "12" * 32
    (failure,) = served.client().batch([("debug_traceTransaction", [hash_, options])])
    assert failure.code == -32602
    assert words in failure.message


def test_a_tree_beyond_the_bound_is_refused(
    node: ServedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = node.client()
    target, _ = deployed(client, b"\x00")
    looping, _ = deployed(client, b"\x5b" + calls(0xF1, target, 255) + b"\x5f\x56")
    sent = send(client, looping)
    whole = traced(client, sent)
    size = sum(256 + len(f["input"]) // 2 - 1 for f in (whole, *whole["calls"]))
    for module in ("ledger.calltrace", "ledger.native"):
        monkeypatch.setattr(f"{module}.TRACE_BYTES_MAX", size)
    assert traced(client, sent) == whole
    for module in ("ledger.calltrace", "ledger.native"):
        monkeypatch.setattr(f"{module}.TRACE_BYTES_MAX", size - 1)
    (failure,) = client.batch([("debug_traceTransaction", [sent, OPTIONS])])
    assert failure.code == -32005
    assert str(ledger_engine.TRACE_BYTES_MAX) in failure.message


def test_others_than_the_operator_are_refused(
    served: ServedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Principal("officer-3", CallerRole.AUTHOR, "tax")
    monkeypatch.setattr("node.rpc.server.OPERATOR", stranger)
    (failure,) = served.client().batch([("debug_traceTransaction", ["0x" + "12" * 32, OPTIONS])])
    assert failure.code == 4100
    assert "operator" in failure.message


def test_estimates_carry_revert_data(node: ServedNode) -> None:
    client = node.client()
    saying, _ = deployed(client, reverting(SAYING))
    custom, _ = deployed(client, reverting(bytes.fromhex("deadbeef") + bytes(32)))
    broken, _ = deployed(client, b"\xfe")
    said, other, halted = client.batch(
        [("eth_estimateGas", [{"to": to}]) for to in (saying, custom, broken)]
    )
    assert (said.code, said.data) == (3, to_hex(SAYING))
    assert said.message == "execution reverted: not today"
    assert (other.code, other.data) == (3, "0xdeadbeef" + "00" * 32)
    assert (halted.code, halted.message) == (-32000, "execution failed: invalid opcode")
