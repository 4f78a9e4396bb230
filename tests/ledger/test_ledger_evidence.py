"""Evidence as the ledger checks it: from an anchor through changes of the set to one receipt."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.codec import InvalidEncoding
from ledger.evidence import (
    DESCENT_MAX,
    EVIDENCE_BYTES_MAX,
    Evidence,
    InvalidEvidence,
    decode_evidence,
    encode_evidence,
    evidence_of,
    verify_evidence,
)
from ledger.suite import STANDARD
from ledger.values import keccak
from tests.evidence_source import Source, log_of, receipt_of, signers_named

FIRST = Source(signers_named("a", "b", "c", "d"))
SECOND = FIRST.followed_by(signers_named("b", "c", "d", "e"), last_block=40)
THIRD = SECOND.followed_by(signers_named("e", "f", "g", "h", "i"), last_block=90)
DESCENT = (FIRST.block(40, following=SECOND), SECOND.block(90, following=THIRD))
RECEIPTS = [receipt_of([log_of(n), log_of(n + 50)], gas=n + 1) for n in range(5)]
EVIDENCE = THIRD.evidence(100, RECEIPTS, 3, descent=DESCENT)


def test_each_set_vouches_for_the_next() -> None:
    shown = verify_evidence(STANDARD, FIRST.anchor, EVIDENCE)
    assert shown.logs == RECEIPTS[3].logs
    assert (shown.header.number, shown.index) == (100, 3)


def test_a_later_anchor_needs_less() -> None:
    for anchor, descent in ((SECOND.anchor, DESCENT[1:]), (THIRD.anchor, ())):
        verify_evidence(STANDARD, anchor, replace(EVIDENCE, descent=descent))


def test_it_survives_its_encoding() -> None:
    data = encode_evidence(EVIDENCE)
    assert decode_evidence(data) == EVIDENCE
    assert len(data) < EVIDENCE_BYTES_MAX


def _replaced(**changes: Any) -> Evidence:
    return replace(EVIDENCE, block=replace(EVIDENCE.block, **changes))


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (lambda: replace(EVIDENCE, descent=()), "another set of validators was due"),
        (lambda: replace(EVIDENCE, descent=DESCENT[::-1]), "another set of validators was due"),
        (lambda: replace(EVIDENCE, descent=DESCENT[:1] * 2), "another set"),
        (lambda: replace(EVIDENCE, group=keccak(b"third")), "of another group"),
        (lambda: replace(EVIDENCE, index=2), "the receipt of transaction 2"),
        (lambda: replace(EVIDENCE, nodes=EVIDENCE.nodes[:-1]), "missing or altered"),
        (
            lambda: THIRD.evidence(100, RECEIPTS, 3, descent=DESCENT, signers=THIRD.signers[:3]),
            "has 3 signers, a quorum of 5 validators is 4",
        ),
        (
            lambda: replace(THIRD, first_block=1).evidence(80, RECEIPTS, 3, descent=DESCENT),
            "older than the anchor",
        ),
        (lambda: THIRD.evidence(100, RECEIPTS, 3, descent=DESCENT, epoch=1), "older than"),
        (lambda: _replaced(record=DESCENT[0].record), "does not commit to this record"),
        (lambda: _replaced(validators=FIRST.validators), "not the validators of its record"),
        (lambda: _replaced(certificate=DESCENT[0].certificate), "is for another block"),
        (
            lambda: THIRD.evidence(100, [receipt_of(status=0)], 0, descent=DESCENT),
            "the transaction failed",
        ),
    ],
)
def test_what_is_refused(forge: Callable[[], Evidence], reason: str) -> None:
    with pytest.raises(InvalidEvidence, match=reason):
        verify_evidence(STANDARD, FIRST.anchor, forge())


def test_the_old_set_says_nothing_after_the_change() -> None:
    stale = FIRST.evidence(41, RECEIPTS, 3, descent=DESCENT[:1])
    with pytest.raises(InvalidEvidence, match="another set of validators was due"):
        verify_evidence(STANDARD, FIRST.anchor, stale)


def test_a_boundary_that_changes_nothing_is_none() -> None:
    same = replace(EVIDENCE, descent=(FIRST.block(39), *DESCENT))
    with pytest.raises(InvalidEvidence, match="no boundary"):
        verify_evidence(STANDARD, FIRST.anchor, same)


def test_bounds_when_it_is_made() -> None:
    block, nodes = EVIDENCE.block, EVIDENCE.nodes
    with pytest.raises(InvalidEvidence, match="move the anchor on"):
        evidence_of(FIRST.group, DESCENT[:1] * (DESCENT_MAX + 1), block, 0, nodes)
    with pytest.raises(InvalidEvidence, match="let the contract log a digest"):
        THIRD.evidence(100, [receipt_of([log_of(1, size=8_192)])], 0)
    with pytest.raises(InvalidEvidence, match="too far back"):
        evidence_of(FIRST.group, (), block, 65_536, nodes)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_altered_bytes_never_pass(data: st.DataObject) -> None:
    encoded = bytearray(encode_evidence(EVIDENCE))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    try:
        found = decode_evidence(bytes(encoded))
    except InvalidEncoding:
        return
    with pytest.raises(InvalidEvidence):
        verify_evidence(STANDARD, FIRST.anchor, found)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_junk_is_no_evidence(junk: bytes) -> None:
    with pytest.raises(InvalidEncoding):
        decode_evidence(junk)
