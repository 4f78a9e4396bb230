"""Which validators a node hears: silence, lost connections, and what is news."""

from consensus.events import Unheard
from ledger.values import Address
from node.hearing import Hearing

A, B = Address(b"a" * 20), Address(b"b" * 20)


def ticks(hearing: Hearing, count: int) -> list[Unheard]:
    return [event for _ in range(count) for event in hearing.tick([A, B])]


def test_who_says_nothing_for_too_long_is_unheard_until_it_speaks() -> None:
    hearing = Hearing(5)
    ticks(hearing, 3)
    hearing.heard(B)
    assert ticks(hearing, 4) == [Unheard(frozenset({A}))]
    assert ticks(hearing, 2) == [Unheard(frozenset({A, B}))]
    hearing.heard(A)
    assert ticks(hearing, 1) == [Unheard(frozenset({B}))]


def test_a_lost_connection_counts_at_once_whatever_still_waits_to_be_read() -> None:
    hearing = Hearing(5)
    ticks(hearing, 1)
    hearing.lost([A])
    hearing.heard(A)
    assert ticks(hearing, 1) == [Unheard(frozenset({A}))]
    hearing.found([A])
    assert ticks(hearing, 1) == [Unheard(frozenset())]


def test_who_is_no_validator_any_more_is_forgotten() -> None:
    hearing = Hearing(5)
    hearing.lost([A])
    assert ticks(hearing, 1) == [Unheard(frozenset({A}))]
    assert hearing.tick([B]) == (Unheard(frozenset()),)
