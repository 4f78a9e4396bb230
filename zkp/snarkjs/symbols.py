"""circom's `.sym` files: what the author called each wire of a `.r1cs` file.

A line is label, wire, component, name. Wires that circom's simplification took out stand as -1;
of several names of one wire the first counts.
"""

from zkp.r1cs import WIRES_MAX
from zkp.snarkjs.sections import InvalidFile

NAME_CHARACTERS_MAX = 1_000

_FIELDS = 4


def decode_sym(data: bytes, wires: int) -> dict[int, str]:
    """Names by wire, for a system of so many wires. Raises `InvalidFile`."""
    assert 0 < wires <= WIRES_MAX, "wires as a system counts them"
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        raise InvalidFile(".sym: expected UTF-8 text, one signal a line") from None
    names: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        fields = line.split(",")
        if len(fields) != _FIELDS or not fields[3].isprintable():
            raise InvalidFile(f".sym line {number}: expected label,wire,component,name")
        if len(fields[3]) > NAME_CHARACTERS_MAX:
            raise InvalidFile(f".sym line {number}: a name of more than {NAME_CHARACTERS_MAX}")
        wire = fields[1]
        if wire == "-1":
            continue
        if not (wire.isascii() and wire.isdigit() and len(wire) < 10 and int(wire) < wires):
            raise InvalidFile(
                f".sym line {number}: wire {wire!r} of {wires}: is it of another circuit?"
            )
        names.setdefault(int(wire), fields[3])
    return names
