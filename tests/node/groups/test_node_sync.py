"""Catching up from peers of which some do not answer: who is silent is not waited for."""

import asyncio
from types import SimpleNamespace
from typing import Any

from node.asking import Asking
from node.group_network import RequestFailed
from node.requests import BlocksAnswer, BlocksRequest, decode_request, encode_answer
from node.sync import BlockSync

BLOCK = (b"a block", b"its certificate")


class Peers:
    """Members with blocks; who is in `mute` takes requests and never answers."""

    def __init__(self, *mute: str) -> None:
        self.mute = set(mute)
        self.asked: list[str] = []
        self.is_waited_for = asyncio.Event()

    def connected(self) -> frozenset[str]:
        return frozenset({"audit", "data", "market"})

    async def request(self, peer: str, payload: bytes, timeout_s: float) -> bytes:
        self.asked.append(peer)
        request = decode_request(payload)
        assert isinstance(request, BlocksRequest)
        if peer in self.mute:
            self.is_waited_for.set()
            await asyncio.Event().wait()
        return encode_answer(BlocksAnswer((BLOCK,)))


class Node:
    """A store that takes whatever blocks it is given, and what it heard of whom."""

    recoveries = ()

    def __init__(self, peers: Peers) -> None:
        self.head = SimpleNamespace(number=1)
        self.unheard: set[str] = set()
        self.failures: list[Exception] = []
        self.has_stored = asyncio.Event()
        anything: Any = self
        self.asking = Asking(peers, lambda peer: peer not in self.unheard)  # type: ignore[arg-type]
        self.sync = BlockSync(
            anything,
            anything,
            self.asking,
            lambda stored: self.has_stored.set(),
            self.failures.append,
            on_recovered=lambda recovery: None,
            trust=anything,
        )

    async def stored(self) -> None:
        async with asyncio.timeout(5):
            await self.has_stored.wait()

    async def establish(self, number: int) -> bool:
        return True

    def check(self, blocks: object) -> None:
        pass

    async def import_blocks(self, blocks: tuple[object, ...]) -> list[SimpleNamespace]:
        self.head.number += len(blocks)
        return [SimpleNamespace(number=self.head.number)]


async def test_an_answer_of_who_fell_silent_is_not_waited_for() -> None:
    peers = Peers("audit")
    node = Node(peers)
    node.sync.want(2)
    await peers.is_waited_for.wait()
    node.asking.give_up_on_the_silent()
    await asyncio.sleep(0)
    assert peers.asked == ["audit"], "it is heard: its answer may be long"
    node.unheard = {"audit"}
    node.asking.give_up_on_the_silent()
    await node.stored()
    assert peers.asked == ["audit", "data"]
    assert node.head.number == 2
    assert not node.failures
    await node.sync.close()


async def test_who_is_silent_is_asked_last() -> None:
    peers = Peers()
    node = Node(peers)
    node.unheard = {"audit", "data"}
    node.sync.want(2)
    await node.stored()
    assert peers.asked == ["market"]
    await node.sync.close()


async def test_closing_gives_up_on_an_answer() -> None:
    peers = Peers("audit", "data", "market")
    node = Node(peers)
    node.sync.want(2)
    await peers.is_waited_for.wait()
    await node.sync.close()
    assert peers.asked == ["audit"]
    assert not node.failures


async def test_a_failed_request_leads_to_the_next_peer() -> None:
    peers = Peers()
    answer = peers.request

    async def refuse_first(peer: str, payload: bytes, timeout_s: float) -> bytes:
        if not peers.asked:
            peers.asked.append(peer)
            raise RequestFailed("away")
        return await answer(peer, payload, timeout_s)

    peers.request = refuse_first  # type: ignore[method-assign]
    node = Node(peers)
    node.sync.want(2)
    await node.stored()
    assert peers.asked == ["audit", "data"]
    await node.sync.close()
