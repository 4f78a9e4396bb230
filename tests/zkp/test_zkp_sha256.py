"""SHA-256 in a circuit against the standard library."""

import hashlib
from collections.abc import Sequence

import pytest

from zkp.builder import Builder, Circuit, UnsatisfiedConstraint
from zkp.expressions import Bit, constant
from zkp.field import R
from zkp.gadgets.ranges import decompose
from zkp.gadgets.sha256 import INITIAL, ROUND_CONSTANTS, compress, padded, sha256
from zkp.r1cs import dot
from zkp.uniqueness.check import Answer, check


def message_bits(builder: Builder, count: int) -> list[Bit]:
    """Private inputs of one byte each, as bits in the standard's order."""
    inputs = [builder.private(f"byte{index}") for index in range(count)]
    digits = [decompose(builder, x, 8, f"b{i}", "a byte") for i, x in enumerate(inputs)]
    return [bit for byte in digits for bit in reversed(byte)]


def values(message: bytes) -> dict[str, int]:
    return {f"byte{index}": byte for index, byte in enumerate(message)}


def as_bytes(bits: Sequence[Bit], witness: Sequence[int]) -> bytes:
    text = "".join(str(dot(bit.terms, witness) % R) for bit in bits)
    return int(text, 2).to_bytes(len(text) // 8, "big")


@pytest.fixture(scope="module")
def three_bytes() -> tuple[Circuit, list[Bit]]:
    builder = Builder("sha256")
    bits = sha256(builder, message_bits(builder, 3), "hash")
    return builder.build(), bits


def test_the_constants_are_the_standards() -> None:
    assert (INITIAL[0], INITIAL[7]) == (0x6A09E667, 0x5BE0CD19)
    assert (ROUND_CONSTANTS[0], ROUND_CONSTANTS[63]) == (0x428A2F98, 0xC67178F2)


@pytest.mark.parametrize("message", [b"abc", b"\x00\x00\x00", b"\xff\x80\x01"])
def test_one_block(three_bytes: tuple[Circuit, list[Bit]], message: bytes) -> None:
    circuit, bits = three_bytes
    witness = circuit.assign(values(message))
    assert as_bytes(bits, witness) == hashlib.sha256(message).digest()


def test_what_it_costs(three_bytes: tuple[Circuit, list[Bit]]) -> None:
    assert len(three_bytes[0].system.constraints) == 25_041 + 3 * (8 + 1)


def test_a_digit_of_a_sum_that_is_changed_is_noticed(
    three_bytes: tuple[Circuit, list[Bit]],
) -> None:
    circuit, _ = three_bytes
    witness = circuit.solve(values(b"abc"), {"hash.block0.r40.e.bit3": 7})
    with pytest.raises(UnsatisfiedConstraint, match="0 or 1"):
        circuit.check(witness)


@pytest.mark.parametrize("length", [0, 55, 56, 63, 64, 119, 120])
def test_messages_are_padded_to_whole_blocks(length: int) -> None:
    message = bytes(range(length))
    bits = [
        Bit(constant(byte >> place & 1).terms) for byte in message for place in range(7, -1, -1)
    ]
    whole = as_bytes(padded(bits), [1])
    assert whole[:length] == message
    assert whole[length] == 0x80
    assert not any(whole[length + 1 : -8])
    assert int.from_bytes(whole[-8:], "big") == 8 * length
    assert len(whole) == 64 * ((length + 8) // 64 + 1)


def test_a_few_rounds_leave_nothing_to_choose() -> None:
    builder = Builder("rounds")
    state = [[Bit(constant(v >> place & 1).terms) for place in range(32)] for v in INITIAL]
    block = message_bits(builder, 64)
    compress(builder, state, block, "short", rounds=18)
    circuit = builder.build()
    circuit.assign(values(bytes(range(64))))
    assert check(circuit).answer is Answer.UNIQUE
