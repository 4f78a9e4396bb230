"""Damaged JSON-RPC for a running node: bodies, batches, HTTP heads and WebSocket frames, seeded.

The corpus is valid requests on real blocks, transactions and accounts, so that what is damaged gets
past the first check.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.fuzz.mutate import of_bytes, of_json

_PATHS = ("/", "/", "/", "/groups/equity", "/groups/x", "/groups/", "/metrics", "/healthz", "/%00")
_DEEP = 5_000
_BATCH_MAX = 40


@dataclass(frozen=True)
class Facts:
    """What exists on the network under test: hex strings."""

    address: str
    contract: str
    transaction: str
    block: str
    raw: str


def corpus(facts: Facts) -> list[bytes]:
    """A valid request of each method, some in several forms."""
    call = {"to": facts.contract, "data": "0x" + "00" * 36, "from": facts.address}
    logs = {"fromBlock": "0x0", "toBlock": "latest", "address": [facts.contract], "topics": [None]}
    calls: list[tuple[str, list[Any]]] = [
        *((method, []) for method in _PLAIN),
        *((method, [facts.transaction]) for method in _OF_TRANSACTION),
        *((method, [block]) for method in _OF_BLOCK for block in ("0x1", "latest")),
        *((method, [facts.block]) for method in _OF_HASH),
        *((method, [facts.address, "latest"]) for method in _OF_ACCOUNT),
        ("eth_getBlockByNumber", ["0x1", True]),
        ("eth_getBlockByHash", [facts.block, True]),
        ("eth_getStorageAt", [facts.contract, "0x0", "latest"]),
        ("eth_getProof", [facts.contract, ["0x0", "0x1"], "latest"]),
        ("eth_call", [call, "latest", {facts.contract: {"balance": "0x1", "code": "0x5b600056"}}]),
        ("eth_call", [call, {"blockHash": facts.block}]),
        ("eth_estimateGas", [call]),
        ("eth_feeHistory", ["0x4", "latest", [25, 75]]),
        ("eth_getLogs", [logs]),
        ("eth_getLogs", [{"blockHash": facts.block}]),
        ("eth_newFilter", [logs]),
        ("eth_getFilterChanges", ["0x1"]),
        ("eth_getFilterLogs", ["0x1"]),
        ("eth_uninstallFilter", ["0x1"]),
        ("eth_subscribe", ["newHeads"]),
        ("eth_subscribe", ["logs", logs]),
        ("eth_unsubscribe", ["0x1"]),
        ("eth_sendRawTransaction", [facts.raw]),
        ("eth_getTransactionByBlockNumberAndIndex", ["0x1", "0x0"]),
        ("eth_getTransactionByBlockHashAndIndex", [facts.block, "0x0"]),
        ("debug_traceTransaction", [facts.transaction, {"tracer": "callTracer"}]),
        ("web3_sha3", ["0x00"]),
        ("quorate_getEpochProof", ["0x0", "0x0"]),
        ("quorate_sendEnvelope", ["tax", "0x00"]),
    ]
    return [
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
        for number, (method, params) in enumerate(calls)
    ]


_PLAIN = (
    "eth_accounts",
    "eth_blockNumber",
    "eth_chainId",
    "eth_gasPrice",
    "eth_newBlockFilter",
    "eth_newPendingTransactionFilter",
    "eth_syncing",
    "net_peerCount",
    "net_version",
    "quorate_envelopes",
    "quorate_getRecoveries",
    "quorate_groups",
    "quorate_peers",
    "quorate_status",
    "quorate_txpool",
    "rpc.discover",
    "web3_clientVersion",
)
_OF_TRANSACTION = (
    "debug_getRawTransaction",
    "eth_getTransactionByHash",
    "eth_getTransactionReceipt",
    "quorate_getEvidence",
    "quorate_getReceiptProof",
    "quorate_getTransactionProof",
    "quorate_getTransactionStatus",
)
_OF_BLOCK = (
    "debug_getRawBlock",
    "debug_getRawHeader",
    "debug_getRawReceipts",
    "eth_getBlockReceipts",
    "eth_getBlockTransactionCountByNumber",
    "eth_getUncleCountByBlockNumber",
    "quorate_getBlockCertificate",
    "quorate_getProposal",
    "quorate_validators",
)
_OF_HASH = ("eth_getBlockTransactionCountByHash", "eth_getUncleCountByBlockHash")
_OF_ACCOUNT = ("eth_getBalance", "eth_getCode", "eth_getTransactionCount")


class RpcInputs:
    """Draws inputs from a corpus; the same seed draws the same."""

    def __init__(self, seed: int | str, samples: Sequence[bytes]) -> None:
        self._random = Random(seed)
        self._samples = samples

    def body(self) -> bytes:
        """One request or batch: whole, damaged as JSON, as bytes, or too deep and too long."""
        random = self._random
        kind = random.random()
        if kind < 0.6:
            return of_json(random, self._samples)
        if kind < 0.75:
            return of_bytes(random, self._samples)
        if kind < 0.92:
            items = [
                random.choice(self._samples)
                if random.random() < 0.5
                else of_json(random, self._samples)
                for _ in range(random.randrange(_BATCH_MAX))
            ]
            return b"[" + b",".join(items) + b"]"
        deep = random.randrange(_DEEP)
        digits = b"9" * random.choice((20, 400, 5_000))
        return random.choice(
            (
                b"[" * deep + b"]" * deep,
                b'{"a":' * deep + b"1" + b"}" * deep,
                b'{"jsonrpc":"2.0","method":"web3_sha3","params":["0x'
                + b"00" * deep
                + b'"],"id":1}',
                b'{"jsonrpc":"2.0","method":"eth_chainId","id":' + digits + b"}",
                b'{"jsonrpc":"2.0","method":"eth_chainId","id":"\\ud800"}',
                b'{"jsonrpc":"2.0","method":"eth_chainId","id":1e999}',
                b'{"jsonrpc":"2.0","method":"\\u0000\xff","id":1}',
                b"",
            )
        )

    def http(self) -> bytes:
        """A whole HTTP/1.1 request; its head is damaged now and then."""
        random, body = self._random, self.body()
        path = random.choice(_PATHS)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        kind = random.random()
        if kind < 0.85:
            return head + body
        if kind < 0.9:
            chunked = head.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Length")
            size = random.choice((f"{len(body):x}", "ffffffffffffffff", "-1", "", "g", "0"))
            return chunked + size.encode() + b"\r\n" + body + b"\r\n0\r\n\r\n"
        if kind < 0.93:
            return b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * random.choice((10, 70_000))
        return of_bytes(random, (head,)) + body

    def websocket(self) -> bytes:
        """One WebSocket frame (RFC 6455, 5.2), masked as a client must; damaged now and then."""
        random, body = self._random, self.body()
        kind = random.random()
        if kind < 0.9:
            return masked(random.choice((1, 1, 1, 2)), body, random)
        if kind < 0.95:
            return masked(random.randrange(16), body[:125], random, final=random.random() < 0.5)
        size = random.choice((0, 2**16, 2**31, 2**62, 2**64 - 1))
        return random.choice(
            (
                b"\x81\xff" + size.to_bytes(8) + body,
                b"\x81\x7f" + size.to_bytes(8) + body,
                of_bytes(random, (masked(1, body, random),)),
            )
        )


def masked(opcode: int, payload: bytes, random: Random, *, final: bool = True) -> bytes:
    """A client's frame."""
    key, size = random.randbytes(4), len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2)
    else:
        length = b"\xff" + size.to_bytes(8)
    stretched = key * (size // 4 + 1)
    hidden = int.from_bytes(payload) ^ int.from_bytes(stretched[:size])
    return bytes([0x80 * final | opcode]) + length + key + hidden.to_bytes(size)
