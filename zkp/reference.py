"""The backend that is written to be read: plain Python integers, nothing to build.

Slower than `zkp.native` by one to two orders of magnitude, and its judge in the tests.
"""

from zkp.curve.ate import pairing_product_is_one
from zkp.curve.msm import combine, multi_scalar_multiply, multiply_each
from zkp.filling import fill
from zkp.groth16.prove import prove
from zkp.groth16.verify import verify
from zkp.ntt import evaluate, interpolate
from zkp.precompiles import ecadd, ecmul, ecpairing
from zkp.snarkjs.zkey import decode_zkey

__all__ = [
    "NAME",
    "combine",
    "decode_zkey",
    "ecadd",
    "ecmul",
    "ecpairing",
    "evaluate",
    "fill",
    "interpolate",
    "multi_scalar_multiply",
    "multiply_each",
    "pairing_product_is_one",
    "prove",
    "verify",
]

NAME = "reference"
