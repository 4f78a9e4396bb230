"""Snapshots: what follows from genesis is taken over whole, everything else is refused."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.block import decode_block, encode_block
from ledger.codec import encode
from ledger.gate import CHANGED_AT_SLOT, GATE_CONTRACT, VALIDATORS_SLOT
from ledger.keyvalue import MemoryStore
from ledger.pin import Pin
from ledger.snapshot.export import export_snapshot
from ledger.snapshot.frames import FrameWriter, InvalidSnapshot, Kind, read_frames
from ledger.snapshot.restore import read_snapshot
from ledger.state import decode_account, encode_account
from ledger.store import BlockStore
from ledger.store_check import check_store
from ledger.suite import STANDARD, KeySigner
from ledger.values import Address, keccak

TO = Address(b"\x11" * 20)
NEW = KeySigner(STANDARD, keccak(b"a validator that joins"))


def silent(_: str) -> None:
    pass


def grown(world, signed, blocks: int, *, changed_at: int | None):
    """A chain with payments, and a validator replaced in block `changed_at`."""
    kv = MemoryStore()
    chain = world.chain(kv)
    for number in range(1, blocks + 1):
        batch = [signed(world.member, nonce=number - 1, to=TO, value=1)]
        if number == changed_at:
            for nonce, (slot, value) in enumerate(
                [(CHANGED_AT_SLOT, number), (VALIDATORS_SLOT + 4, int.from_bytes(NEW.address))]
            ):
                data = world.gate_write(slot, value)
                batch.append(signed(world.admin, nonce=nonce, to=GATE_CONTRACT, data=data))
            world.validators.append(NEW)
        world.extend(chain, *batch)
    return chain, kv


def exported(chain, kv) -> bytes:
    target = io.BytesIO()
    assert export_snapshot(chain, BlockStore(kv, STANDARD), target.write, silent) == (
        chain.head.number
    )
    return target.getvalue()


def imported(world, genesis, data: bytes, pin: Pin | None = None):
    kv = MemoryStore()
    world.chain(kv, genesis).close()
    kv = reopened(kv)
    store = BlockStore(kv, STANDARD)
    store.restore(read_snapshot(genesis, io.BytesIO(data).read, pin, silent)[0])
    return world.chain(kv, genesis)


def reopened(kv: MemoryStore) -> MemoryStore:
    kv.crash()
    return kv


@pytest.mark.parametrize(
    ("blocks", "changed_at"), [(1, None), (9, None), (9, 7), (12, 3), (12, 7), (13, 8)]
)
def test_a_node_goes_on_from_a_snapshot(world, signed, blocks, changed_at) -> None:
    source, kv = grown(world, signed, blocks, changed_at=changed_at)
    data = exported(source, kv)
    copy = imported(world, source.genesis, data)
    assert copy.head == source.head
    window = source.parameters.window_blocks
    for number in range(blocks, blocks + window + 2):
        assert copy.validators_for(number) == source.validators_for(number)
    assert copy.account(TO) == source.account(TO)
    assert copy.proof(TO, []).nodes == source.proof(TO, []).nodes
    assert copy.receipt(source.transactions(blocks)[0].transaction.hash) is not None
    assert check_store(copy._store, STANDARD, window_blocks=window).head == blocks
    for _ in range(2 * window + 3):
        world.extend(source, signed(world.member, nonce=source.head.number, to=TO, value=1))
        block = decode_block(STANDARD, encode_block(source.block(source.head.number)))
        copy.import_block(block, source.certificate(source.head.number))
    assert copy.head == source.head
    census = check_store(copy._store, STANDARD, window_blocks=window)
    assert census == replace(
        check_store(source._store, STANDARD, window_blocks=window),
        transactions=census.transactions,
    )
    last = source.head.record.epoch
    assert copy.epoch_boundaries(0, last) == source.epoch_boundaries(0, last)
    assert exported(copy, copy._store._kv) == exported(source, kv)


def test_a_pinned_block_decides_between_branches(world, signed) -> None:
    source, kv = grown(world, signed, 5, changed_at=None)
    data = exported(source, kv)
    for number in (1, 5):
        pin = Pin(number, source.header(number).hash)
        assert imported(world, source.genesis, data, pin).head == source.head
    with pytest.raises(InvalidSnapshot, match="another branch"):
        imported(world, source.genesis, data, Pin(5, source.header(4).hash))
    with pytest.raises(InvalidSnapshot, match="trust a block from 1 to 5"):
        imported(world, source.genesis, data, Pin(6, source.header(5).hash))


def test_block_0_alone_needs_no_snapshot(world) -> None:
    kv = MemoryStore()
    chain = world.chain(kv)
    with pytest.raises(InvalidSnapshot, match="block 0"):
        exported(chain, kv)


def rewritten(data: bytes, change: Callable[[Kind, list], list | None]) -> bytes:
    """The same file with frames changed or left out, and a digest that holds again."""
    target = io.BytesIO()
    writer = FrameWriter(target.write)
    for kind, fields in read_frames(io.BytesIO(data).read):
        changed = change(kind, list(fields))
        if changed is not None:
            writer.add(kind, *changed)
    writer.finish()
    return target.getvalue()


def richer(kind: Kind, fields: list) -> list:
    if kind is Kind.ACCOUNT and fields[0] == TO:
        account = decode_account(fields[1])
        return [
            TO,
            encode_account(type(account)(account.nonce, account.balance + 1)),
        ]
    return fields


def other_slot(kind: Kind, fields: list) -> list:
    if kind is Kind.SLOTS:
        fields[1][0][1] = encode([7])[1:]
    return fields


FORGERIES = {
    "a balance": (richer, "state root"),
    "a slot": (other_slot, "state root"),
    "an account left out": (
        lambda kind, fields: None if kind is Kind.ACCOUNT and fields[0] == TO else fields,
        "state root",
    ),
    "code left out": (lambda kind, fields: None if kind is Kind.CODE else fields, "code of"),
    "other code": (
        lambda kind, fields: [b"\x60\x00"] if kind is Kind.CODE else fields, "code of",
    ),
    "an epoch left out": (lambda kind, fields: None if kind is Kind.EPOCH else fields, "epoch"),
    "no block": (lambda kind, fields: None if kind is Kind.BLOCK else fields, "no block"),
    "receipts left out": (
        lambda kind, fields: [*fields[:2], [], []] if kind is Kind.BLOCK else fields,
        "transactions or receipts",
    ),
    "another group": (
        lambda kind, fields: [keccak(b"x"), fields[1]] if kind is Kind.HEAD else fields,
        "another group",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_with_a_right_digest_is_refused(world, signed, name) -> None:
    change, words = FORGERIES[name]
    source, kv = grown(world, signed, 12, changed_at=3)
    data = exported(source, kv)
    assert imported(world, source.genesis, rewritten(data, lambda _, f: f)).head == source.head
    with pytest.raises(InvalidSnapshot, match=words):
        imported(world, source.genesis, rewritten(data, change))


def test_a_header_left_out_is_refused(world, signed) -> None:
    source, kv = grown(world, signed, 6, changed_at=None)
    for left_out in range(6):
        seen = iter(range(6))

        def change(kind: Kind, fields: list, seen=seen, left_out=left_out) -> list | None:
            return None if kind is Kind.HEADER and next(seen) == left_out else fields

        with pytest.raises(InvalidSnapshot):
            imported(world, source.genesis, rewritten(exported(source, kv), change))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
def test_damage_anywhere_is_refused(damaged, place, flip, cut) -> None:
    genesis, data = damaged
    at = int(place * len(data))
    bad = data[:at] if cut else data[:at] + bytes((data[at] ^ flip,)) + data[at + 1 :]
    with pytest.raises(InvalidSnapshot):
        read_snapshot(genesis, io.BytesIO(bad).read, None, silent)


@pytest.fixture
def damaged(world, signed):
    source, kv = grown(world, signed, 3, changed_at=None)
    return source.genesis, exported(source, kv)
