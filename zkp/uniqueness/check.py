"""The verdict: are all signals of a circuit determined by its inputs?

After Pailoor et al., "Automated Detection of Under-Constrained Circuits in Zero-Knowledge Proofs"
(PLDI 2023), with case analysis over two witnesses in the place of an SMT solver.
"""

import enum
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from zkp.circuit import Circuit, UnsatisfiedConstraint
from zkp.field import R
from zkp.r1cs import ConstraintSystem, Terms
from zkp.uniqueness.cases import centres, determined_by_cases
from zkp.uniqueness.facts import Facts
from zkp.uniqueness.search import second_witness

# Inputs that are tried where the caller gives no witnesses to start from.
PLAIN_INPUTS = (0, 1, 2, 5)


class Answer(enum.Enum):
    """`UNIQUE` is proven, `COUNTEREXAMPLE` is shown, `UNKNOWN` is neither."""

    UNIQUE = "unique"
    COUNTEREXAMPLE = "counterexample"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """What was found.

    `undetermined` names signals that are not proven unique; `witnesses` are two that satisfy every
    constraint with the same inputs and differ in `differing`; `arguments` are the written reasons
    that the answer rests on; `unused` names inputs that no constraint mentions: a prover may change
    a public one freely.
    """

    answer: Answer
    undetermined: Sequence[str] = ()
    witnesses: tuple[Sequence[int], Sequence[int]] | None = None
    differing: Sequence[str] = ()
    arguments: Sequence[str] = ()
    unused: Sequence[str] = ()


def check(
    circuit: Circuit,
    samples: Iterable[Mapping[str, int]] = (),
    *,
    free: Collection[str] = (),
) -> Verdict:
    """Whether the inputs determine every other signal.

    `samples` are lawful inputs from which a counterexample is looked for; plain numbers are tried
    too. `free` names inputs that shall be determined like outputs (a nullifier given as a public
    input): it must follow from the others.
    """
    index = {name: wire for wire, name in enumerate(circuit.signals)}
    inputs = [index[name] for name in circuit.inputs if name not in free]
    witnesses = (witness for sample in samples if (witness := _satisfying(circuit, sample)))
    plain = (dict.fromkeys(circuit.inputs, value) for value in PLAIN_INPUTS)
    more = (witness for sample in plain if (witness := _satisfying(circuit, sample)))
    return check_system(
        circuit.system,
        itertools.chain(witnesses, more),
        inputs=inputs,
        nonzero=[(argument.text, argument.terms) for argument in circuit.arguments],
        names=circuit.signals,
    )


def check_system(
    system: ConstraintSystem,
    witnesses: Iterable[Sequence[int]],
    *,
    inputs: Collection[int] | None = None,
    nonzero: Sequence[tuple[str, Terms]] = (),
    names: Sequence[str] | None = None,
) -> Verdict:
    """The same of a bare constraint system, such as one that circom compiled.

    `witnesses` must satisfy it. `inputs` are wires, those of the file's header if None.
    """
    first = 1 + system.public_outputs
    declared = range(first, first + system.public_inputs + system.private_inputs)
    given = declared if inputs is None else inputs
    names = names or [f"wire {wire}" for wire in range(system.wires)]
    facts = Facts(system, given, [terms for _, terms in nonzero])
    prove(facts)
    wires = facts.undetermined(range(system.wires))
    texts = tuple(dict.fromkeys(text for text, _ in nonzero))
    unused = tuple(names[wire] for wire in declared if not facts.uses[wire])
    if not wires:
        return Verdict(Answer.UNIQUE, arguments=texts, unused=unused)
    undetermined = tuple(names[wire] for wire in wires)
    # What is computed first is changed first; outputs follow from it.
    wires.sort(key=lambda wire: wire < declared.stop)
    for witness in witnesses:
        second = second_witness(facts, witness, wires)
        if second is not None and system.first_unsatisfied(second) is None:
            differing = tuple(
                name for name, a, b in zip(names, witness, second, strict=True) if a != b
            )
            pair = (tuple(witness), second)
            return Verdict(Answer.COUNTEREXAMPLE, undetermined, pair, differing, (), unused)
    return Verdict(Answer.UNKNOWN, undetermined, arguments=texts, unused=unused)


def prove(facts: Facts) -> None:
    """Propagation and case analysis in turns, until neither finds anything more."""
    facts.propagate()
    progress = True
    while progress:
        progress = False
        for centre in centres(facts):
            if not facts.undetermined(centre.wires):
                continue
            found = determined_by_cases(facts, centre) - facts.determined
            if found:
                facts.add_determined(found)
                facts.propagate()
                progress = True


def _satisfying(circuit: Circuit, inputs: Mapping[str, int]) -> tuple[int, ...] | None:
    """The honest witness of these inputs, None if they are not lawful."""
    try:
        return circuit.assign({name: value % R for name, value in inputs.items()})
    except UnsatisfiedConstraint:
        return None
