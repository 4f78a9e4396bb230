"""What a backup refuses to vote on, and what may wait in the pool."""

import pytest

from ledger.chain import Chain
from ledger.engine import decode_each
from ledger.gate import SystemGate
from ledger.keyvalue import MemoryStore
from ledger.parameters import Parameters
from ledger.proposal import propose
from ledger.pyevm import PyEvmEngine
from ledger.reasons import Reason
from ledger.store import BlockStore
from ledger.suite import STANDARD
from ledger.transactions import InvalidTransaction
from node.admission import NONCE_AHEAD_MAX, Admission, InvalidBatch
from node.stages import Stages


class InForce:
    """The parameters in force, which a test may change as a vote does."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def set(self, **voted: int) -> None:
        self.parameters = self.parameters.with_voted(voted)


@pytest.fixture
def chain(tmp_path, kit):
    genesis = kit.GroupWorld(tmp_path).genesis
    return Chain(genesis, BlockStore(MemoryStore(), STANDARD), PyEvmEngine())


@pytest.fixture
def in_force(chain):
    return InForce(chain.parameters)


@pytest.fixture
def admission(chain, in_force):
    return Admission(
        lambda: in_force.parameters, SystemGate(), chain.latest_state, decode_each, Stages()
    )


def batch_of(kit, *raws):
    return propose(
        STANDARD, group=bytes(32), epoch=0, sequence=1, origin_view=0, proposer=bytes(20),
        timestamp_ms=1, transactions=tuple(raws),
    )  # fmt: skip


def test_a_good_batch_comes_with_its_senders(admission, in_force, kit) -> None:
    raws = [kit.signed(kit.ANNA, 0), kit.signed(kit.BERT, 5), kit.signed(kit.STRANGER, 0)]
    senders = [
        sender for _, sender in admission.check_batch(batch_of(kit, *raws), in_force.parameters)
    ]
    # Permissions and nonces are the state's matter: they drop, they do not refuse.
    assert senders == [kit.ANNA.address, kit.BERT.address, kit.STRANGER.address]


def test_batches_that_no_honest_primary_proposes_are_refused(admission, in_force, kit) -> None:
    good = kit.signed(kit.ANNA, 0)
    limit = Parameters(chain_id=1).gas_limit
    for raws, words in [
        ([good, good], "twice"),
        ([good[:-1]], "transaction 0"),
        ([good, kit.signed(kit.ANNA, 1, chain_id=1)], "transaction 1: WRONG_CHAIN"),
        ([kit.signed(kit.ANNA, n, gas=limit * 2 // 3) for n in range(2)], "gas in sum"),
        ([kit.signed(kit.ANNA, 0, gas=20_000)], "GAS_TOO_LOW"),
        ([b"x"] * 1_001, "at most 1000 transactions"),
        ([bytes(1 << 20)] * 3, "bytes"),
    ]:
        with pytest.raises(InvalidBatch, match=words):
            admission.check_batch(batch_of(kit, *raws), in_force.parameters)


def test_a_nonce_may_run_ahead_within_a_bound(admission, kit) -> None:
    admission.examine(kit.signed(kit.ANNA, NONCE_AHEAD_MAX))
    with pytest.raises(InvalidTransaction) as caught:
        admission.examine(kit.signed(kit.ANNA, NONCE_AHEAD_MAX + 1))
    assert caught.value.code is Reason.NONCE_GAP


def test_a_batch_is_held_to_the_parameters_of_its_own_epoch(admission, in_force, kit) -> None:
    batch = batch_of(kit, kit.signed(kit.ANNA, 0, gas=6_000_000))
    before = in_force.parameters
    in_force.set(gas_limit=5_000_000)
    assert len(admission.check_batch(batch, before)) == 1
    with pytest.raises(InvalidBatch, match="GAS_TOO_HIGH"):
        admission.check_batch(batch, in_force.parameters)


def test_what_a_lowered_limit_leaves_no_room_for_may_not_wait(admission, in_force, kit) -> None:
    checked = admission.examine(kit.signed(kit.ANNA, 1, gas=6_000_000))
    admission.check_waiting(*checked)
    in_force.set(gas_limit=5_000_000)
    for check in (admission.admit, admission.check_waiting):
        with pytest.raises(InvalidTransaction) as caught:
            check(*checked)
        assert caught.value.code is Reason.GAS_TOO_HIGH
