"""When a primary proposes: at once while idle, later the more blocks are on their way."""

import asyncio

from consensus.status import Slot
from ledger.chain import Chain
from ledger.keyvalue import MemoryStore
from ledger.pyevm import PyEvmEngine
from ledger.store import BlockStore
from ledger.suite import STANDARD
from ledger.transactions import decode_transaction
from node.pool import Pool, PoolLimits
from node.proposer import BATCH_DELAY_MS, BATCH_DELAY_MS_MAX, Proposer


async def test_a_batch_gathers_longer_while_more_blocks_are_open(
    tmp_path, kit, monkeypatch
) -> None:
    chain = Chain(
        kit.GroupWorld(tmp_path).genesis, BlockStore(MemoryStore(), STANDARD), PyEvmEngine()
    )
    # As in a wider window: what is due 16 blocks ahead is known.
    monkeypatch.setattr(chain, "parameters_for", lambda _: chain.genesis.parameters)
    pool = Pool(PoolLimits(), lambda _sender: 0)
    pool.add(decode_transaction(kit.signed(kit.ANNA, 0)), kit.ANNA.address)
    woken = asyncio.Event()
    proposer = Proposer(chain, pool, kit.BERT.address, woken.set)
    loop = asyncio.get_running_loop()
    now_s = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now_s)

    def fill(sequence: int) -> bool:
        return proposer.fill(Slot(0, 0, sequence, False)) is not None

    assert fill(1)
    assert fill(1)  # nothing is open below block 1: no wait
    for blocks_open, delay_ms in (
        (1, BATCH_DELAY_MS), (3, 3 * BATCH_DELAY_MS), (15, BATCH_DELAY_MS_MAX),
    ):  # fmt: skip
        assert not fill(1 + blocks_open)
        now_s += delay_ms / 1000 - 0.001
        assert not fill(1 + blocks_open)
        now_s += 0.002
        assert fill(1 + blocks_open)
    monkeypatch.undo()
    await asyncio.wait_for(woken.wait(), 10)
    proposer.close()
