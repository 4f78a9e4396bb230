"""The entries of a key's matrices as a `.zkey` holds them: matrix, row, wire, coefficient.

Coefficients are stored times 2^512, so that snarkjs's product with a plain witness value comes out
in Montgomery form. A row stays as bytes until an entry is asked for, and is checked then.
"""

from collections.abc import Sequence
from typing import overload

from zkp.field import ELEMENT_BYTES, R
from zkp.groth16.keys import Coefficient
from zkp.snarkjs.sections import Reader

COEFFICIENTS_MAX = 1 << 28

_ENTRY_BYTES = 3 * 4 + ELEMENT_BYTES
_FORM = pow(2, 512, R)
_UNFORM = pow(_FORM, -1, R)


class CoefficientRow(Sequence[Coefficient]):
    """Entries over a file's bytes. Raises `InvalidFile` where one that cannot be is read."""

    def __init__(self, packed: memoryview, domain: int, wires: int) -> None:
        assert len(packed) % _ENTRY_BYTES == 0, "a row holds whole entries"
        self.packed = packed
        self._domain, self._wires = domain, wires

    def __len__(self) -> int:
        return len(self.packed) // _ENTRY_BYTES

    @overload
    def __getitem__(self, index: int) -> Coefficient: ...
    @overload
    def __getitem__(self, index: slice) -> list[Coefficient]: ...
    def __getitem__(self, index: int | slice) -> Coefficient | list[Coefficient]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        start = range(len(self))[index] * _ENTRY_BYTES
        reader = Reader(self.packed[start : start + _ENTRY_BYTES])
        matrix = reader.index(2, "matrix")
        row, wire = reader.index(self._domain, "row"), reader.index(self._wires, "wire")
        return Coefficient(matrix, row, wire, reader.element(R, "coefficient") * _UNFORM % R)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CoefficientRow) and self.packed == other.packed

    def __hash__(self) -> int:
        return hash(bytes(self.packed))


def encode_coefficients(entries: Sequence[Coefficient]) -> bytes:
    """The section: how many there are, then each."""
    count = len(entries).to_bytes(4, "little")
    if isinstance(entries, CoefficientRow):
        return count + entries.packed
    parts = [count]
    for matrix, row, wire, value in entries:
        parts.append(matrix.to_bytes(4, "little") + row.to_bytes(4, "little"))
        parts.append(wire.to_bytes(4, "little"))
        parts.append((value * _FORM % R).to_bytes(ELEMENT_BYTES, "little"))
    return b"".join(parts)


def coefficient_row(section: Reader, domain: int, wires: int) -> CoefficientRow:
    """The entries of a section, not looked at yet. Raises `InvalidFile` for its length."""
    count = section.count(COEFFICIENTS_MAX, "coefficients")
    return CoefficientRow(section.view(count * _ENTRY_BYTES), domain, wires)
