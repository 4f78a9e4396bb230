"""Under-constrained copies of a circuit: each of its constraints left out in turn."""

from collections.abc import Iterator
from dataclasses import replace

from zkp.circuit import Circuit


def without(circuit: Circuit, index: int) -> Circuit:
    """The circuit without one of its constraints."""
    rows, labels = list(circuit.system.constraints), list(circuit.labels)
    del rows[index], labels[index]
    return replace(circuit, system=replace(circuit.system, constraints=rows), labels=labels)


def each_left_out(circuit: Circuit) -> Iterator[tuple[str, Circuit]]:
    """Name of the constraint, circuit without it."""
    for index, label in enumerate(circuit.labels):
        yield label.name, without(circuit, index)
