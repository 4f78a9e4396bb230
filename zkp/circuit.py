"""A finished circuit: its constraint system, the program that fills in a witness, and its names.

Soundness rests on the constraints alone. The program is the honest prover's; `Circuit.solve` can
be told to lie, so that tests can show what a dishonest one achieves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, NoReturn

from zkp.backend import CURRENT, Backend
from zkp.expressions import ONE, Expression
from zkp.field import R, check_element
from zkp.filling import Plan, fill_with_lies
from zkp.hints import Compute
from zkp.r1cs import ConstraintSystem, Terms, dot

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
        given = self._given(inputs)
        if not lies:
            return tuple(CURRENT.fill(self._plan, given)[0])
        wires = {self.signals[wire]: wire for wire, _ in self.program}
        if not wires.keys() >= lies.keys():
            unknown = sorted(lies.keys() - wires.keys())
            raise InvalidAssignment(f"{self.name}: nothing computes {unknown}")
        return fill_with_lies(self._plan, given, {wires[name]: lies[name] for name in lies})

    def _given(self, inputs: Mapping[str, int]) -> list[int]:
        """The inputs in their order."""
        declared = self.inputs
        if inputs.keys() != set(declared):
            missing = sorted(set(declared) - set(inputs))
            unknown = sorted(set(inputs) - set(declared))
            raise InvalidAssignment(
                f"{self.name}: missing inputs {missing}, unknown names {unknown}; "
                f"expected exactly {sorted(declared)}"
            )
        return [check_element(inputs[name], name) for name in declared]

    @cached_property
    def _plan(self) -> Plan:
        return Plan(self.system, self.program)

    def check(self, witness: Sequence[int]) -> None:
        """Raises `UnsatisfiedConstraint` for the first constraint that does not hold."""
        index = self.system.first_unsatisfied(witness)
        if index is not None:
            self._refuse(index, witness)

    def _refuse(self, index: int, witness: Sequence[int]) -> NoReturn:
        constraint = self.system.constraints[index]
        a, b, c = (dot(side, witness) % R for side in constraint)
        label = self.labels[index]
        shown = None if label.shown is None else dot(label.shown.terms, witness) % R
        wires = dict.fromkeys(wire for side in constraint for wire in side if wire != ONE)
        values = {self.signals[wire]: witness[wire] for wire in list(wires)[:SIGNALS_SHOWN_MAX]}
        raise UnsatisfiedConstraint(label, (a, b, c), shown, values)

    def assign(self, inputs: Mapping[str, int], backend: Backend = CURRENT) -> tuple[int, ...]:
        """A witness that satisfies every constraint, or the error that says why there is none."""
        return tuple(self.witness(inputs, backend))

    def witness(self, inputs: Mapping[str, int], backend: Backend = CURRENT) -> Sequence[int]:
        """The same as the backend makes it: quicker for who writes it to a file or proves it."""
        witness, broken = backend.fill(self._plan, self._given(inputs))
        if broken is not None:
            self._refuse(broken, witness)
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


def _signed(value: int) -> int:
    """Elements just below r read better as negative numbers."""
    return value - R if value > R // 2 else value
