"""What benchmarks/zk.py measures: Merkle paths in Python and in circom, powers of tau, one key.

The powers' secret is drawn here and forgotten, which takes a minute where a ceremony takes hours:
good for measuring, and for nothing else.
"""

import json
from itertools import accumulate, repeat
from pathlib import Path
from random import Random
from secrets import randbelow
from typing import Any

from zkp.builder import Builder, Circuit
from zkp.curve.fixed_base import multiples
from zkp.curve.g1 import G1
from zkp.curve.g2 import G2
from zkp.expressions import Bit
from zkp.field import R, root_of_unity
from zkp.gadgets.merkle import PathSignals, merkle_root
from zkp.groth16.qap import lagrange_at
from zkp.snarkjs.ptau import LagrangeRows, PowersOfTau, decode_ptau, encode_ptau
from zkp.snarkjs.rows import pack_g1, pack_g2

SOURCE = Path(__file__).parent / "zk_paths.circom"
# Constraints of circom's, paths and levels: about 240 constraints a level.
SIZES = {500: (1, 2), 4_000: (1, 16), 30_000: (8, 16)}


def build_paths(count: int, depth: int) -> Circuit:
    """The circuit of zk_paths.circom over a `Builder`."""
    builder = Builder(f"paths_{count}_{depth}")
    roots = [builder.output(f"roots[{j}]") for j in range(count)]
    purpose = builder.public("purpose")
    leaves = [builder.private(f"leaves[{j}]") for j in range(count)]
    siblings = [
        [builder.private(f"siblings[{j}][{i}]") for i in range(depth)] for j in range(count)
    ]
    places = [[builder.private(f"places[{j}][{i}]") for i in range(depth)] for j in range(count)]
    builder.multiply(purpose, purpose, "bound")
    for j in range(count):
        for i, place in enumerate(places[j]):
            builder.constrain(place, place - 1, 0, f"place[{j}][{i}]", "expected 0 or 1")
        path = PathSignals([Bit(place.terms) for place in places[j]], siblings[j])
        builder.expose(roots[j], merkle_root(builder, leaves[j], path, f"path{j}"), f"root {j}")
    return builder.build()


def inputs(count: int, depth: int) -> tuple[dict[str, int], dict[str, Any]]:
    """The same values by our names and in circom's arrays."""
    random = Random(f"{count}/{depth}")
    nested: dict[str, Any] = {
        "purpose": random.randrange(R),
        "leaves": [random.randrange(R) for _ in range(count)],
        "siblings": [[random.randrange(R) for _ in range(depth)] for _ in range(count)],
        "places": [[random.randrange(2) for _ in range(depth)] for _ in range(count)],
    }
    ours = {"purpose": nested["purpose"]}
    for j in range(count):
        ours[f"leaves[{j}]"] = nested["leaves"][j]
        for i in range(depth):
            ours[f"siblings[{j}][{i}]"] = nested["siblings"][j][i]
            ours[f"places[{j}][{i}]"] = nested["places"][j][i]
    return ours, json.loads(json.dumps(nested), parse_int=str)


def write_source(count: int, depth: int, path: Path) -> None:
    """zk_paths.circom with its main component."""
    main = f"\ncomponent main {{public [purpose]}} = Roots({count}, {depth});\n"
    path.write_text(SOURCE.read_text(encoding="utf-8") + main, encoding="utf-8")


def measured_powers(power: int, path: Path) -> PowersOfTau:
    """Prepared powers of one secret, kept in a file for the next time."""
    if not path.is_file():
        path.write_bytes(encode_ptau(_draw_powers(power)))
    return decode_ptau(path.read_bytes())


def _draw_powers(power: int) -> PowersOfTau:
    tau, alpha, beta = (2 + randbelow(R - 2) for _ in range(3))
    size = 1 << power
    steps = list(accumulate(repeat(tau, 2 * size - 2), lambda a, b: a * b % R, initial=1))
    rows = [lagrange_at(tau, 1 << step) for step in range(power + 1)]
    values = [value for row in rows for value in row]
    # Of twice the size the highest power is missing: its share is taken out of each value.
    root = root_of_unity(2 * size)
    share = steps[-1] * tau * pow(2 * size, -1, R) % R
    shares = accumulate(repeat(root, 2 * size - 1), lambda a, b: a * b % R, initial=share)
    full = lagrange_at(tau, 2 * size)
    twice = [(value - part) % R for value, part in zip(full, shares, strict=True)]
    one = multiples(G1, G1.generator, [*steps, *values, *twice])
    scaled = multiples(
        G1,
        G1.generator,
        [factor * value % R for factor in (alpha, beta) for value in (*steps[:size], *values)],
    )
    two = multiples(G2, G2.generator, [*steps[:size], *values, beta])
    half = size + len(values)
    beta2 = two[-1]
    assert beta2 is not None, "beta is not zero"
    return PowersOfTau(
        power,
        power,
        pack_g1(one[: len(steps)]),
        pack_g2(two[:size]),
        pack_g1(scaled[:size]),
        pack_g1(scaled[half : half + size]),
        beta2,
        lagrange=LagrangeRows(
            pack_g1(one[len(steps) :]),
            pack_g2(two[size:-1]),
            pack_g1(scaled[size:half]),
            pack_g1(scaled[half + size :]),
        ),
    )
