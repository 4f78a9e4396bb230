"""Some quick ones of Ethereum's GeneralStateTests, where engines once differed among them."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest

from ledger.ethereum.case import Case
from ledger.ethereum.fixture import read_cases, read_tests
from ledger.ethereum.transaction import BLOB

SUITES = Path(__file__).resolve().parents[3] / "shared/vectors/ethereum"
STATE_TESTS = SUITES / "GeneralStateTests"
NEEDS_SUITES = pytest.mark.skipif(
    not SUITES.exists(), reason="no ../shared/vectors/ethereum here: Ethereum's public suites"
)
EVERY = 24
"""One file in so many is in the sample; CASES_MAX bounds the cases of one test."""
CASES_MAX = 4
ALWAYS = ("Collision", "collision", "RevertInCreateInInit", "modexp", "OverwriteEmpty")
"""Where py-evm left alone would differ, or once did."""
SLOW = (
    "stTimeConsuming",
    "stQuadratic",
    "stMemoryStress",
    "stAttack",
    "stStaticCall/static_Call50000",
    "tstoreCannotBeDosd",
    "vmPerformance",
    "LoopCalls",
)


def sample() -> list[Path]:
    """The files of the sample."""
    paths = [path for path in sorted(STATE_TESTS.rglob("*.json")) if not _is_slow(path)]
    return paths[::EVERY] + [path for path in paths if any(name in path.name for name in ALWAYS)]


def everything() -> list[Path]:
    """All files of the suite that are here."""
    return sorted(STATE_TESTS.rglob("*.json"))


def cases(paths: Sequence[Path], cases_max: int | None = None) -> Iterator[Case]:
    """Cancun's cases; at most `cases_max` of one test."""
    for path in paths:
        for name, test in read_tests(path.read_bytes()).items():
            yield from islice(read_cases(name, test, "Cancun"), cases_max)


def plain_cases(paths: Sequence[Path], cases_max: int | None = None) -> Iterator[Case]:
    """Those that run and have no blobs: what a ledger's own transactions are like, but for fees."""
    for case in cases(paths, cases_max):
        if case.refusal is None and case.transaction.type != BLOB:
            yield case


def _is_slow(path: Path) -> bool:
    return any(part in str(path) for part in SLOW)
