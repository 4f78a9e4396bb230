"""Subscriptions over WebSocket, from aiohttp's client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from web3 import AsyncWeb3, WebSocketProvider

from client.rpc import Client
from ledger.values import to_hex
from node.rpc.errors import RpcError
from node.rpc.limits import Limits
from tests.rpc.local_network import LocalGroup, ServedNode, account, address, make_genesis

WAIT_S = 20


class Talk:
    """A WebSocket on which answers and notifications are told apart."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._id = 0
        self.notified: list[Any] = []

    async def ask(self, method: str, *params: Any) -> Any:
        self._id += 1
        request = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": list(params)}
        await self._socket.send_json(request)
        while True:
            message = await self._socket.receive_json(timeout=WAIT_S)
            if message.get("id") == self._id:
                return message.get("result", message.get("error"))
            self.notified.append(message["params"])

    async def next(self) -> Any:
        if self.notified:
            return self.notified.pop(0)
        return (await self._socket.receive_json(timeout=WAIT_S))["params"]


@asynccontextmanager
async def talk(served: ServedNode, path: str = "/", **headers: str) -> AsyncIterator[Talk]:
    url = served.url + path
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as ws:
        yield Talk(ws)


async def send(served: ServedNode, value: int = 0) -> str:
    client = Client(served.url)
    return await asyncio.to_thread(
        client.send_transaction, account("author"), to_hex(address("registrar")), value=value
    )


async def test_new_heads(served: ServedNode) -> None:
    async with talk(served) as socket:
        subscription = await socket.ask("eth_subscribe", "newHeads")
        for number in (1, 2):
            await asyncio.to_thread(served.mine)
            notice = await socket.next()
            assert notice["subscription"] == subscription
            block = await socket.ask("eth_getBlockByNumber", hex(number))
            assert notice["result"]["hash"] == block["hash"]
            assert set(notice["result"]) == set(block) - {
                "size", "transactions", "uncles", "withdrawals",
            }  # fmt: skip
        assert await socket.ask("eth_unsubscribe", subscription) is True
        assert await socket.ask("eth_unsubscribe", subscription) is False
        await asyncio.to_thread(served.mine)
        assert await socket.ask("eth_blockNumber") == "0x3"
        assert socket.notified == []


async def test_pending_transactions(served: ServedNode) -> None:
    async with talk(served) as socket:
        hashes = await socket.ask("eth_subscribe", "newPendingTransactions")
        sent = await send(served)
        assert await socket.next() == {"subscription": hashes, "result": sent}


async def test_logs_that_match(served: ServedNode, countbook: dict[str, Any]) -> None:
    client = served.client()
    creation = bytes.fromhex(countbook["bytecode"].removeprefix("0x"))
    author = account("author")
    created = await asyncio.to_thread(client.send_transaction, author, None, creation)
    contract = client.receipt(created)["contractAddress"]  # type: ignore[index]
    add = bytes.fromhex("1003e2d2")
    async with talk(served) as socket:
        step_2 = "0x" + (2).to_bytes(32).hex()
        wanted = {"address": contract, "topics": [None, None, [step_2]]}
        subscription = await socket.ask("eth_subscribe", "logs", wanted)
        for step in (1, 2):
            data = add + step.to_bytes(32)
            sent = await asyncio.to_thread(client.send_transaction, author, contract, data)
        notice = await socket.next()
        assert notice["subscription"] == subscription
        assert notice["result"]["transactionHash"] == sent
        assert notice["result"]["topics"][2] == step_2
        assert notice["result"] == client.logs(topics=[None, None, step_2])[0]


async def test_web3_follows_heads(served: ServedNode) -> None:
    url = served.url.replace("http", "ws") + "/groups/main"
    async with AsyncWeb3(WebSocketProvider(url)) as w3:
        assert await w3.eth.chain_id == served.genesis.chain_id
        await w3.eth.subscribe("newHeads")
        await asyncio.to_thread(served.mine)
        async with asyncio.timeout(WAIT_S):
            async for message in w3.socket.process_subscriptions():
                assert message["result"]["number"] == 1
                break


async def test_wrong_subscriptions_are_refused(served: ServedNode) -> None:
    async with talk(served) as socket:
        assert (await socket.ask("eth_subscribe", "syncing"))["code"] == -32602
        assert (await socket.ask("eth_subscribe", "logs", True))["code"] == -32602
        for _ in range(64):
            await socket.ask("eth_subscribe", "newHeads")
        assert (await socket.ask("eth_subscribe", "newHeads"))["code"] == -32005


async def test_strangers_get_no_socket(served: ServedNode) -> None:
    for path, headers, status in (
        ("/groups/none", {}, 404),
        ("/", {"Origin": "http://evil.example"}, 403),
        ("/", {"Host": "evil.example"}, 403),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            async with talk(served, path, **headers):
                pass
        assert refusal.value.status == status


async def test_subscriptions_end_with_their_connection(served: ServedNode) -> None:
    async with talk(served) as socket:
        await socket.ask("eth_subscribe", "newHeads")
        assert served.server._feeds._followers
    async with asyncio.timeout(WAIT_S):
        while served.server._feeds._followers:  # noqa: ASYNC110  (in another loop)
            await asyncio.sleep(0.01)
    await asyncio.to_thread(served.mine)


async def test_a_socket_that_would_miss_notifications_is_closed(
    served: ServedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many(*_: Any) -> None:
        raise RpcError(-32005, "more than 10000 logs match: ask for less")

    async with aiohttp.ClientSession() as session, session.ws_connect(served.url) as ws:
        socket = Talk(ws)
        await socket.ask("eth_subscribe", "logs")
        monkeypatch.setattr("node.rpc.subscription_methods.find_logs", too_many)
        await asyncio.to_thread(served.mine)
        message = await ws.receive(timeout=WAIT_S)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert "more than 10000 logs" in str(message.extra)


async def test_a_reader_that_falls_behind_is_closed() -> None:
    served = ServedNode(LocalGroup(make_genesis()), limits=Limits(notifications_queued_max=1))
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(served.url) as ws:
            await Talk(ws).ask("eth_subscribe", "newHeads")

            def burst() -> None:  # in one step of the node's loop: no time to send between
                for _ in range(3):
                    served.group.mine()

            await asyncio.to_thread(served.do, burst)
            kinds = [(await ws.receive(timeout=WAIT_S)).type for _ in range(2)]
            assert kinds == [aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.CLOSE]
    finally:
        await asyncio.to_thread(served.stop)
