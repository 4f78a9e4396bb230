"""A node that is some moments behind."""

from itertools import count

from workflows.waiting import wait_for


def test_what_comes_a_moment_later_is_found() -> None:
    numbers = count()
    assert wait_for(lambda: next(numbers), lambda found: found == 3, lag_s_max=10) == 3


def test_what_does_not_come_is_answered_as_it_is() -> None:
    assert wait_for(lambda: "absent", lambda found: found == "here", lag_s_max=0) == "absent"
