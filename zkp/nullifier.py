"""Nullifiers: the public mark of a use, from a secret that was attested.

The same nonce in the same scope gives the same mark, so a contract refuses the second use; in
another scope it gives another one that nobody can link to it.
"""

from zkp.poseidon import poseidon

NULLIFIER_TAG = int.from_bytes(b"quorate nullifier v1", "big")


def nullifier(scope: int, nonce: int) -> int:
    """Poseidon of tag, scope and nonce: all field elements. The nonce must be attested and secret.

    `InvalidElement` for a number outside [0, r): n and n + r would be two marks of one nonce.
    """
    return poseidon(NULLIFIER_TAG, scope, nonce)
