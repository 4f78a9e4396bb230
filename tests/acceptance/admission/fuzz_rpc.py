"""Damaged JSON-RPC over HTTP and WebSocket: no fault inside a node, no growth, blocks go on.

Four departments. Two seeded fuzzers speak HTTP and two WebSocket to one node for as long as told;
every answer that comes must be an answer, never "internal error".
"""

import base64
import collections
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, eventually, rpc, running_network, sign
from tests.acceptance.vital_signs import MIB, VitalSigns, show
from tests.fuzz.rpc_inputs import Facts, RpcInputs, corpus

VICTIM = "tax-1"
BLOCK_S_MAX = 10.0
GROWTH_BYTES_MAX = 256 * MIB
TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 32 * MIB
INTERNAL_ERROR = -32603
ACCOUNTS_CONTRACT = "0x" + "00" * 18 + "7001"


class Faulty(AssertionError):
    """The node answered as it must not."""


def run(folder: Path, *, seconds: float = 600, seed: int = 1) -> dict[str, Any]:
    """Fuzz for `seconds`; how much was asked and answered, and the nodes' figures."""
    with running_network(folder / "network") as network:
        samples = corpus(_facts(network))
        counts: collections.Counter[str] = collections.Counter()
        problems: list[str] = []
        with VitalSigns(
            network, list(network.urls), block_s_max=BLOCK_S_MAX, growth_bytes_max=GROWTH_BYTES_MAX
        ) as signs:
            deadline = time.monotonic() + seconds

            def goes_on() -> bool:
                return time.monotonic() < deadline and not signs.has_failed and not problems

            threads = []
            for turn in range(4):
                speak = (_speak_http, _speak_websocket)[turn % 2]
                inputs = RpcInputs(f"{seed}/{turn}", samples)
                work = (speak, _address(network), inputs, goes_on, counts, problems)
                threads.append(threading.Thread(target=_guarded, args=work, daemon=True))
                threads[-1].start()
            for thread in threads:
                thread.join(seconds + 60)
        assert not problems, problems[0]
        figures = {"seed": seed, "seconds": seconds, **counts, **signs.check()}
    show(figures)
    assert counts["http_answers"] > 0
    assert counts["websocket_answers"] > 0
    return figures


def _facts(network: Network) -> Facts:
    account, url = network.account("registrar"), network.urls[VICTIM]
    chain_id = int(rpc(url, "eth_chainId"), 16)
    raw = sign(account, chain_id, 0)
    digest = rpc(url, "eth_sendRawTransaction", raw)
    receipt = eventually("a first block", lambda: rpc(url, "eth_getTransactionReceipt", digest), 60)
    return Facts(account.address, ACCOUNTS_CONTRACT, digest, receipt["blockHash"], raw)


def _address(network: Network) -> tuple[str, int]:
    host, _, port = network.urls[VICTIM].removeprefix("http://").rpartition(":")
    return host, int(port)


def _guarded(
    speak: Callable[..., None],
    address: tuple[str, int],
    inputs: RpcInputs,
    goes_on: Callable[[], bool],
    counts: "collections.Counter[str]",
    problems: list[str],
) -> None:
    """A fuzzer's thread: it makes its connection anew until the end."""
    last = b""

    def note(data: bytes) -> bytes:
        nonlocal last
        last = data
        return data

    while goes_on():
        try:
            with socket.create_connection(address, TIMEOUT_S) as connection:
                speak(connection, inputs, goes_on, counts, note)
        except Faulty as fault:
            problems.append(f"{fault}; the input: {last[:3_000]!r}")
        except TimeoutError:
            counts["no_answer"] += 1
        except OSError:
            counts["connections_ended"] += 1
        except Exception as error:
            problems.append(f"the fuzzer itself: {error!r}; the input: {last[:3_000]!r}")


def _speak_http(
    connection: socket.socket,
    inputs: RpcInputs,
    goes_on: Callable[[], bool],
    counts: "collections.Counter[str]",
    note: Callable[[bytes], bytes],
) -> None:
    """Request after request on one connection. A damaged head may leave the node waiting."""
    connection.settimeout(1.0)
    reader = connection.makefile("rb")
    while goes_on():
        connection.sendall(note(inputs.http()))
        counts["http_requests"] += 1
        status = reader.readline(1_000).split()
        if len(status) < 2:
            raise ConnectionError
        size = 0
        while (line := reader.readline(10_000)) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        body = reader.read(min(size, ANSWER_BYTES_MAX))
        counts["http_answers"] += 1
        counts[f"http_{status[1].decode()}"] += 1
        if status[1] == b"500":
            raise Faulty(f"HTTP 500: {body[:300]!r}")
        if body.startswith((b"{", b"[")):
            _judge(body)


def _speak_websocket(
    connection: socket.socket,
    inputs: RpcInputs,
    goes_on: Callable[[], bool],
    counts: "collections.Counter[str]",
    note: Callable[[bytes], bytes],
) -> None:
    """Frames one after another; answers are read as they come, notifications among them."""
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    reader = connection.makefile("rb")
    while reader.readline(1_000) not in (b"\r\n", b""):
        pass
    connection.settimeout(1.0)
    while goes_on():
        connection.sendall(note(inputs.websocket()))
        counts["websocket_requests"] += 1
        first, second = _exactly(reader, 2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(_exactly(reader, 2 if size == 126 else 8))
        payload = _exactly(reader, size)
        counts["websocket_answers"] += 1
        if first & 0x0F == 8:
            code = int.from_bytes(payload[:2])
            counts[f"websocket_close_{code}"] += 1
            if code == 1011:
                raise Faulty(f"closed by an internal error: {payload!r}")
            return
        if first & 0x0F == 1:
            _judge(payload)


def _exactly(reader: Any, size: int) -> bytes:
    data: bytes = reader.read(size)
    if len(data) < size:
        raise ConnectionError
    return data


def _judge(body: bytes) -> None:
    """An answer is JSON, and no fault of the node's own."""
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise Faulty(f"an answer that is not JSON ({error}): {body[:300]!r}") from error
    for one in answer if isinstance(answer, list) else [answer]:
        problem = one.get("error")
        if isinstance(problem, dict) and problem.get("code") == INTERNAL_ERROR:
            raise Faulty(f"an internal error: {problem}")
