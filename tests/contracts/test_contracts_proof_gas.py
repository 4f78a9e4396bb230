"""The page of gas figures is what the contracts cost."""

from tests.contracts.proof_gas import PAGE, render


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run python -m tests.contracts.proof_gas"
