"""A node's RPC put together: the audit log, the door with its TLS, who judges, and the server.

Between `service` and `rpc`; what goes wrong is a `ConfigurationError` for the operator.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

from node.audit.asked import load_describer
from node.audit.log import AuditLog, AuditUnavailable, Caller, InvalidAuditFolder
from node.config import ConfigurationError, NodeConfig, NodeFolder, parse_address
from node.metrics import Metrics
from node.p2p import PeerNetwork
from node.rpc.authentication import Doorkeeper
from node.rpc.gatekeeper import AuditDesk
from node.rpc.server import Door, RpcServer
from node.rpc.tls import (
    InvalidRpcCertificate,
    listener_context,
    show_certificate,
    trust_authorities,
)
from node.rpc.view import NodeView

log = structlog.get_logger("node")


class RpcWiring:
    """One node's. `open_log`, `server`, then `follow` whenever certificates may have changed."""

    def __init__(self, folder: NodeFolder, config: NodeConfig, metrics: Metrics) -> None:
        self._folder = folder
        self._config = config
        self._metrics = metrics
        self._log: AuditLog | None = None
        self._context: ssl.SSLContext | None = None
        self._operator = Caller("operator", "operator", config.org)

    def open_log(self) -> None:
        """Open the audit log and begin to write it. Raises ConfigurationError."""
        made = AuditLog(
            self._folder.audit,
            retention_days=self._config.audit.log_retention_days_min,
            on_failure=self._metrics.audit_failing.set,
        )
        try:
            made.open()
        except InvalidAuditFolder as error:
            raise ConfigurationError(str(error)) from error
        made.start()
        self._log = made
        self.operated("start")

    def operated(
        self, method: str, *, group: str = "", asked: str = "", outcome: str = "ok"
    ) -> None:
        """An entry for what the operator had the node do."""
        if self._log is None:
            return
        try:
            self._log.add(
                "operator",
                self._operator,
                method=method,
                group=group,
                asked=asked,
                outcome=outcome,
            )
        except AuditUnavailable as error:
            log.error("audit.unwritten", act=method, reason=str(error))

    def server(self, node: NodeView, host: str, port: int, network: PeerNetwork) -> RpcServer:
        """The server, not yet started. Raises ConfigurationError or InvalidListenAddress."""
        assert self._log is not None
        return RpcServer(
            node,
            host,
            port,
            metrics=self._metrics,
            organisation=self._config.org,
            desk=AuditDesk(self._log, load_describer(self._folder.audit_key)),
            door=self._door(network) if self._config.rpc.tls_listen else None,
        )

    def follow(self, network: PeerNetwork) -> None:
        """Show the certificate that is in place now, and take clients of the CAs of now."""
        if self._context is None:
            return
        try:
            show_certificate(self._context, *self._pair())
            trust_authorities(self._context, network.trust.authorities_pem())
        except (InvalidRpcCertificate, ssl.SSLError) as error:
            log.error("rpc.certificate_unchanged", reason=str(error))

    async def close(self) -> None:
        """Write what is left of the audit log."""
        if self._log is not None:
            self.operated("stop")
            await self._log.close()
            self._log = None

    def _door(self, network: PeerNetwork) -> Door:
        host, port = parse_address(self._config.rpc.tls_listen)
        keeper = Doorkeeper(
            self._folder.grants, lambda: network.trust, metrics=self._metrics, audit=self._log
        )
        try:
            self._context = listener_context(
                *self._pair(), network.trust.authorities_pem(), keeper.refused_handshake
            )
        except InvalidRpcCertificate as error:
            raise ConfigurationError(f"[rpc] certificate and key: {error}") from error
        return Door(host, port, self._context, keeper)

    def _pair(self) -> tuple[Path, Path]:
        named = self._config.rpc
        if not named.certificate:
            return self._folder.tls_certificate, self._folder.tls_key
        return self._folder.path / named.certificate, self._folder.path / named.key
