"""Parameters by vote on running nodes: pool, proposals, pace and status follow what is in force."""

import asyncio

import pytest

from ledger.gate import CHANGED_AT_SLOT, GATE_CONTRACT, parameter_slot
from ledger.reasons import Reason
from ledger.transactions import InvalidTransaction
from node.epochs import due_epochs, epoch_limits

AFTER = 5_500_000


async def vote(group, kit, **voted: int) -> int:
    """The block in which the gate takes these values, as its own code would write them."""
    driver = group.nodes[0].driver
    slots = {parameter_slot(name): value for name, value in voted.items()}
    slots[CHANGED_AT_SLOT] = 1
    sent = []
    for nonce, (slot, value) in enumerate(slots.items()):
        data = slot.to_bytes(32) + value.to_bytes(32)
        sent.append(await driver.submit(kit.signed(kit.BERT, nonce, to=GATE_CONTRACT, data=data)))
    await asyncio.gather(*(node.executed(sent) for node in group.nodes))
    return driver.chain.transaction(sent[0]).number


async def test_a_voted_limit_is_followed_by_pool_blocks_and_status(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    first = group.nodes[0]
    before = first.chain.parameters
    stranded = await first.driver.submit(kit.signed(kit.ANNA, 1, gas=AFTER + 1))
    changed_at = await vote(group, kit, gas_limit=AFTER)
    due = changed_at + kit.WINDOW + 1
    # Empty blocks bring the change into force without waiting for heartbeats.
    await asyncio.gather(*(node.height(due, timeout_s=20) for node in group.nodes))
    for node in group.nodes:
        limits = [node.chain.header(number).gas_limit for number in (due - 1, due)]
        assert limits == [before.gas_limit, AFTER]
        told = node.driver.status()["parameters"]
        assert (told["in_force"]["gas_limit"], told["pending"]) == (AFTER, {})
        # What was taken in before has a reason, what comes now is refused at once.
        fate = node.driver.transaction_status(stranded)
        assert (fate["status"], fate["reason"]) == ("dropped", Reason.GAS_TOO_HIGH)
        with pytest.raises(InvalidTransaction, match=f"at most {AFTER}"):
            await node.driver.submit(kit.signed(kit.ANNA, 0, gas=AFTER + 1))
    sent = await first.driver.submit(kit.signed(kit.ANNA, 0, gas=AFTER))
    await asyncio.gather(*(node.executed([sent]) for node in group.nodes))
    await group.same_hashes()
    assert group.nodes[-1].driver.status()["epoch"] == 1


async def test_voted_times_become_the_replicas_pace_in_their_own_epoch(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    chain = group.nodes[0].chain
    before = chain.parameters
    changed_at = await vote(group, kit, view_timeout_ms=2_000)
    due = changed_at + kit.WINDOW + 1
    await asyncio.gather(*(node.height(due, timeout_s=20) for node in group.nodes))
    after = before.with_voted({"view_timeout_ms": 2_000})
    now, following = due_epochs(chain, changed_at, 20)
    assert (now.limits, following.limits) == (epoch_limits(before, 20), epoch_limits(after, 20))
    assert (following.first_sequence, following.validators) == (due, now.validators)
    assert [epoch.limits for epoch in due_epochs(chain, due, 20)] == [epoch_limits(after, 20)]
    leaver = group.nodes[-1]
    await leaver.crash()
    await leaver.start()  # a restart takes up the pace of its epoch
    for node in group.nodes:
        assert node.driver._replica._core.config.view_ticks == 100
