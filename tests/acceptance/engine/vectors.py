"""All Cancun cases pass on native, on py-evm with each exception listed; the other suites too.

The suites are those of `../shared/vectors/ethereum`: GeneralStateTests through the command `quorate
evm statetest --json` on both engines; TransactionTests, TrieTests and RLPTests on the Python code,
the crate and the reference packages. `tests/ethereum/exceptions.toml` explains each exception; an
entry that passes breaks the promise as well as a failure without one.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.native import is_available
from tests.ethereum.results import Results, exceptions_of, surprises
from tests.ethereum.rlp_suite import rlp_tests
from tests.ethereum.samples import SUITES
from tests.ethereum.state_suite import state_tests
from tests.ethereum.transaction_suite import transaction_tests
from tests.ethereum.trie_suite import trie_tests

RUNS: dict[str, tuple[Callable[[str], Results], tuple[str, ...], int]] = {
    "RLPTests": (rlp_tests, ("python", "reference"), 55),
    "TrieTests": (trie_tests, ("python", "crate", "reference"), 26),
    "TransactionTests": (transaction_tests, ("python", "crate", "reference"), 110),
    "GeneralStateTests": (state_tests, ("native", "py-evm"), 9_288),
}
"""Each suite with its implementations and the number of its cases here."""


def run(folder: Path) -> dict[str, Any]:
    """Every suite on every implementation; counts and seconds."""
    assert SUITES.is_dir(), f"expected Ethereum's suites in {SUITES}"
    assert is_available(), "the native engine is not built: make install builds it"
    return {
        suite: {name: _one(suite, name, judge, cases) for name in implementations}
        for suite, (judge, implementations, cases) in RUNS.items()
    }


def _one(suite: str, implementation: str, judge: Callable[[str], Results], cases: int) -> Any:
    start = time.monotonic()
    results = judge(implementation)
    found = surprises(suite, implementation, results)
    assert not found, f"{suite} on {implementation}: {found}"
    total = len(results.passed) + len(results.failed)
    assert total >= cases, f"{suite} on {implementation}: expected {cases} cases, found {total}"
    assert len(results.failed) == len(exceptions_of(suite, implementation))
    return {
        "passed": len(results.passed),
        "listed_exceptions": len(results.failed),
        "seconds": round(time.monotonic() - start, 1),
    }
