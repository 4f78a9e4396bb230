"""The page of JSON-RPC methods, from the table that the node serves them by."""

from typing import Any

from node.rpc.catalogue import catalogue
from node.rpc.limits import Limits
from scripts.reference_pages.markdown import code, page, table

INTRODUCTION = """\
`POST /` is the node's default group, `POST /groups/NAME` a named one; a WebSocket on the same paths
also carries subscriptions. The operator's listener binds loopback only and refuses a request that
names another `Host`; a second one, with TLS, lets in [who may read what](access.md). Neither
answers web pages. `GET /metrics`, `/healthz` and `/readyz` stand beside it.

Ethereum's methods behave as execution-apis specifies them, with these facts of a permissioned
ledger: every fee is zero; `latest`, `safe` and `finalized` are all the last stable block; `pending`
adds the pool's nonces. `rpc.discover` answers this table as an OpenRPC document. Errors are in
[error codes](error-codes.md)."""

FAMILIES = {
    "quorate_": "Quorate's own",
    "eth_": "Ethereum",
    "debug_": "Raw bytes and traces",
    "net_": "Network",
    "web3_": "Client",
    "rpc.": "Description",
}


def render() -> str:
    """The page."""
    methods = catalogue().describe("")["methods"]
    parts = [INTRODUCTION]
    for prefix, title in FAMILIES.items():
        rows = [
            (code(_call(method)), method["summary"], _type(method["result"]["schema"]))
            for method in methods
            if method["name"].startswith(prefix)
        ]
        parts += [f"## {title}", table(("method", "what it answers", "form"), rows)]
    assert all(method["name"].startswith(tuple(FAMILIES)) for method in methods)
    parts += [
        "## Bounds",
        "A request beyond one of these is answered with an error, never cut short in silence.",
        table(
            ("bound", "value"),
            ((code(name), value) for name, value in vars(Limits()).items()),
        ),
    ]
    return page("JSON-RPC", *parts)


def _call(method: dict[str, Any]) -> str:
    names = [p["name"] if p["required"] else f"{p['name']}?" for p in method["params"]]
    return f"{method['name']}({', '.join(names)})"


def _type(schema: dict[str, Any]) -> str:
    if "oneOf" in schema:
        return " or ".join(_type(option) for option in schema["oneOf"])
    if schema.get("type") == "array" and "items" in schema:
        return f"array of {_type(schema['items'])}"
    return str(schema.get("title") or schema["type"])
