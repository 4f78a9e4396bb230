"""The backend that is written to be read: plain Python integers, nothing to build.

Slower than `zkp.native` by one to two orders of magnitude, and its judge in the tests.
"""

from zkp.curve.ate import pairing_product_is_one
from zkp.curve.msm import multi_scalar_multiply, multiply_each
from zkp.groth16.prove import prove
from zkp.groth16.verify import verify
from zkp.ntt import evaluate, interpolate
from zkp.precompiles import ecadd, ecmul, ecpairing

__all__ = [
    "NAME",
    "ecadd",
    "ecmul",
    "ecpairing",
    "evaluate",
    "interpolate",
    "multi_scalar_multiply",
    "multiply_each",
    "pairing_product_is_one",
    "prove",
    "verify",
]

NAME = "reference"
