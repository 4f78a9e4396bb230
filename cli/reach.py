"""Reaching a node by `--rpc`: the options that show a caller to a node that is not its own.

`remote` gives them to a command, and `reach` makes the client; nothing else takes them.
"""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from client.credentials import Credentials
from client.rpc import Client

_present: ContextVar[Credentials | None] = ContextVar("credentials", default=None)
"""Of the command that runs: between the options and whoever makes a client stand many calls."""

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = {
    "ca": typer.Option(
        "--ca", envvar="QUORATE_RPC_CA", help="CA of the organisation whose node an https:// is."
    ),
    "cert": typer.Option("--cert", envvar="QUORATE_RPC_CERT", help="An own certificate for it."),
    "cert_key": typer.Option("--key", envvar="QUORATE_RPC_KEY", help="That one's key."),
    "token_file": typer.Option(
        "--token-file", envvar="QUORATE_RPC_TOKEN_FILE", help="A file with a token for it."
    ),
}


def remote(command: F) -> F:
    """Decorate a command with a `--rpc` option: it takes credentials too, and `reach` uses them."""
    signature = inspect.signature(command)

    @wraps(command)
    def with_credentials(*arguments: Any, **given: Any) -> Any:
        ca, cert, key, token = (given.pop(name, None) for name in _OPTIONS)
        _present.set(Credentials(ca, cert, key, token))
        return command(*arguments, **given)

    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[Path | None, option],
        )
        for name, option in _OPTIONS.items()
    ]
    parameters = [*signature.parameters.values(), *added]
    with_credentials.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    )
    with_credentials.__annotations__ = {
        **command.__annotations__,
        **{parameter.name: parameter.annotation for parameter in added},
    }
    return with_credentials  # type: ignore[return-value]


def reach(url: str, group: str | None = None) -> Client:
    """A client for `url`, with the present command's credentials where it is an https address."""
    return Client(url, group, credentials=_present.get() if url.startswith("https:") else None)
