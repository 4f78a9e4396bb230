"""The second RPC listener of a node, opened for a test, and requests over it by others."""

import json
import socket
import ssl
from pathlib import Path
from typing import Any

import urllib3

from node.config import NodeFolder

NO_GROUP, UNAUTHORIZED = -32001, 4100
"""Error codes: no such group for this caller; a method that its role does not allow."""


class RpcDoor:
    """A node's listener with TLS. The node has to start after it was opened."""

    def __init__(self, node: NodeFolder, ca: Path) -> None:
        """`ca` is the certificate of the node's organisation's CA."""
        self.node = node
        self._ca = ca
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        text = self.node.config.read_text(encoding="utf-8")
        assert 'tls_listen = ""' in text
        opened = text.replace('tls_listen = ""', f'tls_listen = "127.0.0.1:{port}"')
        self.node.config.write_text(opened, encoding="utf-8")
        self.port = port
        self.url = f"https://127.0.0.1:{port}"

    def context(self, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """What a client speaks, with a certificate and key of its own or without."""
        context = ssl.create_default_context(cafile=str(self._ca))
        context.check_hostname = False
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context

    def ask(
        self,
        method: str,
        params: list[Any],
        *,
        token: str = "",
        certificate: tuple[Path, Path] | None = None,
        pool: urllib3.PoolManager | None = None,
    ) -> dict[str, Any]:
        """The answer to one request, on a connection of its own unless there is a pool."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        pool = pool or urllib3.PoolManager(
            ssl_context=self.context(certificate), assert_hostname=False, retries=False
        )
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        answer = pool.request("POST", self.url, body=body, headers=headers)
        found: dict[str, Any] = json.loads(answer.data)
        return found
