"""The one place that chooses who computes: `zkp.native` where its crate is built, else
`zkp.reference`.

Both are modules with the same verbs and the same results; `backend_named` gives either of them.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from zkp import reference
from zkp.curve.g1 import G1Point
from zkp.curve.g2 import G2Point
from zkp.curve.group import Group
from zkp.filling import Plan
from zkp.groth16.keys import Proof, ProvingKey, VerifyingKey
from zkp.r1cs import ConstraintSystem

Point = TypeVar("Point")


class Backend(Protocol):
    """What costs time. The functions are documented in `zkp.reference`'s modules."""

    NAME: str

    def decode_zkey(self, data: bytes) -> ProvingKey: ...

    def fill(self, plan: Plan, inputs: Sequence[int]) -> tuple[Sequence[int], int | None]: ...

    def prove(
        self,
        key: ProvingKey,
        witness: Sequence[int],
        *,
        system: ConstraintSystem | None = None,
        randbelow: Callable[[int], int] = secrets.randbelow,
    ) -> tuple[Proof, tuple[int, ...]]: ...

    def verify(self, key: VerifyingKey, proof: Proof, publics: Sequence[int]) -> bool: ...

    def multi_scalar_multiply(
        self, group: Group[Point], points: Sequence[Point | None], scalars: Sequence[int]
    ) -> Point | None: ...

    def combine(
        self,
        group: Group[Point],
        points: Sequence[Point | None],
        lists: Sequence[Sequence[tuple[int, int]]],
    ) -> list[Point | None]: ...

    def multiply_each(
        self, group: Group[Point], points: Sequence[Point | None], scalars: Sequence[int]
    ) -> list[Point | None]: ...

    def evaluate(self, coefficients: Sequence[int]) -> list[int]: ...

    def interpolate(self, values: Sequence[int]) -> list[int]: ...

    def pairing_product_is_one(
        self, pairs: Sequence[tuple[G1Point | None, G2Point | None]]
    ) -> bool: ...

    def ecadd(self, data: bytes) -> bytes: ...

    def ecmul(self, data: bytes) -> bytes: ...

    def ecpairing(self, data: bytes) -> bytes: ...


# The fastest first.
BACKENDS: tuple[Backend, ...]
try:
    from zkp import native
except ImportError:
    BACKENDS = (reference,)
else:
    BACKENDS = (native, reference)

CURRENT = BACKENDS[0]

decode_zkey: Callable[[bytes], ProvingKey] = CURRENT.decode_zkey
prove = CURRENT.prove
verify = CURRENT.verify
ecadd = CURRENT.ecadd
ecmul = CURRENT.ecmul
ecpairing = CURRENT.ecpairing


def backend_named(name: str) -> Backend | None:
    """The backend of this name; None where it is not built."""
    return next((backend for backend in BACKENDS if name == backend.NAME), None)
