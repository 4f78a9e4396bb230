"""A vote that would stop the group is warned of before it is cast."""

import pytest

from cli.liveness import objection_to_adding, objection_to_removing


def status(validators: str, missing: str = "") -> dict[str, object]:
    return {
        "validators": validators.split(),
        "missing": [{"node": name, "since_ms": 9_000} for name in missing.split()],
    }


@pytest.mark.parametrize(
    ("validators", "missing", "leaver", "warned"),
    [
        ("a b c d e", "", "e", False),
        ("a b c d e", "d", "e", False),
        ("a b c d e", "e", "e", False),
        ("a b c d e", "c d", "e", True),
        ("a b c d e", "d e", "e", False),
        ("a b c d e f g", "f g", "a", False),
        ("a b c d e f g", "e f g", "a", True),
    ],
)
def test_removing(validators: str, missing: str, leaver: str, warned: bool) -> None:
    objection = objection_to_removing(status(validators, missing), leaver)
    assert (objection is not None) is warned
    if objection:
        assert "would stop" in objection
        assert all(name in objection for name in missing.split())


@pytest.mark.parametrize(
    ("missing", "connected", "words"),
    [
        ("", True, None),
        ("", False, "not connected"),
        ("d", True, None),
        ("d", False, "e"),
        ("c d", True, "c, d are silent"),
    ],
)
def test_adding(missing: str, connected: bool, words: str | None) -> None:
    peers = [{"node": "e", "connected": connected}]
    objection = objection_to_adding(status("a b c d", missing), "e", peers)
    assert (objection is None) is (words is None)
    assert words is None or words in str(objection)
