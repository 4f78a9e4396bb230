"""py-evm's computations as the call tree of geth's callTracer.

`Traced` notes which opcode made a frame, what it logged and where it destroyed itself: a message
alone does not tell. The native engine writes the same tree; a test compares them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eth.abc import ComputationAPI
from eth.exceptions import Halt
from eth.vm.forks.cancun.computation import CancunComputation

from ledger.engine import TRACE_BYTES_MAX, TraceTooLarge
from ledger.failures import failure_words
from ledger.values import Address, to_hex

ENTRY_BYTES = 256
"""What a frame or a log counts beside its own bytes: `native/src/evm/tracer.rs` counts alike."""

_MAKERS = {
    0xF0: "CREATE",
    0xF1: "CALL",
    0xF2: "CALLCODE",
    0xF4: "DELEGATECALL",
    0xF5: "CREATE2",
    0xFA: "STATICCALL",
}
_LOGS = range(0xA0, 0xA5)
_SELFDESTRUCT = 0xFF

Frame = dict[str, Any]
Opcode = Callable[..., Any]


class Traced(CancunComputation):
    """Mixed into a computation whose frames are to be shown; `opcodes` come from `traced`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.kinds: list[str] = []
        """The opcode that made each child, in their order."""
        self.placed_logs: list[tuple[int, Frame]] = []
        """Each log with the number of calls before it."""
        self.left: Frame | None = None
        """The frame of the SELFDESTRUCT that ended this one."""


def traced(opcodes: Mapping[int, Opcode]) -> dict[int, Opcode]:
    """The opcodes, those that a tree shows with a note of it."""
    table = dict(opcodes)
    for number, kind in _MAKERS.items():
        table[number] = _making(kind, opcodes[number])
    for number in _LOGS:
        table[number] = _logging(opcodes[number])
    table[_SELFDESTRUCT] = _leaving(opcodes[_SELFDESTRUCT])
    return table


def _making(kind: str, opcode: Opcode) -> Opcode:
    def run(computation: Traced) -> None:
        opcode(computation=computation)
        # What lacked depth, balance or a free address was never entered: no frame.
        computation.kinds += [kind] * (len(computation.children) - len(computation.kinds))

    return run


def _logging(opcode: Opcode) -> Opcode:
    def run(computation: Traced) -> None:
        opcode(computation=computation)
        _, address, topics, data = computation._log_entries[-1]
        position = len(computation.children)
        computation.placed_logs.append(
            (
                position,
                {
                    "address": to_hex(bytes(address)),
                    "topics": [to_hex(topic.to_bytes(32)) for topic in topics],
                    "data": to_hex(bytes(data)),
                    "position": hex(position),
                },
            )
        )

    return run


def _leaving(opcode: Opcode) -> Opcode:
    def run(computation: Traced) -> None:
        own = computation.msg.storage_address
        balance = computation.state.get_balance(own)
        try:
            opcode(computation=computation)
        except Halt:
            computation.left = {
                "type": "SELFDESTRUCT",
                "from": to_hex(bytes(own)),
                "to": to_hex(bytes(computation.beneficiaries[-1])),
                "value": hex(balance),
                "gas": "0x0",
                "gasUsed": "0x0",
                "input": "0x",
            }
            raise

    return run


def call_tree(
    computation: ComputationAPI, *, gas: int, gas_used: int, created: Address | None
) -> Frame:
    """The tree of a transaction; the root's gas counts what was spent before the first opcode.

    Raises TraceTooLarge.
    """
    assert isinstance(computation, Traced)
    tree, size = _frame(computation, "CALL" if created is None else "CREATE", 0)
    if size > TRACE_BYTES_MAX:
        raise TraceTooLarge
    tree["gas"] = hex(gas)
    tree["gasUsed"] = hex(gas_used)
    return tree


def _frame(computation: Traced, kind: str, size: int) -> tuple[Frame, int]:
    """A frame with those below it, and how large the tree is with them."""
    message = computation.msg
    to = message.storage_address if message.is_create else message.code_address
    data = bytes(message.code if message.is_create else message.data)
    output = bytes(computation.output)
    failure = failure_words(computation)
    frame: Frame = {
        "type": kind,
        "from": to_hex(
            bytes(message.storage_address if kind == "DELEGATECALL" else message.sender)
        ),
        "to": to_hex(bytes(to)),
        "value": hex(message.value),
        "gas": hex(message.gas),
        "gasUsed": hex(computation.get_gas_used()),
        "input": to_hex(data),
    }
    size += ENTRY_BYTES + len(data) + len(output)
    if kind == "STATICCALL":
        del frame["value"]
    if failure is not None and message.is_create:
        del frame["to"]
    if output:
        frame["output"] = to_hex(output)
    if failure is not None:
        frame["error"] = failure
    if computation.placed_logs:
        frame["logs"] = [log for _, log in computation.placed_logs]
        size += sum(ENTRY_BYTES + len(log["data"]) // 2 - 1 for log in frame["logs"])
    calls = []
    for child, made_by in zip(computation.children, computation.kinds, strict=True):
        assert isinstance(child, Traced)
        if size > TRACE_BYTES_MAX:
            raise TraceTooLarge
        below, size = _frame(child, made_by, size)
        calls.append(below)
    if computation.left is not None:
        calls.append(computation.left)
        size += ENTRY_BYTES
    if calls:
        frame["calls"] = calls
    return frame, size
