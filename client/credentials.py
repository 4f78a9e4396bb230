"""How a client shows itself to a node that is not its own, and makes sure that it is a node.

A certificate or a token; TLS 1.3 to a server that a given CA vouches for. A node's certificate
names no host: with `ca` it suffices that it names a node of that CA's organisation.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography import x509

from ledger.private_file import ExposedFile, check_private, read_private

if TYPE_CHECKING:
    import requests

TOKEN_BYTES_MAX = 256
_TOKEN = re.compile(r"[\x21-\x7e]{1,255}")
_NODE_URI = re.compile(r"quorate:[a-z0-9._-]+/[a-z0-9._-]+")


class InvalidCredentials(Exception):
    """Credentials that cannot be used, or must not be shown there; the message says what to do."""


@dataclass(frozen=True)
class Credentials:
    """PEM files: the CA of the node's organisation, an own certificate with its key; a token.

    Without `ca` the system's CAs count, and the certificate has to name the host.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    token_file: Path | None = None

    def headers(self, url: str) -> dict[str, str]:
        """What a request to `url` carries. Raises InvalidCredentials."""
        if self.token_file is None:
            return {}
        if urlsplit(url).scheme != "https":
            raise InvalidCredentials(
                f"a token is shown over https only, not to {url}: name the node's TLS address "
                "(tls_listen in its node.toml)"
            )
        return {"Authorization": f"Bearer {_read_token(self.token_file)}"}

    def context(self) -> ssl.SSLContext:
        """The TLS that such a client speaks. Raises InvalidCredentials."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # `_NodeSocket` checks the name, a node's or the host's
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        try:
            if self.ca is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(cafile=self.ca)
            if (self.certificate is None) != (self.key is None):
                raise InvalidCredentials("give --cert and --key together")
            if self.certificate is not None and self.key is not None:
                check_private(self.key)
                context.load_cert_chain(self.certificate, self.key, password=lambda: b"")
        except ExposedFile as error:
            raise InvalidCredentials(f"the key {error}") from error
        except (OSError, ssl.SSLError) as error:
            named = ", ".join(str(p) for p in (self.ca, self.certificate, self.key) if p)
            raise InvalidCredentials(
                f"expected PEM files of a CA, a certificate and its key in {named}: {error}"
            ) from error
        context.sslsocket_class = _socket_class(takes_nodes=self.ca is not None)
        return context

    def session(self, url: str) -> requests.Session:
        """The same for web3.py. Raises InvalidCredentials."""
        import requests  # noqa: PLC0415  (comes with web3, which most commands do not load)
        from requests.adapters import HTTPAdapter  # noqa: PLC0415

        context = self.context()

        class Adapter(HTTPAdapter):
            def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
                options |= {"ssl_context": context, "assert_hostname": False}
                super().init_poolmanager(*arguments, **options)

        session = requests.Session()
        session.trust_env = False
        session.verify = True if self.ca is None else str(self.ca)
        session.headers.update(self.headers(url))
        session.mount("https://", Adapter())
        return session


def _socket_class(*, takes_nodes: bool) -> type[ssl.SSLSocket]:
    class NodeSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            data = self.getpeercert(binary_form=True)
            if data is None or not _is_named(data, str(self.server_hostname), takes_nodes):
                raise ssl.SSLCertVerificationError(
                    "the certificate names neither this host nor a node of that organisation"
                )

    return NodeSocket


def _is_named(der: bytes, host: str, takes_nodes: bool) -> bool:
    try:
        names = (
            x509.load_der_x509_certificate(der)
            .extensions.get_extension_for_class(x509.SubjectAlternativeName)
            .value
        )
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if takes_nodes and len(uris) == 1 and _NODE_URI.fullmatch(uris[0]):
        return True
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        known = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
        # RFC 6125, 6.4.3: a star stands for the first label, whole.
        return bool({host.lower(), "*." + host.lower().partition(".")[2]} & known)


def _read_token(path: Path) -> str:
    try:
        text = read_private(path, TOKEN_BYTES_MAX + 1).decode("ascii").strip()
    except ExposedFile as error:
        raise InvalidCredentials(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise InvalidCredentials(f"cannot read the token in {path}: {reason}") from None
    if _TOKEN.fullmatch(text) is None:
        raise InvalidCredentials(f"expected one token and nothing else in {path}")
    return text
