"""Four drivers over a network of queues: transactions go through, whoever stops, cuts or dies."""

import asyncio

from ledger.values import keccak


async def test_transactions_submitted_anywhere_are_in_equal_blocks_everywhere(group, kit) -> None:
    hashes = [
        await node.driver.submit(kit.signed(kit.ANNA, nonce))
        for nonce, node in enumerate(group.nodes)
    ]
    await asyncio.gather(*(node.executed(hashes) for node in group.nodes))
    await group.same_hashes()
    for transaction_hash in hashes:
        status = group.nodes[0].driver.transaction_status(transaction_hash)
        assert status["status"] == "executed"
    assert all(len(node.driver.pool) == 0 for node in group.nodes)
    assert all(not node.driver._journal.transactions for node in group.nodes)
    status = group.nodes[0].driver.status()
    assert status["quorum"] == 3
    assert status["missing"] == []
    assert status["view"] == 0
    assert keccak(kit.signed(kit.ANNA, 0)) == hashes[0]
