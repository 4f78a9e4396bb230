"""From a socket to an authenticated link: TLS handshake, certificate, hello. Both directions.

Whatever goes wrong on the way comes out as RefusedPeer with its reason.
"""

from __future__ import annotations

import asyncio
import copy
import socket
import traceback
from collections.abc import Callable
from datetime import datetime

from cryptography import x509

from node.p2p.frames import Bye, Hello, InvalidFrame, encode_frame
from node.p2p.limits import Limits
from node.p2p.link import READ_BUFFER_BYTES, Link
from node.p2p.tls import client_context, measured_tls, peer_certificate, refusal_of, server_context
from node.p2p.trust import Refusal, RefusedPeer, Trust
from node.pki import NodeIdentity
from node.stages import Stages

Clock = Callable[[], datetime]


class Entrance:
    """Makes links with one identity and one trust; a change of either makes a new Entrance."""

    def __init__(
        self,
        identity: NodeIdentity,
        trust: Trust,
        instance: bytes,
        limits: Limits,
        *,
        now: Clock,
        stages: Stages,
    ) -> None:
        self._stages = stages
        self.identity = identity
        self.trust = trust
        self._limits = limits
        self._now = now
        self._hello = Hello(instance, trust.membership.version)
        self._make_contexts()

    def with_trust(self, trust: Trust) -> Entrance:
        """The same identity under another trust. Its files are read again only for other CAs."""
        changed = copy.copy(self)
        changed.trust = trust
        changed._hello = Hello(self._hello.instance, trust.membership.version)
        if trust.authorities_pem() != self.trust.authorities_pem():
            changed._make_contexts()
        return changed

    def _make_contexts(self) -> None:
        self._server_context = server_context(self.identity, self.trust)
        self._client_context = client_context(self.identity, self.trust)
        for context in (self._server_context, self._client_context):
            context.sslobject_class = measured_tls(self._stages)

    async def accept(self, connection: socket.socket) -> Link:
        """The link with whoever connected. Takes the socket over. Raises RefusedPeer."""
        reader = asyncio.StreamReader(limit=READ_BUFFER_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            async with asyncio.timeout(self._limits.handshake_timeout_s):
                transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: protocol,
                    connection,
                    ssl=self._server_context,
                    # Longer than ours, so that a time-out is always seen as one.
                    ssl_handshake_timeout=2 * self._limits.handshake_timeout_s,
                    ssl_shutdown_timeout=self._limits.close_timeout_s,
                )
        except (OSError, EOFError) as error:
            connection.close()
            raise _refused(error) from None
        return await self._welcome((reader, protocol, transport), dialled_node=None)

    async def dial(self, node_id: str, host: str, port: int) -> Link:
        """A link with `node_id` at an address. Raises RefusedPeer."""
        reader = asyncio.StreamReader(limit=READ_BUFFER_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                transport, _ = await asyncio.get_running_loop().create_connection(
                    lambda: protocol,
                    host,
                    port,
                    ssl=self._client_context,
                    server_hostname="",
                    ssl_handshake_timeout=2 * self._limits.connect_timeout_s,
                    ssl_shutdown_timeout=self._limits.close_timeout_s,
                )
        except (OSError, EOFError) as error:
            raise _refused(error) from None
        return await self._welcome((reader, protocol, transport), dialled_node=node_id)

    async def _welcome(
        self,
        connection: tuple[asyncio.StreamReader, asyncio.StreamReaderProtocol, asyncio.Transport],
        dialled_node: str | None,
    ) -> Link:
        reader, protocol, transport = connection
        try:
            certificate = peer_certificate(transport.get_extra_info("ssl_object"))
            node_id = self._check_node_id(certificate, dialled_node)
            loop = asyncio.get_running_loop()
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.socket_buffer_bytes
            )
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            link = Link(
                node_id,
                certificate,
                (reader, writer),
                self._limits,
                dialled=dialled_node is not None,
                stages=self._stages,
            )
            hello = await self._exchange_hello(link)
            self._check_instance(link, hello)
        except RefusedPeer as error:
            self._turn_away(transport, error)
            raise
        except BaseException:
            transport.abort()
            raise
        return link

    def check(self, certificate: x509.Certificate) -> str:
        """The node id that a certificate gives now. Raises RefusedPeer."""
        return self.trust.check_certificate(certificate, self._now())

    def _check_node_id(self, certificate: x509.Certificate, dialled_node: str | None) -> str:
        node_id = self.check(certificate)
        if dialled_node is not None and node_id != dialled_node:
            raise RefusedPeer(
                Refusal.OTHER_NODE,
                f"expected {dialled_node!r} at this address, got {node_id!r}: correct the address",
            )
        return node_id

    async def _exchange_hello(self, link: Link) -> Hello:
        try:
            return await link.exchange_hello(self._hello)
        except InvalidFrame as error:
            raise RefusedPeer(Refusal.BAD_HELLO, f"{link.node_id}: {error}") from error
        except (OSError, EOFError) as error:
            raise refusal_of(error) from error

    def _check_instance(self, link: Link, hello: Hello) -> None:
        if link.node_id != self.identity.node_id:
            return
        ours = hello.instance == self._hello.instance
        raise RefusedPeer(
            Refusal.OWN_NODE,
            "expected another node, got our own id from "
            + (
                "ourselves: correct the address" if ours else "another process: stop one of the two"
            ),
        )

    def _turn_away(self, transport: asyncio.Transport, refusal: RefusedPeer) -> None:
        # Whoever gets here showed a certificate of the network, and may be told what is wrong.
        transport.write(encode_frame(Bye(refusal.reason)))
        transport.close()
        asyncio.get_running_loop().call_later(self._limits.close_timeout_s, transport.abort)


def _refused(error: Exception) -> RefusedPeer:
    """Why a handshake failed, with nothing of what it held.

    asyncio's futures, their exceptions and the frames these name hold each other, and a whole TLS
    connection with them, until the collector looks: in a node that is seldom.
    """
    refusal = refusal_of(error)
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__context__
    return refusal
