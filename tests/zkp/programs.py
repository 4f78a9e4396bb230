"""Circuits of random programs over all hints, and a prover written down as simply as can be."""

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from zkp.builder import Builder, Circuit, UnsatisfiedConstraint
from zkp.expressions import Expression
from zkp.field import R
from zkp.hints import Hint, Verb
from zkp.r1cs import dot

INPUTS = ("x", "y", "z")
SMALL = (0, 1, 2, 7, 253, 254, 255, 256, 2**64 - 1, 2**128, R // 2, R // 2 + 1, R - 2, R - 1)
elements = st.one_of(st.sampled_from(SMALL), st.integers(0, R - 1))
assignments = st.fixed_dictionaries(dict.fromkeys(INPUTS, elements))
VERBS = list(Verb)


def filled(circuit: Circuit, inputs: Mapping[str, int]) -> list[int]:
    """Every wire, one after the other, each expression evaluated anew."""
    values = [1] + [0] * (circuit.system.wires - 1)
    for name, value in inputs.items():
        values[circuit.signals.index(name)] = value
    for wire, compute in circuit.program:
        values[wire] = compute(lambda side: dot(side.terms, values) % R) % R
    return values


def outcome(circuit: Circuit, inputs: Mapping[str, int]) -> tuple[Sequence[int], str]:
    """What `filled` gives, and the words of the first constraint that it breaks, if any."""
    values = filled(circuit, inputs)
    for index, row in enumerate(circuit.system.constraints):
        a, b, c = (dot(side, values) for side in row)
        if (a * b - c) % R:
            return values, f"constraint '{circuit.labels[index].name}' "
    return values, ""


def refusal(error: UnsatisfiedConstraint | None) -> str:
    """The same words of an error."""
    return "" if error is None else str(error)[: str(error).index("(")]


@st.composite
def circuits(draw: st.DrawFn) -> Circuit:
    """Hints, products and demands upon random combinations, some of wires that come later."""
    builder = Builder("random")
    output = builder.output("out")
    sides: list[Expression] = [builder.public("x"), builder.private("y"), builder.private("z")]
    if draw(st.booleans()):
        sides.append(output)
    for number in range(draw(st.integers(1, 12))):
        left, right = (_combination(draw, sides) for _ in range(2))
        verb = draw(st.sampled_from(VERBS))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            sides.append(builder.multiply(left, right, f"product{number}"))
            continue
        wire = builder.computed(f"wire{number}", Hint(verb, left, right))
        sides.append(wire)
        if kind == 1:
            builder.constrain(left, right, wire, f"demand{number}")
        elif kind == 2:
            builder.constrain(right, wire, left, f"demand{number}", "expected a ratio", shown=left)
    builder.expose(output, _combination(draw, sides[:3]), "expected the output")
    return builder.build()


def _combination(draw: st.DrawFn, sides: Sequence[Expression]) -> Expression:
    """A side that was there, or a sum of some; often the very same object again."""
    if draw(st.booleans()):
        return draw(st.sampled_from(sides))
    total = Expression({})
    for side in draw(st.lists(st.sampled_from(sides), max_size=3)):
        total = total + side * draw(elements)
    return total + draw(elements)
