"""What a stopped node's folder holds: every pair of its store, and the whole state after a block.

Reads with the ledger's own store, because LevelDB compresses; the state is walked through its
trie, so that nothing which the root commits to is overlooked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ledger.codec import Item, as_bytes, decode
from ledger.keyvalue import LevelDB
from ledger.state import TrieState, decode_account, decode_slot
from ledger.store import BlockStore
from ledger.suite import STANDARD
from ledger.trie import NODE_BYTES_MAX
from ledger.values import EMPTY_TRIE_ROOT, Hash32

Words = dict[bytes, int]
"""Values by the hash of their slot, as the trie holds them."""


@dataclass
class AccountImage:
    """One account whole."""

    nonce: int
    balance: int
    code_hash: bytes
    storage: Words = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One difference between two states; `slot` is a slot's hash, or a field's name."""

    account: bytes
    slot: bytes | str
    before: int | bytes
    after: int | bytes


StateImage = dict[bytes, AccountImage]
"""All accounts by the hash of their address."""


def database(node_folder: Path, group: str) -> Path:
    """Where a node keeps a group's store."""
    return node_folder / "groups" / group / "db"


def pairs(node_folder: Path, group: str) -> Iterator[tuple[bytes, bytes]]:
    """Every key and value of a stopped node's store, uncompressed."""
    opened = LevelDB(database(node_folder, group))
    try:
        yield from opened.items(b"")
    finally:
        opened.close()


@contextmanager
def block_store(node_folder: Path, group: str) -> Iterator[BlockStore]:
    """The blocks and states of a stopped node."""
    store = BlockStore(LevelDB(database(node_folder, group)), STANDARD)
    try:
        yield store
    finally:
        store.close()


def state_image(store: BlockStore, number: int) -> StateImage:
    """Every account and slot after a block."""
    state = store.state_at(number)
    image = {}
    for address_hash, data in _leaves(state, state.root):
        account = decode_account(data)
        words = {
            slot_hash: decode_slot(value)
            for slot_hash, value in _leaves(state, account.storage_root)
        }
        image[address_hash] = AccountImage(account.nonce, account.balance, account.code_hash, words)
    return image


def _leaves(state: TrieState, root: Hash32) -> Iterator[tuple[bytes, bytes]]:
    if root != EMPTY_TRIE_ROOT:
        yield from _below(state, decode(state.node(root), bytes_max=NODE_BYTES_MAX), "")


def _below(state: TrieState, node: Item, way: str) -> Iterator[tuple[bytes, bytes]]:
    assert isinstance(node, list), "a trie node is a list"
    if len(node) == 17:
        for nibble, child in enumerate(node[:16]):
            if child:
                yield from _below(state, _resolved(state, child), way + f"{nibble:x}")
        assert not node[16], "secured keys have one length, so no branch has a value"
        return
    packed = as_bytes(node[0], "path").hex()
    way += packed[1:] if packed[0] in "13" else packed[2:]
    if packed[0] in "23":
        yield bytes.fromhex(way), as_bytes(node[1], "leaf")
    else:
        yield from _below(state, _resolved(state, node[1]), way)


def _resolved(state: TrieState, child: Item) -> Item:
    if isinstance(child, list):
        return child
    return decode(state.node(Hash32(as_bytes(child, "child", size=32))), bytes_max=NODE_BYTES_MAX)


def changes(before: StateImage, after: StateImage) -> list[Change]:
    """Everything in which two states differ."""
    found = []
    nothing = AccountImage(0, 0, b"")
    for address in sorted(before.keys() | after.keys()):
        old, new = before.get(address, nothing), after.get(address, nothing)
        for name in ("nonce", "balance", "code_hash"):
            if getattr(old, name) != getattr(new, name):
                found.append(Change(address, name, getattr(old, name), getattr(new, name)))
        for slot in sorted(old.storage.keys() | new.storage.keys()):
            was, is_now = old.storage.get(slot, 0), new.storage.get(slot, 0)
            if was != is_now:
                found.append(Change(address, slot, was, is_now))
    return found
