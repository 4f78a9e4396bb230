"""From a block's changes to its state root: storage tries first, then the state trie.

Engines without a trie of their own call `commit`; nothing here is written anywhere.
"""

from collections.abc import Mapping

from ledger.state import Account, StateReader, Writes, encode_account, encode_slot
from ledger.trie import update
from ledger.values import EMPTY_TRIE_ROOT, Address, Hash32, keccak


def commit(
    state: StateReader,
    *,
    accounts: Mapping[Address, Account | None],
    storage: Mapping[Address, Mapping[int, int]],
    codes: Mapping[Hash32, bytes],
    cleared: frozenset[Address],
) -> Writes:
    """The writes with root and new nodes.

    `accounts` holds every account that changed in any way, one whose storage alone changed too;
    their storage roots are computed here, whatever they say.
    """
    nodes: dict[Hash32, bytes] = {}
    committed: dict[Address, Account | None] = {}
    leaves: dict[Hash32, bytes] = {}

    def node(node_hash: Hash32) -> bytes:
        known = nodes.get(node_hash)
        return state.node(node_hash) if known is None else known

    for address, account in accounts.items():
        if account is None:
            committed[address] = None
            leaves[keccak(address)] = b""
            continue
        before = None if address in cleared else state.account(address)
        root = EMPTY_TRIE_ROOT if before is None else before.storage_root
        slots = storage.get(address)
        if slots:
            changes = {
                keccak(slot.to_bytes(32)): encode_slot(value) if value else b""
                for slot, value in slots.items()
            }
            root, fresh = update(root, changes, node)
            nodes.update(fresh)
        rooted = Account(account.nonce, account.balance, root, account.code_hash)
        committed[address] = rooted
        leaves[keccak(address)] = encode_account(rooted)
    root, fresh = update(state.root, leaves, node) if leaves else (state.root, {})
    nodes.update(fresh)
    return Writes(root, committed, storage, codes, cleared, nodes)
