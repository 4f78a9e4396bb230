"""The native engine against py-evm on random contracts and blocks: everything must be equal.

The seeds are fixed, so that a failure names the one that brings it back; the long run is
`python -m tests.native.duel`.
"""

import pytest

from ledger.native import is_available

pytestmark = [
    pytest.mark.skipif(not is_available(), reason="quorate_native is not built"),
    pytest.mark.filterwarnings("ignore:SELFDESTRUCT"),
]

SEEDS = range(9_000, 9_012)


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_and_calls_are_equal(seed):
    from tests.native.duel import Duel

    duel = Duel(seed)
    for _ in range(4):
        duel.block(count=10)
        duel.call()
    assert duel.counts["transactions"] > 15
    assert duel.counts["succeeded"] > 5


def test_a_planted_difference_is_found(monkeypatch):
    from ledger import pyevm
    from tests.native.duel import Difference, Duel

    monkeypatch.setattr(pyevm, "REFUND_QUOTIENT", 4)
    with pytest.raises(Difference):  # noqa: PT012 - which block shows it is chance
        for seed in SEEDS:
            duel = Duel(seed)
            for _ in range(4):
                duel.block(count=10)
