"""Everything that a node gives away: answers of every method, pages, subscriptions, files.

`Watch` listens while things happen; `answers` asks afterwards; `files` reads a stopped node.
"""

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from tests.acceptance.harness import Network
from tests.acceptance.leaks import Material
from tests.acceptance.ledger_files import pairs

POLL_S = 0.2
PAGES = ("/metrics", "/healthz", "/readyz")
TOPICS = ("newHeads", "logs", "newPendingTransactions")
BATCH_ITEMS = 20
ANSWER_TIMEOUT_S = 120  # calls are carried out again, some with a pairing
# They take data and answer with a hash; what they were given is asked for in other ways.
TAKING_METHODS = frozenset({"eth_sendRawTransaction", "quorate_sendEnvelope"})
# Only over WebSocket, where `Watch` uses them.
STREAMING_METHODS = frozenset({"eth_subscribe", "eth_unsubscribe"})

Request = tuple[str, list[Any]]


class Watch:
    """Listens to all nodes of a network between entering and leaving; `materials` has it all."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._seen: dict[tuple[str, str, bytes], Material] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._error: BaseException | None = None

    @property
    def materials(self) -> list[Material]:
        """What was heard and seen, each thing once."""
        return list(self._seen.values())

    def __enter__(self) -> "Watch":
        self._thread.start()
        assert self._ready.wait(timeout=60), "the subscriptions were not confirmed"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=60)
        if kind is None and self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._listen())
        except BaseException as error:
            self._error = error
            self._ready.set()
        finally:
            self._loop.close()

    def _keep(self, node: str, kind: str, place: str, data: bytes) -> None:
        self._seen.setdefault((node, kind, data), Material(node, kind, place, data))

    async def _listen(self) -> None:
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            confirmed = []
            for node, url in self._network.urls.items():
                is_confirmed = asyncio.Event()
                confirmed.append(is_confirmed)
                tasks.create_task(self._subscriptions(session, node, url, is_confirmed))
                tasks.create_task(self._polls(session, node, url))
            for is_confirmed in confirmed:
                await is_confirmed.wait()
            self._ready.set()

    async def _subscriptions(
        self, session: aiohttp.ClientSession, node: str, url: str, confirmed: asyncio.Event
    ) -> None:
        async with session.ws_connect(url) as socket:
            for number, topic in enumerate(TOPICS):
                request = {"jsonrpc": "2.0", "id": number, "method": "eth_subscribe"}
                await socket.send_json(request | {"params": [topic]})
            waiting = set(range(len(TOPICS)))
            while not self._stop.is_set():
                try:
                    text = await socket.receive_str(timeout=POLL_S)
                except TimeoutError:
                    continue
                self._keep(node, "subscription", "WebSocket", text.encode())
                answer = json.loads(text)
                if answer.get("id") in waiting:
                    assert "result" in answer, answer
                    waiting.discard(answer["id"])
                    if not waiting:
                        confirmed.set()

    async def _polls(self, session: aiohttp.ClientSession, node: str, url: str) -> None:
        folder = node_folder(self._network, node)
        pool = {"jsonrpc": "2.0", "id": 1, "method": "quorate_txpool", "params": []}
        while not self._stop.is_set():
            async with session.post(url, json=pool) as answer:
                self._keep(node, "rpc", "quorate_txpool", await answer.read())
            async with session.get(url + "/metrics") as answer:
                self._keep(node, "metrics", "/metrics", await answer.read())
            # Log and journal are cut when blocks are stable, so they are read in between.
            for path in _files_below(folder):
                if path.name.startswith(("wal", "journal")):
                    try:
                        self._keep(node, kind_of(path), path.name, path.read_bytes())
                    except FileNotFoundError:
                        continue  # replaced by its next generation just now
            await asyncio.sleep(POLL_S)


def node_folder(network: Network, node: str) -> Path:
    """The folder of one node."""
    entry = next(entry for entry in network.nodes if entry["name"] == node)
    return network.folder / entry["dir"]


def kind_of(path: Path) -> str:
    """What a file of a node is: the first folder or name that tells."""
    for part in ("logs", "db", "wal", "journal", "envelopes"):
        if any(name == part or name.startswith(part + ".") for name in path.parts):
            return {"logs": "log", "db": "store file", "envelopes": "envelope"}.get(part, part)
    return "configuration"


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def files(folder: Path, node: str, group: str) -> Iterator[Material]:
    """Every file of a stopped node as it stands, then every pair of its store."""
    for path in _files_below(folder):
        # Keys are the node's own secret and say nothing of any transfer; all else is searched.
        yield Material(node, kind_of(path), str(path.relative_to(folder)), path.read_bytes())
    for key, value in pairs(folder, group):
        kind = "state" if key[:1] in b"asnk" else "block"
        yield Material(node, kind, f"store {key[:9].hex()}", key + b"\n" + value)


def pages(network: Network, node: str) -> Iterator[Material]:
    """The plain pages of a running node."""
    for page in PAGES:
        with urllib.request.urlopen(network.urls[node] + page, timeout=10) as answer:
            kind = "metrics" if page == "/metrics" else "page"
            yield Material(node, kind, page, answer.read())


class Harvest:
    """Asks one running node everything that it answers."""

    def __init__(self, network: Network, node: str, slots: Iterable[tuple[str, int]]) -> None:
        """`slots`: pairs of a contract and a slot to ask for, beside the first of each contract."""
        self._node = node
        self._url = network.urls[node]
        self._slots = list(slots)
        self._accounts = [entry["address"] for entry in network.file["accounts"]]
        self.asked: set[str] = set()

    def materials(self) -> list[Material]:
        """Every answer; raises AssertionError if a method was forgotten or refused everything."""
        head = int(self._result("eth_blockNumber"), 16)
        blocks = [
            self._result("eth_getBlockByNumber", hex(number), True) for number in range(head + 1)
        ]
        transactions = [entry for block in blocks for entry in block["transactions"]]
        requests = [
            *self._plain(),
            *self._of_blocks(blocks),
            *self._of_transactions(transactions),
            *self._of_accounts(blocks, transactions),
            *self._mistaken(),
        ]
        found = list(self._ask(requests))
        served = {method["name"] for method in self._result("rpc.discover")["methods"]}
        forgotten = served - self.asked - TAKING_METHODS - STREAMING_METHODS
        assert not forgotten, f"nobody asked {self._node} for {sorted(forgotten)}"
        return found

    def _result(self, method: str, *parameters: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        self.asked.add(method)
        return self._post(body)["result"]

    def _post(self, body: Any) -> Any:
        request = urllib.request.Request(
            self._url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
            return json.load(answer)

    def _ask(self, requests: list[Request]) -> Iterator[Material]:
        for start in range(0, len(requests), BATCH_ITEMS):
            part = requests[start : start + BATCH_ITEMS]
            batch = [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
                for number, (method, parameters) in enumerate(part)
            ]
            answers = {answer["id"]: answer for answer in self._post(batch)}
            for number, (method, parameters) in enumerate(part):
                answer = answers[number]
                if "result" in answer:
                    self.asked.add(method)
                # The request is not part of the material: only what the node says is.
                del answer["id"]
                text = json.dumps(answer, ensure_ascii=False)
                place = f"{method} {json.dumps(parameters)[:80]}"
                yield Material(self._node, "rpc", place, text.encode())

    def _plain(self) -> list[Request]:
        filters = [
            self._result("eth_newFilter", {"fromBlock": "earliest"}),
            self._result("eth_newBlockFilter"),
            self._result("eth_newPendingTransactionFilter"),
        ]
        names = (
            "eth_chainId eth_blockNumber eth_syncing eth_gasPrice eth_maxPriorityFeePerGas "
            "eth_blobBaseFee eth_accounts net_version net_listening net_peerCount "
            "web3_clientVersion rpc.discover quorate_status quorate_groups quorate_peers "
            "quorate_txpool quorate_validators quorate_getBlockCertificate quorate_getEpochProof "
            "quorate_getProposal quorate_envelopes"
        )
        return [
            *((name, []) for name in names.split()),
            ("web3_sha3", ["0x00"]),
            ("eth_feeHistory", ["0x10", "latest", [10, 90]]),
            ("eth_getLogs", [{"fromBlock": "earliest", "toBlock": "latest"}]),
            *(("eth_getFilterChanges", [name]) for name in filters),
            ("eth_getFilterLogs", [filters[0]]),
            *(("eth_uninstallFilter", [name]) for name in filters),
        ]

    def _of_blocks(self, blocks: list[Any]) -> list[Request]:
        requests: list[Request] = []
        for block in blocks:
            number, block_hash = block["number"], block["hash"]
            requests += [
                ("eth_getBlockByNumber", [number, True]),
                ("eth_getBlockByNumber", [number, False]),
                ("eth_getBlockByHash", [block_hash, True]),
                ("eth_getBlockTransactionCountByNumber", [number]),
                ("eth_getBlockTransactionCountByHash", [block_hash]),
                ("eth_getUncleCountByBlockNumber", [number]),
                ("eth_getUncleCountByBlockHash", [block_hash]),
                ("eth_getBlockReceipts", [number]),
                ("eth_getLogs", [{"blockHash": block_hash}]),
                ("quorate_validators", [number]),
                ("quorate_getBlockCertificate", [number]),
                ("quorate_getProposal", [number]),
                *((f"debug_getRaw{part}", [number]) for part in ("Header", "Block", "Receipts")),
            ]
        return requests

    def _of_transactions(self, transactions: list[Any]) -> list[Request]:
        requests: list[Request] = []
        for entry in transactions:
            name = entry["hash"]
            requests += [
                ("eth_getTransactionByHash", [name]),
                (
                    "eth_getTransactionByBlockNumberAndIndex",
                    [entry["blockNumber"], entry["transactionIndex"]],
                ),
                (
                    "eth_getTransactionByBlockHashAndIndex",
                    [entry["blockHash"], entry["transactionIndex"]],
                ),
                ("eth_getTransactionReceipt", [name]),
                ("quorate_getTransactionStatus", [name]),
                ("quorate_getTransactionProof", [name]),
                ("quorate_getReceiptProof", [name]),
                ("quorate_getEvidence", [name]),
                ("debug_getRawTransaction", [name]),
            ]
            # What the same message answers today, and before the block that it stands in.
            message = {key: entry[key] for key in ("from", "to", "input") if entry.get(key)}
            before = hex(int(entry["blockNumber"], 16) - 1)
            requests += [("eth_call", [message, block]) for block in ("latest", before)]
            requests.append(("eth_estimateGas", [message, before]))
        return requests

    def _of_accounts(self, blocks: list[Any], transactions: list[Any]) -> list[Request]:
        receipts = self._result_of_all(
            [("eth_getBlockReceipts", [block["number"]]) for block in blocks]
        )
        contracts = {
            address
            for entry in (*transactions, *(receipt for part in receipts for receipt in part))
            for address in (entry.get("to"), entry.get("contractAddress"))
            if address
        } - {address.lower() for address in self._accounts}
        requests: list[Request] = []
        for address in sorted(set(self._accounts) | contracts):
            requests += [
                ("eth_getBalance", [address, "latest"]),
                ("eth_getTransactionCount", [address, "latest"]),
                ("eth_getCode", [address, "latest"]),
                ("eth_getProof", [address, ["0x0", "0x1"], "latest"]),
                ("eth_getStorageAt", [address, "0x0", "latest"]),
            ]
        for address, slot in self._slots:
            requests += [
                ("eth_getStorageAt", [address, hex(slot), "latest"]),
                ("eth_getProof", [address, [hex(slot)], "latest"]),
            ]
        return requests

    def _result_of_all(self, requests: list[Request]) -> list[Any]:
        return [self._result(method, *parameters) for method, parameters in requests]

    def _mistaken(self) -> list[Request]:
        """Errors are answers too."""
        return [
            ("eth_sendRawTransaction", ["0xf8ff00"]),
            ("quorate_sendEnvelope", ["nobody", "0x00"]),
            ("eth_getTransactionReceipt", ["0x00"]),
            ("eth_getBlockByNumber", ["0xffffffff", True]),
            ("quorate_nothing", []),
        ]
