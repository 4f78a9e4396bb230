"""Rebuilding from JSON: any one value exchanged is found, and no shape of answer is a traceback."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client.light import InvalidAnswer
from explorer.rebuild import check_block, check_logs, check_receipts
from ledger.header import Header
from ledger.suite import STANDARD
from tests.explorer.equity_scene import Scene

UNBOUND = {"size"}
"""What no hash covers and nothing else tells: how long a block's encoding is."""

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**70), st.text(max_size=6),
    st.binary(max_size=40).map(lambda data: "0x" + data.hex()), st.integers(0, 2**70).map(hex),
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
Answers = tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def honest(scene: Scene) -> tuple[Header, Answers]:
    client = scene.served.client()
    receipt = client.receipt(scene.sent["correct"])
    assert receipt is not None
    number = int(receipt["blockNumber"], 16)
    block = client.block(number, full=True)
    assert block is not None
    logs = client.logs(from_block=number, to_block=number)
    return scene.served.group.chain.header(number), (block, client.receipts(number), logs)


def faults(header: Header, answers: Answers) -> list[Any]:
    block, receipts, logs = answers
    transactions, found = check_block(header, block, STANDARD)
    _, more = check_receipts(header, transactions, receipts)
    return found + more + check_logs(receipts, logs)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, part in inner:
        found.append((*path, key))
        if isinstance(part, dict | list):
            found += places(part, (*path, key))
    return found


def test_honest_answers_have_no_fault(honest: tuple[Header, Answers]) -> None:
    assert faults(*honest) == []


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_exchanged_value_is_found(honest: tuple[Header, Answers], data: st.DataObject) -> None:
    header, answers = honest
    altered = copy.deepcopy(answers)
    path = data.draw(st.sampled_from([p for p in places(list(answers)) if len(p) > 1]))
    target: Any = altered
    for key in path[:-1]:
        target = target[key]
    before = target[path[-1]]
    target[path[-1]] = data.draw(JSON)
    after = target[path[-1]]
    if str(before).lower() == str(after).lower() or path[-1] in UNBOUND:
        return
    try:
        found = faults(header, altered)
    except InvalidAnswer:
        return
    assert found, f"{path}: {before!r:.60} became {after!r:.60}"


def test_a_field_left_out_is_found(honest: tuple[Header, Answers]) -> None:
    header, answers = honest
    kept = []
    for path in places(list(answers)):
        altered: Any = copy.deepcopy(answers)
        target = altered
        for key in path[:-1]:
            target = target[key]
        if not isinstance(target, dict) or target[path[-1]] is None:
            continue
        del target[path[-1]]
        try:
            if not faults(header, altered):
                kept.append(path[-1])
        except InvalidAnswer:
            continue
    assert set(kept) <= UNBOUND | {"blockTimestamp"}
