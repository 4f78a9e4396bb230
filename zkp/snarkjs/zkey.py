"""`.zkey` files: Groth16 proving keys as snarkjs keeps them.

Coefficients are stored times 2^512, so that snarkjs's product with a plain witness value comes out
in Montgomery form. Reading checks that points lie on their curves, G2 points of the verifying key
also their subgroup: a proof is verified before it leaves, which catches the rest.
"""

import hashlib
from collections.abc import Sequence

from zkp.curve.g1 import P
from zkp.field import ELEMENT_BYTES, R
from zkp.groth16.keys import PUBLICS_MAX, Coefficient, ProvingKey, VerifyingKey
from zkp.r1cs import WIRES_MAX
from zkp.snarkjs.contributions import MpcParams, decode_mpc_params, encode_mpc_params
from zkp.snarkjs.points import (
    decode_finite_g1,
    decode_finite_g2,
    decode_g1,
    decode_g2,
    encode_g1,
    encode_g2,
)
from zkp.snarkjs.sections import InvalidFile, Reader, encode_sections, read_sections

DOMAIN_MAX = 1 << 24
COEFFICIENTS_MAX = 1 << 28

_MAGIC, _VERSION = b"zkey", 1
_PROTOCOL, _HEADER, _IC, _COEFFICIENTS, _A, _B1, _B2, _C, _H, _CONTRIBUTIONS = range(1, 11)
_GROTH16 = 1
_COEFFICIENT_FORM = pow(2, 512, R)
_COEFFICIENT_UNFORM = pow(_COEFFICIENT_FORM, -1, R)


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
    coefficients = _encode_coefficients(key.coefficients)
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
    header.end(".zkey header")
    ic = tuple(decode_g1(sections[_IC], publics + 1))
    verifying = VerifyingKey(alpha1, beta2, gamma2, delta2, ic)
    verifying.check()
    key = ProvingKey(
        verifying,
        beta1,
        delta1,
        wires,
        domain,
        _decode_coefficients(sections[_COEFFICIENTS], domain, wires),
        a=decode_g1(sections[_A], wires),
        b1=decode_g1(sections[_B1], wires),
        b2=decode_g2(sections[_B2], wires),
        c=decode_g1(sections[_C], wires - publics - 1),
        h=decode_g1(sections[_H], domain),
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


def _encode_coefficients(entries: Sequence[Coefficient]) -> bytes:
    parts = [len(entries).to_bytes(4, "little")]
    for matrix, row, wire, value in entries:
        parts.append(matrix.to_bytes(4, "little") + row.to_bytes(4, "little"))
        parts.append(wire.to_bytes(4, "little"))
        parts.append((value * _COEFFICIENT_FORM % R).to_bytes(ELEMENT_BYTES, "little"))
    return b"".join(parts)


def _decode_coefficients(reader: Reader, domain: int, wires: int) -> list[Coefficient]:
    entries = []
    for _ in range(reader.count(COEFFICIENTS_MAX, "coefficients")):
        matrix = reader.index(2, "matrix")
        row, wire = reader.index(domain, "row"), reader.index(wires, "wire")
        value = reader.element(R, "coefficient") * _COEFFICIENT_UNFORM % R
        entries.append(Coefficient(matrix, row, wire, value))
    return entries
