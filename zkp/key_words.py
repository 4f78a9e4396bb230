"""A verification key as the words that the precompile `groth16_verify` takes before a proof.

Their hash names a key wherever contracts do: in the registry of circuits, in a verifier's source.
"""

import sha3

from zkp.field import ELEMENT_BYTES
from zkp.groth16.keys import VerifyingKey
from zkp.snarkjs.calldata import key_words


def encode_key(key: VerifyingKey) -> bytes:
    """alpha, beta, gamma, delta, then the IC points: 16 words and 2 for each public input."""
    alpha, beta, gamma, delta, ic = key_words(key)
    words = (*alpha, *beta, *gamma, *delta, *(word for point in ic for word in point))
    return b"".join(word.to_bytes(ELEMENT_BYTES) for word in words)


def key_hash(key: VerifyingKey) -> bytes:
    """keccak-256 of `encode_key`."""
    return bytes(sha3.keccak_256(encode_key(key)).digest())
