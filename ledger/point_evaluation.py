"""KZG point evaluation, precompile 10 (EIP-4844), with its trusted setup loaded once.

py-evm 0.12 loads the setup's file for every call, which takes longer than any other opcode's gas.
Blob transactions are refused here; the precompile is part of Cancun all the same.
"""

import hashlib
from functools import cache
from typing import Any

import ckzg
from eth.precompiles.point_evaluation import TRUSTED_SETUP_PATH

from ledger.engine import MalformedInput, Precompile
from ledger.values import Address

POINT_EVALUATION_ADDRESS = Address((10).to_bytes(20))
GAS = 50_000
INPUT_BYTES = 192
VERSION_KZG = b"\x01"
BLS_MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
ANSWER = (4096).to_bytes(32) + BLS_MODULUS.to_bytes(32)
"""Field elements per blob, then the modulus: what a true proof returns."""


@cache
def _trusted_setup() -> Any:
    return ckzg.load_trusted_setup(TRUSTED_SETUP_PATH, 0)


def point_evaluation(data: bytes) -> bytes:
    """ANSWER for versioned hash | z | y | commitment | proof that hold; raises MalformedInput."""
    if len(data) != INPUT_BYTES:
        raise MalformedInput(f"expected {INPUT_BYTES} bytes, got {len(data)}")
    versioned_hash, z, y = data[:32], data[32:64], data[64:96]
    commitment, proof = data[96:144], data[144:]
    if VERSION_KZG + hashlib.sha256(commitment).digest()[1:] != versioned_hash:
        raise MalformedInput("the commitment is not the versioned hash's")
    try:
        holds = ckzg.verify_kzg_proof(commitment, z, y, proof, _trusted_setup())
    except RuntimeError as error:  # ckzg: not a field element, or not a point
        raise MalformedInput("a point or a field element is not canonical") from error
    if not holds:
        raise MalformedInput("the proof does not hold")
    return ANSWER


POINT_EVALUATION = Precompile(lambda _: GAS, point_evaluation)
