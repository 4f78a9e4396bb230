"""The fuzzers themselves: a short run is silent, planted faults are found and can be replayed."""

import dataclasses
import subprocess
import sys
import time

import pytest

from ledger.codec import InvalidEncoding, decode, encode
from ledger.native import is_available
from tests.fuzz.parsers import bounded_time, every_subject, examine, fuzz, least, report
from tests.fuzz.subject import Finding, Subject

INPUTS = 60


@pytest.fixture(scope="module")
def subjects() -> list[Subject]:
    return every_subject()


def test_no_parser_breaks_its_promise_on_the_first_inputs(subjects):
    taken = refused = 0
    with bounded_time():
        for subject in subjects:
            for index in range(INPUTS):
                if examine(subject, subject.input(3, index)):
                    taken += 1
                else:
                    refused += 1
                    assert index >= len(subject.samples), f"{subject.name} refuses its own sample"
    assert taken > 2 * len(subjects)
    assert refused > 20 * len(subjects)


def test_an_input_is_the_same_whenever_it_is_asked_for(subjects):
    for subject in subjects:
        assert subject.input(9, 40) == subject.input(9, 40)
    assert len({subject.input(seed, 40) for subject in subjects for seed in range(4)}) > 60


def _lax(data: bytes) -> object:
    """Takes the first item and what follows it."""
    try:
        return decode(data, bytes_max=1 << 20)
    except InvalidEncoding as error:
        if "follow the end" in str(error):
            return []
        raise


def _careless(data: bytes) -> object:
    item = decode(data, bytes_max=1 << 20)
    return item if item[0] is not None else []


def _slow(data: bytes) -> object:
    end = time.process_time() + 60
    while len(data) == 1 and time.process_time() < end:
        pass
    return decode(data, bytes_max=1 << 20)


PLANTS = {"encodes to other bytes": _lax, "IndexError": _careless, "TooSlow": _slow}


@pytest.mark.parametrize("words", PLANTS)
def test_a_planted_fault_is_found(words):
    samples = [encode([b"a", [b"bc", b""], b"d" * 60, b"e"]), b"\x05"]
    whole = Subject("planted", samples, PLANTS[words], encode, (InvalidEncoding, TypeError))
    _, [finding] = fuzz([whole], 1, 30)
    assert words in finding
    assert "--seed 1 --only 'planted' --index" in finding


def test_a_finding_is_made_smaller(subjects):
    [rlp] = [subject for subject in subjects if subject.name == "rlp"]
    lax = dataclasses.replace(rlp, decode=_lax, agrees=None)
    data = encode([b"x" * 100, b"y" * 200]) + b"rest"
    with bounded_time(), pytest.raises(Finding) as found:
        examine(lax, data)
    with bounded_time():
        assert len(least(lax, data, found.value)) <= 4
    assert report(lax, 1, 3, found.value)


def test_memory_beyond_its_bound_is_a_finding():
    hungry = "\n".join(
        (
            "from tests.fuzz import parsers",
            "from tests.fuzz.subject import Subject",
            "eat = lambda data: bytes(1 << 34)",
            "parsers.every_subject = lambda: [Subject('hungry', [b'a'], eat, bytes, ())]",
            "import sys",
            "sys.argv = ['parsers', '--only', 'hungry', '--index', '0']",
            "parsers.main()",
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", hungry], capture_output=True, text=True, check=False, timeout=60
    )
    assert "MemoryError" in done.stderr


@pytest.mark.skipif(not is_available(), reason="quorate_native is not built")
@pytest.mark.filterwarnings("ignore:SELFDESTRUCT")
def test_a_short_duel_counts_what_it_hits():
    from tests.fuzz.engines import fight, shortfalls

    coverage = fight(77, duels=2)
    hits = coverage.hits()
    assert len(hits["opcode"]) == 149
    assert hits["opcode"]["PUSH1"] > 100
    assert hits["precompile"]["0xa"] >= 0
    assert set(hits["reason"]) >= {"NONCE_GAP", "BLOCK_FULL"}
    assert any("hit too rarely" in line for line in shortfalls(coverage))
