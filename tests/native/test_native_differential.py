"""The native engine against py-evm on random contracts and blocks: everything must be equal.

The seeds are fixed, so that a failure names the one that brings it back; the long run is
`make fuzz`.
"""

import pytest

from ledger.native import is_available

pytestmark = [
    pytest.mark.skipif(not is_available(), reason="quorate_native is not built"),
    pytest.mark.filterwarnings("ignore:SELFDESTRUCT"),
]

SEEDS = range(9_000, 9_012)
FOUND = [20_288, 20_538]
"""Seeds that once showed a difference: a call of BLAKE2b with a wrong flag that cannot pay for its
rounds, one of modular exponentiation with sizes that nobody could pay for."""


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_and_calls_are_equal(seed):
    from tests.native.duel import Duel

    duel = Duel(seed)
    for _ in range(4):
        duel.block(count=10)
        duel.call()
    assert duel.counts["transactions"] > 15
    assert duel.counts["succeeded"] > 5


@pytest.mark.parametrize("seed", FOUND)
def test_what_differed_once_is_equal_now(seed):
    from tests.native.duel import Duel

    Duel(seed).run()


@pytest.mark.parametrize("number", range(10))
def test_a_planted_difference_is_found(number):
    from tests.native.planted_differences import PLANTS, find

    assert len(PLANTS) == 10
    find(PLANTS[number])
