"""Poseidon as constraints: three for each S-box, none for anything linear."""

from zkp.builder import Builder, gadget
from zkp.expressions import Expression, constant
from zkp.field import R
from zkp.grain import FULL_ROUNDS, parameters
from zkp.poseidon import INPUTS_MAX


@gadget
def poseidon(builder: Builder, inputs: list[Expression], name: str) -> Expression:
    """The hash that `zkp.poseidon.poseidon` computes, of 1 to 16 expressions."""
    assert 1 <= len(inputs) <= INPUTS_MAX, f"poseidon takes 1 to {INPUTS_MAX} inputs"
    width, partial_rounds, constants, matrix = parameters(len(inputs) + 1)
    state = [constant(0), *inputs]
    first_partial = FULL_ROUNDS // 2
    for number, row in enumerate(constants):
        state = [element + value for element, value in zip(state, row, strict=True)]
        is_partial = first_partial <= number < first_partial + partial_rounds
        for index in range(1 if is_partial else width):
            state[index] = _fifth_power(builder, state[index], f"{name}.r{number}.{index}")
        state = [_weighed_sum(weights, state) for weights in matrix]
    return state[0]


def _fifth_power(builder: Builder, base: Expression, name: str) -> Expression:
    """x^5. The tag and the capacity element enter as constants, which cost no constraint."""
    known = base.constant
    if known is not None:
        return constant(pow(known, 5, R))
    square = builder.multiply(Expression(base.terms), Expression(base.terms), f"{name}.square")
    fourth = builder.multiply(square, square, f"{name}.fourth")
    return builder.multiply(fourth, Expression(base.terms), f"{name}.fifth")


def _weighed_sum(weights: tuple[int, ...], state: list[Expression]) -> Expression:
    """One row of the MDS matrix times the state."""
    terms: dict[int, int] = {}
    for weight, element in zip(weights, state, strict=True):
        for wire, coefficient in element.terms.items():
            terms[wire] = terms.get(wire, 0) + weight * coefficient
    return Expression({wire: total % R for wire, total in terms.items() if total % R})
