"""The block store: blocks, receipts, state, indexes and certificates, one synced batch a block.

It checks at opening that its head is whole and verifies nothing else: what may be stored is the
chain's decision. Trie nodes are never deleted, so every block's state stays readable.
"""

from collections.abc import Iterator, Mapping, Sequence
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
from ledger.engine import Dropped, Included
from ledger.header import BLOOM_BYTES, Header, decode_header, encode_header
from ledger.keyvalue import CorruptStore, KeyValueReader, KeyValueStore
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
    encode_account,
)
from ledger.suite import Suite
from ledger.transactions import decode_transaction
from ledger.validators import ValidatorSet
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, Hash32, keccak

FORMAT = b"quorate/store/1"

_FORMAT_KEY = b"m/format"
_HEAD_KEY = b"m/head"
_HEADER = b"H"
_PROPOSAL = b"P"
_CERTIFICATE = b"C"
_OUTCOME = b"R"
_BLOOM = b"l"
_VALIDATORS = b"v"
_EPOCH = b"e"
_BY_HASH = b"h"
_INCLUDED = b"t"
_DROPPED = b"d"
_ACCOUNT = b"a"
_SLOT = b"s"
_CODE = b"k"
_NODE = b"n"
_VOID = b"x"
_RECOVERIES_KEY = b"m/recoveries"

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
        return self._reader.get(_ACCOUNT + address)

    def encoded_slot(self, address: Address, slot: bytes) -> bytes:
        return self._reader.get(_SLOT + address + slot) or b""

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
        data = self._kv.get(_HEAD_KEY)
        known = self._kv.get(_FORMAT_KEY)
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
        elif root != EMPTY_TRIE_ROOT and keccak(self._kv.get(_NODE + root) or b"") != root:
            wrong = "the root node of its state is missing or altered"
        if wrong is not None:
            raise CorruptStore(f"block {number}: {wrong}; rebuild the store from peers")

    def _load_recoveries(self) -> tuple[Recovery, ...]:
        data = self._kv.get(_RECOVERIES_KEY)
        if data is None:
            return ()
        try:
            items = decode_list(data, bytes_max=OUTCOME_BYTES_MAX)
            return tuple(decode_recovery(as_bytes(item, "recovery")) for item in items)
        except InvalidEncoding as error:
            raise CorruptStore(f"the recovery certificates do not decode: {error}") from error

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
    ) -> None:
        """Stores a block that follows the head, in one synced batch.

        `validators_after` is the contract's list if the block changed it.
        """
        head = self._head
        assert block.number == (0 if head is None else head.number + 1)
        batch: dict[bytes, bytes | None] = {_FORMAT_KEY: FORMAT}
        self._put_block(batch, block, outcome, certificate)
        if validators_after is not None:
            members: Encodable = list(validators_after.members)
            batch[_VALIDATORS + _key(block.number)] = encode(members)
        if opens_epoch:
            batch[_EPOCH + _key(block.record.epoch)] = _key(block.number)
        self._put_writes(batch, writes)
        batch[_HEAD_KEY] = _key(block.number) + block.hash
        self._kv.write(batch, sync=True)
        self._head = Head(block.header, block.record, certificate)
        self._state = self._snapshot()

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
            batch[_HEADER + _key(header.number)] = encode(parts)
            batch[_BY_HASH + header.hash] = _key(header.number)
        batch[_RECOVERIES_KEY] = _encode_recoveries(found.recoveries)
        for entry in found.boundaries:
            batch[_CERTIFICATE + _key(entry.header.number)] = encode_certificate(entry.certificate)
            batch[_EPOCH + _key(entry.epoch)] = _key(entry.header.number + 1)
        for number, validators in found.validators.items():
            members: Encodable = list(validators.members)
            batch[_VALIDATORS + _key(number)] = encode(members)
        self._put_block(batch, found.block, found.outcome, found.certificate)
        # The state stands for itself: what block 0 wrote is in it, or was deleted since.
        for prefix in (_ACCOUNT, _SLOT):
            batch.update((key, None) for key, _ in self._kv.items(prefix))
        self._put_writes(batch, found.writes)
        batch[_HEAD_KEY] = _key(found.block.number) + found.block.hash
        self._kv.write(batch, sync=True)
        self._recoveries = found.recoveries
        self._head = Head(found.block.header, found.block.record, found.certificate)
        self._state = self._snapshot()

    def put_recoveries(self, recoveries: Sequence[Recovery]) -> None:
        """Keep these recovery certificates in the place of all others; synced on return."""
        self._kv.write({_RECOVERIES_KEY: _encode_recoveries(recoveries)}, sync=True)
        self._recoveries = tuple(recoveries)

    def cut(self, touched: Touched, recoveries: Sequence[Recovery]) -> None:
        """Make `recoveries[-1]`'s block the head again, in one synced batch.

        The blocks above are void: they leave every index, and stay as evidence. `touched` is all
        that they wrote, with the values before them.
        """
        head, recovery = self._head, recoveries[-1]
        assert head is not None
        assert recovery.number < head.number
        batch: dict[bytes, bytes | None] = {_RECOVERIES_KEY: _encode_recoveries(recoveries)}
        drops: set[Hash32] = set()
        for number in range(recovery.number + 1, head.number + 1):
            drops |= self._cut_block(batch, number, recovery.counter)
        batch.update(self._earlier_drops(drops, recovery.number))
        for epoch, start in self.epoch_starts(0, 2**64 - 1):
            if start > recovery.number:
                batch[_EPOCH + _key(epoch)] = None
        for address, account in touched.accounts.items():
            batch[_ACCOUNT + address] = None if account is None else encode_account(account)
        for address, slots in touched.storage.items():
            for slot, word in slots.items():
                data = word.to_bytes(32).lstrip(b"\0") if word else None
                batch[_SLOT + address + slot.to_bytes(32)] = data
        header, record = self._header(recovery.number)
        batch[_HEAD_KEY] = _key(header.number) + header.hash
        self._kv.write(batch, sync=True)
        self._recoveries = tuple(recoveries)
        self._head = Head(header, record, self.certificate(header.number))
        self._state = self._snapshot()

    def _cut_block(
        self, batch: dict[bytes, bytes | None], number: int, counter: int
    ) -> set[Hash32]:
        """Take a block out of all indexes; the hashes of what it dropped."""
        header, record = self._header(number)
        certificate, proposal = self.certificate(number), self.proposal(number)
        outcome = self.outcome(number)
        assert certificate is not None
        parts: Encodable = [
            encode_header(header),
            encode_record(record),
            encode_certificate(certificate),
            encode_proposal(proposal),
        ]
        batch[_VOID + _key(counter) + _key(number)] = encode(parts)
        kinds = (_HEADER, _PROPOSAL, _CERTIFICATE, _OUTCOME, _BLOOM, _VALIDATORS)
        batch.update((kind + _key(number), None) for kind in kinds)
        batch[_BY_HASH + header.hash] = None
        batch.update((_INCLUDED + entry.transaction.hash, None) for entry in outcome.included)
        batch.update((_DROPPED + entry.hash, None) for entry in outcome.dropped)
        return {entry.hash for entry in outcome.dropped}

    def _earlier_drops(self, hashes: set[Hash32], number: int) -> Iterator[tuple[bytes, bytes]]:
        """The latest drop up to a block of each that has one, as it is indexed."""
        while hashes and number > 0:
            try:
                outcome = self.outcome(number)
            except LookupError:
                return  # below is what a snapshot left out
            for dropped in outcome.dropped:
                if dropped.hash in hashes:
                    hashes.discard(dropped.hash)
                    yield _DROPPED + dropped.hash, encode([number, dropped.reason.encode()])
            number -= 1

    def _put_block(
        self,
        batch: dict[bytes, bytes | None],
        block: Block,
        outcome: Outcome,
        certificate: Certificate | None,
    ) -> None:
        number = _key(block.number)
        parts: Encodable = [encode_header(block.header), encode_record(block.record)]
        batch[_HEADER + number] = encode(parts)
        batch[_PROPOSAL + number] = encode_proposal(block.proposal)
        batch[_OUTCOME + number] = _encode_outcome(outcome)
        batch[_BY_HASH + block.hash] = number
        if certificate is not None:
            batch[_CERTIFICATE + number] = encode_certificate(certificate)
        if any(block.header.logs_bloom):
            batch[_BLOOM + number] = block.header.logs_bloom
        for dropped in outcome.dropped:
            batch[_DROPPED + dropped.hash] = encode([block.number, dropped.reason.encode()])
        block_number = encode(block.number)
        for position, included in enumerate(outcome.included):
            place = encode_joined([block_number, encode(position)])
            batch[_INCLUDED + included.transaction.hash] = place

    def _put_writes(self, batch: dict[bytes, bytes | None], writes: Writes) -> None:
        for address in writes.cleared:
            for key, _ in self._kv.items(_SLOT + address):
                batch[key] = None
        batch.update(writes.pairs(_ACCOUNT, _SLOT, _CODE, _NODE))

    # Reading: each raises LookupError for what is not there

    def header(self, number: int) -> tuple[Header, Record]:
        """Header and record of a block."""
        head = self._head
        if head is not None and number == head.number:
            return head.header, head.record
        return self._header(number)

    def _header(self, number: int) -> tuple[Header, Record]:
        data = self._get(_HEADER + _key(number), f"block {number}")
        parts = as_list(decode_list(data, bytes_max=_SMALL_BYTES_MAX), "header", length=2)
        return (
            decode_header(as_bytes(parts[0], "header")),
            decode_record(as_bytes(parts[1], "record")),
        )

    def proposal(self, number: int) -> Proposal:
        """The batch of a block."""
        return decode_proposal(
            self._suite, self._get(_PROPOSAL + _key(number), f"proposal {number}")
        )

    def certificate(self, number: int) -> Certificate | None:
        """The certificate of a block, None for block 0."""
        data = self._kv.get(_CERTIFICATE + _key(number))
        return None if data is None else decode_certificate(data)

    def outcome(self, number: int) -> Outcome:
        """What execution made of a block's batch."""
        data = self._get(_OUTCOME + _key(number), f"outcome of block {number}")
        return _decode_outcome(data, self.proposal(number).transactions)

    def number_of(self, block_hash: Hash32) -> int | None:
        """The number of the block with a hash, or None."""
        data = self._kv.get(_BY_HASH + block_hash)
        return None if data is None else int.from_bytes(data)

    def included_at(self, transaction_hash: Hash32) -> tuple[int, int] | None:
        """Block number and position of an included transaction, or None."""
        data = self._kv.get(_INCLUDED + transaction_hash)
        if data is None:
            return None
        fields = as_list(decode_list(data, bytes_max=64), "transaction index", length=2)
        return as_int(fields[0], "block"), as_int(fields[1], "position")

    def dropped_at(self, transaction_hash: Hash32) -> tuple[int, Reason] | None:
        """Block number and reason of a transaction's latest drop, or None."""
        data = self._kv.get(_DROPPED + transaction_hash)
        if data is None:
            return None
        fields = as_list(decode_list(data, bytes_max=64), "drop index", length=2)
        return as_int(fields[0], "block"), Reason(as_bytes(fields[1], "reason").decode())

    def validators_after(self, number: int) -> ValidatorSet:
        """The contract's list after a block."""
        for _, data in self._kv.items(_VALIDATORS, start=_VALIDATORS + _key(number), reverse=True):
            items = decode_list(data, bytes_max=_SMALL_BYTES_MAX)
            return ValidatorSet(tuple(as_address(item, "validator") for item in items))
        raise LookupError(f"no validators are known after block {number}")

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
        for key, data in self._kv.items(_VOID):
            parts = as_list(decode_list(data, bytes_max=OUTCOME_BYTES_MAX), "void block", length=4)
            header, record, certificate, proposal = (as_bytes(p, "void block") for p in parts)
            yield VoidBlock(
                int.from_bytes(key[1:9]),
                decode_header(header),
                decode_record(record),
                decode_certificate(certificate),
                decode_proposal(self._suite, proposal),
            )

    def epoch_starts(self, first: int, last: int) -> list[tuple[int, int]]:
        """Pairs of epoch and first block number, for epochs from `first` to `last`."""
        found = []
        for key, data in self._kv.items(_EPOCH, start=_EPOCH + _key(first)):
            epoch = int.from_bytes(key[1:])
            if epoch > last:
                break
            found.append((epoch, int.from_bytes(data)))
        return found

    def blooms(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Blooms of the blocks from `first` to `last` that have any log, in order."""
        for key, bloom in self._kv.items(_BLOOM, start=_BLOOM + _key(first)):
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
        for key, data in self._kv.items(_ACCOUNT):
            yield Address(key[1:]), decode_account(data)

    def slots(self) -> Iterator[tuple[Address, int, int]]:
        """The head's slots from the flat state with their values, in order of address and slot."""
        for key, data in self._kv.items(_SLOT):
            yield Address(key[1:21]), int.from_bytes(key[21:]), int.from_bytes(data)

    def counts(self) -> dict[str, int]:
        """How many entries of each kind stand in the store."""
        kinds = {
            "headers": _HEADER,
            "proposals": _PROPOSAL,
            "outcomes": _OUTCOME,
            "certificates": _CERTIFICATE,
            "block hashes": _BY_HASH,
            "included": _INCLUDED,
            "dropped": _DROPPED,
            "blooms": _BLOOM,
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


def _key(number: int) -> bytes:
    return number.to_bytes(8)


def _code(reader: KeyValueReader, code_hash: Hash32) -> bytes:
    if code_hash == EMPTY_CODE_HASH:
        return b""
    code = reader.get(_CODE + code_hash)
    if code is None:
        raise CorruptStore(f"code {code_hash.hex()} is missing: rebuild the store from peers")
    return code


def _node(reader: KeyValueReader, node_hash: Hash32) -> bytes:
    node = reader.get(_NODE + node_hash)
    if node is None:
        raise MissingNode(f"trie node {node_hash.hex()} is missing: rebuild the store from peers")
    return node


def _encode_outcome(outcome: Outcome) -> bytes:
    dropped: Sequence[Encodable] = [
        [entry.index, entry.hash, entry.reason.encode()] for entry in outcome.dropped
    ]
    included = encode_included(outcome) if outcome.kept is None else outcome.kept
    return encode_joined([included, encode(dropped)])


def encode_included(outcome: Outcome) -> bytes:
    """The RLP of `[[index, sender, receipt]]`: `Outcome.kept`, where no engine gave it."""
    pairs = zip(outcome.included, outcome.receipts, strict=True)
    return encode([[entry.index, entry.sender, receipt_item(receipt)] for entry, receipt in pairs])


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
