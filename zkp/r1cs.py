"""Rank-1 constraint systems, and the `.r1cs` files in which circom and snarkjs keep them.

A constraint (A, B, C) demands (A·w)(B·w) = C·w of the witness w, whose wire 0 is 1. Encoding is
deterministic: a circuit's identity is the hash of these bytes. The format is iden3's r1csfile v1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import sha3

from zkp.combinations import Combinations
from zkp.field import ELEMENT_BYTES, R
from zkp.snarkjs.sections import InvalidFile, Reader, encode_sections, read_sections

WIRES_MAX = 1 << 24
CONSTRAINTS_MAX = 1 << 24

_MAGIC, _VERSION = b"r1cs", 1
_HEADER, _CONSTRAINTS, _LABELS = 1, 2, 3

Terms = Mapping[int, int]


class Constraint(NamedTuple):
    """(A·w)(B·w) = C·w; each side maps wires to coefficients in [1, R)."""

    a: Terms
    b: Terms
    c: Terms


@dataclass(frozen=True)
class ConstraintSystem:
    """Wires in order: 1, public outputs, public inputs, private inputs, everything computed."""

    wires: int
    public_outputs: int
    public_inputs: int
    private_inputs: int
    constraints: Sequence[Constraint]

    @property
    def publics(self) -> int:
        """How many public signals a verifier is given."""
        return self.public_outputs + self.public_inputs

    def first_unsatisfied(self, witness: Sequence[int]) -> int | None:
        """The index of the first constraint that the witness breaks, None if it breaks none."""
        return next(iter(self.unsatisfied(witness)), None)

    def unsatisfied(self, witness: Sequence[int]) -> Iterable[int]:
        """The indices of all constraints that the witness breaks, in order."""
        assert len(witness) == self.wires, f"{len(witness)} values for {self.wires} wires"
        return self.combinations.broken(witness)

    @cached_property
    def combinations(self) -> Combinations:
        """The sides of all constraints, ready to be evaluated."""
        return Combinations(self.wires, self.constraints)


def dot(terms: Terms, witness: Sequence[int]) -> int:
    """The value of a linear combination, not reduced."""
    return sum([coefficient * witness[wire] for wire, coefficient in terms.items()])


def circuit_id(r1cs: bytes) -> bytes:
    """keccak-256 of an `.r1cs` file: the name under which contracts know a circuit."""
    return bytes(sha3.keccak_256(r1cs).digest())


def encode_r1cs(system: ConstraintSystem) -> bytes:
    """The `.r1cs` file: header, constraints with sorted wires, identity wire labels."""
    header = b"".join(
        (
            ELEMENT_BYTES.to_bytes(4, "little"),
            R.to_bytes(ELEMENT_BYTES, "little"),
            system.wires.to_bytes(4, "little"),
            system.public_outputs.to_bytes(4, "little"),
            system.public_inputs.to_bytes(4, "little"),
            system.private_inputs.to_bytes(4, "little"),
            system.wires.to_bytes(8, "little"),
            len(system.constraints).to_bytes(4, "little"),
        )
    )
    body = b"".join(_encode_terms(side) for constraint in system.constraints for side in constraint)
    labels = b"".join(wire.to_bytes(8, "little") for wire in range(system.wires))
    return encode_sections(
        _MAGIC, _VERSION, ((_HEADER, header), (_CONSTRAINTS, body), (_LABELS, labels))
    )


def decode_r1cs(data: bytes) -> ConstraintSystem:
    """Reads an `.r1cs` file. Raises `InvalidFile` for other fields, custom gates, bad lengths."""
    sections = read_sections(data, _MAGIC, _VERSION, required=(_HEADER, _CONSTRAINTS))
    custom_gates = [number for number in sections if number > _LABELS and sections[number].left > 4]
    if custom_gates:
        raise InvalidFile("r1cs: custom gates are PLONK's; expected a circuit without them")
    header = sections[_HEADER]
    header.expect_prime(R, "r1cs")
    wires = header.count(WIRES_MAX, "wires")
    outputs, inputs, privates = (header.count(wires, "inputs and outputs") for _ in range(3))
    header.take(8)
    count = header.count(CONSTRAINTS_MAX, "constraints")
    header.end("r1cs header")
    if 1 + outputs + inputs + privates > wires:
        raise InvalidFile(
            f"r1cs: {wires} wires cannot hold {outputs + inputs + privates} inputs and outputs"
        )
    body = sections[_CONSTRAINTS]
    constraints = []
    for _ in range(count):
        a, b, c = (_decode_terms(body, wires) for _ in range(3))
        constraints.append(Constraint(a, b, c))
    body.end("r1cs constraints")
    if _LABELS in sections and sections[_LABELS].left != 8 * wires:
        raise InvalidFile(f"r1cs: expected a label of 8 bytes for each of {wires} wires")
    return ConstraintSystem(wires, outputs, inputs, privates, tuple(constraints))


def _encode_terms(terms: Terms) -> bytes:
    parts = [len(terms).to_bytes(4, "little")]
    for wire in sorted(terms):
        parts.append(wire.to_bytes(4, "little"))
        parts.append(terms[wire].to_bytes(ELEMENT_BYTES, "little"))
    return b"".join(parts)


def _decode_terms(reader: Reader, wires: int) -> dict[int, int]:
    terms: dict[int, int] = {}
    for _ in range(reader.count(wires, "terms of a constraint")):
        wire = reader.index(wires, "wire")
        coefficient = reader.element(R, "coefficient")
        if wire in terms:
            raise InvalidFile(f"r1cs: wire {wire} stands twice in one linear combination")
        if coefficient:
            terms[wire] = coefficient
    return terms
