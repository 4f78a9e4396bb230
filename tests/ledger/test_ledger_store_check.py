"""The check of a whole store: silent on a good one, and it finds each kind of damage."""

from pathlib import Path

import pytest

from ledger import store_keys as layout
from ledger.genesis import Allocation
from ledger.keyvalue import CorruptStore, LevelDB
from ledger.state import decode_account
from ledger.store import BlockStore
from ledger.store_check import check_store
from ledger.suite import STANDARD
from ledger.values import Address, keccak, to_hex

COUNTER = Address(b"\x7a" * 20)
# Adds one to slot 0, logs it, stores the call's data in the slot of the block's number.
COUNTER_CODE = bytes.fromhex("5f546001015f555f545f5260205fa05f35435500")
TO = Address(b"\x11" * 20)
BLOCKS = 8


@pytest.fixture
def folder(world, signed, tmp_path: Path) -> Path:
    world.extra_alloc[to_hex(COUNTER)] = Allocation(nonce=1, code=to_hex(COUNTER_CODE))
    chain = world.chain(LevelDB(tmp_path / "db"))
    for number in range(BLOCKS):
        world.extend(
            chain,
            signed(world.member, nonce=2 * number, to=TO, value=1),
            signed(world.member, nonce=2 * number + 1, to=COUNTER, data=b"\1" * 32),
            signed(world.stranger, nonce=number, to=TO),
        )
    chain.close()
    world.chains.clear()
    return tmp_path / "db"


def check(folder: Path, window_blocks: int = 4) -> object:
    store = BlockStore(LevelDB(folder), STANDARD)
    try:
        return check_store(store, STANDARD, window_blocks=window_blocks)
    finally:
        store.close()


def test_a_good_store_is_counted(folder, world):
    census = check(folder)
    assert (census.head, census.transactions) == (BLOCKS, 2 * BLOCKS)
    assert census.accounts == 4  # the gate, the counter, the member and whom it pays
    assert census.trie_nodes > 4


def _number(number: int) -> bytes:
    return number.to_bytes(8)


DAMAGE = {
    "a header": lambda kv: (layout.HEADER + _number(3), kv.get(layout.HEADER + _number(4))),
    "an outcome": lambda kv: (layout.OUTCOME + _number(3), kv.get(layout.OUTCOME + _number(4))),
    "a proposal": lambda kv: (layout.PROPOSAL + _number(3), None),
    "a certificate": lambda kv: (layout.CERTIFICATE + _number(3), None),
    "another certificate": lambda kv: (
        layout.CERTIFICATE + _number(3),
        kv.get(layout.CERTIFICATE + _number(4)),
    ),
    "a bloom": lambda kv: (layout.BLOOM + _number(3), None),
    "a block's hash": lambda kv: (layout.BY_HASH + keccak(b"no block"), _number(3)),
    "an index of a transaction": lambda kv: (_first(kv, layout.INCLUDED), None),
    "an index of nothing": lambda kv: (layout.INCLUDED + keccak(b"nothing"), b"\xc2\x01\x01"),
    "an index of a drop": lambda kv: (_first(kv, layout.DROPPED), None),
    "an account": lambda kv: (layout.ACCOUNT + TO, None),
    "a slot": lambda kv: (layout.SLOT + COUNTER + bytes(32), b"\x05"),
    "a slot of nobody": lambda kv: (layout.SLOT + b"\x7b" * 20 + bytes(32), b"\x05"),
    "code": lambda kv: (layout.CODE + keccak(COUNTER_CODE), b"\x00"),
    "a trie node": lambda kv: (layout.NODE + _storage_root(kv), None),
    "an altered trie node": lambda kv: (layout.NODE + _storage_root(kv), b"\xc0"),
}


def _first(kv: LevelDB, prefix: bytes) -> bytes:
    return next(kv.items(prefix))[0]


def _storage_root(kv: LevelDB) -> bytes:
    return decode_account(kv.get(layout.ACCOUNT + COUNTER) or b"").storage_root


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_found(folder, damage):
    kv = LevelDB(folder)
    key, value = damage(kv)
    assert kv.get(key) != value
    kv.write({key: value}, sync=True)
    kv.close()
    with pytest.raises(CorruptStore):
        check(folder)


def test_a_certificate_of_the_wrong_set_is_found(folder):
    kv = LevelDB(folder)
    kv.write({layout.VALIDATORS + _number(1): b"\xc0"}, sync=True)
    kv.close()
    with pytest.raises(CorruptStore):
        check(folder)
