"""The regulator's tool: reads a group over JSON-RPC and verifies what it is told.

Each verb is a function of a `Source` (a client and, for verifying, a genesis document) that
returns a value; `render_` functions show the values. The command wires them together.
"""

from .read import NotFound, account, block, blocks, contract, status, transaction
from .render import (
    render_account,
    render_block,
    render_blocks,
    render_contract,
    render_status,
    render_trace,
    render_transaction,
    render_verification,
)
from .source import Source
from .tracing import InvalidId, trace
from .verification import verify

__all__ = [
    "InvalidId",
    "NotFound",
    "Source",
    "account",
    "block",
    "blocks",
    "contract",
    "render_account",
    "render_block",
    "render_blocks",
    "render_contract",
    "render_status",
    "render_trace",
    "render_transaction",
    "render_verification",
    "status",
    "trace",
    "transaction",
    "verify",
]
