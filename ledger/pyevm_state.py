"""py-evm's account database over a flat state reader, with an undo log.

It reads from a StateReader, keeps changes in dictionaries, and undoes them by replaying the log
backwards. It has no trie: the root is computed from the changes when a block is complete.
"""

from collections.abc import Mapping
from typing import Any, cast

from eth.abc import AccountDatabaseAPI

from ledger.state import Account, StateReader
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, Hash32, keccak

_ABSENT: Any = object()
Slot = tuple[Address, int]


class FlatAccountDatabase(AccountDatabaseAPI):
    """Accounts, storage, transient storage and warmth of one block's execution."""

    def __init__(self, reader: StateReader) -> None:
        self._reader = reader
        self._read_accounts: dict[Address, Account | None] = {}
        self._read_slots: dict[Slot, int] = {}
        self._accounts: dict[Address, Account | None] = {}
        self._slots: dict[Slot, int] = {}
        self._codes: dict[Hash32, bytes] = {}
        self._cleared: dict[Address, bool] = {}
        self._transient: dict[Slot, bytes] = {}
        self._warm: dict[Address | Slot, bool] = {}
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self._slots_at_start: dict[Slot, int] = {}
        self._touched: set[Address] = set()

    def _set(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self._undo.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    # Accounts

    def account(self, address: Address) -> Account | None:
        """The account as it is now."""
        found = self._accounts.get(address, _ABSENT)
        if found is _ABSENT:
            found = self._read_accounts.get(address, _ABSENT)
            if found is _ABSENT:
                found = self._read_accounts[address] = self._reader.account(address)
        return cast("Account | None", found)

    def _account(self, address: Address) -> Account:
        return self.account(address) or Account()

    def _set_account(self, address: Address, account: Account | None) -> None:
        self._touched.add(address)
        self._set(self._accounts, address, account)

    def get_balance(self, address: Any) -> int:
        return self._account(address).balance

    def set_balance(self, address: Any, balance: int) -> None:
        assert 0 <= balance < 2**256
        old = self._account(address)
        self._set_account(address, Account(old.nonce, balance, old.storage_root, old.code_hash))

    def get_nonce(self, address: Any) -> int:
        return self._account(address).nonce

    def set_nonce(self, address: Any, nonce: int) -> None:
        assert 0 <= nonce < 2**64
        old = self._account(address)
        self._set_account(address, Account(nonce, old.balance, old.storage_root, old.code_hash))

    def increment_nonce(self, address: Any) -> None:
        self.set_nonce(address, self.get_nonce(address) + 1)

    def get_code(self, address: Any) -> bytes:
        code_hash = self._account(address).code_hash
        if code_hash == EMPTY_CODE_HASH:
            return b""
        code = self._codes.get(code_hash)
        return self._reader.code_by_hash(code_hash) if code is None else code

    def set_code(self, address: Any, code: bytes) -> None:
        code_hash = keccak(code)
        self._set(self._codes, code_hash, code)
        old = self._account(address)
        self._set_account(address, Account(old.nonce, old.balance, old.storage_root, code_hash))

    def get_code_hash(self, address: Any) -> Any:
        return self._account(address).code_hash

    def delete_code(self, address: Any) -> None:
        old = self._account(address)
        self._set_account(address, Account(old.nonce, old.balance, old.storage_root))

    def account_has_code_or_nonce(self, address: Any) -> bool:
        """Whether nothing may be deployed here: storage alone forbids it too (EIP-7610)."""
        account = self._account(address)
        return (
            account.nonce != 0
            or account.code_hash != EMPTY_CODE_HASH
            or account.storage_root != EMPTY_TRIE_ROOT
        )

    def account_exists(self, address: Any) -> bool:
        return self.account(address) is not None

    def account_is_empty(self, address: Any) -> bool:
        return self._account(address).is_empty

    def touch_account(self, address: Any) -> None:
        self._set_account(address, self._account(address))

    def delete_account(self, address: Any) -> None:
        self.delete_storage(address)
        self._set_account(address, None)

    # Storage

    def storage(self, address: Address, slot: int) -> int:
        """A slot as it is now: what the gate reads before a transaction."""
        key = (address, slot)
        found = self._slots.get(key)
        if found is None:
            if address in self._cleared:
                return 0
            found = self._read_slots.get(key)
            if found is None:
                found = self._read_slots[key] = self._reader.storage(address, slot)
        return found

    def storage_at_start(self, address: Address, slot: int) -> int:
        """A slot as it was when the transaction began."""
        found = self._slots_at_start.get((address, slot))
        return self.storage(address, slot) if found is None else found

    def get_storage(self, address: Any, slot: int, from_journal: bool = True) -> int:
        if from_journal:
            return self.storage(address, slot)
        return self.storage_at_start(address, slot)

    def set_storage(self, address: Any, slot: int, value: int) -> None:
        key = (address, slot)
        if key not in self._slots_at_start:
            self._slots_at_start[key] = self.storage(address, slot)
        self._set(self._slots, key, value)

    def delete_storage(self, address: Any) -> None:
        for key in [key for key in self._slots if key[0] == address]:
            self._set(self._slots, key, 0)
        self._set(self._cleared, address, True)

    def get_transient(self, address: Address, slot: int) -> bytes:
        """Transient storage (EIP-1153), empty if never written in this transaction."""
        return self._transient.get((address, slot), b"")

    def set_transient(self, address: Address, slot: int, value: bytes) -> None:
        """Writes transient storage."""
        self._set(self._transient, (address, slot), value)

    # Warm addresses and slots, as EIP-2929 has them

    def is_storage_warm(self, address: Any, slot: int) -> bool:
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: Any, slot: int) -> None:
        if (address, slot) not in self._warm:
            self._set(self._warm, (address, slot), True)

    def is_address_warm(self, address: Any) -> bool:
        return address in self._warm

    def mark_address_warm(self, address: Any) -> None:
        if address not in self._warm:
            self._set(self._warm, address, True)

    # Checkpoints

    def record(self) -> Any:
        return len(self._undo)

    def discard(self, checkpoint: Any) -> None:
        undo = self._undo
        while len(undo) > checkpoint:
            table, key, value = undo.pop()
            if value is _ABSENT:
                del table[key]
            else:
                table[key] = value

    def commit(self, checkpoint: Any) -> None:
        assert checkpoint <= len(self._undo)

    def lock_changes(self) -> None:
        """The end of a transaction: touched accounts that are empty go (EIP-161)."""
        for address in self._touched:
            account = self._accounts.get(address)
            if account is not None and account.is_empty:
                self._accounts[address] = None
        self._touched.clear()
        self._transient.clear()
        self._warm.clear()
        self._slots_at_start.clear()
        self._undo.clear()

    # What is left of py-evm's interface: there is no trie here

    @property
    def state_root(self) -> Any:
        return self._reader.root

    @state_root.setter
    def state_root(self, value: Any) -> None:
        assert value == self._reader.root

    def has_root(self, state_root: bytes) -> bool:
        return state_root == self._reader.root

    def make_state_root(self) -> Any:
        raise NotImplementedError("the root is computed from the changes")

    def persist(self) -> Any:
        raise NotImplementedError("the store keeps the writes")

    # The outcome

    def changed_slots(self) -> dict[Address, dict[int, int]]:
        """Slots whose value differs from the reader's, by address."""
        changed: dict[Address, dict[int, int]] = {}
        for (address, slot), value in self._slots.items():
            before = 0 if address in self._cleared else self._reader_slot(address, slot)
            if value != before:
                changed.setdefault(address, {})[slot] = value
        return changed

    def _reader_slot(self, address: Address, slot: int) -> int:
        known = self._read_slots.get((address, slot))
        return self._reader.storage(address, slot) if known is None else known

    def changed_accounts(
        self, slots: Mapping[Address, Mapping[int, int]]
    ) -> dict[Address, Account | None]:
        """Accounts that differ from the reader's, or whose storage does."""
        names = {
            address
            for address, account in self._accounts.items()
            if account != self._reader.account(address)
        }
        return {address: self.account(address) for address in sorted(names | slots.keys())}

    def cleared(self) -> frozenset[Address]:
        """Accounts of the reader whose storage is gone."""
        return frozenset(a for a in self._cleared if self._reader.account(a) is not None)

    def new_codes(self, accounts: Mapping[Address, Account | None]) -> dict[Hash32, bytes]:
        """Code that the changed accounts name and this block deployed."""
        named = {account.code_hash for account in accounts.values() if account is not None}
        return {code_hash: code for code_hash, code in self._codes.items() if code_hash in named}
