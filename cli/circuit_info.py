"""What `quorate zk info` says of a circuit: size by gadget, whether its signals are unique."""

from typing import Any

from rich.console import Group
from rich.text import Text

from cli.output import table
from zkp.circuit import Circuit, GadgetCount
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.uniqueness.check import Verdict

UNDETERMINED_SHOWN_MAX = 20


def describe(circuit: Circuit, counts: list[GadgetCount], verdict: Verdict | None) -> Any:
    """The object for machines; `unique` is null where it was not asked for."""
    found = verdict and {
        "answer": verdict.answer.value,
        "undetermined": list(verdict.undetermined),
        "arguments": list(verdict.arguments),
        "unused": list(verdict.unused),
    }
    return {
        "circuit": circuit.name,
        "id": "0x" + circuit_id(encode_r1cs(circuit.system)).hex(),
        "constraints": len(circuit.system.constraints),
        "wires": circuit.system.wires,
        "public": _public_names(circuit),
        "gadgets": [count._asdict() for count in counts],
        "unique": found,
    }


def show(circuit: Circuit, counts: list[GadgetCount], verdict: Verdict | None) -> Group:
    """The same for people."""
    system = circuit.system
    title = (
        f"{circuit.name}: {len(system.constraints)} constraints, {system.wires} wires; "
        f"public: {', '.join(_public_names(circuit))}"
    )
    rows = [(row.gadget or "(itself)", row.calls, row.own, row.total) for row in counts]
    lines = []
    if verdict is not None:
        lines.append(f"Are all signals determined by the inputs? {verdict.answer.value}")
        lines += [f"resting on: {text}" for text in verdict.arguments]
        names = verdict.undetermined[:UNDETERMINED_SHOWN_MAX]
        lines += [f"not shown to be determined: {name}" for name in names]
        lines += [f"used by no constraint: {name}" for name in verdict.unused]
    columns = ("gadget", "calls", "own constraints", "with those it calls")
    return Group(table(title, columns, rows), *map(Text, lines))


def _public_names(circuit: Circuit) -> list[str]:
    return list(circuit.signals[1 : 1 + circuit.system.publics])
