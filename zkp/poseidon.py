"""The Poseidon hash over BN254's scalar field, on numbers (the circuit is in `zkp.gadgets`).

Same parameters and conventions as circomlib: capacity element 0 first, result in element 0.
It has no domain separation of its own: callers put a tag first.
"""

from zkp.field import R, check_element
from zkp.grain import FULL_ROUNDS, parameters

INPUTS_MAX = 16


def poseidon(*inputs: int) -> int:
    """The hash of 1 to 16 field elements. `InvalidElement` if one is not in [0, r).

    >>> poseidon(1, 2)
    7853200120776062878684798364095072458815029376092732009249414926327459813530
    """
    assert 1 <= len(inputs) <= INPUTS_MAX, f"poseidon takes 1 to {INPUTS_MAX} inputs"
    for index, value in enumerate(inputs):
        check_element(value, f"poseidon input {index}")
    width, partial_rounds, constants, matrix = parameters(len(inputs) + 1)
    state = [0, *inputs]
    first_partial = FULL_ROUNDS // 2
    for number, row in enumerate(constants):
        state = [value + constant for value, constant in zip(state, row, strict=True)]
        is_partial = first_partial <= number < first_partial + partial_rounds
        for index in range(1 if is_partial else width):
            state[index] = pow(state[index], 5, R)
        state = [sum(map(int.__mul__, weights, state)) % R for weights in matrix]
    return state[0]
