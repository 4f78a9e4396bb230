"""World state as values: accounts, what a block writes, and readers that answer from either.

Readers only read. How writes become a root is `commitment.py`, how they are kept is `store.py`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ledger.codec import as_hash, as_int, as_list, decode, decode_list, encode, int_to_bytes
from ledger.trie import lookup
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, Hash32, keccak

ACCOUNT_BYTES_MAX = 128


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the trie commits to it; balance in wei."""

    nonce: int = 0
    balance: int = 0
    storage_root: Hash32 = EMPTY_TRIE_ROOT
    code_hash: Hash32 = EMPTY_CODE_HASH

    @property
    def is_empty(self) -> bool:
        """No nonce, no balance, no code (EIP-161)."""
        return not self.nonce and not self.balance and self.code_hash == EMPTY_CODE_HASH


def encode_account(account: Account) -> bytes:
    """The account's RLP, the value of the state trie."""
    return encode([account.nonce, account.balance, account.storage_root, account.code_hash])


def decode_account(data: bytes) -> Account:
    """The account that `data` encodes; raises InvalidEncoding."""
    fields = as_list(decode_list(data, bytes_max=ACCOUNT_BYTES_MAX), "account", length=4)
    return Account(
        as_int(fields[0], "account nonce"),
        as_int(fields[1], "account balance", bits=256),
        as_hash(fields[2], "account storage root"),
        as_hash(fields[3], "account code hash"),
    )


class MissingNode(LookupError):
    """A trie node that should be there is not: the store is damaged or the root unknown."""


class StateReader(Protocol):
    """The state after one block."""

    @property
    def root(self) -> Hash32:
        """The state root."""

    def account(self, address: Address) -> Account | None:
        """The account, or None if there is none."""

    def storage(self, address: Address, slot: int) -> int:
        """A slot's value, 0 if never written."""

    def encoded_account(self, address: Address) -> bytes | None:
        """The account's RLP, for an engine that decodes by itself; None if there is none."""

    def encoded_slot(self, address: Address, slot: bytes) -> bytes:
        """A slot's value without leading zeros; the slot as 32 bytes."""

    def code(self, address: Address) -> bytes:
        """The account's code, empty if it has none."""

    def code_by_hash(self, code_hash: Hash32) -> bytes:
        """The code with a hash that some account names."""

    def node(self, node_hash: Hash32) -> bytes:
        """A trie node's RLP; raises MissingNode."""

    def nodes(self, node_hashes: Sequence[Hash32]) -> list[bytes]:
        """The RLP of many trie nodes in their order; raises MissingNode."""


@dataclass(frozen=True)
class Writes:
    """What a block changes, complete with its trie nodes.

    An account of None is gone; a slot of 0 is gone. Storage of `cleared` accounts is wiped before
    their slots are written.
    """

    root: Hash32
    accounts: Mapping[Address, Account | None] = field(default_factory=dict)
    storage: Mapping[Address, Mapping[int, int]] = field(default_factory=dict)
    codes: Mapping[Hash32, bytes] = field(default_factory=dict)
    cleared: frozenset[Address] = frozenset()
    nodes: Mapping[Hash32, bytes] = field(default_factory=dict)

    def changed_slots(self, address: Address) -> Collection[int]:
        """The slots of an account that are written."""
        return self.storage.get(address, {})

    def pairs(
        self, account: bytes, slot: bytes, code: bytes, node: bytes
    ) -> dict[bytes, bytes | None]:
        """What a store puts down under its prefixes, after wiping `cleared`; None deletes."""
        pairs: dict[bytes, bytes | None] = {}
        for address, value in self.accounts.items():
            pairs[account + address] = None if value is None else encode_account(value)
        for address, slots in self.storage.items():
            for place, word in slots.items():
                key = slot + address + place.to_bytes(32)
                pairs[key] = word.to_bytes(32).lstrip(b"\0") if word else None
        pairs.update((code + code_hash, data) for code_hash, data in self.codes.items())
        pairs.update((node + node_hash, data) for node_hash, data in self.nodes.items())
        return pairs


def join_writes(first: Writes, second: Writes) -> Writes:
    """Both as one: `second` was made on top of `first`, and clears nothing that `first` wrote."""
    storage = {address: dict(slots) for address, slots in first.storage.items()}
    for address, slots in second.storage.items():
        storage.setdefault(address, {}).update(slots)
    assert not second.cleared & storage.keys() & first.storage.keys()
    return Writes(
        second.root,
        {**first.accounts, **second.accounts},
        storage,
        {**first.codes, **second.codes},
        first.cleared | second.cleared,
        {**first.nodes, **second.nodes},
    )


class Overlay:
    """The state of a parent with one block's writes on top."""

    def __init__(self, parent: StateReader, writes: Writes) -> None:
        self._parent = parent
        self._writes = writes

    @property
    def root(self) -> Hash32:
        return self._writes.root

    def account(self, address: Address) -> Account | None:
        if address in self._writes.accounts:
            return self._writes.accounts[address]
        return self._parent.account(address)

    def encoded_account(self, address: Address) -> bytes | None:
        if address not in self._writes.accounts:
            return self._parent.encoded_account(address)
        account = self._writes.accounts[address]
        return None if account is None else encode_account(account)

    def encoded_slot(self, address: Address, slot: bytes) -> bytes:
        return int_to_bytes(self.storage(address, int.from_bytes(slot)))

    def storage(self, address: Address, slot: int) -> int:
        slots = self._writes.storage.get(address)
        if slots is not None and slot in slots:
            return slots[slot]
        if address in self._writes.cleared:
            return 0
        return self._parent.storage(address, slot)

    def code(self, address: Address) -> bytes:
        account = self.account(address)
        return b"" if account is None else self.code_by_hash(account.code_hash)

    def code_by_hash(self, code_hash: Hash32) -> bytes:
        code = self._writes.codes.get(code_hash)
        return self._parent.code_by_hash(code_hash) if code is None else code

    def node(self, node_hash: Hash32) -> bytes:
        node = self._writes.nodes.get(node_hash)
        return self._parent.node(node_hash) if node is None else node

    def nodes(self, node_hashes: Sequence[Hash32]) -> list[bytes]:
        own = self._writes.nodes
        others = [node_hash for node_hash in node_hashes if node_hash not in own]
        known = dict(zip(others, self._parent.nodes(others), strict=True))
        return [
            own[node_hash] if node_hash in own else known[node_hash] for node_hash in node_hashes
        ]


class TrieState:
    """The state under a root, read through the trie: slower than flat, but of any block."""

    def __init__(
        self,
        root: Hash32,
        node: Callable[[Hash32], bytes],
        code_by_hash: Callable[[Hash32], bytes],
    ) -> None:
        self.root = root
        self.node = node
        self._code_by_hash = code_by_hash
        self._accounts: dict[Address, Account | None] = {}

    def account(self, address: Address) -> Account | None:
        if address not in self._accounts:
            data = lookup(self.root, keccak(address), self.node)
            self._accounts[address] = None if data is None else decode_account(data)
        return self._accounts[address]

    def encoded_account(self, address: Address) -> bytes | None:
        account = self.account(address)
        return None if account is None else encode_account(account)

    def encoded_slot(self, address: Address, slot: bytes) -> bytes:
        return int_to_bytes(self.storage(address, int.from_bytes(slot)))

    def storage(self, address: Address, slot: int) -> int:
        account = self.account(address)
        if account is None:
            return 0
        data = lookup(account.storage_root, keccak(slot.to_bytes(32)), self.node)
        return 0 if data is None else decode_slot(data)

    def code(self, address: Address) -> bytes:
        account = self.account(address)
        return b"" if account is None else self.code_by_hash(account.code_hash)

    def code_by_hash(self, code_hash: Hash32) -> bytes:
        return b"" if code_hash == EMPTY_CODE_HASH else self._code_by_hash(code_hash)

    def nodes(self, node_hashes: Sequence[Hash32]) -> list[bytes]:
        return [self.node(node_hash) for node_hash in node_hashes]


def encode_slot(value: int) -> bytes:
    """A slot's value as the storage trie holds it."""
    return encode(value)


def decode_slot(data: bytes) -> int:
    """The value that a storage trie holds; raises InvalidEncoding."""
    return as_int(decode(data, bytes_max=33), "storage value", bits=256)


def _no_node(node_hash: Hash32) -> bytes:
    raise MissingNode(f"no trie node {node_hash.hex()} in an empty state")


EMPTY_STATE: StateReader = TrieState(EMPTY_TRIE_ROOT, _no_node, _no_node)
"""The state before genesis."""
