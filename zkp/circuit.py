"""A finished circuit: its constraint system, the program that fills in a witness, and its names.

Soundness rests on the constraints alone. The program is the honest prover's; `Circuit.solve` can
be told to lie, so that tests can show what a dishonest one achieves.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zkp.expressions import ONE, Expression
from zkp.field import R, check_element
from zkp.r1cs import ConstraintSystem, Terms, dot

# Computes a wire: is given a function that evaluates expressions over the wires before it.
Evaluate = Callable[[Expression], int]
Compute = Callable[[Evaluate], int]

# An error names at most this many signals of a constraint; a hash's row may have hundreds.
SIGNALS_SHOWN_MAX = 6


class InvalidAssignment(ValueError):
    """Inputs that do not fit the circuit's list of signals."""


class Label(NamedTuple):
    """What a person calls a constraint, where it was written, and the value it is about.

    `gadgets` are the functions that laid it down, outermost first; empty for the circuit's own.
    """

    name: str
    message: str
    where: str
    shown: Expression | None
    gadgets: tuple[str, ...] = ()


class UnsatisfiedConstraint(ValueError):
    """A witness breaks a constraint. The message shows private values: never log it.

    `constraint` is the full name, `where` file and line of the circuit's source, and `values` the
    constraint's signals by name (at most `SIGNALS_SHOWN_MAX` of them).
    """

    def __init__(
        self,
        label: Label,
        sides: tuple[int, int, int],
        shown: int | None,
        values: Mapping[str, int],
    ) -> None:
        self.constraint = label.name
        self.where = label.where
        self.values = values
        a, b, c = (_signed(value) for value in sides)
        got = f"({a}) * ({b}), which is not {c}" if shown is None else str(_signed(shown))
        listed = ", ".join(f"{name} = {_signed(value)}" for name, value in values.items())
        super().__init__(
            f"constraint '{label.name}' ({label.where}): {label.message}; got {got}"
            + (f" with {listed}" if listed else "")
        )


class Argument(NamedTuple):
    """A reason, in words, why a linear combination is never zero. Nothing checks it."""

    terms: Terms
    text: str


class GadgetCount(NamedTuple):
    """Constraints by gadget: `own` were laid down by it, `total` also by the gadgets it calls."""

    gadget: str
    calls: int
    own: int
    total: int


@dataclass(frozen=True)
class Circuit:
    """`signals` names every wire, in order; `program` computes those that are no inputs.

    `calls` counts the calls of each gadget, `arguments` are the reasons that a proof of
    uniqueness may use (see `zkp.uniqueness`).
    """

    name: str
    system: ConstraintSystem
    signals: Sequence[str]
    labels: Sequence[Label]
    program: Sequence[tuple[int, Compute]]
    calls: Mapping[str, int] = field(default_factory=dict)
    arguments: Sequence[Argument] = ()

    @property
    def inputs(self) -> Sequence[str]:
        """Names of public, then private inputs."""
        system = self.system
        return self.signals[1 + system.public_outputs : 1 + system.publics + system.private_inputs]

    def solve(
        self, inputs: Mapping[str, int], lies: Mapping[str, int] | None = None
    ) -> tuple[int, ...]:
        """Computes all wires from the inputs, without checking any constraint.

        `lies` replaces computed wires by name, as a dishonest prover would; wires that depend on
        them follow. Raises `InvalidAssignment` for missing or unknown names.
        """
        declared = self.inputs
        lies = lies or {}
        computed = {self.signals[wire] for wire, _ in self.program} if lies else set()
        if set(inputs) != set(declared) or not computed.issuperset(lies):
            missing = sorted(set(declared) - set(inputs))
            unknown = sorted((set(inputs) - set(declared)) | (set(lies) - computed))
            raise InvalidAssignment(
                f"{self.name}: missing inputs {missing}, unknown names {unknown}; "
                f"expected exactly {sorted(declared)}"
            )
        witness = [0] * self.system.wires
        witness[ONE] = 1
        for wire, name in enumerate(declared, 1 + self.system.public_outputs):
            witness[wire] = check_element(inputs[name], name)

        read = reading(witness)

        def evaluate(expression: Expression) -> int:
            return read(expression.terms)

        for wire, compute in self.program:
            lie = lies.get(self.signals[wire]) if lies else None
            witness[wire] = (compute(evaluate) if lie is None else lie) % R
        return tuple(witness)

    def check(self, witness: Sequence[int]) -> None:
        """Raises `UnsatisfiedConstraint` for the first constraint that does not hold."""
        index = self.system.first_unsatisfied(witness)
        if index is None:
            return
        constraint = self.system.constraints[index]
        a, b, c = (dot(side, witness) % R for side in constraint)
        label = self.labels[index]
        shown = None if label.shown is None else dot(label.shown.terms, witness) % R
        wires = dict.fromkeys(wire for side in constraint for wire in side if wire != ONE)
        values = {self.signals[wire]: witness[wire] for wire in list(wires)[:SIGNALS_SHOWN_MAX]}
        raise UnsatisfiedConstraint(label, (a, b, c), shown, values)

    def assign(self, inputs: Mapping[str, int]) -> tuple[int, ...]:
        """A witness that satisfies every constraint, or the error that says why there is none."""
        witness = self.solve(inputs)
        self.check(witness)
        return witness

    def publics(self, witness: Sequence[int]) -> tuple[int, ...]:
        """The public signals of a witness, in the verifier's order: outputs, then inputs."""
        return tuple(witness[1 : 1 + self.system.publics])

    def gadget_counts(self) -> list[GadgetCount]:
        """How many constraints each gadget costs here, greatest total first.

        The row without a name is what the circuit lays down itself.
        """
        own = Counter(label.gadgets[-1] if label.gadgets else "" for label in self.labels)
        total = Counter(name for label in self.labels for name in set(label.gadgets))
        total[""] = own[""]
        names = {"", *self.calls}
        rows = [
            GadgetCount(name, self.calls.get(name, 1), own[name], total[name]) for name in names
        ]
        return sorted(rows, key=lambda row: (-row.total, row.gadget))


def reading(witness: Sequence[int]) -> Callable[[Terms], int]:
    """Values of linear combinations, each computed when it is first asked for.

    A number's digits all read the same combination, so it is known by its identity. Wires that it
    names must not change afterwards.
    """
    known: dict[int, tuple[Terms, int]] = {}

    def read(terms: Terms) -> int:
        seen = known.get(id(terms))
        if seen is None:
            seen = known[id(terms)] = (terms, dot(terms, witness) % R)
        return seen[1]

    return read


def _signed(value: int) -> int:
    """Elements just below r read better as negative numbers."""
    return value - R if value > R // 2 else value
