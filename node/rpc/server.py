"""The listener: HTTP POST and WebSocket at `/` and `/groups/NAME`, metrics and health.

The operator's listener binds loopback only, and answers only requests that were meant for it:
another Host or a browser's Origin is refused, so that no web page can reach the node through DNS
rebinding. A second listener, the door, is for everybody else: TLS, and who is not known stays out.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from aiohttp import WSCloseCode, web

from node.metrics import CONTENT_TYPE, Metrics

from .access import READS_METRICS
from .authentication import Credentials, Doorkeeper, NotAdmitted
from .calls import CallDesk
from .catalogue import catalogue
from .context import Context
from .dispatch import Dispatcher
from .errors import UNAUTHORIZED
from .feed import GroupFeeds
from .filters import FilterTable
from .gatekeeper import AuditDesk, Gatekeeper
from .http_log import logger_without_callers
from .limits import Limits
from .principal import OPERATOR, Principal
from .requests_in_hand import RequestsInHand
from .tls import HANDSHAKE_S_MAX
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
NOT_KNOWN = msgspec.json.encode(
    {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": UNAUTHORIZED,
            "message": "this node knows neither a certificate nor a token of this caller: show one "
            "that its operator granted something, and look whether it has expired",
        },
    }
)
JSON_TYPE = "application/json"
LOOK_AGAIN_S = 1.0
"""How often open WebSockets are asked whether their callers are still let in."""

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
            f"[rpc] listen binds loopback only, got {host!r}: without TLS and authentication "
            "whoever reaches the port is the operator. Use 127.0.0.1, and tls_listen for others"
        )


@dataclass(frozen=True)
class Door:
    """The listener for others than the operator: where, with which TLS, and who judges."""

    host: str
    port: int
    context: ssl.SSLContext
    keeper: Doorkeeper


@dataclass(frozen=True)
class _Seat:
    """Who is at an open WebSocket, None for the operator, and the group that it reads."""

    credentials: Credentials | None
    group: GroupView


class _DoorSite(web.TCPSite):
    """A site whose TLS handshakes have to be done in time."""

    async def start(self) -> None:
        await web.BaseSite.start(self)
        assert self._runner.server is not None
        self._server = await asyncio.get_running_loop().create_server(
            self._runner.server,
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=HANDSHAKE_S_MAX,
        )

    def bound_port(self) -> int:
        """The port in use, once started."""
        assert isinstance(self._server, asyncio.Server)
        return int(self._server.sockets[0].getsockname()[1])


class RpcServer:
    """One node's RPC. `port` 0 takes a free one; `port` then says which.

    `organisation` is the node's own. Without a desk nothing is logged, without a door nobody but
    the operator is served.
    """

    def __init__(
        self,
        node: NodeView,
        host: str,
        port: int,
        *,
        metrics: Metrics,
        limits: Limits | None = None,
        organisation: str = "",
        desk: AuditDesk | None = None,
        door: Door | None = None,
    ) -> None:
        require_loopback(host)
        self.host = host
        self.port = port
        self._node = node
        self._metrics = metrics
        self._limits = limits or Limits()
        self._registry = catalogue()
        self._desk = desk
        self._door = door
        self.door_port = 0 if door is None else door.port
        gatekeeper = Gatekeeper(organisation, metrics, desk)
        self._dispatcher = Dispatcher(self._registry, self._limits, metrics, gatekeeper)
        self._feeds = GroupFeeds()
        self._filters = FilterTable(self._limits, self._feeds)
        self._calls = CallDesk(self._limits)
        self._in_flight = asyncio.Semaphore(self._limits.requests_in_flight_max)
        self._sockets: dict[web.WebSocketResponse, _Seat] = {}
        self._requests = RequestsInHand()
        self._looking: asyncio.Task[None] | None = None
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
        if self._door is not None:
            await self._open_door(self._runner, self._door)

    async def _open_door(self, runner: web.AppRunner, door: Door) -> None:
        site = _DoorSite(runner, door.host, door.port, ssl_context=door.context)
        try:
            await site.start()
        except OSError as problem:
            raise InvalidListenAddress(
                f"cannot listen on {door.host}:{door.port} ({problem.strerror or problem}): "
                "stop what uses the port, or name another as tls_listen in node.toml"
            ) from problem
        self.door_port = site.bound_port()
        self._looking = asyncio.create_task(self._look_again(door.keeper))

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
            self._looking = None
        await self._feeds.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._calls.close()

    async def release(self, group: str) -> None:
        """A group that the node has left: close its WebSockets, forget its filters, and return
        when no request about it is in hand."""
        for socket in [
            socket for socket, seat in self._sockets.items() if seat.group.name == group
        ]:
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the node left the group")
        self._filters.forget(group)
        await self._requests.wait_none(group)

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if not _is_at_the_door(request) and not _is_local_name(request.host):
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
        """Whoever reaches loopback is the operator; others are judged. Raises NotAdmitted."""
        if not _is_at_the_door(request):
            return OPERATOR
        assert self._door is not None
        return self._door.keeper.admit(_credentials(request))

    def _group_name(self, path: str) -> str:
        if path in ("", "/"):
            return self._node.default_group
        return path.removeprefix("/groups/") if path.startswith("/groups/") else ""

    def _group(self, principal: Principal, path: str) -> GroupView | None:
        name = self._group_name(path)
        group = self._node.groups.get(name)
        if group is not None and principal.may_read(group):
            return group
        if self._desk is not None and not principal.is_operator:
            self._desk.log.refused("no_group", principal.as_caller(), asked=path)
        return None

    async def _serve_counted(self, request: web.Request) -> web.StreamResponse:
        with self._requests.of(self._group_name(request.path)):
            return await self._serve_group(request)

    async def _serve_group(self, request: web.Request) -> web.StreamResponse:
        try:
            principal = self._principal(request)
        except NotAdmitted:
            return _not_known()
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
        shown = _credentials(request) if _is_at_the_door(request) else None
        self._sockets[socket] = _Seat(shown, context.group)
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
            self._sockets.pop(socket, None)
            self._metrics.rpc_connections.dec()
        return socket

    async def _close_sockets(self, application: web.Application) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the node is stopping")

    async def _look_again(self, keeper: Doorkeeper) -> None:
        """Close the WebSockets of callers that are no longer let in."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            for socket, seat in tuple(self._sockets.items()):
                if seat.credentials is None:
                    continue
                try:
                    if keeper.judge(seat.credentials).may_read(seat.group):
                        continue
                    keeper.refused("no_group", "an open WebSocket's caller lost the group")
                except NotAdmitted as refusal:
                    keeper.refused(refusal.reason, str(refusal), refusal.caller)
                self._sockets.pop(socket, None)
                await socket.close(
                    code=WSCloseCode.POLICY_VIOLATION, message=b"this caller is no longer let in"
                )

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        try:
            principal = self._principal(request)
        except NotAdmitted:
            return _not_known()
        if principal.role not in READS_METRICS:
            return _not_known()
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _serve_health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _serve_readiness(self, request: web.Request) -> web.Response:
        obstacles = dict(self._node.readiness())
        if obstacles and _is_at_the_door(request):  # no names of groups for whoever knocks
            return web.json_response({"status": "not ready"}, status=503)
        if obstacles:
            return web.json_response({"status": "not ready", "groups": obstacles}, status=503)
        return web.json_response({"status": "ready"})


def _tls_of(request: web.Request) -> ssl.SSLObject | None:
    transport = request.transport
    return None if transport is None else transport.get_extra_info("ssl_object")


def _is_at_the_door(request: web.Request) -> bool:
    """Whether a request came by the listener with TLS; a connection that is gone counts as such."""
    return request.transport is None or _tls_of(request) is not None


def _credentials(request: web.Request) -> Credentials:
    tls = _tls_of(request)
    shown = None if tls is None else tls.getpeercert(binary_form=True)
    return Credentials(request.headers.get("Authorization"), shown)


def _not_known() -> web.Response:
    return web.Response(
        status=401,
        body=NOT_KNOWN,
        content_type=JSON_TYPE,
        headers={"WWW-Authenticate": "Bearer"},
    )


def _is_local_name(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
