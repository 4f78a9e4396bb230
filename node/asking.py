"""Questions to a group's members, of whom those that fall silent are not waited for.

A connection to a node that is cut off takes many seconds to time out; the group's hearing knows
after two. Which peer to ask and what an answer is worth is the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from node.group_network import GroupNetwork, RequestFailed
from node.requests import Answer, Request, decode_answer, encode_request

REQUEST_TIMEOUT_S = 10.0


class Asking:
    """`is_heard` says of a node whether it may answer soon."""

    def __init__(self, network: GroupNetwork, is_heard: Callable[[str], bool]) -> None:
        self._network = network
        self._is_heard = is_heard
        self._asked: dict[asyncio.Task[bytes], str] = {}

    def peers(self, first: str | None = None) -> list[str]:
        """Who is connected, in the order to ask: `first`, who is heard, the others."""
        return sorted(
            self._network.connected(),
            key=lambda peer: (peer != first, not self._is_heard(peer), peer),
        )

    async def ask(self, peer: str, request: Request) -> Answer:
        """A member's answer. Raises `InvalidEncoding`, and `RequestFailed`, also once the peer is
        not heard any more."""
        asking = self._network.request(peer, encode_request(request), REQUEST_TIMEOUT_S)
        asked = asyncio.create_task(asking)
        self._asked[asked] = peer
        try:
            await asyncio.wait([asked])
        finally:
            asked.cancel()
            del self._asked[asked]
        if asked.cancelled():
            raise RequestFailed(f"{peer} was asked and is not heard any more")
        return decode_answer(asked.result())

    def give_up_on_the_silent(self) -> None:
        """The set of those heard changed: who waits for one that is not in it need not wait."""
        for asked, peer in self._asked.items():
            if not self._is_heard(peer):
                asked.cancel()
