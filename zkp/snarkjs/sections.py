"""iden3's binary container: a magic word, a version, and numbered sections with their lengths.

`.r1cs`, `.wtns`, `.zkey` and `.ptau` files are such containers. Reading bounds every count before
it allocates, and refuses files that are cut short or carry more than they declare.
"""

from collections.abc import Iterable, Sequence

from zkp.field import ELEMENT_BYTES

SECTIONS_MAX = 16


class InvalidFile(ValueError):
    """A binary file that is not what its name says."""


class Reader:
    """Takes little-endian values off the front of a section."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0

    @property
    def left(self) -> int:
        """Bytes not yet taken."""
        return len(self._data) - self._position

    def view(self, size: int) -> memoryview:
        """The next `size` bytes where they lie, not copied."""
        if size > self.left:
            raise InvalidFile(f"expected {size} more bytes, {self.left} are left: file cut short?")
        start = self._position
        self._position += size
        return self._data[start : self._position]

    def take(self, size: int) -> bytes:
        """A copy of the next `size` bytes."""
        return bytes(self.view(size))

    def number(self, size: int) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def count(self, maximum: int, what: str) -> int:
        """A 32-bit count, at most `maximum`."""
        value = self.number(4)
        if value > maximum:
            raise InvalidFile(f"{value} {what}: expected at most {maximum}")
        return value

    def index(self, count: int, what: str) -> int:
        """A 32-bit index below `count`."""
        value = self.number(4)
        if value >= count:
            raise InvalidFile(f"{what} {value}: expected one below {count}")
        return value

    def element(self, modulus: int, what: str) -> int:
        """A field element of 32 bytes, below `modulus`."""
        value = self.number(ELEMENT_BYTES)
        if value >= modulus:
            raise InvalidFile(f"{what} is not reduced: expected a number below the field's prime")
        return value

    def expect_prime(self, modulus: int, what: str) -> None:
        """A field's size and prime, which must be BN254's."""
        size = self.number(4)
        if size != ELEMENT_BYTES or self.number(ELEMENT_BYTES) != modulus:
            raise InvalidFile(f"{what}: expected the curve BN254 (bn128), got another field")

    def end(self, what: str) -> None:
        """Nothing may be left."""
        if self.left:
            raise InvalidFile(f"{what}: {self.left} bytes more than it declares")


def read_sections(
    data: bytes | memoryview, magic: bytes, version: int, required: Iterable[int]
) -> dict[int, Reader]:
    """The sections of a file by number. Each number may stand once; all `required` must."""
    name = magic.decode()
    reader = Reader(memoryview(data))
    if len(data) < len(magic) or reader.take(len(magic)) != magic:
        raise InvalidFile(f"expected a .{name} file: it does not start with {name!r}")
    if (found := reader.number(4)) != version:
        raise InvalidFile(f".{name} version {found}: expected version {version}")
    sections: dict[int, Reader] = {}
    for _ in range(reader.count(SECTIONS_MAX, "sections")):
        number = reader.number(4)
        size = reader.number(8)
        if number in sections:
            raise InvalidFile(f".{name}: section {number} stands twice")
        sections[number] = Reader(reader.view(size))
    reader.end(f".{name}")
    missing = [number for number in required if number not in sections]
    if missing:
        raise InvalidFile(f".{name}: section {missing[0]} is missing")
    return sections


def encode_sections(
    magic: bytes, version: int, sections: Sequence[tuple[int, bytes | memoryview]]
) -> bytes:
    """A file of these sections, in the order given."""
    parts: list[bytes | memoryview] = [
        magic,
        version.to_bytes(4, "little"),
        len(sections).to_bytes(4, "little"),
    ]
    for number, body in sections:
        parts += [number.to_bytes(4, "little"), len(body).to_bytes(8, "little"), body]
    return b"".join(parts)
