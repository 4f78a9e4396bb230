"""A proposal's time is judged once, when it comes first (rule 10)."""

import pytest

from ledger.proposal import propose
from ledger.suite import STANDARD
from ledger.values import ZERO_ADDRESS, ZERO_HASH
from node import clock_check
from node.clock_check import Apart, Arrivals, ClockCheck


def proposal(timestamp_ms: int):
    return propose(
        STANDARD, group=ZERO_HASH, epoch=0, sequence=1, origin_view=0, proposer=ZERO_ADDRESS,
        timestamp_ms=timestamp_ms, transactions=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("apart_ms", "is_refused"), [(0, False), (500, False), (-500, False), (501, True), (-501, True)]
)
def test_the_tolerance_holds_in_both_directions(apart_ms: int, is_refused: bool) -> None:
    verdict = ClockCheck().refuse(proposal(10_000 + apart_ms), 10_000, 500)
    assert (verdict is not None) == is_refused


def test_the_first_verdict_stays_whenever_the_proposal_comes_again() -> None:
    check = ClockCheck()
    assert check.refuse(proposal(10_000), 10_000, 500) is None
    assert check.refuse(proposal(10_000), 99_000, 500) is None
    assert "check both nodes' clocks" in check.refuse(proposal(20_000), 10_000, 500).reason
    assert check.refuse(proposal(20_000), 20_000, 500) is not None


def test_verdicts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_check, "VERDICTS_COUNT_MAX", 2)
    check = ClockCheck()
    for timestamp_ms in (1, 2, 3):
        check.refuse(proposal(timestamp_ms), 0, 500)
    assert check.refuse(proposal(1), 99_000, 500) is not None


def test_what_was_on_its_way_through_a_silence_is_late_and_no_clock_is_blamed() -> None:
    arrivals, check = Arrivals(), ClockCheck()
    arrivals.note("tax-1", 100_000, 0)
    quiet = arrivals.note("tax-1", 109_000, 9_000)
    said = check.refuse(proposal(101_000), 109_000, 5_000, quiet).reason
    assert "it came 8000 ms late" in said
    assert "nothing came from this peer for 9000 ms" in said
    assert "check both nodes' clocks" not in said


def test_a_clock_that_was_set_is_no_silence() -> None:
    arrivals, check = Arrivals(), ClockCheck()
    arrivals.note("tax-1", 100_000, 0)
    quiet = arrivals.note("tax-1", 220_000, 500)
    assert (
        "check both nodes' clocks" in check.refuse(proposal(100_400), 220_000, 5_000, quiet).reason
    )


def test_a_clock_that_is_wrong_beside_a_silence_is_blamed() -> None:
    arrivals, check = Arrivals(), ClockCheck()
    arrivals.note("tax-1", 100_000, 0)
    quiet = arrivals.note("tax-1", 109_000, 9_000)
    for timestamp_ms in (60_000, 130_000):
        untimely = check.refuse(proposal(timestamp_ms), 109_000, 5_000, quiet)
        assert "check both nodes' clocks" in untimely.reason


def test_how_far_the_clocks_are_apart_is_kept_unless_a_silence_explains_it() -> None:
    arrivals, check = Arrivals(), ClockCheck()
    arrivals.note("tax-1", 100_000, 0)
    check.refuse(proposal(99_000), 100_000, 5_000)
    assert check.apart == Apart(ZERO_ADDRESS, -1_000)
    check.refuse(proposal(101_000), 109_000, 5_000, arrivals.note("tax-1", 109_000, 9_000))
    assert check.apart == Apart(ZERO_ADDRESS, -1_000)


def test_what_is_said_again_at_first_contact_is_late_and_no_clock_is_blamed() -> None:
    """A node that was down for long reads what its peers still have open."""
    arrivals, check = Arrivals(), ClockCheck()
    first = arrivals.note("tax-1", 100_000, 0)
    also = arrivals.note("tax-1", 100_300, 300)
    for timestamp_ms, now_ms, quiet in ((40_000, 100_000, first), (41_000, 100_300, also)):
        said = check.refuse(proposal(timestamp_ms), now_ms, 5_000, quiet).reason
        assert "first contact since this node started" in said
        assert "check both nodes' clocks" not in said
    assert check.apart is None


@pytest.mark.parametrize(("timestamp_ms", "now_ms"), [(40_000, 102_500), (130_000, 100_000)])
def test_a_clock_that_is_wrong_is_blamed_after_first_contact(
    timestamp_ms: int, now_ms: int
) -> None:
    """What is old stays so when the first contact is over; what is from the future is no delay."""
    arrivals, check = Arrivals(), ClockCheck()
    arrivals.note("tax-1", 100_000, 0)
    quiet = arrivals.note("tax-1", now_ms, 1_000)
    assert (
        "check both nodes' clocks"
        in check.refuse(proposal(timestamp_ms), now_ms, 5_000, quiet).reason
    )


def test_each_proposal_is_judged_by_the_tolerance_of_its_own_epoch() -> None:
    check = ClockCheck()
    assert check.refuse(proposal(10_400), 10_000, 500) is None
    assert "the tolerance is 300 ms" in check.refuse(proposal(10_401), 10_000, 300).reason
