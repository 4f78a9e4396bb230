"""The compression function of BLAKE2b, precompile 9 (EIP-152), with its gas before its form.

py-evm checks the form first, so that a call which cannot pay for its rounds would fail in other
words there than on the native engine and on Ethereum's nodes.
"""

from eth._utils.blake2.coders import extract_blake2b_parameters
from eth.precompiles.blake2 import blake2b_compress  # type: ignore[attr-defined]
from eth_utils.exceptions import ValidationError

from ledger.engine import MalformedInput, Precompile
from ledger.values import Address

BLAKE2_ADDRESS = Address((9).to_bytes(20))
INPUT_BYTES = 213
_ROUNDS_BYTES = 4


def blake2_gas(data: bytes) -> int:
    """One for each round, nothing for input of another length, which fails anyway."""
    return int.from_bytes(data[:_ROUNDS_BYTES]) if len(data) == INPUT_BYTES else 0


def blake2(data: bytes) -> bytes:
    """The 64 bytes of the next state; raises MalformedInput for another length or flag.

    Call it only for inputs whose gas was paid: the rounds are bounded by nothing else.
    """
    try:
        parameters = extract_blake2b_parameters(data)
    except ValidationError as error:
        raise MalformedInput(str(error)) from error
    state: bytes = blake2b_compress(*parameters)
    return state


BLAKE2 = Precompile(blake2_gas, blake2)
