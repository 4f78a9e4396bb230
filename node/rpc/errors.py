"""JSON-RPC errors: the codes of JSON-RPC 2.0, EIP-1474 and execution clients, with sentences.

A message says what was expected, what came, and what to do about it.
"""

from __future__ import annotations

from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMETERS = -32602
INTERNAL_ERROR = -32603
INVALID_INPUT = -32000
RESOURCE_NOT_FOUND = -32001
RESOURCE_UNAVAILABLE = -32002
TRANSACTION_REJECTED = -32003
METHOD_NOT_SUPPORTED = -32004
LIMIT_EXCEEDED = -32005
EXECUTION_REVERTED = 3
UNAUTHORIZED = 4100
"""EIP-1193: the caller is not known, or its role does not allow the method."""


class RpcError(Exception):
    """An answer that is an error object. `data` is left out of the answer when it is None."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """The error object of JSON-RPC 2.0, section 5.1."""
        answer: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            answer["data"] = self.data
        return answer


def invalid_parameters(message: str) -> RpcError:
    """The caller's parameters are not of the method's form."""
    return RpcError(INVALID_PARAMETERS, message)


def not_found(message: str) -> RpcError:
    """The named thing is not on this node."""
    return RpcError(RESOURCE_NOT_FOUND, message)


def limit_exceeded(message: str) -> RpcError:
    """The request is well formed and larger than this node serves."""
    return RpcError(LIMIT_EXCEEDED, message)
