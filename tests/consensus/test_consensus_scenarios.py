"""Scenario scripts print what they printed when somebody last read them."""

from pathlib import Path

import pytest

from tests.consensus.scenario import play

SCRIPTS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
REWRITE = "read the change, then: python -m tests.consensus.scenario --rewrite FILE"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scenario(script: Path) -> None:
    text = script.read_text()
    assert play(text) == text, REWRITE


def test_there_are_scenarios() -> None:
    assert SCRIPTS
