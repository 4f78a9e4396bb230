"""`.zkey` files: Groth16 proving keys as snarkjs keeps them.

Reading checks that points lie on their curves, G2 points of the verifying key also their subgroup:
a proof is verified before it leaves, which catches the rest.
"""

import hashlib
from dataclasses import replace

from zkp.curve.g1 import P
from zkp.field import ELEMENT_BYTES, R
from zkp.groth16.keys import PUBLICS_MAX, ProvingKey, VerifyingKey
from zkp.r1cs import WIRES_MAX
from zkp.snarkjs.contributions import MpcParams, decode_mpc_params, encode_mpc_params
from zkp.snarkjs.entries import coefficient_row, encode_coefficients
from zkp.snarkjs.points import (
    G1_BYTES,
    G2_BYTES,
    decode_finite_g1,
    decode_finite_g2,
    decode_g1,
    encode_g1,
    encode_g2,
)
from zkp.snarkjs.rows import g1_row, g2_row
from zkp.snarkjs.sections import InvalidFile, Reader, encode_sections, read_sections

DOMAIN_MAX = 1 << 24

_MAGIC, _VERSION = b"zkey", 1
_PROTOCOL, _HEADER, _IC, _COEFFICIENTS, _A, _B1, _B2, _C, _H, _CONTRIBUTIONS = range(1, 11)
_GROTH16 = 1


def encode_zkey(key: ProvingKey, history: MpcParams | None = None) -> bytes:
    """The file of a key with its history; a key without one was made by a single party.

    Such a key gets 64 bytes that name its constraints, and no contributions.
    """
    verifying = key.verifying
    header = b"".join(
        (
            ELEMENT_BYTES.to_bytes(4, "little") + P.to_bytes(ELEMENT_BYTES, "little"),
            ELEMENT_BYTES.to_bytes(4, "little") + R.to_bytes(ELEMENT_BYTES, "little"),
            key.wires.to_bytes(4, "little"),
            verifying.publics.to_bytes(4, "little"),
            key.domain.to_bytes(4, "little"),
            encode_g1([verifying.alpha1, key.beta1]),
            encode_g2([verifying.beta2, verifying.gamma2]),
            encode_g1([key.delta1]),
            encode_g2([verifying.delta2]),
        )
    )
    coefficients = encode_coefficients(key.coefficients)
    if history is None:
        history = MpcParams(hashlib.blake2b(coefficients).digest())
    sections = (
        (_PROTOCOL, _GROTH16.to_bytes(4, "little")),
        (_HEADER, header),
        (_IC, encode_g1(verifying.ic)),
        (_COEFFICIENTS, coefficients),
        (_A, encode_g1(key.a)),
        (_B1, encode_g1(key.b1)),
        (_B2, encode_g2(key.b2)),
        (_C, encode_g1(key.c)),
        (_H, encode_g1(key.h)),
        (_CONTRIBUTIONS, encode_mpc_params(history)),
    )
    return encode_sections(_MAGIC, _VERSION, sections)


def decode_zkey(data: bytes) -> ProvingKey:
    """The key in a file. Raises `InvalidFile` for its form and `InvalidKey` for its points."""
    key = open_zkey(data)
    key.verifying.check()
    rows = {name: getattr(key, name)[:] for name in ("coefficients", "a", "b1", "b2", "c", "h")}
    return replace(key, **rows)


def open_zkey(data: bytes) -> ProvingKey:
    """The same with rows that stay as bytes: what is in one is checked when it is read, and that
    points of the verifying key lie in their subgroups is not. Raises as `decode_zkey`.
    """
    required = range(_PROTOCOL, _CONTRIBUTIONS)
    sections = read_sections(data, _MAGIC, _VERSION, required)
    if sections[_PROTOCOL].number(4) != _GROTH16:
        raise InvalidFile(".zkey: expected a Groth16 key, got one of another protocol")
    header = sections[_HEADER]
    wires, publics, domain = read_counts(header)
    alpha1, beta1 = (decode_finite_g1(header, ".zkey header") for _ in range(2))
    beta2, gamma2 = (decode_finite_g2(header, ".zkey header") for _ in range(2))
    delta1 = decode_finite_g1(header, ".zkey header")
    delta2 = decode_finite_g2(header, ".zkey header")
    ic = tuple(decode_g1(sections[_IC], publics + 1))
    key = ProvingKey(
        VerifyingKey(alpha1, beta2, gamma2, delta2, ic),
        beta1,
        delta1,
        wires,
        domain,
        coefficient_row(sections[_COEFFICIENTS], domain, wires),
        a=g1_row(sections[_A].view(wires * G1_BYTES)),
        b1=g1_row(sections[_B1].view(wires * G1_BYTES)),
        b2=g2_row(sections[_B2].view(wires * G2_BYTES)),
        c=g1_row(sections[_C].view((wires - publics - 1) * G1_BYTES)),
        h=g1_row(sections[_H].view(domain * G1_BYTES)),
    )
    for number in required:
        sections[number].end(f".zkey section {number}")
    return key


def read_counts(header: Reader) -> tuple[int, int, int]:
    """Wires, public signals and rows, from the header's beginning. Raises InvalidFile."""
    header.expect_prime(P, ".zkey")
    header.expect_prime(R, ".zkey")
    wires = header.count(WIRES_MAX, "wires")
    publics = header.count(PUBLICS_MAX, "public signals")
    domain = header.count(DOMAIN_MAX, "rows")
    if domain.bit_count() != 1 or publics >= wires:
        raise InvalidFile(f".zkey: {domain} rows, {publics} of {wires} wires public: not a key")
    return wires, publics, domain


def decode_history(data: bytes) -> MpcParams:
    """Who contributed to the key in a file. Raises `InvalidFile`, or `InvalidKey` for points."""
    sections = read_sections(data, _MAGIC, _VERSION, (_PROTOCOL, _CONTRIBUTIONS))
    if sections[_PROTOCOL].number(4) != _GROTH16:
        raise InvalidFile(".zkey: expected a Groth16 key, got one of another protocol")
    return decode_mpc_params(sections[_CONTRIBUTIONS])
