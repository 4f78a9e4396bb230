"""py-evm's computations as the call tree of geth's callTracer.

The opcode of a frame is told by its message: a call within a static frame shows as STATICCALL, and
CREATE2 as CREATE.
"""

from typing import Any

from eth.abc import ComputationAPI, MessageAPI
from eth.exceptions import OutOfGas, Revert

from ledger.values import Address, to_hex


def call_tree(
    computation: ComputationAPI, *, gas: int, gas_used: int, created: Address | None
) -> dict[str, Any]:
    """The tree of a transaction; the root's gas counts what was spent before the first opcode."""
    tree = _frame(computation)
    tree["gas"] = hex(gas)
    tree["gasUsed"] = hex(gas_used)
    if created is not None:
        tree["to"] = to_hex(created)
    return tree


def _frame(computation: ComputationAPI) -> dict[str, Any]:
    message = computation.msg
    to = message.storage_address if message.is_create else message.code_address
    frame: dict[str, Any] = {
        "type": _kind(message),
        "from": to_hex(bytes(message.sender)),
        "to": to_hex(bytes(to)),
        "value": hex(message.value),
        "gas": hex(message.gas),
        "gasUsed": hex(computation.get_gas_used()),
        "input": to_hex(bytes(message.code if message.is_create else message.data)),
    }
    if frame["type"] == "DELEGATECALL":
        frame["from"] = to_hex(bytes(message.storage_address))
        del frame["value"]
    output = bytes(computation.output)
    if output:
        frame["output"] = to_hex(output)
    if computation.is_error:
        frame["error"] = _error(computation)
    if computation.children:
        frame["calls"] = [_frame(child) for child in computation.children]
    return frame


def _kind(message: MessageAPI) -> str:
    if message.is_create:
        return "CREATE"
    own_code = message.code_address == message.storage_address
    if not message.should_transfer_value:
        return "STATICCALL" if message.is_static and own_code else "DELEGATECALL"
    if not own_code:
        return "CALLCODE"
    return "STATICCALL" if message.is_static else "CALL"


def _error(computation: ComputationAPI) -> str:
    error = computation.error
    if isinstance(error, Revert):
        return "execution reverted"
    return "out of gas" if isinstance(error, OutOfGas) else type(error).__name__
