"""A sealed store shows keys and lengths on disk, opens under its key alone, and notices changes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.keyvalue import CorruptStore, LevelDB, MemoryStore
from ledger.sealed_store import opened
from ledger.sealing import SEAL_BYTES, BrokenSeal, Sealer, WrongSealKey
from ledger.store import BlockStore
from ledger.store_check import check_store
from ledger.store_keys import SEALED_KEY
from ledger.suite import STANDARD

KEY, OTHER = b"\x01" * 32, b"\x02" * 32
SEALER = Sealer(KEY, b"store/1")
PLANTED = b"a planted value that is long enough to be no accident"


def test_a_planted_value_is_not_on_disk(tmp_path: Path) -> None:
    for name, sealer in (("plain", None), ("sealed", SEALER)):
        database = LevelDB(tmp_path / name)
        store = opened(database, sealer)
        store.write({b"key": PLANTED}, sync=True)
        assert store.get(b"key") == PLANTED
        assert store.snapshot().get(b"key") == PLANTED
        store.close()
    on_disk = {
        name: b"".join(path.read_bytes() for path in (tmp_path / name).iterdir())
        for name in ("plain", "sealed")
    }
    assert PLANTED in on_disk["plain"]
    assert PLANTED not in on_disk["sealed"]
    assert b"key" in on_disk["sealed"], "keys are visible, as the documentation says"


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        (SEALER, None, "names no key file"),
        (None, SEALER, "is not encrypted"),
        (SEALER, Sealer(OTHER, b"store/1"), "under another key"),
        (SEALER, Sealer(KEY, b"store/2"), "under another key"),
    ],
)
def test_another_key_is_said_and_is_no_corruption(first, then, reason) -> None:
    database = MemoryStore()
    opened(database, first).write({b"a": b"1"}, sync=True)
    with pytest.raises(WrongSealKey, match=reason):
        opened(database, then)
    assert opened(database, first).get(b"a") == b"1"


def test_an_altered_a_cut_or_a_moved_value_does_not_open() -> None:
    database = MemoryStore()
    store = opened(database, SEALER)
    store.write({b"a": b"1", b"b": b"2"}, sync=True)
    sealed = database.get(b"a")
    altered = bytes([sealed[0] ^ 1]) + sealed[1:]
    for wrong in (altered, sealed[:-1], sealed[:5], b"", b"1", database.get(b"b")):
        database.write({b"a": wrong}, sync=True)
        with pytest.raises(CorruptStore, match="does not open"):
            store.get(b"a")
        with pytest.raises(CorruptStore):
            list(store.items(b""))
    assert store.get(b"b") == b"2"


def test_the_mark_is_not_seen_through_the_store() -> None:
    store = opened(MemoryStore(), SEALER)
    assert list(store.items(b"")) == []
    store.write({b"m/x": b"1", b"m/z": b"2"}, sync=True)
    for reverse in (False, True):
        assert SEALED_KEY not in [key for key, _ in store.items(b"m/", reverse=reverse)]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=500), st.binary(max_size=60), st.binary(max_size=60))
def test_a_seal_opens_under_its_name_and_purpose_alone(
    value: bytes, name: bytes, other: bytes
) -> None:
    sealed = SEALER.seal(value, name)
    assert len(sealed) == len(value) + SEAL_BYTES
    assert SEALER.open(sealed, name) == value
    if name != other:
        with pytest.raises(BrokenSeal):
            SEALER.open(sealed, other)
    for sealer in (Sealer(KEY, b"store/2"), Sealer(OTHER, b"store/1")):
        with pytest.raises(BrokenSeal):
            sealer.open(sealed, name)


def test_no_key_in_a_representation() -> None:
    assert KEY.hex() not in repr(SEALER)
    assert repr(KEY) not in repr(vars(SEALER))


def test_a_sealed_chain_is_whole_after_a_crash(world, signed) -> None:
    """The batches stay what they were, so an unsynced one is lost wholly or kept wholly."""
    database = MemoryStore()
    chain = world.chain(opened(database, SEALER))
    for nonce in range(3):
        world.extend(chain, signed(world.member, nonce=nonce, to=world.author.address))
    database.crash()
    again = BlockStore(opened(database, SEALER), STANDARD)
    assert again.head.number == 3
    window = world.genesis().parameters.window_blocks
    assert check_store(again, STANDARD, window_blocks=window).head == 3
