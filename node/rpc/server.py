"""The listener: HTTP POST and WebSocket at `/` and `/groups/NAME`, metrics and health.

It binds loopback only, and answers only requests that were meant for it: another Host or a
browser's Origin is refused, so that no web page can reach the node through DNS rebinding.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
from aiohttp import WSCloseCode, web

from node.metrics import CONTENT_TYPE, Metrics

from .calls import CallDesk
from .catalogue import catalogue
from .context import Context
from .dispatch import Dispatcher
from .feed import GroupFeeds
from .filters import FilterTable
from .http_log import logger_without_callers
from .limits import Limits
from .principal import OPERATOR, Principal
from .requests_in_hand import RequestsInHand
from .view import GroupView, NodeView
from .websocket import new_socket, serve_websocket

NO_SUCH_GROUP = msgspec.json.encode(
    {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": -32001,
            "message": "there is no such group here; the operator lists groups with quorate_groups",
        },
    }
)
JSON_TYPE = "application/json"
SHUTDOWN_S_MAX = 2.0


class InvalidListenAddress(ValueError):
    """The RPC server may not, or cannot, listen there."""


def require_loopback(host: str) -> None:
    """Raises InvalidListenAddress unless `host` is this machine's own loopback."""
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise InvalidListenAddress(
            f"RPC binds loopback only, got {host!r}: without TLS and authentication whoever "
            "reaches the port is the operator. Use 127.0.0.1, and a tunnel from elsewhere"
        )


class RpcServer:
    """One node's RPC. `port` 0 takes a free one; `port` then says which."""

    def __init__(
        self,
        node: NodeView,
        host: str,
        port: int,
        *,
        metrics: Metrics,
        limits: Limits | None = None,
    ) -> None:
        require_loopback(host)
        self.host = host
        self.port = port
        self._node = node
        self._metrics = metrics
        self._limits = limits or Limits()
        self._registry = catalogue()
        self._dispatcher = Dispatcher(self._registry, self._limits, metrics)
        self._feeds = GroupFeeds()
        self._filters = FilterTable(self._limits, self._feeds)
        self._calls = CallDesk(self._limits)
        self._in_flight = asyncio.Semaphore(self._limits.requests_in_flight_max)
        self._sockets: dict[web.WebSocketResponse, str] = {}
        self._requests = RequestsInHand()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where the default group is served."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen; raises InvalidListenAddress when the port is taken."""
        application = web.Application(
            middlewares=[self._guard], client_max_size=self._limits.request_bytes_max
        )
        application.on_shutdown.append(self._close_sockets)
        application.router.add_get("/metrics", self._serve_metrics)
        application.router.add_get("/healthz", self._serve_health)
        application.router.add_get("/readyz", self._serve_readiness)
        application.router.add_route("*", "/{path:.*}", self._serve_counted)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_S_MAX,
            logger=logger_without_callers(self._metrics),
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        try:
            await site.start()
        except OSError as problem:
            await self._runner.cleanup()
            self._runner = None
            raise InvalidListenAddress(
                f"cannot listen on {self.host}:{self.port} ({problem.strerror or problem}): "
                "stop what uses the port, or name another in node.toml"
            ) from problem
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the listener and every connection."""
        await self._feeds.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._calls.close()

    async def release(self, group: str) -> None:
        """A group that the node has left: close its WebSockets, forget its filters, and return
        when no request about it is in hand."""
        for socket in [socket for socket, name in self._sockets.items() if name == group]:
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the node left the group")
        self._filters.forget(group)
        await self._requests.wait_none(group)

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if not _is_local_name(request.host):
            raise web.HTTPForbidden(
                text="this node answers to localhost and 127.0.0.1 only: the Host header "
                "names another machine\n"
            )
        if "Origin" in request.headers:
            raise web.HTTPForbidden(
                text="this node does not answer web pages: the request has an Origin header\n"
            )
        return await handler(request)

    def _principal(self, request: web.Request) -> Principal:
        """Whoever reaches loopback is the operator."""
        return OPERATOR

    def _group_name(self, path: str) -> str:
        if path in ("", "/"):
            return self._node.default_group
        return path.removeprefix("/groups/") if path.startswith("/groups/") else ""

    def _group(self, principal: Principal, path: str) -> GroupView | None:
        name = self._group_name(path)
        group = self._node.groups.get(name)
        return group if group is not None and principal.may_read(name) else None

    async def _serve_counted(self, request: web.Request) -> web.StreamResponse:
        with self._requests.of(self._group_name(request.path)):
            return await self._serve_group(request)

    async def _serve_group(self, request: web.Request) -> web.StreamResponse:
        principal = self._principal(request)
        group = self._group(principal, request.path)
        if group is None:
            return web.Response(status=404, body=NO_SUCH_GROUP, content_type=JSON_TYPE)
        context = Context(
            node=self._node,
            group=group,
            limits=self._limits,
            filters=self._filters,
            calls=self._calls,
            registry=self._registry,
        )
        if request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_websocket(request, principal, context)
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(
                request.method,
                ["POST"],
                text="JSON-RPC is served by POST, or by GET with a WebSocket upgrade\n",
            )
        if request.content_type != JSON_TYPE:
            raise web.HTTPUnsupportedMediaType(
                text=f"expected Content-Type {JSON_TYPE}, got {request.content_type}\n"
            )
        body = await request.read()
        async with self._in_flight:
            answer = await self._dispatcher.answer(principal, context, body)
        if answer is None:
            return web.Response(status=204)
        return web.Response(body=answer, content_type=JSON_TYPE)

    async def _serve_websocket(
        self, request: web.Request, principal: Principal, context: Context
    ) -> web.StreamResponse:
        if len(self._sockets) >= self._limits.connections_max:
            raise web.HTTPServiceUnavailable(
                text=f"this node serves {self._limits.connections_max} WebSockets at most\n"
            )
        socket = new_socket(self._limits)
        self._sockets[socket] = context.group.name
        self._metrics.rpc_connections.inc()
        try:
            await socket.prepare(request)
            await serve_websocket(
                socket,
                principal,
                context,
                self._dispatcher,
                feeds=self._feeds,
                in_flight=self._in_flight,
            )
        finally:
            del self._sockets[socket]
            self._metrics.rpc_connections.dec()
        return socket

    async def _close_sockets(self, application: web.Application) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the node is stopping")

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _serve_health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _serve_readiness(self, request: web.Request) -> web.Response:
        obstacles = dict(self._node.readiness())
        if obstacles:
            return web.json_response({"status": "not ready", "groups": obstacles}, status=503)
        return web.json_response({"status": "ready"})


def _is_local_name(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
