"""A WebSocket connection: requests as over HTTP, and `eth_subscribe` notifications.

Events wait in a bounded queue; a reader that falls behind is closed, not buffered for.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from .context import Context
from .dispatch import Dispatcher
from .errors import RpcError, limit_exceeded
from .feed import GroupFeeds
from .limits import Limits
from .principal import Principal
from .view import GroupEvent

PING_S = 30.0
CLOSE_BYTES_MAX = 123
"""RFC 6455, 5.5: what a close frame has room for beside its code."""
Render = Callable[[GroupEvent], Awaitable[list[Any]]]
"""The results that one event means for one subscription."""


class Connection:
    """One WebSocket's subscriptions and the events that they wait for."""

    def __init__(self, context: Context, feeds: GroupFeeds) -> None:
        self._group = context.group
        self._limits = context.limits
        self._feeds = feeds
        self._subscriptions: dict[str, Render] = {}
        self._events: asyncio.Queue[GroupEvent] = asyncio.Queue(
            self._limits.notifications_queued_max
        )
        self._stop_listening: Callable[[], None] | None = None
        self._fell_behind = False

    def subscribe(self, render: Render) -> str:
        """A new subscription's id; raises RpcError over the limit."""
        if len(self._subscriptions) >= self._limits.subscriptions_per_connection_max:
            raise limit_exceeded(
                f"a connection holds {self._limits.subscriptions_per_connection_max} "
                "subscriptions at most; unsubscribe from one or open another"
            )
        identifier = "0x" + secrets.token_hex(16)
        self._subscriptions[identifier] = render
        if self._stop_listening is None:
            self._stop_listening = self._feeds.listen(self._group, self._take)
        return identifier

    def unsubscribe(self, identifier: str) -> bool:
        """Whether there was such a subscription."""
        return self._subscriptions.pop(identifier, None) is not None

    def close(self) -> None:
        """Forget all subscriptions."""
        self._subscriptions.clear()
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def _take(self, event: GroupEvent) -> None:
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self._fell_behind = True

    async def send_notifications(self, socket: web.WebSocketResponse) -> None:
        """Send what subscriptions wait for until cancelled; close a socket that would miss any."""
        try:
            await self._send_notifications(socket)
        except RpcError as problem:  # more logs in one block than an answer may hold
            await socket.close(
                code=WSCloseCode.MESSAGE_TOO_BIG, message=problem.message.encode()[:CLOSE_BYTES_MAX]
            )

    async def _send_notifications(self, socket: web.WebSocketResponse) -> None:
        while not self._fell_behind:
            event = await self._events.get()
            for identifier, render in tuple(self._subscriptions.items()):
                for result in await render(event):
                    message = {
                        "jsonrpc": "2.0",
                        "method": "eth_subscription",
                        "params": {"subscription": identifier, "result": result},
                    }
                    await socket.send_str(msgspec.json.encode(message).decode())
        await socket.close(
            code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow: notifications were lost"
        )


def new_socket(limits: Limits) -> web.WebSocketResponse:
    """An unopened WebSocket that pings, and takes messages up to the bound of requests."""
    return web.WebSocketResponse(
        heartbeat=PING_S, max_msg_size=limits.request_bytes_max, compress=False
    )


async def serve_websocket(
    socket: web.WebSocketResponse,
    principal: Principal,
    context: Context,
    dispatcher: Dispatcher,
    *,
    feeds: GroupFeeds,
    in_flight: asyncio.Semaphore,
) -> None:
    """Serve an opened connection until either side closes it."""
    connection = Connection(context, feeds)
    bound = replace(context, connection=connection)
    notifier = asyncio.create_task(connection.send_notifications(socket))
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                body = message.data.encode()
            elif message.type is WSMsgType.BINARY:
                body = message.data
            else:
                break
            async with in_flight:
                answer = await dispatcher.answer(principal, bound, body)
            if answer is not None:
                await socket.send_str(answer.decode())
    except ConnectionResetError:
        pass  # the other side went away while an answer was on its way
    finally:
        connection.close()
        notifier.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionResetError):
            await notifier
