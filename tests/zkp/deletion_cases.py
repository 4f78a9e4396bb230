"""Inputs from which forgeries are looked for when a constraint of a shipped circuit is left out.

Lawful ones of many kinds, and ones that each rule refuses.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

from tests.zkp import credential_cases
from tests.zkp.equity_v2_cases import CTX, Sale, honest_statement, random_sale, secrets_of, tax_due
from tests.zkp.planted import without
from zkp.circuit import Circuit, Label
from zkp.circuits import credential, equity_v1, equity_v2, membership, total
from zkp.circuits.equity_holdings import (
    LOTS_MAX,
    NO_LOT,
    HoldingLot,
    basis_used,
    commit_record,
)
from zkp.circuits.membership import MemberRecord, member_leaf
from zkp.circuits.total import NO_VALUE, VALUES_MAX, SaltedValue, commit_value
from zkp.field import InvalidElement
from zkp.merkle import MerkleTree
from zkp.uniqueness.liar import Liar, Start

Inputs = dict[str, int]

SALES = 80
SURPLUS = 10**6
BEFORE_COMPARISON = "credential_10 before its points are compared"
COMPARISONS = ("signature.x", "signature.y")
LOT_PARTS = ("lot", "capital", "basis", "salt")


def equity_v1_inputs() -> Iterator[Inputs]:
    """Random sales, without their lots."""
    for sale in _sales():
        salts = {"salt_tax": secrets_of(sale).salt_tax, "salt_reg": secrets_of(sale).salt_reg}
        rates = {"rate_bps": sale.rate_bps, "ctx": CTX}
        try:
            statement = equity_v1.public_inputs(sale.record, **salts, **rates)
            yield equity_v1.inputs(statement, sale.record, **salts)
        except InvalidElement:
            continue


def equity_v2_inputs() -> Iterator[Inputs]:
    """Random sales, sales of empty lots, lots behind gaps, amounts where there is no lot."""
    for sale in _sales():
        try:
            yield equity_v2.inputs(honest_statement(sale), sale.record, secrets_of(sale))
        except InvalidElement:
            continue
    few = tuple(HoldingLot(40 + index, 10**9 + index, index) for index in range(3))
    behind_gaps = _moved(_sale_of(few), LOTS_MAX - len(few))
    for inputs in (behind_gaps, _moved(_sale_of(few), 0)):
        yield inputs
        for index in range(LOTS_MAX):
            if inputs[f"lot{index}"] == NO_LOT:
                yield {**inputs, f"capital{index}": 5}
                yield {**inputs, f"basis{index}": 5}
    for empty in (range(4), range(4, LOTS_MAX)):
        lots = tuple(
            HoldingLot(0, 0, index) if index in empty else HoldingLot(50, 10**8, index)
            for index in range(LOTS_MAX)
        )
        yield _moved(_sale_of(lots), 0)


def membership_inputs() -> Iterator[Inputs]:
    """Members at several places of a set."""
    records = [MemberRecord(100 + index, 2**240 + index) for index in range(6)]
    tree = MerkleTree(membership.DEPTH, [member_leaf(record) for record in records])
    tree.put(2**19 + 2**10, member_leaf(records[5]))
    for place, record in ((2**19 + 2**10, records[5]), (1, records[1])):
        yield membership.inputs(tree.root, 77, record, tree.path(place))


def total_inputs() -> Iterator[Inputs]:
    """Lists with gaps at either end, values of zero, and values where there is no commitment."""
    half = VALUES_MAX // 2
    for absent in (range(half), range(half, VALUES_MAX)):
        values = [SaltedValue(10**6 + index, index) for index in range(VALUES_MAX)]
        yield _list_of(values, absent, {})
        yield _list_of([value._replace(value=0) for value in values], absent, {})
        for index in absent:
            yield _list_of(values, absent, {index: 5})
    zeros = [SaltedValue(0, index) for index in range(VALUES_MAX)]
    yield _list_of(zeros, range(0), {})


def credential_inputs() -> Iterator[Inputs]:
    """A credential that meets the conditions, and conditions that it does not meet."""
    depth, held = credential.DEPTH, credential_cases.CREDENTIAL
    asked = credential_cases.conditions(depth)
    for issuer, attribute in ((1, 2), (2, 0)):
        own = credential_cases.holding(held, issuer, depth)
        yield credential.inputs(asked._replace(attribute=attribute), own)
    changes: tuple[Inputs, ...] = (
        *({"born_by": held.born - 1}, {"today": held.valid_until + 1}, {"attribute": 4}),
        *({"band_low": held.band + 1}, {"band_high": held.band - 1}),
    )
    own = credential_cases.holding(held, 1, depth)
    for change in changes:
        yield credential.inputs(asked._replace(**change), own)
    for signature in credential_cases.half_forged(held):
        yield credential.inputs(asked, own._replace(signature=signature))
    yield credential.inputs(*credential_cases.stray_key(asked, own))
    yield credential.inputs(asked, credential_cases.stray_commitment(own))
    small = credential_cases.with_small_lower_half(held)
    yield credential.inputs(asked, credential_cases.holding(small, 1, depth))
    # Taxes that are owed, and what says neither that nor that they are clear.
    for tax_clear in (0, 2):
        own = credential_cases.holding(replace(held, tax_clear=tax_clear), 1, depth)
        yield credential.inputs(asked, own)
        yield credential.inputs(asked._replace(needs_tax_clear=0), own)


def before_comparison() -> Circuit:
    """The credential's circuit without the two constraints that compare the signature's points.

    Whoever makes one forgery behind a signature would have to sign again, which no search does. So
    for constraints there the question is whether another value than the signature's comes out.
    """
    circuit = credential.build()
    for name in COMPARISONS:
        circuit = without(circuit, row_named(circuit, name))
    return circuit


def row_named(circuit: Circuit, name: str) -> int:
    """The number of the constraint with this name."""
    return [label.name for label in circuit.labels].index(name)


CASES: dict[str, tuple[Callable[[], Circuit], Callable[[], Iterator[Inputs]]]] = {
    "equity_v1": (equity_v1.build, equity_v1_inputs),
    "equity_v2": (equity_v2.build, equity_v2_inputs),
    "membership_20": (membership.build, membership_inputs),
    "total_16": (total.build, total_inputs),
    "credential_10": (credential.build, credential_inputs),
    BEFORE_COMPARISON: (before_comparison, credential_inputs),
}


def judged_rows(name: str) -> list[int]:
    """The constraints for which a forgery is to be found in this case."""
    circuit, _, _ = prepared(name)
    rows = range(len(circuit.labels))
    if not circuit.name.startswith(credential.NAME):
        return list(rows)
    is_before = name == BEFORE_COMPARISON
    return [row for row in rows if _is_behind_signature(circuit.labels[row]) == is_before]


def _is_behind_signature(label: Label) -> bool:
    is_hash = label.name.split(".")[0] in ("holder", "record")
    is_signature = "verify_signature" in label.gadgets
    return is_hash or (is_signature and label.name not in COMPARISONS)


@cache
def prepared(name: str) -> tuple[Circuit, Liar, list[Start]]:
    """A circuit, its dishonest prover, and where that starts: unlawful inputs first."""
    build, inputs = CASES[name]
    circuit = build()
    liar = Liar(circuit)
    starts = [liar.start(each) for each in inputs()]
    starts.sort(key=lambda start: (not start.broken, len(start.broken)))
    return circuit, liar, starts


def judge(task: tuple[str, int]) -> tuple[str, bool]:
    """A constraint's name, and whether a forgery is found without it."""
    name, index = task
    circuit, liar, starts = prepared(name)
    return circuit.labels[index].name, liar.forge(index, starts) is not None


def _sales() -> Iterator[Sale]:
    """Lawful sales with more paid than is due come last, so that taxes can move both ways."""
    rng = random.Random(7)
    yield from (random_sale(rng) for _ in range(SALES))
    lots = (HoldingLot(10**9, 10**10, 1), HoldingLot(10**8 + 7, 10**9, 2))
    sale = _sale_of(lots)
    yield sale
    yield sale.changed(disposition=1, assessed=sale.record.core.price + SURPLUS)
    yield sale.changed(disposition=2, net_share=sale.record.core.price + SURPLUS)
    yield sale.changed(disposition=5)
    yield sale.changed(net_share=sale.record.core.price + SURPLUS)


def _list_of(values: list[SaltedValue], absent: range, beside: dict[int, int]) -> Inputs:
    """A list with these places empty, and perhaps values `beside` that nothing commits to."""
    inputs = {"series": 7, "total": 0}
    for index, value in enumerate(values):
        own = SaltedValue(beside.get(index, 0), 0) if index in absent else value
        inputs["total"] += own.value
        inputs |= {f"value{index}": own.value, f"salt{index}": own.salt}
        commitment = NO_VALUE if index in absent else commit_value(7, own)
        inputs[f"commitment{index}"] = commitment
    return inputs


def _sale_of(lots: tuple[HoldingLot, ...]) -> Sale:
    """A lawful sale of some of what is held, dearer than it cost, with more paid than is due."""
    sale = replace(random_sale(random.Random(1)), lots=lots, rate_bps=2000)
    held, cost = sum(lot.capital for lot in lots), sum(lot.basis for lot in lots)
    capital = max(held // 3, 1)
    sale = sale.changed(capital=capital, total=2 * held, price=2 * cost, basis=0, fees=7, relief=9)
    sale = sale.changed(other=11, assessed=0, disposition=0, net_share=5, rule_id=3)
    sale = sale.changed(basis=basis_used(capital, lots))
    return sale.changed(paid=tax_due(sale) + SURPLUS)


def _moved(sale: Sale, first: int) -> Inputs:
    """The sale with its lots at `first` and the places after it, committed to like that."""
    inputs = equity_v2.inputs(honest_statement(sale), sale.record, secrets_of(sale))
    order = [(index - first) % LOTS_MAX for index in range(LOTS_MAX)]
    moved = {
        f"{part}{index}": inputs[f"{part}{source}"]
        for index, source in enumerate(order)
        for part in LOT_PARTS
    }
    lots = [moved[f"lot{index}"] for index in range(LOTS_MAX)]
    c_tax = commit_record(sale.record, lots, secrets_of(sale).salt_tax)
    return {**inputs, **moved, "c_tax": c_tax}
