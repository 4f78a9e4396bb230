"""Section 10 of a `.zkey`: the circuit's hash and who contributed to the key's delta.

Values only, read and written without loss; the checks of a contribution are not here. A
contribution's parameters are tagged, sorted, and written only if they are set.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from zkp.curve.g1 import G1Point
from zkp.curve.g2 import G2Point
from zkp.snarkjs.points import decode_finite_g1, decode_finite_g2, encode_g1, encode_g2
from zkp.snarkjs.sections import InvalidFile, Reader

HASH_BYTES = 64
CONTRIBUTIONS_MAX = 1 << 12
NAME_BYTES_MAX = 255
NAME_CHARS_MAX = NAME_BYTES_MAX // 4
"""Of a contributor's name that is made here: a character takes up to four bytes."""
BEACON_BYTES_MAX = 255
ITERATIONS_EXPONENT_MAX = 63

_NAME, _EXPONENT, _BEACON = 1, 2, 3
_PARAMETERS_BYTES_MAX = 2 + NAME_BYTES_MAX + 2 + 2 + BEACON_BYTES_MAX


class ContributionKind(IntEnum):
    """Where a contribution's secret came from: a person's machine, or a public beacon."""

    SECRET = 0
    BEACON = 1


@dataclass(frozen=True)
class Beacon:
    """The public value of a beacon, hashed 2^`iterations_exponent` times before it is used."""

    value: bytes
    iterations_exponent: int


@dataclass(frozen=True)
class ContributionNote:
    """What a contribution says of itself: an optional name, and its beacon if it is one."""

    name: str | None = None
    beacon: Beacon | None = None

    @property
    def kind(self) -> ContributionKind:
        """The number that files hold."""
        return ContributionKind.SECRET if self.beacon is None else ContributionKind.BEACON


@dataclass(frozen=True)
class Contribution:
    """One step of phase 2: delta was multiplied by a secret that these points prove knowledge of.

    `delta_after` is delta in G1 after the step. `g1_sx` is the secret times `g1_s`, `g2_spx` the
    secret times the point of G2 that `transcript` (64 bytes) hashes to.
    """

    delta_after: G1Point
    g1_s: G1Point
    g1_sx: G1Point
    g2_spx: G2Point
    transcript: bytes
    note: ContributionNote = field(default_factory=ContributionNote)


@dataclass(frozen=True)
class MpcParams:
    """A key's history: 64 bytes that name circuit and phase 1, then the contributions in order."""

    circuit_hash: bytes
    contributions: tuple[Contribution, ...] = ()


def encode_mpc_params(params: MpcParams) -> bytes:
    """The body of section 10."""
    assert len(params.circuit_hash) == HASH_BYTES, "a circuit hash has 64 bytes"
    parts = [params.circuit_hash, len(params.contributions).to_bytes(4, "little")]
    for made in params.contributions:
        assert len(made.transcript) == HASH_BYTES, "a transcript has 64 bytes"
        points = (made.delta_after, made.g1_s, made.g1_sx)
        parts += [encode_g1(points), encode_g2([made.g2_spx]), made.transcript]
        parts.append(encode_note(made.note))
    return b"".join(parts)


def decode_mpc_params(section: Reader, what: str = ".zkey contributions") -> MpcParams:
    """The history in section 10. Raises `InvalidFile` for its form, `InvalidKey` for points."""
    circuit_hash = section.take(HASH_BYTES)
    count = section.count(CONTRIBUTIONS_MAX, "contributions")
    contributions = []
    for _ in range(count):
        delta_after, g1_s, g1_sx = (decode_finite_g1(section, what) for _ in range(3))
        g2_spx = decode_finite_g2(section, what)
        transcript = section.take(HASH_BYTES)
        note = decode_note(section, what)
        contributions.append(Contribution(delta_after, g1_s, g1_sx, g2_spx, transcript, note))
    section.end(what)
    return MpcParams(circuit_hash, tuple(contributions))


def encode_note(note: ContributionNote) -> bytes:
    """Kind, length and tagged parameters: the same in `.zkey` and `.ptau` files."""
    parameters = b""
    if note.name is not None:
        parameters += _tagged(_NAME, note.name.encode(), NAME_BYTES_MAX)
    if note.beacon is not None:
        assert 0 <= note.beacon.iterations_exponent <= ITERATIONS_EXPONENT_MAX, "a bad exponent"
        parameters += bytes((_EXPONENT, note.beacon.iterations_exponent))
        parameters += _tagged(_BEACON, note.beacon.value, BEACON_BYTES_MAX)
    return note.kind.to_bytes(4, "little") + len(parameters).to_bytes(4, "little") + parameters


def decode_note(reader: Reader, what: str) -> ContributionNote:
    """Reads what `encode_note` writes. Raises `InvalidFile`."""
    kind = reader.number(4)
    size = reader.count(_PARAMETERS_BYTES_MAX, "bytes of a contribution's parameters")
    parameters = Reader(memoryview(reader.take(size)))
    name: str | None = None
    exponent: int | None = None
    value: bytes | None = None
    last = 0
    while parameters.left:
        tag = parameters.number(1)
        if tag <= last:
            raise InvalidFile(f"{what}: a contribution's parameters are not in order")
        last = tag
        if tag == _NAME:
            name = _text(parameters.take(parameters.number(1)), what)
        elif tag == _EXPONENT:
            exponent = parameters.number(1)
        elif tag == _BEACON:
            value = parameters.take(parameters.number(1))
        else:
            raise InvalidFile(f"{what}: parameter {tag} of a contribution: expected 1 to 3")
    return ContributionNote(name, _beacon(kind, exponent, value, what))


def _beacon(kind: int, exponent: int | None, value: bytes | None, what: str) -> Beacon | None:
    if kind == ContributionKind.SECRET and exponent is None and value is None:
        return None
    if kind != ContributionKind.BEACON or exponent is None or value is None:
        raise InvalidFile(
            f"{what}: contribution of kind {kind}: expected 0 without a beacon, or 1 with one"
        )
    if exponent > ITERATIONS_EXPONENT_MAX:
        raise InvalidFile(
            f"{what}: a beacon of 2^{exponent} iterations: expected at most "
            f"2^{ITERATIONS_EXPONENT_MAX}"
        )
    return Beacon(value, exponent)


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidFile(f"{what}: a contributor's name is no UTF-8 text") from None


def _tagged(tag: int, data: bytes, bytes_max: int) -> bytes:
    assert len(data) <= bytes_max, f"{len(data)} bytes, at most {bytes_max}"
    return bytes((tag, len(data))) + data
