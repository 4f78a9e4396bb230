"""A store checked wholly: every block, index and certificate, and the state against its trie.

What opening a store verifies is its head; this reads everything and computes it anew, which takes
seconds for a store of some 10,000 transactions. It decides nothing and repairs nothing.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.block import Block, InvalidBlock
from ledger.certificate import InvalidCertificate, verify_certificate
from ledger.keyvalue import CorruptStore
from ledger.proposal import Proposal
from ledger.receipts import encode_receipt, union_bloom
from ledger.state import Account, encode_account, encode_slot
from ledger.store import BlockStore, Outcome
from ledger.suite import Suite
from ledger.trie import keyed_root, ordered_root
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, Hash32, keccak


@dataclass(frozen=True)
class Census:
    """What was checked and found whole."""

    head: int
    transactions: int
    accounts: int
    slots: int
    trie_nodes: int
    """Nodes of the head's state."""


def check_store(store: BlockStore, suite: Suite, *, window_blocks: int) -> Census:
    """Counts of a store in which everything agrees; raises CorruptStore with the first that does
    not.

    window_blocks: W of the group, which says whose certificate a block needs.
    """
    head = store.head
    if head is None:
        return Census(-1, 0, 0, 0, 0)
    try:
        first = _first_whole(store, head.number)
        found = Counter(_check_bare_headers(store, first))
        dropped: set[Hash32] = set()
        parent = None
        for number in (0, *range(first, head.number + 1)):
            if number == first and first > 1:
                parent = None  # is not there, or as a header alone
            outcome = _check_block(store, suite, number, parent, window_blocks)
            parent = store.header(number)[0].hash
            found.update(("headers", "proposals", "outcomes", "block hashes"))
            found["certificates"] += number > 0
            found["included"] += len(outcome.included)
            found["blooms"] += any(union_bloom(outcome.receipts))
            dropped.update(entry.hash for entry in outcome.dropped)
        found["dropped"] = len(dropped)
        _check_counts(store, found)
        accounts, slots, nodes = _check_state(store, head.header.state_root)
    except (ValueError, LookupError) as error:
        raise CorruptStore(f"something is missing or damaged: {error}") from error
    return Census(head.number, found["included"], accounts, slots, nodes)


def _first_whole(store: BlockStore, head: int) -> int:
    """The first block above 0 from which on all are there: 1, unless a snapshot was restored."""
    number = head
    while number > 0:
        try:
            store.proposal(number)
        except LookupError:
            break
        number -= 1
    return number + 1


def _check_bare_headers(store: BlockStore, below: int) -> dict[str, int]:
    """What a snapshot brings of blocks that it leaves out: some headers, some certificates."""
    headers = certificates = 0
    for number in range(1, below):
        try:
            header, record = store.header(number)
        except LookupError:
            continue
        headers += 1
        _expect(header.number == number, number, "its header is of another number")
        _expect(store.number_of(header.hash) == number, number, "its hash is not indexed")
        _expect(header.extra_data == record.hash, number, "its header binds another record")
        certificate = store.certificate(number)
        if certificate is not None:
            certificates += 1
            bound = (certificate.number, certificate.header_hash) == (number, header.hash)
            _expect(bound, number, "its certificate is another block's")
    return {"headers": headers, "block hashes": headers, "certificates": certificates}


def _check_block(
    store: BlockStore, suite: Suite, number: int, parent: Hash32 | None, window_blocks: int
) -> Outcome:
    header, record = store.header(number)
    proposal, outcome = store.proposal(number), store.outcome(number)
    _expect(header.number == number, number, "its header is of another number")
    _expect(store.number_of(header.hash) == number, number, "its hash is not indexed")
    follows = header.parent_hash == parent if parent is not None else True
    _expect(follows, number, "it does not follow its parent")
    raws = [entry.transaction.raw for entry in outcome.included]
    _expect(ordered_root(raws) == header.transactions_root, number, "its transactions differ")
    receipts = [encode_receipt(receipt) for receipt in outcome.receipts]
    _expect(ordered_root(receipts) == header.receipts_root, number, "its receipts differ")
    bloom = union_bloom(outcome.receipts)
    _expect(bloom == header.logs_bloom, number, "its bloom is not that of its logs")
    kept = [kept for _, kept in store.blooms(number, number)]
    _expect(kept == ([bloom] if any(bloom) else []), number, "its bloom is not indexed")
    _check_indexes(store, number, proposal, outcome)
    if header.state_root != EMPTY_TRIE_ROOT:
        store.state_at(number).node(header.state_root)
    if number == 0:
        return outcome
    try:
        Block(header, record, proposal).check_bindings()
        certificate = store.certificate(number)
        if certificate is None or (certificate.number, certificate.header_hash) != (
            number,
            header.hash,
        ):
            raise InvalidCertificate("its certificate is missing or another block's")
        validators = store.set_for(number, window_blocks)
        _expect(
            validators.hash(suite) == record.certifiers_hash, number, "others have to certify it"
        )
        group = store.header(0)[0].hash
        verify_certificate(suite, group, validators, certificate)
    except (InvalidBlock, InvalidCertificate) as error:
        raise CorruptStore(f"block {number}: {error}") from error
    return outcome


def _check_indexes(store: BlockStore, number: int, proposal: Proposal, outcome: Outcome) -> None:
    for position, entry in enumerate(outcome.included):
        at = store.included_at(entry.transaction.hash)
        _expect(at == (number, position), number, f"transaction {position} is indexed at {at}")
    for dropped in outcome.dropped:
        latest = store.dropped_at(dropped.hash)
        _expect(
            latest is not None and latest[0] >= number,
            number,
            f"the drop of entry {dropped.batch_index} is not indexed",
        )
    told = [entry.batch_index for entry in outcome.included] + [
        entry.batch_index for entry in outcome.dropped
    ]
    _expect(
        sorted(told) == list(range(len(proposal.transactions))),
        number,
        "its outcome does not tell of each transaction of its batch once",
    )


def _check_counts(store: BlockStore, found: Counter[str]) -> None:
    for kind, count in store.counts().items():
        if count != found[kind]:
            raise CorruptStore(f"{kind}: expected {found[kind]} entries, the store has {count}")


def _check_state(store: BlockStore, root: Hash32) -> tuple[int, int, int]:
    """Accounts, slots and trie nodes of the head, the trie computed from the flat state."""
    slots = _grouped_slots(store)
    leaves: dict[Hash32, bytes] = {}
    slot_count = node_count = 0
    owner, held = next(slots, (None, {}))
    for address, account in store.accounts():
        values: dict[int, int] = {}
        if owner == address:
            values = held
            owner, held = next(slots, (None, {}))
        elif owner is not None and owner < address:
            break
        node_count += _check_account(store, address, account, values)
        slot_count += len(values)
        leaves[keccak(address)] = encode_account(account)
    if owner is not None:
        raise CorruptStore(f"0x{owner.hex()} has slots and no account")
    computed, nodes = keyed_root(leaves)
    if computed != root:
        raise CorruptStore(
            f"the flat state has root {computed.hex()}, the head's header {root.hex()}"
        )
    _check_nodes(store, nodes)
    return len(leaves), slot_count, node_count + len(nodes)


def _grouped_slots(store: BlockStore) -> Iterator[tuple[Address, dict[int, int]]]:
    for address, entries in itertools.groupby(store.slots(), key=lambda entry: entry[0]):
        yield address, {slot: value for _, slot, value in entries}


def _check_account(
    store: BlockStore, address: Address, account: Account, slots: dict[int, int]
) -> int:
    leaves = {keccak(slot.to_bytes(32)): encode_slot(value) for slot, value in slots.items()}
    root, nodes = keyed_root(leaves)
    if root != account.storage_root:
        raise CorruptStore(f"0x{address.hex()}: its slots are not those of its storage root")
    if account.code_hash != EMPTY_CODE_HASH:
        code = store.state.code_by_hash(account.code_hash)
        if keccak(code) != account.code_hash:
            raise CorruptStore(f"0x{address.hex()}: its code is altered")
    _check_nodes(store, nodes)
    return len(nodes)


def _check_nodes(store: BlockStore, nodes: dict[Hash32, bytes]) -> None:
    for node_hash, node in nodes.items():
        if store.state.node(node_hash) != node:
            raise CorruptStore(f"trie node {node_hash.hex()} is altered")


def _expect(holds: bool, number: int, otherwise: str) -> None:
    if not holds:
        raise CorruptStore(f"block {number}: {otherwise}")


__all__ = ["Census", "check_store"]
