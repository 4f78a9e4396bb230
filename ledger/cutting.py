"""What void blocks wrote, and what stood there before them: for cutting a store back to block H.

Nothing is guessed: each block is executed once more on its parent's state, and the state after H
answers what every account and slot that it touched held.
"""

from collections.abc import Iterable

from ledger.keyvalue import CorruptStore
from ledger.state import Account, StateReader, Writes
from ledger.store import Touched
from ledger.values import EMPTY_TRIE_ROOT, Address


def touched_by(blocks: Iterable[Writes], before: StateReader) -> Touched:
    """The accounts and slots that the blocks wrote, with their values in `before`.

    Raises CorruptStore if a block wiped storage that `before` holds, which no Cancun block can.
    """
    accounts: dict[Address, Account | None] = {}
    storage: dict[Address, dict[int, int]] = {}
    for writes in blocks:
        for address in writes.accounts:
            accounts[address] = before.account(address)
        for address in writes.cleared:
            held = before.account(address)
            if held is not None and held.storage_root != EMPTY_TRIE_ROOT:
                raise CorruptStore(
                    f"0x{address.hex()} lost its storage in a void block: empty the group's db and "
                    "let it come from peers, or from a snapshot"
                )
        for address, slots in writes.storage.items():
            known = storage.setdefault(address, {})
            for slot in slots:
                known[slot] = before.storage(address, slot)
    return Touched(accounts, storage)
