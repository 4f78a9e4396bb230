"""A sender that loses permission: what waits of it leaves with a reason, and no clock runs."""

import asyncio

from ledger.gate import GATE_CONTRACT, Role, permission_slot, permission_word
from node.group_network import Channel


async def test_a_frozen_senders_transactions_leave_the_pool_and_nobody_complains(
    group, kit, monkeypatch
) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    backup = next(node for node in group.nodes if node is not group.primary)
    other = next(node for node in group.nodes if node not in (backup, group.primary))
    port = backup.driver._network
    send = port.send
    # Nobody else gets these: as if the others' pools had been full.
    monkeypatch.setattr(
        port,
        "send",
        lambda peer, channel, data: channel is not Channel.GOSSIP and send(peer, channel, data),
    )
    waiting = [await backup.driver.submit(kit.signed(kit.ANNA, nonce)) for nonce in (0, 1, 3)]
    frozen = permission_word(Role.MEMBER, organisation=1, frozen=True)
    freeze = permission_slot(kit.ANNA.address).to_bytes(32) + frozen.to_bytes(32)
    call = kit.signed(kit.BERT, 0, to=GATE_CONTRACT, data=freeze)
    await backup.executed([await other.driver.submit(call)])
    for transaction_hash in waiting:
        status = backup.driver.transaction_status(transaction_hash)
        assert (status["status"], status["reason"]) == ("dropped", "FROZEN")
    assert len(backup.driver.pool) == 0
    await backup.height(backup.chain.head.number + 2)  # two heartbeats: longer than any clock
    assert backup.driver.status()["view"] == 0
    assert not backup.driver._setup.journal.transactions
