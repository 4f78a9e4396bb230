"""Ten faults of an engine, each a patch of the reference: what differential runs have to find."""

import pytest
from eth.vm.forks.cancun.computation import CancunComputation

from ledger import pyevm
from ledger.engine import Precompile
from ledger.gate import Permission, SystemGate
from ledger.modexp import MODEXP, MODEXP_ADDRESS
from ledger.pyevm_state import FlatAccountDatabase
from ledger.validity import check_state
from ledger.values import Address, keccak
from tests.native.duel import Difference, Duel

FIRST_SEED, SEEDS_MAX = 9_000, 60
BLOCKS_OF_SEED = 4


def _refund_a_quarter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pyevm, "REFUND_QUOTIENT", 4)


def _forget_the_frozen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SystemGate, "is_frozen", lambda *_: False)


def _let_anybody_deploy(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Permission, "may_deploy", True)


def _keep_transient_storage(patch: pytest.MonkeyPatch) -> None:
    lock = FlatAccountDatabase.lock_changes

    def lock_but_keep(self: FlatAccountDatabase) -> None:
        kept = dict(self._transient)
        lock(self)
        self._transient.update(kept)

    patch.setattr(FlatAccountDatabase, "lock_changes", lock_but_keep)


def _keep_slots_warm(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FlatAccountDatabase, "is_storage_warm", lambda *_: True)


def _call_every_account_empty(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FlatAccountDatabase, "account_is_empty", lambda *_: True)


def _forget_the_nonce_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pyevm, "contract_address", lambda sender, nonce: Address(keccak(sender)[:20]))


def _lose_a_log(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CancunComputation, "get_log_entries", lambda _: ())


def _count_gas_used_against_the_block(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pyevm, "check_state", lambda *args: check_state(*args[:-1], args[-1] + 100_000))


def _charge_a_precompile_more(patch: pytest.MonkeyPatch) -> None:
    dearer = Precompile(lambda data: MODEXP.gas(data) + 1, MODEXP.run)
    patch.setitem(pyevm._REPLACED, MODEXP_ADDRESS, dearer)


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


def find(plant: object) -> int:
    """The seed that shows a planted fault; raises AssertionError if none does."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)  # type: ignore[operator]
        for seed in range(FIRST_SEED, FIRST_SEED + SEEDS_MAX):
            duel = Duel(seed)
            try:
                for _ in range(BLOCKS_OF_SEED):
                    duel.block()
            except Difference:
                return seed
    raise AssertionError(f"{SEEDS_MAX} seeds do not show it")
