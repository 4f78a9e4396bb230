"""RLPTests, TrieTests and TransactionTests by our Python, the crate and the reference packages."""

from collections.abc import Callable

import pytest

from ledger.native import is_available
from tests.ethereum.results import Results, exceptions_of, surprises
from tests.ethereum.rlp_suite import rlp_tests
from tests.ethereum.samples import NEEDS_SUITES
from tests.ethereum.transaction_suite import transaction_tests
from tests.ethereum.trie_suite import trie_tests

NEEDS_CRATE = pytest.mark.skipif(not is_available(), reason="quorate_native is not built")
SUITES: dict[str, tuple[Callable[[str], Results], int]] = {
    "RLPTests": (rlp_tests, 55),
    "TrieTests": (trie_tests, 26),
    "TransactionTests": (transaction_tests, 110),
}


@NEEDS_SUITES
@pytest.mark.suites
@pytest.mark.parametrize(
    ("suite", "implementation"),
    [
        *((suite, name) for suite in SUITES for name in ("python", "reference")),
        pytest.param("TrieTests", "crate", marks=NEEDS_CRATE),
        pytest.param("TransactionTests", "crate", marks=NEEDS_CRATE),
    ],
)
def test_the_suite_is_kept_but_for_the_listed_exceptions(suite: str, implementation: str) -> None:
    run, least = SUITES[suite]
    results = run(implementation)
    assert surprises(suite, implementation, results) == []
    assert len(results.passed) + len(results.failed) >= least


def test_a_listed_case_that_passes_is_a_surprise() -> None:
    [name, *_] = exceptions_of("GeneralStateTests", "py-evm")
    [words] = [
        words
        for words in surprises("GeneralStateTests", "py-evm", Results(passed={name}))
        if "it passes" in words
    ]
    assert words.startswith(name)


def test_a_failure_without_an_entry_is_a_surprise() -> None:
    results = Results()
    results.add("some.json test 0 0 0", "expected another root")
    assert surprises("GeneralStateTests", "native", results) == [
        "some.json test 0 0 0: expected another root"
    ]


def test_a_listed_case_that_is_not_there_is_a_surprise() -> None:
    known = exceptions_of("GeneralStateTests", "py-evm")
    found = surprises("GeneralStateTests", "py-evm", Results())
    assert found == [f"{case}: listed, but there is no such case" for case in sorted(known)]
    assert found
