"""The block store: blocks, receipts, state, indexes and certificates, one synced batch a block.

It checks at opening that its head is whole and verifies nothing else: what may be stored is the
chain's decision. Trie nodes are never deleted, so every block's state stays readable.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.block import Block
from ledger.certificate import Certificate, decode_certificate, encode_certificate
from ledger.codec import (
    Encodable,
    InvalidEncoding,
    as_address,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
    encode_joined,
)
from ledger.cutting import Touched, VoidBlock, cut_batch, decode_void_block
from ledger.engine import Dropped, Included
from ledger.header import BLOOM_BYTES, Header, decode_header, encode_header
from ledger.keyvalue import CorruptStore, KeyValueReader, KeyValueStore
from ledger.parameters import Parameters, decode_parameters, encode_parameters
from ledger.proposal import Proposal, decode_proposal, encode_proposal
from ledger.reasons import Reason
from ledger.receipts import Receipt, receipt_from_item, receipt_item
from ledger.record import Record, decode_record, encode_record
from ledger.recovery import Recovery, decode_recovery, encode_recovery, recovery_for
from ledger.restored import Restored
from ledger.state import (
    Account,
    MissingNode,
    TrieState,
    Writes,
    decode_account,
)
from ledger.store_keys import (
    ACCOUNT,
    BLOOM,
    BY_HASH,
    CERTIFICATE,
    CODE,
    DROPPED,
    EPOCH,
    FORMAT_KEY,
    HEAD_KEY,
    HEADER,
    INCLUDED,
    NODE,
    OUTCOME,
    PARAMETERS,
    PROPOSAL,
    RECOVERIES_KEY,
    SLOT,
    VALIDATORS,
    VOID,
    number_key,
)
from ledger.suite import Suite
from ledger.transactions import decode_transaction
from ledger.validators import ValidatorSet
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, Hash32, keccak

FORMAT = b"quorate/store/1"

OUTCOME_BYTES_MAX = 256 * 1024 * 1024
_SMALL_BYTES_MAX = 64 * 1024


@dataclass(frozen=True)
class Outcome:
    """What execution made of a batch, as it is kept; see `BlockResult` for `kept`."""

    included: Sequence[Included]
    receipts: Sequence[Receipt]
    dropped: tuple[Dropped, ...]
    kept: bytes | None = None


@dataclass(frozen=True)
class Head:
    """The last stable block; block 0 alone has no certificate."""

    header: Header
    record: Record
    certificate: Certificate | None

    @property
    def number(self) -> int:
        """The block number."""
        return self.header.number

    @property
    def hash(self) -> Hash32:
        """The block hash."""
        return self.header.hash


class FlatState:
    """The state of the head at the time it was taken: flat reads from one snapshot."""

    def __init__(self, root: Hash32, reader: KeyValueReader) -> None:
        self.root = root
        self._reader = reader

    def account(self, address: Address) -> Account | None:
        data = self.encoded_account(address)
        return None if data is None else decode_account(data)

    def storage(self, address: Address, slot: int) -> int:
        return int.from_bytes(self.encoded_slot(address, slot.to_bytes(32)))

    def encoded_account(self, address: Address) -> bytes | None:
        return self._reader.get(ACCOUNT + address)

    def encoded_slot(self, address: Address, slot: bytes) -> bytes:
        return self._reader.get(SLOT + address + slot) or b""

    def code(self, address: Address) -> bytes:
        account = self.account(address)
        return b"" if account is None else self.code_by_hash(account.code_hash)

    def code_by_hash(self, code_hash: Hash32) -> bytes:
        return _code(self._reader, code_hash)

    def node(self, node_hash: Hash32) -> bytes:
        return _node(self._reader, node_hash)

    def nodes(self, node_hashes: Sequence[Hash32]) -> list[bytes]:
        reader = self._reader
        return [_node(reader, node_hash) for node_hash in node_hashes]


class BlockStore:
    """One group's blocks; raises CorruptStore where they contradict themselves at opening."""

    def __init__(self, kv: KeyValueStore, suite: Suite) -> None:
        self._kv = kv
        self._suite = suite
        self._head = self._load_head()
        self._state = self._snapshot()
        self._recoveries = self._load_recoveries()
        self._parameters = self._load_parameters()

    # What is stored last

    @property
    def head(self) -> Head | None:
        """The last stored block, None in an empty store."""
        return self._head

    @property
    def state(self) -> FlatState:
        """The state after the head; it stays as it is when the head moves on."""
        assert self._state is not None, "an empty store has no state"
        return self._state

    def _load_head(self) -> Head | None:
        data = self._kv.get(HEAD_KEY)
        known = self._kv.get(FORMAT_KEY)
        if data is None:
            if known is not None or next(self._kv.items(b""), None) is not None:
                raise CorruptStore("the store holds data but no head: rebuild it from peers")
            return None
        if known != FORMAT:
            raise CorruptStore(f"expected a store of format {FORMAT!r}, got {known!r}")
        try:
            number = int.from_bytes(data[:8])
            header, record = self._header(number)
            certificate = self.certificate(number)
            digest = self.proposal(number).digest
        except (InvalidEncoding, LookupError) as error:
            raise CorruptStore(f"the head does not decode: {error}") from error
        if data[8:] != header.hash:
            raise CorruptStore(f"the head is not block {number}: rebuild the store from peers")
        if number > 0 and digest != record.proposal_digest:
            raise CorruptStore(f"block {number}: its proposal is not the one that the record binds")
        self._check_head(header, record, certificate, number)
        return Head(header, record, certificate)

    def _check_head(
        self, header: Header, record: Record, certificate: Certificate | None, number: int
    ) -> None:
        wrong = None
        root = header.state_root
        if header.number != number or self.number_of(header.hash) != number:
            wrong = "its header's hash is not the indexed one"
        elif header.extra_data != record.hash:
            wrong = "its record is not the one that the header binds"
        elif number > 0 and certificate is None:
            wrong = "its certificate is missing"
        elif certificate and (certificate.number, certificate.header_hash) != (number, header.hash):
            wrong = "its certificate is for another block"
        elif root != EMPTY_TRIE_ROOT and keccak(self._kv.get(NODE + root) or b"") != root:
            wrong = "the root node of its state is missing or altered"
        if wrong is not None:
            raise CorruptStore(f"block {number}: {wrong}; rebuild the store from peers")

    def _load_recoveries(self) -> tuple[Recovery, ...]:
        data = self._kv.get(RECOVERIES_KEY)
        if data is None:
            return ()
        try:
            items = decode_list(data, bytes_max=OUTCOME_BYTES_MAX)
            return tuple(decode_recovery(as_bytes(item, "recovery")) for item in items)
        except InvalidEncoding as error:
            raise CorruptStore(f"the recovery certificates do not decode: {error}") from error

    def _load_parameters(self) -> tuple[tuple[int, Parameters], ...]:
        """Who voted when is rare: all of it is kept in memory, in order of the block."""
        try:
            return tuple(
                (int.from_bytes(key[1:]), decode_parameters(data))
                for key, data in self._kv.items(PARAMETERS)
            )
        except InvalidEncoding as error:
            raise CorruptStore(f"the parameters do not decode: {error}") from error

    def _snapshot(self) -> FlatState | None:
        if self._head is None:
            return None
        return FlatState(self._head.header.state_root, self._kv.snapshot())

    # Writing

    def commit(
        self,
        block: Block,
        outcome: Outcome,
        writes: Writes,
        certificate: Certificate | None,
        *,
        validators_after: ValidatorSet | None,
        opens_epoch: bool,
        parameters_after: Parameters | None = None,
    ) -> None:
        """Stores a block that follows the head, in one synced batch.

        `validators_after` is the contract's list if the block changed it, `parameters_after` the
        contract's parameters likewise.
        """
        head = self._head
        assert block.number == (0 if head is None else head.number + 1)
        batch: dict[bytes, bytes | None] = {FORMAT_KEY: FORMAT}
        self._put_block(batch, block, outcome, certificate)
        if validators_after is not None:
            members: Encodable = list(validators_after.members)
            batch[VALIDATORS + number_key(block.number)] = encode(members)
        if parameters_after is not None:
            batch[PARAMETERS + number_key(block.number)] = encode_parameters(parameters_after)
        if opens_epoch:
            batch[EPOCH + number_key(block.record.epoch)] = number_key(block.number)
        self._put_writes(batch, writes)
        batch[HEAD_KEY] = number_key(block.number) + block.hash
        self._kv.write(batch, sync=True)
        self._head = Head(block.header, block.record, certificate)
        self._state = self._snapshot()
        if parameters_after is not None:
            self._parameters = (*self._parameters, (block.number, parameters_after))

    def restore(self, found: Restored) -> None:
        """Put a verified snapshot on top of block 0, in one synced batch.

        Blocks between are not there: their headers only as far as the snapshot has them.
        """
        assert self._head is not None, "block 0 comes first"
        assert self._head.number == 0, "a store that has blocks is not overwritten"
        batch: dict[bytes, bytes | None] = {}
        boundaries = [(entry.header, entry.record) for entry in found.boundaries]
        for header, record in (*boundaries, *found.headers):
            parts: Encodable = [encode_header(header), encode_record(record)]
            batch[HEADER + number_key(header.number)] = encode(parts)
            batch[BY_HASH + header.hash] = number_key(header.number)
        batch[RECOVERIES_KEY] = _encode_recoveries(found.recoveries)
        for entry in found.boundaries:
            batch[CERTIFICATE + number_key(entry.header.number)] = encode_certificate(
                entry.certificate
            )
            batch[EPOCH + number_key(entry.epoch)] = number_key(entry.header.number + 1)
        for number, validators in found.validators.items():
            members: Encodable = list(validators.members)
            batch[VALIDATORS + number_key(number)] = encode(members)
        for number, parameters in found.parameters.items():
            batch[PARAMETERS + number_key(number)] = encode_parameters(parameters)
        self._put_block(batch, found.block, found.outcome, found.certificate)
        # The state stands for itself: what block 0 wrote is in it, or was deleted since.
        for prefix in (ACCOUNT, SLOT):
            batch.update((key, None) for key, _ in self._kv.items(prefix))
        self._put_writes(batch, found.writes)
        batch[HEAD_KEY] = number_key(found.block.number) + found.block.hash
        self._kv.write(batch, sync=True)
        self._recoveries = found.recoveries
        self._parameters = self._load_parameters()
        self._head = Head(found.block.header, found.block.record, found.certificate)
        self._state = self._snapshot()

    def put_recoveries(self, recoveries: Sequence[Recovery]) -> None:
        """Keep these recovery certificates in the place of all others; synced on return."""
        self._kv.write({RECOVERIES_KEY: _encode_recoveries(recoveries)}, sync=True)
        self._recoveries = tuple(recoveries)

    def cut(self, touched: Touched, recoveries: Sequence[Recovery]) -> None:
        """Make `recoveries[-1]`'s block the head again, in one synced batch.

        The blocks above are void: they leave every index, and stay as evidence. `touched` is all
        that they wrote, with the values before them.
        """
        head, recovery = self._head, recoveries[-1]
        assert head is not None
        assert recovery.number < head.number
        void = range(recovery.number + 1, head.number + 1)
        batch = cut_batch(self, void, touched, recovery.counter)
        header, record = self._header(recovery.number)
        batch[RECOVERIES_KEY] = _encode_recoveries(recoveries)
        batch[HEAD_KEY] = number_key(header.number) + header.hash
        self._kv.write(batch, sync=True)
        self._recoveries = tuple(recoveries)
        self._parameters = self._load_parameters()
        self._head = Head(header, record, self.certificate(header.number))
        self._state = self._snapshot()

    def _put_block(
        self,
        batch: dict[bytes, bytes | None],
        block: Block,
        outcome: Outcome,
        certificate: Certificate | None,
    ) -> None:
        number = number_key(block.number)
        parts: Encodable = [encode_header(block.header), encode_record(block.record)]
        batch[HEADER + number] = encode(parts)
        batch[PROPOSAL + number] = encode_proposal(block.proposal)
        batch[OUTCOME + number] = _encode_outcome(outcome)
        batch[BY_HASH + block.hash] = number
        if certificate is not None:
            batch[CERTIFICATE + number] = encode_certificate(certificate)
        if any(block.header.logs_bloom):
            batch[BLOOM + number] = block.header.logs_bloom
        for dropped in outcome.dropped:
            batch[DROPPED + dropped.hash] = encode([block.number, dropped.reason.encode()])
        block_number = encode(block.number)
        for position, included in enumerate(outcome.included):
            place = encode_joined([block_number, encode(position)])
            batch[INCLUDED + included.transaction.hash] = place

    def _put_writes(self, batch: dict[bytes, bytes | None], writes: Writes) -> None:
        for address in writes.cleared:
            for key, _ in self._kv.items(SLOT + address):
                batch[key] = None
        batch.update(writes.pairs(ACCOUNT, SLOT, CODE, NODE))

    # Reading: each raises LookupError for what is not there

    def header(self, number: int) -> tuple[Header, Record]:
        """Header and record of a block."""
        head = self._head
        if head is not None and number == head.number:
            return head.header, head.record
        return self._header(number)

    def _header(self, number: int) -> tuple[Header, Record]:
        data = self._get(HEADER + number_key(number), f"block {number}")
        parts = as_list(decode_list(data, bytes_max=_SMALL_BYTES_MAX), "header", length=2)
        return (
            decode_header(as_bytes(parts[0], "header")),
            decode_record(as_bytes(parts[1], "record")),
        )

    def proposal(self, number: int) -> Proposal:
        """The batch of a block."""
        return decode_proposal(
            self._suite, self._get(PROPOSAL + number_key(number), f"proposal {number}")
        )

    def certificate(self, number: int) -> Certificate | None:
        """The certificate of a block, None for block 0."""
        data = self._kv.get(CERTIFICATE + number_key(number))
        return None if data is None else decode_certificate(data)

    def outcome(self, number: int) -> Outcome:
        """What execution made of a block's batch."""
        data = self._get(OUTCOME + number_key(number), f"outcome of block {number}")
        return _decode_outcome(data, self.proposal(number).transactions)

    def number_of(self, block_hash: Hash32) -> int | None:
        """The number of the block with a hash, or None."""
        data = self._kv.get(BY_HASH + block_hash)
        return None if data is None else int.from_bytes(data)

    def included_at(self, transaction_hash: Hash32) -> tuple[int, int] | None:
        """Block number and position of an included transaction, or None."""
        data = self._kv.get(INCLUDED + transaction_hash)
        if data is None:
            return None
        fields = as_list(decode_list(data, bytes_max=64), "transaction index", length=2)
        return as_int(fields[0], "block"), as_int(fields[1], "position")

    def dropped_at(self, transaction_hash: Hash32) -> tuple[int, Reason] | None:
        """Block number and reason of a transaction's latest drop, or None."""
        data = self._kv.get(DROPPED + transaction_hash)
        if data is None:
            return None
        fields = as_list(decode_list(data, bytes_max=64), "drop index", length=2)
        return as_int(fields[0], "block"), Reason(as_bytes(fields[1], "reason").decode())

    def validators_after(self, number: int) -> ValidatorSet:
        """The contract's list after a block."""
        for _, data in self._kv.items(
            VALIDATORS, start=VALIDATORS + number_key(number), reverse=True
        ):
            items = decode_list(data, bytes_max=_SMALL_BYTES_MAX)
            return ValidatorSet(tuple(as_address(item, "validator") for item in items))
        raise LookupError(f"no validators are known after block {number}")

    def parameters_after(self, number: int) -> Parameters | None:
        """The contract's parameters after a block, None where they are still genesis's."""
        known = self._parameters
        place = bisect_right(known, number, key=lambda entry: entry[0])
        return known[place - 1][1] if place else None

    def set_for(self, number: int, window_blocks: int) -> ValidatorSet:
        """The set that certifies a block: a recovery's, else the list W + 1 blocks before it."""
        recovery = recovery_for(self._recoveries, number, window_blocks)
        if recovery is not None:
            return recovery.validators
        return self.validators_after(max(0, number - window_blocks - 1))

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """The recovery certificates that this store follows, in ascending order."""
        return self._recoveries

    def void_blocks(self) -> Iterator[VoidBlock]:
        """What was cut off, in order of the certificate's counter and the number."""
        for key, data in self._kv.items(VOID):
            yield decode_void_block(key, data, self._suite)

    def epoch_starts(self, first: int, last: int) -> list[tuple[int, int]]:
        """Pairs of epoch and first block number, for epochs from `first` to `last`."""
        found = []
        for key, data in self._kv.items(EPOCH, start=EPOCH + number_key(first)):
            epoch = int.from_bytes(key[1:])
            if epoch > last:
                break
            found.append((epoch, int.from_bytes(data)))
        return found

    def blooms(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Blooms of the blocks from `first` to `last` that have any log, in order."""
        for key, bloom in self._kv.items(BLOOM, start=BLOOM + number_key(first)):
            number = int.from_bytes(key[1:])
            if number > last:
                return
            assert len(bloom) == BLOOM_BYTES
            yield number, bloom

    def state_at(self, number: int) -> TrieState:
        """The state after a block, read through its trie."""
        header, _ = self.header(number)
        return TrieState(
            header.state_root,
            lambda node_hash: _node(self._kv, node_hash),
            lambda code_hash: _code(self._kv, code_hash),
        )

    # Walking: all there is, for a check of the whole

    def accounts(self) -> Iterator[tuple[Address, Account]]:
        """The head's accounts from the flat state, in order of address."""
        for key, data in self._kv.items(ACCOUNT):
            yield Address(key[1:]), decode_account(data)

    def slots(self) -> Iterator[tuple[Address, int, int]]:
        """The head's slots from the flat state with their values, in order of address and slot."""
        for key, data in self._kv.items(SLOT):
            yield Address(key[1:21]), int.from_bytes(key[21:]), int.from_bytes(data)

    def counts(self) -> dict[str, int]:
        """How many entries of each kind stand in the store."""
        kinds = {
            "headers": HEADER,
            "proposals": PROPOSAL,
            "outcomes": OUTCOME,
            "certificates": CERTIFICATE,
            "block hashes": BY_HASH,
            "included": INCLUDED,
            "dropped": DROPPED,
            "blooms": BLOOM,
        }
        return {kind: sum(1 for _ in self._kv.items(prefix)) for kind, prefix in kinds.items()}

    def close(self) -> None:
        """Closes the key-value store."""
        self._state = None
        self._kv.close()

    def _get(self, key: bytes, what: str) -> bytes:
        data = self._kv.get(key)
        if data is None:
            raise LookupError(f"{what} is not in the store")
        return data


def _encode_recoveries(recoveries: Sequence[Recovery]) -> bytes:
    return encode([encode_recovery(recovery) for recovery in recoveries])


def _code(reader: KeyValueReader, code_hash: Hash32) -> bytes:
    if code_hash == EMPTY_CODE_HASH:
        return b""
    code = reader.get(CODE + code_hash)
    if code is None:
        raise CorruptStore(f"code {code_hash.hex()} is missing: rebuild the store from peers")
    return code


def _node(reader: KeyValueReader, node_hash: Hash32) -> bytes:
    node = reader.get(NODE + node_hash)
    if node is None:
        raise MissingNode(f"trie node {node_hash.hex()} is missing: rebuild the store from peers")
    return node


def _encode_outcome(outcome: Outcome) -> bytes:
    dropped: Sequence[Encodable] = [
        [entry.batch_index, entry.hash, entry.reason.encode()] for entry in outcome.dropped
    ]
    included = encode_included(outcome) if outcome.kept is None else outcome.kept
    return encode_joined([included, encode(dropped)])


def encode_included(outcome: Outcome) -> bytes:
    """The RLP of `[[index, sender, receipt]]`: `Outcome.kept`, where no engine gave it."""
    pairs = zip(outcome.included, outcome.receipts, strict=True)
    return encode(
        [[entry.batch_index, entry.sender, receipt_item(receipt)] for entry, receipt in pairs]
    )


def _decode_outcome(data: bytes, batch: Sequence[bytes]) -> Outcome:
    parts = as_list(decode_list(data, bytes_max=OUTCOME_BYTES_MAX), "outcome", length=2)
    included, receipts, dropped = [], [], []
    for item in as_list(parts[0], "included"):
        index, sender, receipt = as_list(item, "included", length=3)
        position = as_int(index, "index")
        transaction = decode_transaction(batch[position])
        included.append(Included(position, transaction, as_address(sender, "sender")))
        receipts.append(receipt_from_item(receipt))
    for item in as_list(parts[1], "dropped"):
        index, digest, reason = as_list(item, "dropped", length=3)
        code = Reason(as_bytes(reason, "reason").decode())
        dropped.append(Dropped(as_int(index, "index"), as_hash(digest, "hash"), code))
    return Outcome(tuple(included), tuple(receipts), tuple(dropped))
