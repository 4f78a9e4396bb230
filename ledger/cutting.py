"""Cutting a store back to block H: what takes the blocks above it out, and what stays of them.

Nothing is guessed: each void block is executed once more on its parent's state, and the state after
H answers what every account and slot that it touched held. When to cut is the chain's decision.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.certificate import Certificate, decode_certificate, encode_certificate
from ledger.codec import Encodable, as_bytes, as_list, decode_list, encode
from ledger.header import Header, decode_header, encode_header
from ledger.keyvalue import CorruptStore
from ledger.proposal import Proposal, decode_proposal, encode_proposal
from ledger.record import Record, decode_record, encode_record
from ledger.state import Account, StateReader, Writes, encode_account
from ledger.store_keys import (
    ACCOUNT,
    BLOOM,
    BY_HASH,
    CERTIFICATE,
    DROPPED,
    EPOCH,
    HEADER,
    INCLUDED,
    OUTCOME,
    PARAMETERS,
    PROPOSAL,
    SLOT,
    VALIDATORS,
    VOID,
    number_key,
)
from ledger.suite import Suite
from ledger.values import EMPTY_TRIE_ROOT, Address, Hash32

if TYPE_CHECKING:
    from ledger.store import BlockStore

VOID_BLOCK_BYTES_MAX = 256 * 1024 * 1024


@dataclass(frozen=True)
class VoidBlock:
    """A certified block that the recovery certificate of this counter made void: evidence."""

    counter: int
    header: Header
    record: Record
    certificate: Certificate
    proposal: Proposal

    @property
    def number(self) -> int:
        """The block number, which another block has by now, or will have."""
        return self.header.number


@dataclass(frozen=True)
class Touched:
    """Accounts and slots that some blocks wrote, with the values from before; None and 0: none."""

    accounts: Mapping[Address, Account | None]
    storage: Mapping[Address, Mapping[int, int]]


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


def cut_batch(
    store: "BlockStore", void: range, touched: Touched, counter: int
) -> dict[bytes, bytes | None]:
    """What a store has to write and delete for its last blocks, `void`, to be void.

    They are kept under the counter of the certificate that makes them so. Which block is the head,
    and the certificate itself, the store says by itself.
    """
    batch: dict[bytes, bytes | None] = {}
    drops: set[Hash32] = set()
    for number in void:
        drops |= _cut_block(store, batch, number, counter)
    batch.update(_earlier_drops(store, drops, void.start - 1))
    for epoch, start in store.epoch_starts(0, 2**64 - 1):
        if start >= void.start:
            batch[EPOCH + number_key(epoch)] = None
    for address, account in touched.accounts.items():
        batch[ACCOUNT + address] = None if account is None else encode_account(account)
    for address, slots in touched.storage.items():
        for slot, word in slots.items():
            data = word.to_bytes(32).lstrip(b"\0") if word else None
            batch[SLOT + address + slot.to_bytes(32)] = data
    return batch


def _cut_block(
    store: "BlockStore", batch: dict[bytes, bytes | None], number: int, counter: int
) -> set[Hash32]:
    """Take a block out of all indexes; the hashes of what it dropped."""
    header, record = store.header(number)
    certificate, proposal = store.certificate(number), store.proposal(number)
    outcome = store.outcome(number)
    assert certificate is not None
    parts: Encodable = [
        encode_header(header),
        encode_record(record),
        encode_certificate(certificate),
        encode_proposal(proposal),
    ]
    batch[VOID + number_key(counter) + number_key(number)] = encode(parts)
    kinds = (HEADER, PROPOSAL, CERTIFICATE, OUTCOME, BLOOM, VALIDATORS, PARAMETERS)
    batch.update((kind + number_key(number), None) for kind in kinds)
    batch[BY_HASH + header.hash] = None
    batch.update((INCLUDED + entry.transaction.hash, None) for entry in outcome.included)
    batch.update((DROPPED + entry.hash, None) for entry in outcome.dropped)
    return {entry.hash for entry in outcome.dropped}


def _earlier_drops(
    store: "BlockStore", hashes: set[Hash32], number: int
) -> Iterator[tuple[bytes, bytes]]:
    """The latest drop up to a block of each that has one, as it is indexed."""
    while hashes and number > 0:
        try:
            outcome = store.outcome(number)
        except LookupError:
            return  # below is what a snapshot left out
        for dropped in outcome.dropped:
            if dropped.hash in hashes:
                hashes.discard(dropped.hash)
                yield DROPPED + dropped.hash, encode([number, dropped.reason.encode()])
        number -= 1


def decode_void_block(key: bytes, data: bytes, suite: Suite) -> VoidBlock:
    """A void block as `cut_batch` kept it."""
    parts = as_list(decode_list(data, bytes_max=VOID_BLOCK_BYTES_MAX), "void block", length=4)
    header, record, certificate, proposal = (as_bytes(part, "void block") for part in parts)
    return VoidBlock(
        int.from_bytes(key[1:9]),
        decode_header(header),
        decode_record(record),
        decode_certificate(certificate),
        decode_proposal(suite, proposal),
    )
