"""All of Cancun's GeneralStateTests on both engines, through the command: `make vectors`."""

import pytest

from ledger.native import is_available
from tests.ethereum.results import surprises
from tests.ethereum.samples import NEEDS_SUITES
from tests.ethereum.state_suite import state_tests

CASES_MIN = 9_288
NEEDS_CRATE = pytest.mark.skipif(not is_available(), reason="quorate_native is not built")


@NEEDS_SUITES
@pytest.mark.vectors
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("engine", [pytest.param("native", marks=NEEDS_CRATE), "py-evm"])
def test_all_of_cancun_but_for_the_listed_exceptions(engine: str) -> None:
    results = state_tests(engine)
    print(f"{engine}: {len(results.passed)} passed, {len(results.failed)} listed exceptions")
    assert surprises("GeneralStateTests", engine, results) == []
    assert len(results.passed) + len(results.failed) >= CASES_MIN
