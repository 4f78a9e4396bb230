"""Writes circuits: declares signals, lays down constraints, and remembers how to compute wires.

A `Builder` is used once, top to bottom, and gives a `Circuit`: the constraint system together with
the program that fills in a witness. The program is the honest prover's; soundness rests on the
constraints alone, and `Circuit.solve` can be told to lie so that tests can show it.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, overload

from zkp.expressions import ONE, Bit, Expression, Uint
from zkp.field import R, check_element
from zkp.r1cs import Constraint, ConstraintSystem, dot

# Computes a wire: is given a function that evaluates expressions over the wires before it.
Evaluate = Callable[[Expression], int]
Compute = Callable[[Evaluate], int]


class InvalidAssignment(ValueError):
    """Inputs that do not fit the circuit's list of signals."""


class UnsatisfiedConstraint(ValueError):
    """A witness breaks a constraint. The message shows private values: never log it.

    `constraint` is the full name; `where` is file and line of the circuit's source.
    """

    def __init__(self, label: "Label", values: tuple[int, int, int], shown: int | None) -> None:
        self.constraint = label.name
        self.where = label.where
        a, b, c = (_signed(value) for value in values)
        got = f"({a}) * ({b}), which is not {c}" if shown is None else str(_signed(shown))
        super().__init__(f"constraint '{label.name}' ({label.where}): {label.message}; got {got}")


class Label(NamedTuple):
    """What a person calls a constraint, where it was written, and the value it is about."""

    name: str
    message: str
    where: str
    shown: Expression | None


@dataclass(frozen=True)
class Circuit:
    """A finished circuit. `signals` names every wire, in order."""

    name: str
    system: ConstraintSystem
    signals: Sequence[str]
    labels: Sequence[Label]
    program: Sequence[tuple[int, Compute]]

    def solve(
        self, inputs: Mapping[str, int], lies: Mapping[str, int] | None = None
    ) -> tuple[int, ...]:
        """Computes all wires from the inputs, without checking any constraint.

        `lies` replaces computed wires by name, as a dishonest prover would; wires that depend on
        them follow. Raises `InvalidAssignment` for missing or unknown names.
        """
        declared = self.signals[1 : len(self.signals) - len(self.program)]
        lies = lies or {}
        computed = set(self.signals[1 + len(declared) :])
        if set(inputs) != set(declared) or not computed.issuperset(lies):
            missing = sorted(set(declared) - set(inputs))
            unknown = sorted((set(inputs) - set(declared)) | (set(lies) - computed))
            raise InvalidAssignment(
                f"{self.name}: missing inputs {missing}, unknown names {unknown}; "
                f"expected exactly {sorted(declared)}"
            )
        witness = [0] * self.system.wires
        witness[ONE] = 1
        for wire, name in enumerate(declared, 1):
            witness[wire] = check_element(inputs[name], name)

        def evaluate(expression: Expression) -> int:
            return dot(expression.terms, witness) % R

        for wire, compute in self.program:
            lie = lies.get(self.signals[wire]) if lies else None
            witness[wire] = (compute(evaluate) if lie is None else lie) % R
        return tuple(witness)

    def check(self, witness: Sequence[int]) -> None:
        """Raises `UnsatisfiedConstraint` for the first constraint that does not hold."""
        index = self.system.first_unsatisfied(witness)
        if index is not None:
            a, b, c = (dot(side, witness) % R for side in self.system.constraints[index])
            label = self.labels[index]
            shown = None if label.shown is None else dot(label.shown.terms, witness) % R
            raise UnsatisfiedConstraint(label, (a, b, c), shown)

    def assign(self, inputs: Mapping[str, int]) -> tuple[int, ...]:
        """A witness that satisfies every constraint, or the error that says why there is none."""
        witness = self.solve(inputs)
        self.check(witness)
        return witness

    def publics(self, witness: Sequence[int]) -> tuple[int, ...]:
        """The public signals of a witness, in the verifier's order."""
        return tuple(witness[1 : 1 + self.system.publics])


class Builder:
    """Collects a circuit. Declare public inputs, then private ones, then compute."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._signals = ["one"]
        self._taken = {"one"}
        self._publics = 0
        self._privates = 0
        self._program: list[tuple[int, Compute]] = []
        self._constraints: list[Constraint] = []
        self._labels: list[Label] = []
        self._scopes: list[str] = []

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefixes the names of signals and constraints made inside."""
        self._scopes.append(name)
        yield
        self._scopes.pop()

    def public(self, name: str) -> Expression:
        """A public input. Nothing binds it until a constraint does."""
        assert len(self._signals) == 1 + self._publics, "declare public inputs first"
        self._publics += 1
        return Expression({self._wire(name): 1})

    def private(self, name: str) -> Expression:
        """A private input: any field element, until constraints say more."""
        assert not self._program, "declare private inputs before computing"
        self._privates += 1
        return Expression({self._wire(name): 1})

    def computed(self, name: str, compute: Compute) -> Expression:
        """A wire that the prover fills in. The verifier believes it no further than constraints."""
        wire = self._wire(name)
        self._program.append((wire, compute))
        return Expression({wire: 1})

    def constrain(
        self,
        a: Expression | int,
        b: Expression | int,
        c: Expression | int,
        name: str,
        message: str = "a circuit's own step does not hold",
        *,
        shown: Expression | None = None,
    ) -> None:
        """Demands a · b = c. `message` tells the prover what is wrong when it does not hold.

        `shown` is the expression whose value the message then gives, the product if None.
        """
        sides = (
            side if isinstance(side, Expression) else Expression({}) + side for side in (a, b, c)
        )
        self._constraints.append(Constraint(*(side.terms for side in sides)))
        name = "/".join((*self._scopes, name))
        self._labels.append(Label(name, message, _circuit_line(), shown))

    def equal(
        self,
        left: Expression,
        right: Expression | int,
        name: str,
        message: str,
        *,
        shown: Expression | None = None,
    ) -> None:
        """Demands left = right; `shown` as in `constrain`, the left side if None."""
        self.constrain(left - right, 1, 0, name, message, shown=left if shown is None else shown)

    def bit(self, name: str, compute: Compute) -> Bit:
        """A computed wire that is 0 or 1."""
        wire = self.computed(name, compute)
        self.constrain(wire, wire - 1, 0, name, "expected 0 or 1")
        return Bit(wire.terms)

    @overload
    def multiply(self, left: Uint, right: Uint, name: str) -> Uint: ...
    @overload
    def multiply(self, left: Expression, right: Expression, name: str) -> Expression: ...
    def multiply(self, left: Expression, right: Expression, name: str) -> Expression:
        """A computed wire that is the product; of bounded factors a bounded one."""
        wire = self.computed(name, lambda value: value(left) * value(right))
        self.constrain(left, right, wire, name)
        if isinstance(left, Uint) and isinstance(right, Uint):
            return Uint(wire.terms, left.maximum * right.maximum)
        return wire

    def build(self) -> Circuit:
        """The finished circuit."""
        system = ConstraintSystem(
            wires=len(self._signals),
            public_outputs=0,
            public_inputs=self._publics,
            private_inputs=self._privates,
            constraints=tuple(self._constraints),
        )
        return Circuit(
            self._name, system, tuple(self._signals), tuple(self._labels), tuple(self._program)
        )

    def _wire(self, name: str) -> int:
        full = "/".join((*self._scopes, name))
        assert full not in self._taken, f"two signals are named {full}"
        self._taken.add(full)
        self._signals.append(full)
        return len(self._signals) - 1


def _circuit_line() -> str:
    """File and line of the nearest caller that is neither the builder nor a gadget."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(
        ("zkp.builder", "zkp.gadgets", "contextlib")
    ):
        frame = frame.f_back
    return f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno}"


def _signed(value: int) -> int:
    """Elements just below r read better as negative numbers."""
    return value - R if value > R // 2 else value
