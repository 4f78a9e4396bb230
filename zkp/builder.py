"""Writes circuits: declares signals, lays down constraints, and remembers how to compute wires.

A `Builder` is used once, top to bottom, and gives a `Circuit`. Functions that take a builder first
are gadgets; `@gadget` makes the circuit count what each of them costs.
"""

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar, overload

from zkp.circuit import (
    Argument,
    Circuit,
    InvalidAssignment,
    Label,
    UnsatisfiedConstraint,
)
from zkp.expressions import Bit, Expression, Uint
from zkp.hints import Compute, Evaluate, product
from zkp.r1cs import Constraint, ConstraintSystem

__all__ = [
    "Builder",
    "Circuit",
    "Compute",
    "Evaluate",
    "InvalidAssignment",
    "UnsatisfiedConstraint",
    "gadget",
]

P = ParamSpec("P")
T = TypeVar("T")


def gadget(
    function: Callable[Concatenate["Builder", P], T],
) -> Callable[Concatenate["Builder", P], T]:
    """Marks a function that lays down constraints, so that they are counted under its name."""

    @functools.wraps(function)
    def counted(builder: "Builder", /, *args: P.args, **kwargs: P.kwargs) -> T:
        with builder.inside(function.__name__):
            return function(builder, *args, **kwargs)

    return counted


class Builder:
    """Collects a circuit. Declare outputs, public inputs, private inputs; then compute."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._signals = ["one"]
        self._taken = {"one"}
        self._outputs = 0
        self._publics = 0
        self._privates = 0
        self._program: list[tuple[int, Compute]] = []
        self._constraints: list[Constraint] = []
        self._labels: list[Label] = []
        self._scopes: list[str] = []
        self._gadgets: tuple[str, ...] = ()
        self._calls: Counter[str] = Counter()
        self._arguments: list[Argument] = []

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefixes the names of signals and constraints made inside."""
        self._scopes.append(name)
        yield
        self._scopes.pop()

    @contextmanager
    def inside(self, gadget_name: str) -> Iterator[None]:
        """Counts the constraints made inside for a gadget."""
        outer = self._gadgets
        self._calls[gadget_name] += 1
        self._gadgets = (*outer, gadget_name)
        yield
        self._gadgets = outer

    def output(self, name: str) -> Expression:
        """A public signal that the circuit computes: `expose` must give it its value."""
        assert len(self._signals) == 1 + self._outputs, "declare outputs first"
        self._outputs += 1
        return Expression({self._wire(name): 1})

    def expose(self, output: Expression, value: Expression, message: str) -> None:
        """Gives an output its value, and demands it."""
        (wire,) = output.terms
        assert 0 < wire <= self._outputs, "only a declared output can be exposed"
        self._program.append((wire, product(value, 1)))
        self.equal(value, output, self._signals[wire], message)

    def public(self, name: str) -> Expression:
        """A public input. Nothing binds it until a constraint does."""
        before = 1 + self._outputs + self._publics
        assert len(self._signals) == before, "declare public inputs before private ones"
        self._publics += 1
        return Expression({self._wire(name): 1})

    def private(self, name: str) -> Expression:
        """A private input: any field element, until constraints say more."""
        assert not self._program, "declare private inputs before computing"
        self._privates += 1
        return Expression({self._wire(name): 1})

    def computed(self, name: str, compute: Compute) -> Expression:
        """A wire that the prover fills in. The verifier believes it no further than constraints.

        `compute` is a hint of `zkp.hints`, or a callable, which the native backend cannot run: a
        circuit with one is filled in by Python.
        """
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
        self._labels.append(Label(name, message, _circuit_line(), shown, self._gadgets))

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
        wire = self.computed(name, product(left, right))
        self.constrain(left, right, wire, name)
        if isinstance(left, Uint) and isinstance(right, Uint):
            return Uint(wire.terms, left.maximum * right.maximum)
        return wire

    def argue_nonzero(self, value: Expression, text: str) -> None:
        """States why `value` is never zero, for the check of uniqueness. Adds no constraint."""
        self._arguments.append(Argument(value.terms, text))

    def build(self) -> Circuit:
        """The finished circuit."""
        inputs = self._publics + self._privates
        unfilled = len(self._signals) - 1 - inputs - len(self._program)
        assert unfilled == 0, f"{unfilled} outputs without a value, or exposed twice"
        system = ConstraintSystem(
            wires=len(self._signals),
            public_outputs=self._outputs,
            public_inputs=self._publics,
            private_inputs=self._privates,
            constraints=tuple(self._constraints),
        )
        return Circuit(
            self._name,
            system,
            tuple(self._signals),
            tuple(self._labels),
            tuple(self._program),
            dict(self._calls),
            tuple(self._arguments),
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
