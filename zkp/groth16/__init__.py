"""Groth16 (eprint 2016/260) over BN254, one verb a file: set up, prove, verify.

Keys are the ones of `zkp.groth16.keys`; their files are in `zkp.snarkjs`.
"""

from zkp.groth16.keys import InvalidKey, InvalidWitness, Proof, ProvingKey, VerifyingKey
from zkp.groth16.prove import prove
from zkp.groth16.setup import setup
from zkp.groth16.verify import verify

__all__ = [
    "InvalidKey",
    "InvalidWitness",
    "Proof",
    "ProvingKey",
    "VerifyingKey",
    "prove",
    "setup",
    "verify",
]
