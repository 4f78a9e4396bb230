"""The native engine against py-evm on random contracts and blocks: everything must be equal.

The seeds are fixed, so that a failure names the one that brings it back; the long run is
`make fuzz`.
"""

import pytest
from eth.vm.forks.cancun.computation import CancunComputation

from ledger import pyevm
from ledger.engine import Precompile
from ledger.gate import Permission, SystemGate
from ledger.modexp import MODEXP, MODEXP_ADDRESS
from ledger.native import is_available
from ledger.pyevm_state import FlatAccountDatabase
from ledger.validity import check_state
from ledger.values import Address, keccak

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


def _refund_a_quarter(monkeypatch):
    monkeypatch.setattr(pyevm, "REFUND_QUOTIENT", 4)


def _forget_the_frozen(monkeypatch):
    monkeypatch.setattr(SystemGate, "is_frozen", lambda *_: False)


def _let_anybody_deploy(monkeypatch):
    monkeypatch.setattr(Permission, "may_deploy", True)


def _keep_transient_storage(monkeypatch):
    lock = FlatAccountDatabase.lock_changes

    def lock_but_keep(self):
        kept = dict(self._transient)
        lock(self)
        self._transient.update(kept)

    monkeypatch.setattr(FlatAccountDatabase, "lock_changes", lock_but_keep)


def _keep_slots_warm(monkeypatch):
    monkeypatch.setattr(FlatAccountDatabase, "is_storage_warm", lambda *_: True)


def _call_every_account_empty(monkeypatch):
    monkeypatch.setattr(FlatAccountDatabase, "account_is_empty", lambda *_: True)


def _forget_the_nonce_first(monkeypatch):
    monkeypatch.setattr(
        pyevm, "contract_address", lambda sender, nonce: Address(keccak(sender)[:20])
    )


def _lose_a_log(monkeypatch):
    monkeypatch.setattr(CancunComputation, "get_log_entries", lambda _: ())


def _count_gas_used_against_the_block(monkeypatch):
    monkeypatch.setattr(
        pyevm, "check_state", lambda *args: check_state(*args[:-1], args[-1] + 100_000)
    )


def _charge_a_precompile_more(monkeypatch):
    dearer = Precompile(lambda data: MODEXP.gas(data) + 1, MODEXP.run)
    monkeypatch.setitem(pyevm._REPLACED, MODEXP_ADDRESS, dearer)


PLANTS = [
    _charge_a_precompile_more,
    _refund_a_quarter,
    _forget_the_frozen,
    _let_anybody_deploy,
    _keep_transient_storage,
    _keep_slots_warm,
    _call_every_account_empty,
    _forget_the_nonce_first,
    _lose_a_log,
    _count_gas_used_against_the_block,
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_difference_is_found(plant, monkeypatch):
    from tests.native.duel import Difference, Duel

    plant(monkeypatch)
    with pytest.raises(Difference):  # noqa: PT012 - which block shows it is chance
        for seed in range(9_000, 9_060):
            duel = Duel(seed)
            for _ in range(4):
                duel.block(count=12)
