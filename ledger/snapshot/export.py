"""Writes a snapshot of a chain's head: reading only, and nothing is left out that proves it."""

from collections.abc import Callable, Iterator

from ledger.block import encode_block
from ledger.certificate import encode_certificate
from ledger.chain import Chain
from ledger.codec import Encodable
from ledger.header import encode_header
from ledger.parameters import encode_parameters
from ledger.receipts import receipt_item
from ledger.record import encode_record
from ledger.recovery import encode_recovery
from ledger.snapshot.frames import FrameWriter, InvalidSnapshot, Kind, Write
from ledger.state import encode_account
from ledger.store import BlockStore
from ledger.values import EMPTY_CODE_HASH, Address, Hash32

HEADERS_COUNT = 256
"""As many as contracts can ask for by BLOCKHASH."""
SLOTS_PER_FRAME = 4096

Progress = Callable[[str], None]


def export_snapshot(chain: Chain, store: BlockStore, write: Write, progress: Progress) -> int:
    """The number of the block whose state was written. Raises InvalidSnapshot at block 0."""
    head = chain.head
    if head.certificate is None:
        raise InvalidSnapshot("block 0 is in the genesis file; let the group make a block first")
    frames = FrameWriter(write)
    frames.add(Kind.HEAD, chain.group, head.number)
    for boundary in _boundaries(chain, head.record.epoch):
        frames.add(Kind.EPOCH, *boundary)
    for number in range(max(1, head.number - HEADERS_COUNT + 1), head.number + 1):
        header, record = store.header(number)
        frames.add(Kind.HEADER, encode_header(header), encode_record(record))
    receipts: Encodable = [receipt_item(receipt) for receipt in store.outcome(head.number).receipts]
    included: Encodable = [entry.batch_index for entry in store.outcome(head.number).included]
    frames.add(
        Kind.BLOCK,
        encode_block(chain.block(head.number)),
        encode_certificate(head.certificate),
        included,
        receipts,
    )
    codes: dict[Hash32, None] = {}
    count = 0
    for address, account in store.accounts():
        frames.add(Kind.ACCOUNT, address, encode_account(account))
        if account.code_hash != EMPTY_CODE_HASH:
            codes[account.code_hash] = None
        count += 1
        if count % 10_000 == 0:
            progress(f"{count} accounts")
    for address, words in _slots(store):
        frames.add(Kind.SLOTS, address, words)
    for code_hash in codes:
        frames.add(Kind.CODE, store.state.code_by_hash(code_hash))
    frames.finish()
    progress(f"block {head.number}: {count} accounts, {len(codes)} contracts' codes")
    return head.number


def _boundaries(chain: Chain, last: int) -> Iterator[list[Encodable]]:
    epoch = 1
    while epoch <= last:
        for boundary in chain.epoch_boundaries(epoch, last):
            assert boundary.certificate is not None, "only block 0 has none"
            members: Encodable = list(boundary.next_validators.members)
            parts: list[Encodable] = [
                encode_header(boundary.header),
                encode_record(boundary.record),
                encode_certificate(boundary.certificate),
                members,
                encode_parameters(boundary.next_parameters),
            ]
            if boundary.recovery is not None:
                parts.append(encode_recovery(boundary.recovery))
            yield parts
            epoch = boundary.next_epoch + 1


def _slots(store: BlockStore) -> Iterator[tuple[Address, Encodable]]:
    """Every account's slots, in runs that fit a frame."""
    run: list[Encodable] = []
    owner: Address | None = None
    for address, slot, value in store.slots():
        if owner is not None and (address != owner or len(run) == SLOTS_PER_FRAME):
            yield owner, run
            run = []
        owner = address
        run.append([slot, value])
    if owner is not None:
        yield owner, run
