"""One contract for both stores, and the crash model of the one in memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.keyvalue import LevelDB, MemoryStore, StoreInUse
from ledger.sealed_store import opened
from ledger.sealing import Sealer


@pytest.fixture(params=["leveldb", "memory", "sealed leveldb", "sealed memory"])
def store(request, tmp_path):
    made = LevelDB(tmp_path / "db") if "leveldb" in request.param else MemoryStore()
    if "sealed" in request.param:
        made = opened(made, Sealer(b"\x01" * 32, b"test"))
    yield made
    made.close()


def test_reads_what_was_written(store):
    assert store.get(b"a") is None
    store.write({b"a": b"1", b"b": b"", b"c": b"3"}, sync=True)
    store.write({b"a": None, b"c": b"4", b"missing": None}, sync=False)
    assert [store.get(key) for key in (b"a", b"b", b"c")] == [None, b"", b"4"]


def test_items_are_ordered_and_bounded(store):
    keys = [b"p", b"p\x00", b"p\x01", b"p\xff", b"p\xff\xff", b"q", b"o"]
    store.write({key: key for key in keys}, sync=True)
    inside = [b"p", b"p\x00", b"p\x01", b"p\xff", b"p\xff\xff"]

    def found(prefix, **options):
        return [key for key, _ in store.items(prefix, **options)]

    assert found(b"p") == inside
    assert found(b"p", reverse=True) == inside[::-1]
    assert found(b"p", start=b"p\x01") == inside[2:]
    assert found(b"p", start=b"p\x02") == inside[3:]
    assert found(b"p", start=b"p\x01", reverse=True) == inside[2::-1]
    assert found(b"p", start=b"p\x02", reverse=True) == inside[2::-1]
    assert found(b"p", start=b"a") == inside
    assert found(b"p", start=b"z") == []
    assert found(b"p", start=b"z", reverse=True) == inside[::-1]
    assert found(b"p", start=b"a", reverse=True) == []
    assert found(b"p\xff") == [b"p\xff", b"p\xff\xff"]
    assert found(b"") == sorted(keys)
    assert found(b"", reverse=True) == sorted(keys)[::-1]
    assert found(b"\xff") == []


def test_a_snapshot_stays_as_it_is(store):
    store.write({b"a": b"1"}, sync=True)
    snapshot = store.snapshot()
    store.write({b"a": b"2", b"b": b"3"}, sync=True)
    assert (snapshot.get(b"a"), snapshot.get(b"b")) == (b"1", None)
    assert store.get(b"a") == b"2"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.binary(max_size=3), st.one_of(st.none(), st.binary(max_size=3)), max_size=6
        ),
        max_size=8,
    )
)
def test_both_hold_the_same(tmp_path_factory, batches):
    disk, memory = LevelDB(tmp_path_factory.mktemp("db")), MemoryStore()
    for batch in batches:
        disk.write(batch, sync=False)
        memory.write(batch, sync=False)
    for prefix in (b"", b"\x00", b"\xff"):
        for reverse in (False, True):
            assert list(disk.items(prefix, reverse=reverse)) == list(
                memory.items(prefix, reverse=reverse)
            )
    disk.close()


def test_leveldb_keeps_and_locks(tmp_path):
    first = LevelDB(tmp_path)
    first.write({b"a": b"1"}, sync=True)
    with pytest.raises(StoreInUse):
        LevelDB(tmp_path)
    first.close()
    second = LevelDB(tmp_path)
    assert second.get(b"a") == b"1"
    second.close()


def test_a_crash_loses_unsynced_batches_from_the_end():
    for kept in range(4):
        store = MemoryStore()
        store.write({b"a": b"0", b"b": b"0"}, sync=True)
        store.write({b"a": b"1"}, sync=False)
        store.write({b"b": None, b"a": b"2"}, sync=False)
        store.write({b"c": b"3"}, sync=False)
        assert store.unsynced_batches == 3
        store.close()
        store.crash(kept)
        states = [
            {b"a": b"0", b"b": b"0"},
            {b"a": b"1", b"b": b"0"},
            {b"a": b"2"},
            {b"a": b"2", b"c": b"3"},
        ]
        assert dict(store.items(b"")) == states[kept]


def test_a_synced_batch_keeps_those_before_it():
    store = MemoryStore()
    store.write({b"a": b"1"}, sync=False)
    store.write({b"b": b"2"}, sync=True)
    store.crash()
    assert dict(store.items(b"")) == {b"a": b"1", b"b": b"2"}
