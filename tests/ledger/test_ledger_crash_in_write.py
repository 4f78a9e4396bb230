"""A process dies inside the write of a block: after the restart the block is there, or is not."""

import shutil
import signal
from pathlib import Path

import pytest

from ledger.chain import Chain
from ledger.genesis import Allocation
from ledger.keyvalue import LevelDB
from ledger.sealed_store import opened
from ledger.sealing import Sealer
from ledger.store import BlockStore
from ledger.store_check import check_store
from ledger.suite import STANDARD
from ledger.values import Address, to_hex
from tests.ledger.block_writer import (
    SEALER,
    LastBatch,
    log_of,
    open_and_die,
    write_and_die,
)

COUNTER = Address(b"\x7a" * 20)
# Stores the call's data in the slot of the block's number.
COUNTER_CODE = bytes.fromhex("5f35435500")
BLOCKS = 3
STEPS = 16
IN_WRITE, AFTER_IT = -signal.SIGXFSZ, -signal.SIGKILL


def _batch(world, signed, number: int) -> list[bytes]:
    return [
        signed(world.member, nonce=2 * number, to=COUNTER, data=bytes([number]) * 32),
        signed(world.member, nonce=2 * number + 1, to=Address(bytes([number]) * 20), value=1),
        signed(world.stranger, nonce=number, to=COUNTER),
    ]


@pytest.fixture(params=[None, SEALER], ids=["plain", "sealed"])
def sealer(request) -> Sealer | None:
    return request.param


def _reopened(folder: Path, world, sealer: Sealer | None) -> tuple[Chain, int]:
    """The chain after a restart, checked wholly, with the height that it woke up at."""
    store = BlockStore(opened(LevelDB(folder), sealer), STANDARD)
    chain = Chain(world.genesis(), store, world.engine_type())
    census = check_store(store, STANDARD, window_blocks=chain.parameters.window_blocks)
    return chain, census.head


@pytest.fixture
def base(world, signed, tmp_path, sealer):
    """A closed store of some blocks, with the batch that its next block would be."""
    world.extra_alloc[to_hex(COUNTER)] = Allocation(nonce=1, code=to_hex(COUNTER_CODE))
    database = LastBatch(tmp_path / "base")
    chain = world.chain(opened(database, sealer))
    for number in range(BLOCKS):
        world.extend(chain, *_batch(world, signed, number))
    database.hold()
    world.extend(chain, *_batch(world, signed, BLOCKS))
    chain.close()
    world.chains.clear()
    return tmp_path / "base", database.held


def test_a_block_is_there_wholly_or_not_at_all(world, signed, base, tmp_path, sealer):
    folder, batch = base
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    # Opening a store starts a new log: all of it is this one block.
    assert write_and_die(whole, batch, None, is_sealed=bool(sealer)) == AFTER_IT
    block_bytes = log_of(whole).stat().st_size
    assert block_bytes > 2_000
    between = range(8, block_bytes, block_bytes // STEPS)
    heights = {}
    for place in sorted({0, 1, 6, 7, *between, block_bytes - 1, block_bytes}):
        copy = tmp_path / f"at-{place}"
        shutil.copytree(folder, copy)
        ended = write_and_die(copy, batch, place, is_sealed=bool(sealer))
        assert ended == (IN_WRITE if place < block_bytes else AFTER_IT)
        assert log_of(copy).stat().st_size == place
        chain, heights[place] = _reopened(copy, world, sealer)
        following = world.extend(chain, *_batch(world, signed, heights[place]))
        assert following.number == heights[place] + 1
        chain.close()
        shutil.rmtree(copy)
    assert heights.pop(block_bytes) == BLOCKS + 1
    assert set(heights.values()) == {BLOCKS}, "half a block was taken for a whole one"


@pytest.mark.parametrize("file_bytes_max", [0, 1, 7, 40, 100])
def test_a_process_that_dies_while_it_recovers_a_store_loses_nothing(
    world, base, file_bytes_max, sealer
):
    """Opening writes too: a new log, a new table, a new manifest."""
    folder, batch = base
    assert write_and_die(folder, batch, None, is_sealed=bool(sealer)) == AFTER_IT
    assert open_and_die(folder, file_bytes_max) == IN_WRITE
    chain, height = _reopened(folder, world, sealer)
    assert height == BLOCKS + 1
    chain.close()
