"""What made an execution on py-evm fail, in the few words that Ethereum's nodes use for it.

The native engine has the same words in `native/src/evm/tracer.rs`.
"""

from eth.abc import ComputationAPI
from eth.exceptions import (
    ContractCreationCollision,
    FullStack,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfBoundsRead,
    OutOfGas,
    ReservedBytesInCode,
    Revert,
    VMError,
    WriteProtection,
)

INVALID_PRECOMPILE_INPUT = "invalid input of a precompile"

_STACK = "stack underflow or overflow"
"""One for both: revm does not tell a DUP of what is not there from one too many."""
_WORDS: dict[type[VMError], str] = {
    Revert: "execution reverted",
    InsufficientStack: _STACK,
    FullStack: _STACK,
    InvalidInstruction: "invalid opcode",
    InvalidJumpDestination: "invalid jump destination",
    WriteProtection: "write protection",
    OutOfBoundsRead: "return data out of bounds",
    ContractCreationCollision: "contract address collision",
    ReservedBytesInCode: "invalid code: must not begin with 0xef",
}
_JUMP_INTO_DATA = "Jump resulted in invalid instruction"
"""py-evm's InvalidInstruction for a JUMPDEST's byte inside of a PUSH."""
_CODE_TOO_LARGE = "Contract code size exceeds EIP-170"
"""py-evm has no exception of its own for it."""


class InvalidPrecompileCall(OutOfGas):
    """A precompile was given what is no input of it, and the frame loses all its gas."""


def failure_words(computation: ComputationAPI) -> str | None:
    """Why a frame failed, None if it did not."""
    if not computation.is_error:
        return None
    error = computation.error
    kind = InvalidJumpDestination if str(error) == _JUMP_INTO_DATA else type(error)
    if kind in _WORDS:
        return _WORDS[kind]
    if isinstance(error, InvalidPrecompileCall):
        return INVALID_PRECOMPILE_INPUT
    if isinstance(error, OutOfGas):
        is_code = str(error).startswith(_CODE_TOO_LARGE)
        return "max code size exceeded" if is_code else "out of gas"
    if computation.msg.code_address in computation.get_precompiles():
        return INVALID_PRECOMPILE_INPUT
    return "execution failed"
