"""The pool's rules: order, nonce chains, bounds, what a block sends back and what leaves."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.reasons import Reason
from ledger.transactions import Transaction
from ledger.values import Address, Hash32
from node.journal import Refusal
from node.pool import BatchLimits, BlockOutcome, Pool, PoolLimits, PoolReason, RefusedByPool

ANNA, BERT = Address(b"\xaa" * 20), Address(b"\xbb" * 20)
WIDE = BatchLimits(gas_max=10**9, count_max=1000, bytes_max=10**9)


def transaction(sender: Address, nonce: int, *, gas: int = 21_000, salt: int = 0) -> Transaction:
    raw = hashlib.sha256(b"%s %d %d %d" % (sender, nonce, gas, salt)).digest() * 3
    return Transaction(
        type=0, chain_id=7, nonce=nonce, max_priority_fee_per_gas=0, max_fee_per_gas=0, gas=gas,
        to=sender, value=0, data=b"", access_list=(), v=0, y_parity=0, r=1, s=1, raw=raw,
    )  # fmt: skip


class World:
    """A pool over a state that tests move by hand."""

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.nonces: dict[Address, int] = {}
        self.pool = Pool(limits or PoolLimits(), lambda sender: self.nonces.get(sender, 0))

    def add(self, sender: Address, nonce: int, **kwargs: int) -> Hash32:
        added = transaction(sender, nonce, **kwargs)
        self.pool.add(added, sender)
        return added.hash

    def batch(self, limits: BatchLimits = WIDE) -> list[Hash32]:
        return [entry.hash for entry in self.pool.take_batch(limits)]


def executable(pool: Pool, sender: Address) -> Hash32 | None:
    entry = pool.executable(sender)
    return None if entry is None else entry.hash


def test_batches_are_oldest_first_along_each_senders_nonces() -> None:
    world = World()
    late = world.add(ANNA, 1)
    first = world.add(ANNA, 0)
    other = world.add(BERT, 0)
    assert world.batch() == [first, late, other]


def test_a_gap_holds_back_what_follows_it() -> None:
    world = World()
    world.add(ANNA, 1)
    assert world.batch() == []
    assert not world.pool.has_ready()
    assert world.pool.executable(ANNA) is None
    world.add(ANNA, 0)
    assert len(world.batch()) == 2


def test_the_first_of_a_sender_and_nonce_stays() -> None:
    world = World()
    first = world.add(ANNA, 0)
    with pytest.raises(RefusedByPool) as caught:
        world.add(ANNA, 0, salt=1)
    assert caught.value.code == PoolReason.NONCE_TAKEN
    assert world.batch() == [first]
    assert world.pool.add(transaction(ANNA, 0), ANNA) is False


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (PoolLimits(count_max=3), PoolReason.POOL_FULL),
        (PoolLimits(bytes_max=3 * 96), PoolReason.POOL_FULL),
        (PoolLimits(sender_count_max=3), PoolReason.SENDER_FULL),
    ],
)
def test_the_pool_is_bounded(limits: PoolLimits, code: PoolReason) -> None:
    world = World(limits)
    hashes = [world.add(ANNA, nonce) for nonce in range(3)]
    with pytest.raises(RefusedByPool) as caught:
        world.add(ANNA, 3)
    assert caught.value.code == code
    world.pool.remove(hashes[0])
    world.add(ANNA, 3)
    assert len(world.pool) == 3


def test_batches_are_bounded_by_gas_count_and_bytes() -> None:
    world = World()
    for nonce in range(10):
        world.add(ANNA, nonce)
    assert len(world.batch(BatchLimits(63_000, 1000, 10**6))) == 3
    assert len(world.batch(BatchLimits(10**9, 4, 10**6))) == 4
    assert len(world.batch(BatchLimits(10**9, 1000, 5 * 96))) == 5


def test_a_transaction_that_does_not_fit_holds_back_its_sender_only() -> None:
    world = World()
    world.add(ANNA, 0, gas=50_000)
    world.add(ANNA, 1, gas=1)
    small = world.add(BERT, 0, gas=40_000)
    assert world.batch(BatchLimits(45_000, 10, 10**6)) == [small]


def test_ordered_transactions_are_not_proposed_twice_and_their_followers_are() -> None:
    world = World()
    hashes = [world.add(ANNA, nonce) for nonce in range(4)]
    world.pool.set_ordered(hashes[:2])
    assert world.batch() == hashes[2:]
    world.pool.set_ordered(())  # a view change gave the batches up
    assert world.batch() == hashes


def test_a_block_removes_what_it_holds_and_frees_the_next_nonce() -> None:
    world = World()
    hashes = [world.add(ANNA, nonce) for nonce in range(3)]
    world.nonces[ANNA] = 2
    assert world.pool.apply_block(BlockOutcome(tuple(hashes[:2]), (), {ANNA: None})) == []
    assert executable(world.pool, ANNA) == hashes[2]
    assert world.batch() == [hashes[2]]


@pytest.mark.parametrize("reason", list(Reason))
def test_only_gaps_and_full_blocks_return_to_the_pool(reason: Reason) -> None:
    world = World()
    dropped = world.add(ANNA, 0)
    refused = world.pool.apply_block(BlockOutcome((), ((dropped, reason),), {}))
    if reason in (Reason.NONCE_GAP, Reason.BLOCK_FULL):
        assert refused == []
        assert world.batch() == [dropped]
    else:
        assert refused == [(dropped, Refusal(reason.value, reason.remedy))]
        assert dropped not in world.pool


def test_a_nonce_used_by_another_transaction_is_a_reason() -> None:
    world = World()
    loser = world.add(ANNA, 0, salt=1)
    world.nonces[ANNA] = 1
    refused = world.pool.apply_block(BlockOutcome((transaction(ANNA, 0).hash,), (), {ANNA: None}))
    assert [(gone, refusal.reason) for gone, refusal in refused] == [(loser, Reason.NONCE_USED)]


def test_who_may_execute_another_transaction_next_is_told_once() -> None:
    world = World()
    first = world.add(ANNA, 0)
    assert world.pool.take_changed() == [ANNA]
    second = world.add(ANNA, 1)  # behind the first: nothing new may execute
    assert world.pool.take_changed() == []
    world.nonces[ANNA] = 1
    world.pool.apply_block(BlockOutcome((first,), (), {ANNA: None}))
    assert world.pool.take_changed() == [ANNA]
    assert executable(world.pool, ANNA) == second
    world.pool.remove(second)
    assert world.pool.take_changed() == [ANNA]
    assert executable(world.pool, ANNA) is None


def test_older_transactions_are_counted_from_the_oldest_that_waits() -> None:
    world = World()
    hashes = [world.add(ANNA, nonce) for nonce in range(5)]
    last = world.pool.entry(hashes[4])
    assert last is not None
    assert world.pool.older_than(last) == 4
    world.pool.remove(hashes[0])
    assert world.pool.older_than(last) == 3
    world.pool.remove(hashes[2])
    assert world.pool.older_than(last) == 2


def test_next_nonce_follows_the_unbroken_run() -> None:
    world = World()
    for nonce in (3, 4, 6):
        world.add(ANNA, nonce)
    assert world.pool.next_nonce(ANNA, 3) == 5
    assert world.pool.next_nonce(BERT, 9) == 9


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=60))
def test_any_history_keeps_counts_and_chains(steps: list[tuple[int, int, bool]]) -> None:
    world = World()
    senders = [Address(bytes([number]) * 20) for number in range(4)]
    for who, nonce, is_removal in steps:
        try:
            if is_removal:
                world.pool.remove(transaction(senders[who], nonce).hash)
            else:
                world.add(senders[who], nonce)
        except RefusedByPool:
            pass
    waiting = list(world.pool.transactions())
    assert world.pool.bytes_held == sum(len(t.raw) for _, t in waiting)
    assert len(world.pool) == len(waiting)
    batch = world.pool.take_batch(WIDE)
    first = {entry.sender: entry.hash for entry in reversed(batch)}
    assert {s: executable(world.pool, s) for s in senders} == {s: first.get(s) for s in senders}
    for sender in senders:
        nonces = [entry.nonce for entry in batch if entry.sender == sender]
        assert nonces == list(range(len(nonces)))
    assert world.pool.has_ready() == bool(batch)


def test_reasons_are_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.pool.REFUSALS_COUNT_MAX", 3)
    world = World()
    hashes = [transaction(ANNA, nonce).hash for nonce in range(4)]
    for each in hashes:
        world.pool.remember_refusal(each, Refusal("NO_PERMISSION", "ask"))
    assert [world.pool.refusal(each) is not None for each in hashes] == [False, True, True, True]


@pytest.mark.parametrize("limits", [PoolLimits(count_max=8), PoolLimits(bytes_max=8 * 96)])
def test_what_cannot_execute_yet_takes_half_of_the_room_at_most(limits: PoolLimits) -> None:
    world = World(limits)
    for nonce in range(1, 5):  # without the first none of these can execute
        world.add(ANNA, nonce)
    with pytest.raises(RefusedByPool) as caught:
        world.add(ANNA, 5)
    assert caught.value.code == PoolReason.POOL_FULL
    assert "missing" in caught.value.message
    for nonce in range(3):
        world.add(BERT, nonce)
    world.add(ANNA, 0)
    assert len(world.batch()) == 8


def test_a_filled_gap_gives_its_room_to_the_next_one() -> None:
    world = World(PoolLimits(count_max=8))
    for nonce in range(1, 5):
        world.add(ANNA, nonce)
    world.add(ANNA, 0)
    world.add(BERT, 7)  # the chain is whole: nothing of Anna's waits for a nonce any more
    assert len(world.pool) == 6


def test_what_a_refusal_cuts_off_counts_as_waiting_for_a_nonce() -> None:
    world = World(PoolLimits(count_max=10))
    hashes = [world.add(ANNA, nonce) for nonce in range(6)]
    world.pool.apply_block(BlockOutcome((), ((hashes[0], Reason.FROZEN),), {}))
    with pytest.raises(RefusedByPool):
        world.add(BERT, 1)
    world.add(ANNA, 0, salt=1)
    world.add(BERT, 1)


def test_blocks_that_take_the_head_of_a_chain_strand_nothing() -> None:
    world = World(PoolLimits(count_max=8))
    hashes = [world.add(ANNA, nonce) for nonce in range(6)]
    world.nonces[ANNA] = 2
    world.pool.apply_block(BlockOutcome(tuple(hashes[:2]), (), {ANNA: None}))
    world.add(BERT, 1)
    world.nonces[ANNA] = 6  # the others stand in a block that was caught up
    world.pool.apply_block(BlockOutcome((), (), {ANNA: None}))
    assert [sender for sender, _ in world.pool.transactions()] == [BERT]


def test_an_acknowledged_transaction_comes_back_whatever_it_waits_for() -> None:
    world = World(PoolLimits(count_max=4))
    for nonce in range(1, 5):
        assert world.pool.add(transaction(ANNA, nonce), ANNA, is_kept=True)
    assert len(world.pool) == 4
