"""The two precompiles of ours, Poseidon and Groth16's verifier, as functions from bytes to bytes.

Plain Python on purpose: an engine that runs on them owes nothing to the crate's. Which addresses
they stand at is not their concern; malformed input raises `InvalidPrecompileInput`.
"""

from zkp.curve.ate import g1_is_valid, g2_is_valid
from zkp.curve.g1 import G1Point
from zkp.curve.g2 import G2Point
from zkp.field import R
from zkp.groth16.keys import Proof, VerifyingKey
from zkp.groth16.verify import equation_holds
from zkp.poseidon import poseidon

WORD_BYTES = 32

POSEIDON_INPUTS_MIN, POSEIDON_INPUTS_MAX = 2, 6
POSEIDON_PRODUCT_GAS = 60

GROTH16_PUBLICS_MAX = 64
GROTH16_GAS = 60_000
GROTH16_PUBLIC_GAS = 600
# alpha of G1, beta, gamma and delta of G2, the first IC point; then A, B, C.
_FIXED_WORDS = (2 + 3 * 4 + 2) + (2 + 4 + 2)
# An IC point and the number itself.
_PUBLIC_WORDS = 3


class InvalidPrecompileInput(ValueError):
    """Input of another length, a number that is not reduced, a point that is none."""


def poseidon_gas(data: bytes) -> int:
    """60 gas for each product of a round: the square of the state's width, one above the inputs."""
    return POSEIDON_PRODUCT_GAS * (_words_begun(data) + 1) ** 2


def poseidon_call(data: bytes) -> bytes:
    """The hash of 2 to 6 words, each below r, as a word (circomlib's parameters)."""
    words = _words(data)
    if not POSEIDON_INPUTS_MIN <= len(words) <= POSEIDON_INPUTS_MAX:
        raise InvalidPrecompileInput(
            f"expected {POSEIDON_INPUTS_MIN} to {POSEIDON_INPUTS_MAX} words, got {len(words)}"
        )
    return poseidon(*_scalars(words)).to_bytes(WORD_BYTES)


def groth16_verify_gas(data: bytes) -> int:
    """60,000 gas and 600 for each public input that the length has room for."""
    publics = max(0, _words_begun(data) - _FIXED_WORDS) // _PUBLIC_WORDS
    return GROTH16_GAS + GROTH16_PUBLIC_GAS * publics


def groth16_verify_call(data: bytes) -> bytes:
    """1 as a word if the proof shows the statement under the key, else 0.

    Words: alpha, beta, gamma, delta, the IC points (one more than there are inputs), A, B, C, the
    public inputs; points as EIP-197 writes them. Only an IC point may be the identity (0, 0).
    """
    words = _words(data)
    publics, rest = divmod(len(words) - _FIXED_WORDS, _PUBLIC_WORDS)
    if rest or not 0 <= publics <= GROTH16_PUBLICS_MAX:
        raise InvalidPrecompileInput(
            f"expected {_FIXED_WORDS} words and {_PUBLIC_WORDS} for each of at most "
            f"{GROTH16_PUBLICS_MAX} public inputs, got {len(words)}"
        )
    taken = iter(words)
    key = VerifyingKey(
        _finite_g1(next(taken), next(taken)),
        _g2(next(taken), next(taken), next(taken), next(taken)),
        _g2(next(taken), next(taken), next(taken), next(taken)),
        _g2(next(taken), next(taken), next(taken), next(taken)),
        tuple(_g1(next(taken), next(taken)) for _ in range(publics + 1)),
    )
    proof = Proof(
        _finite_g1(next(taken), next(taken)),
        _g2(next(taken), next(taken), next(taken), next(taken)),
        _finite_g1(next(taken), next(taken)),
    )
    holds = equation_holds(key, proof, _scalars(list(taken)))
    return int(holds).to_bytes(WORD_BYTES)


def _words_begun(data: bytes) -> int:
    return (len(data) + WORD_BYTES - 1) // WORD_BYTES


def _words(data: bytes) -> list[int]:
    if len(data) % WORD_BYTES:
        raise InvalidPrecompileInput(f"expected whole words, got {len(data)} bytes")
    starts = range(0, len(data), WORD_BYTES)
    return [int.from_bytes(data[start : start + WORD_BYTES]) for start in starts]


def _scalars(words: list[int]) -> list[int]:
    if not all(word < R for word in words):
        raise InvalidPrecompileInput("a scalar is not reduced: expected a number below r")
    return words


def _finite_g1(x: int, y: int) -> G1Point:
    if not g1_is_valid((x, y)):
        raise InvalidPrecompileInput("expected reduced coordinates of a point of G1")
    return x, y


def _g1(x: int, y: int) -> G1Point | None:
    return None if x == 0 and y == 0 else _finite_g1(x, y)


def _g2(x_imaginary: int, x_real: int, y_imaginary: int, y_real: int) -> G2Point:
    point = ((x_real, x_imaginary), (y_real, y_imaginary))
    if not g2_is_valid(point):
        raise InvalidPrecompileInput("expected reduced coordinates of a point of G2's subgroup")
    return point
