"""One small circuit for each gadget, with lawful inputs and some that it must refuse."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import zkp.gadgets
from zkp.babyjubjub import BASE, SUBGROUP_ORDER, Point, add, multiply
from zkp.builder import Builder
from zkp.circuit import Circuit
from zkp.expressions import Bit, Expression, Uint
from zkp.field import R
from zkp.gadgets import booleans, compare, edwards, multiplexer, ranges
from zkp.gadgets.canonical import canonical_bits
from zkp.gadgets.divide import divide, divide_by
from zkp.gadgets.eddsa import SignatureSignals, verify_signature
from zkp.gadgets.merkle import GapSignals, PathSignals, indexed_root, merkle_root, not_member
from zkp.gadgets.nullifier import nullifier
from zkp.gadgets.poseidon import poseidon
from zkp.gadgets.sha256 import compress, sha256
from zkp.gadgets.zero import is_equal, is_zero
from zkp.poseidon import poseidon as hash_of

Inputs = dict[str, int]
WORD_BITS, BLOCK_BITS = 32, 512
# Copies of a larger circuit take long to judge; what it calls has copies of its own.
ROWS_MAX = 1_000
# Rounds of the compression function beyond these repeat what they lay down.
ROUNDS = 2


@dataclass(frozen=True)
class GadgetCase:
    """A circuit about one gadget, and inputs to look for forgeries from; the last are refused."""

    build: Callable[[], Circuit]
    samples: Sequence[Inputs]


def _case(names: str, write: Callable[..., object], *samples: Sequence[int]) -> GadgetCase:
    """A circuit over private inputs of these names."""

    @cache
    def build() -> Circuit:
        builder = Builder("gadget")
        write(builder, *(builder.private(name) for name in names.split()))
        return builder.build()

    return GadgetCase(build, [dict(zip(names.split(), each, strict=True)) for each in samples])


def _on_bits(gadget: Callable[[Builder, list[Bit]], object]) -> Callable[..., object]:
    def write(builder: Builder, *inputs: Expression) -> object:
        digits = (
            ranges.decompose(builder, x, 1, f"i{n}", "a bit")[0] for n, x in enumerate(inputs)
        )
        return gadget(builder, list(digits))

    return write


def _on_uints(gadget: Callable[[Builder, list[Uint]], object]) -> Callable[..., object]:
    def write(builder: Builder, *inputs: Expression) -> object:
        return gadget(
            builder, [ranges.in_bits(builder, x, 4, f"i{n}") for n, x in enumerate(inputs)]
        )

    return write


def _on_points(gadget: Callable[..., object]) -> Callable[..., object]:
    def write(builder: Builder, px: Expression, py: Expression, n: Expression) -> object:
        digits = ranges.decompose(builder, n, 4, "n", "a number")
        return gadget(builder, edwards.on_curve(builder, px, py, "p"), digits)

    return write


def _in_tree(gadget: Callable[[Builder, Uint, GapSignals], object]) -> Callable[..., object]:
    def write(builder: Builder, key: Expression, low: Expression, *rest: Expression) -> object:
        successor, place, *siblings = rest
        digits = ranges.decompose(builder, place, len(siblings), "place", "a place")
        gap = GapSignals(
            ranges.in_bits(builder, low, 248, "low"),
            ranges.in_bits(builder, successor, 249, "successor"),
            PathSignals(digits, siblings),
        )
        return gadget(builder, ranges.in_bits(builder, key, 248, "key"), gap)

    return write


def _signature(builder: Builder, *signals: Expression) -> None:
    key_x, key_y, message, *signature = signals
    verify_signature(builder, (key_x, key_y), message, SignatureSignals(*signature), "g")


def _signatures() -> list[Sequence[int]]:
    """A signature, and three that one rule each refuses, by who knows the key a."""
    a, message, nonce = 1234567, 12345, 7654321
    key, plain = multiply(BASE, a), multiply(BASE, nonce)
    order_two = Point(0, R - 1)
    mixed = add(plain, order_two)

    def sum_for(r8: Point, public: Point) -> int:
        return nonce + 8 * a * hash_of(*r8, *public, message)

    return [
        (*key, message, *plain, sum_for(plain, key) % SUBGROUP_ORDER),
        # The same height on the other side of the axis: -s in the place of s.
        (*key, message, *plain, -sum_for(plain, key) % SUBGROUP_ORDER),
        # The same side at the opposite height: the point of order two makes it so.
        (*key, message, *mixed, -sum_for(mixed, key) % SUBGROUP_ORDER),
        # A key of small order signs everything.
        (*order_two, message, *plain, nonce),
    ]


def _compressed(builder: Builder, x: Expression) -> None:
    digits = ranges.decompose(builder, x, WORD_BITS, "x", "a word")
    compress(builder, [digits] * 8, (digits * 16)[:BLOCK_BITS], "g", ROUNDS)


def _hashed(builder: Builder, x: Expression) -> None:
    sha256(builder, ranges.decompose(builder, x, 8, "x", "a byte"), "g")


P, Q = multiply(BASE, 5), multiply(BASE, 9)
PAIRS = ((3, 5), (5, 3), (15, 15), (0, 0))

CASES: dict[str, GadgetCase] = {
    "both": _case("a b", _on_bits(lambda u, x: booleans.both(u, *x, "g")), (1, 1), (0, 1)),
    "either": _case("a b", _on_bits(lambda u, x: booleans.either(u, *x, "g")), (1, 1), (0, 1)),
    "differ": _case("a b", _on_bits(lambda u, x: booleans.differ(u, *x, "g")), (1, 1), (0, 1)),
    "all_of": _case("a b c", _on_bits(lambda u, x: booleans.all_of(u, x, "g")), (1, 1, 1)),
    "any_of": _case("a b c", _on_bits(lambda u, x: booleans.any_of(u, x, "g")), (0, 0, 1)),
    "is_zero": _case("x", lambda u, x: is_zero(u, x, "g"), (0,), (5,)),
    "is_equal": _case("x y", lambda u, x, y: is_equal(u, x, y, "g"), (4, 4), (5, 4)),
    "canonical_bits": _case(
        "x", lambda u, x: canonical_bits(u, x, "g"), (5,), (2**200 + 3,), (R - 1,)
    ),
    "decompose": _case("x", lambda u, x: ranges.decompose(u, x, 6, "g", "six bits"), (5,)),
    "in_bits": _case("x", lambda u, x: ranges.in_bits(u, x, 6, "g"), (5,), (64,)),
    "nonzero": _case("x", lambda u, x: ranges.nonzero(u, x, "g", "not zero"), (5,), (0,)),
    "at_most": _case("a b", _on_uints(lambda u, x: compare.at_most(u, *x, "g", "at most")), *PAIRS),
    "is_at_least": _case("a b", _on_uints(lambda u, x: compare.is_at_least(u, *x, "g")), *PAIRS),
    "is_less": _case("a b", _on_uints(lambda u, x: compare.is_less(u, *x, "g")), *PAIRS),
    "maximum": _case("a b", _on_uints(lambda u, x: compare.maximum(u, *x, "g")), *PAIRS),
    "select": _case(
        "a b",
        _on_uints(lambda u, x: compare.select(u, compare.is_less(u, *x, "less"), *x, "g")),
        *PAIRS,
    ),
    "select_element": _case(
        "c x y",
        lambda u, c, x, y: multiplexer.select_element(
            u, ranges.decompose(u, c, 1, "c", "a bit")[0], x, y, "g"
        ),
        (0, 3, 4),
        (1, 3, 4),
    ),
    "one_hot": _case("i", lambda u, i: multiplexer.one_hot(u, i, 3, "g"), (0,), (1,), (2,), (3,)),
    "choose": _case(
        "i x y",
        lambda u, i, x, y: multiplexer.choose(u, i, [x, y], "g"),
        (0, 3, 4),
        (1, 3, 4),
        (2, 3, 4),
    ),
    "divide": _case("a b", _on_uints(lambda u, x: divide(u, x[0] + x[1], 7, 3, "g")), *PAIRS),
    "divide_by": _case(
        "a b", _on_uints(lambda u, x: divide_by(u, x[0], x[1], 4, "g")), *PAIRS, (9, 2)
    ),
    "poseidon": _case("x", lambda u, x: poseidon(u, [x], "g"), (5,)),
    "nullifier": _case("x y", lambda u, x, y: nullifier(u, x, y, "g"), (5, 6)),
    "merkle_root": _case(
        "leaf place a b",
        lambda u, leaf, place, *siblings: merkle_root(
            u, leaf, PathSignals(ranges.decompose(u, place, 2, "place", "a place"), siblings), "g"
        ),
        (5, 2, 7, 8),
    ),
    "indexed_root": _case(
        "key low next place a",
        _in_tree(lambda u, key, gap: indexed_root(u, gap, "g")),
        (5, 5, 9, 1, 7),
    ),
    "not_member": _case(
        "key low next place a",
        _in_tree(lambda u, key, gap: not_member(u, key, gap, "g")),
        (7, 5, 2**200, 1, 7),
        (5, 5, 9, 1, 7),
        (9, 5, 9, 1, 7),
    ),
    "on_curve": _case("x y", lambda u, x, y: edwards.on_curve(u, x, y, "g"), P, (1, 1)),
    "add_points": _case(
        "px py qx qy",
        lambda u, px, py, qx, qy: edwards.add_points(
            u, edwards.on_curve(u, px, py, "p"), edwards.on_curve(u, qx, qy, "q"), "g"
        ),
        (*P, *Q),
    ),
    "double_point": _case(
        "px py n", _on_points(lambda u, p, n: edwards.double_point(u, p, "g")), (*P, 3)
    ),
    "fixed_multiple": _case(
        "px py n", _on_points(lambda u, p, n: edwards.fixed_multiple(u, BASE, n, "g")), (*P, 11)
    ),
    "multiple": _case(
        "px py n", _on_points(lambda u, p, n: edwards.multiple(u, p, n, "g")), (*P, 11)
    ),
    "verify_signature": _case("kx ky m rx ry s", _signature, *_signatures()),
    "compress": _case("x", _compressed, (0x12345678,)),
    "sha256": _case("x", _hashed, (0x61,)),
}


def gadget_names() -> Iterator[str]:
    """All gadgets that the package has: functions that `@gadget` wrapped."""
    for module in pkgutil.iter_modules(zkp.gadgets.__path__, "zkp.gadgets."):
        found = importlib.import_module(module.name)
        for name, value in vars(found).items():
            if hasattr(value, "__wrapped__") and value.__module__ == module.name:
                yield name


def own_rows(circuit: Circuit, name: str, count: int) -> list[int]:
    """At most `count` of a gadget's constraints, spread over it.

    With those of the gadgets that it calls, or in a large circuit those that it lays down itself.
    """
    is_large = len(circuit.labels) > ROWS_MAX
    rows = [
        index
        for index, label in enumerate(circuit.labels)
        if name in (label.gadgets[-1:] if is_large else label.gadgets)
    ]
    return rows[:: max(-(-len(rows) // count), 1)]
