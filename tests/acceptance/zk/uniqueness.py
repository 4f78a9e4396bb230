"""The checker calls each shipped circuit and gadget unique, and finds each planted fault.

Unknown is allowed only with a written argument (`ARGUED`). Planted are copies of every gadget that
lack one constraint, and the kinds of faults that reviews of public circuits list.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.zk_circuits import CIRCUITS
from tests.zkp import faulty_circuits, gadget_circuits, test_zkp_uniqueness
from tests.zkp.gadget_circuits import GadgetCase, own_rows
from tests.zkp.planted import without
from zkp.uniqueness.check import Answer, check
from zkp.uniqueness.liar import Liar

# Copies of one gadget; a hash has hundreds of constraints that are alike.
COPIES = 24
# Circuit or gadget that the checker leaves open, and why its signals are determined all the same.
ARGUED: Mapping[str, str] = {}


def run(folder: Path, copies: int = COPIES, only: str = "") -> dict[str, Any]:
    """Circuits, gadgets, copies of gadgets that lack a constraint, faulty circuits."""
    names = set(gadget_circuits.gadget_names())
    assert names == gadget_circuits.CASES.keys(), names ^ gadget_circuits.CASES.keys()
    answers, arguments, ends, missed = {}, set(), Counter[str](), []
    circuits = {} if only else CIRCUITS
    gadgets = {n: case for n, case in gadget_circuits.CASES.items() if only in ("", n)}
    for name, build in {**circuits, **{n: case.build for n, case in gadgets.items()}}.items():
        verdict = check(build())
        answers[name] = verdict.answer.value
        arguments |= set(verdict.arguments)
        assert not verdict.unused, f"{name}: nothing uses {verdict.unused}"
    for name, case in gadgets.items():
        missed += [f"{name}: {label}" for label in _missed(name, case, copies, ends)]
    faults = {**test_zkp_uniqueness.FAULTS, **faulty_circuits.CATALOGUE}
    for name, (write, sample) in {} if only else faults.items():
        verdict = check(test_zkp_uniqueness.build(write), [sample])
        if verdict.answer is not Answer.COUNTEREXAMPLE:
            missed.append(name)
    (folder / "missed.txt").write_text("\n".join(missed), encoding="utf-8")
    counterexamples = [name for name, answer in answers.items() if answer == "counterexample"]
    assert not counterexamples, counterexamples
    unknown = {name for name, answer in answers.items() if answer == "unknown"}
    assert unknown <= ARGUED.keys(), f"unknown without an argument: {unknown - ARGUED.keys()}"
    assert not missed, missed[:10]
    return {
        "answers": dict(Counter(answers.values())),
        "arguments": sorted(arguments),
        "copies": dict(ends),
        "faults": len(faults),
    }


def _missed(name: str, case: GadgetCase, copies: int, ends: Counter[str]) -> list[str]:
    """Copies in which nothing is found: neither two witnesses nor an unlawful input taken."""
    circuit = case.build()
    liar = Liar(circuit)
    starts = [liar.start(sample) for sample in case.samples]
    starts.sort(key=lambda start: not start.broken)
    missed = []
    for row in own_rows(circuit, name, copies):
        if check(without(circuit, row), case.samples).answer is Answer.COUNTEREXAMPLE:
            ends["two witnesses"] += 1
        elif liar.forge(row, starts) is not None:
            ends["a forgery by lies"] += 1
        else:
            missed.append(circuit.labels[row].name)
    return missed
