"""Reads a snapshot and believes nothing of it: all follows from genesis, or is refused.

Validator sets come epoch by epoch from genesis, the headers hang together and the last one has its
certificate, the state's root is computed anew. What retired keys could still forge, a whole other
branch, is excluded only by a pinned hash: whoever calls must have one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ledger.block import Block, InvalidBlock, decode_block
from ledger.certificate import Certificate, decode_certificate
from ledger.codec import InvalidEncoding, Item, as_address, as_bytes, as_hash, as_int, as_list
from ledger.commitment import commit
from ledger.engine import Included
from ledger.epoch_chain import BrokenChain, EpochChain
from ledger.gate import (
    CHANGED_AT_SLOT,
    GATE_CONTRACT,
    contract_parameters,
    contract_validators,
)
from ledger.genesis import Genesis
from ledger.header import Header, decode_header
from ledger.parameters import PARAMETERS_BYTES_MAX, Parameters, decode_parameters
from ledger.pin import Pin
from ledger.receipts import encode_receipt, receipt_from_item, union_bloom
from ledger.record import Record, decode_record
from ledger.recovery import RECOVERY_BYTES_MAX, decode_recovery
from ledger.restored import Boundary, Restored
from ledger.snapshot.export import HEADERS_COUNT
from ledger.snapshot.frames import InvalidSnapshot, Kind, Read, read_frames
from ledger.state import EMPTY_STATE, Account, Overlay, Writes, decode_account
from ledger.store import Outcome
from ledger.transactions import InvalidTransaction, decode_transaction, recover_sender
from ledger.trie import ordered_root
from ledger.validators import InvalidValidators, ValidatorSet
from ledger.values import EMPTY_CODE_HASH, Address, Hash32, keccak

CODE_BYTES_MAX = 1 << 20
Progress = Callable[[str], None]


@dataclass
class _State:
    accounts: dict[Address, Account | None] = field(default_factory=dict)
    storage: dict[Address, dict[int, int]] = field(default_factory=dict)
    codes: dict[Hash32, bytes] = field(default_factory=dict)


class _Reading:
    """The frames, in order, as they are verified."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self.epochs = EpochChain(genesis)
        self.number: int | None = None
        self.boundaries: list[Boundary] = []
        self.headers: list[tuple[Header, Record]] = []
        self.block: tuple[Block, Certificate, Outcome] | None = None
        self.state = _State()
        self._latest = Kind.HEAD

    def take(self, kind: Kind, fields: list[Item]) -> None:
        if kind < self._latest or (kind is not Kind.HEAD and self.number is None):
            raise InvalidSnapshot(f"frame {kind.name} stands out of order")
        self._latest = kind
        match kind:
            case Kind.HEAD:
                self._head(as_list(fields, "head", length=2))
            case Kind.EPOCH:
                self._epoch(as_list(fields, "epoch", length_max=6))
            case Kind.HEADER:
                self._header(as_list(fields, "header", length=2))
            case Kind.BLOCK:
                self._block(as_list(fields, "block", length=4))
            case Kind.ACCOUNT:
                self._account(as_list(fields, "account", length=2))
            case Kind.SLOTS:
                self._slots(as_list(fields, "slots", length=2))
            case _:
                self._code(as_list(fields, "code", length=1))

    def _head(self, fields: list[Item]) -> None:
        if self.number is not None:
            raise InvalidSnapshot("expected one head, got two")
        if as_hash(fields[0], "group") != self.epochs.group:
            raise InvalidSnapshot("the snapshot is of another group than this genesis file")
        self.number = as_int(fields[1], "number")

    def _epoch(self, fields: list[Item]) -> None:
        if len(fields) < 5:
            raise InvalidSnapshot(f"an epoch has 5 or 6 parts, got {len(fields)}")
        header = decode_header(as_bytes(fields[0], "header"))
        record = decode_record(as_bytes(fields[1], "record"))
        certificate = decode_certificate(as_bytes(fields[2], "certificate"))
        members = ValidatorSet(
            tuple(as_address(item, "validator") for item in as_list(fields[3], "validators"))
        )
        parameters = decode_parameters(
            as_bytes(fields[4], "parameters", bytes_max=PARAMETERS_BYTES_MAX)
        )
        if len(fields) == 6:
            recovery = decode_recovery(
                as_bytes(fields[5], "recovery", bytes_max=RECOVERY_BYTES_MAX)
            )
            self.epochs.recover(header, record, certificate, recovery)
            opened = self.epochs.last
            if (members, parameters) != (opened.validators, opened.parameters):
                raise InvalidSnapshot(
                    f"epoch {recovery.epoch} has another set than its certificate, or other "
                    "parameters than the epoch before"
                )
        else:
            self.epochs.extend(header, record, certificate, members, parameters)
        self.boundaries.append(
            Boundary(header, record, certificate, self.epochs.last.number, members, parameters)
        )

    def _header(self, fields: list[Item]) -> None:
        header = decode_header(as_bytes(fields[0], "header"))
        record = decode_record(as_bytes(fields[1], "record"))
        if self.headers and header.parent_hash != self.headers[-1][0].hash:
            raise InvalidSnapshot(f"block {header.number} does not follow the header before it")
        if header.extra_data != record.hash or len(self.headers) >= HEADERS_COUNT:
            raise InvalidSnapshot(f"block {header.number}: record or number of headers is wrong")
        self.headers.append((header, record))

    def _block(self, fields: list[Item]) -> None:
        if not self.headers or self.block is not None:
            raise InvalidSnapshot("expected headers and then one block")
        block = decode_block(self.genesis.suite, as_bytes(fields[0], "block"))
        certificate = decode_certificate(as_bytes(fields[1], "certificate"))
        if block.header.hash != self.headers[-1][0].hash or block.number != self.number:
            raise InvalidSnapshot("the block is not that of the last header")
        self._check_headers()
        block.check_bindings()
        self.epochs.verify(block.header, block.record, certificate)
        self.block = block, certificate, _outcome(self.genesis, block, fields[2], fields[3])

    def _check_headers(self) -> None:
        first, last = self.headers[0][0].number, self.headers[-1][0].number
        if first != max(1, last - HEADERS_COUNT + 1) or last - first + 1 != len(self.headers):
            raise InvalidSnapshot(f"expected the last {HEADERS_COUNT} headers, some are missing")
        if first == 1 and self.headers[0][0].parent_hash != self.epochs.group:
            raise InvalidSnapshot("block 1 does not follow block 0 of this genesis file")
        epochs = {record.epoch for _, record in self.headers}
        if max(epochs) != self.epochs.last.number:
            raise InvalidSnapshot("the last header is not of the last epoch")

    def _account(self, fields: list[Item]) -> None:
        address = as_address(fields[0], "address")
        self.state.accounts[address] = decode_account(as_bytes(fields[1], "account"))

    def _slots(self, fields: list[Item]) -> None:
        slots = self.state.storage.setdefault(as_address(fields[0], "address"), {})
        for item in as_list(fields[1], "slots"):
            slot, value = as_list(item, "slot", length=2)
            slots[as_int(slot, "slot", bits=256)] = as_int(value, "value", bits=256)

    def _code(self, fields: list[Item]) -> None:
        code = as_bytes(fields[0], "code", bytes_max=CODE_BYTES_MAX)
        self.state.codes[keccak(code)] = code


def read_snapshot(
    genesis: Genesis, read: Read, pin: Pin | None, progress: Progress
) -> tuple[Restored, Header]:
    """What a store can take over, and the head's header; raises InvalidSnapshot.

    Without a `pin` the caller must compare the header's hash with somebody else's.
    """
    reading = _Reading(genesis)
    try:
        for kind, fields in read_frames(read):
            reading.take(kind, fields)
        if reading.block is None:
            raise InvalidSnapshot("the file holds no block")
        _check_pin(pin, reading)
        progress(f"block {reading.number}: headers and {len(reading.boundaries)} epochs hold")
        block, certificate, outcome = reading.block
        writes = _commit(reading.state, block.header)
        validators, parameters = _voted(reading, writes)
    except (BrokenChain, InvalidBlock, InvalidEncoding, InvalidValidators) as error:
        raise InvalidSnapshot(str(error)) from error
    progress(f"the state root of block {block.number} is that of {len(writes.accounts)} accounts")
    restored = Restored(
        block=block,
        certificate=certificate,
        outcome=outcome,
        headers=tuple(reading.headers),
        boundaries=tuple(reading.boundaries),
        validators=validators,
        parameters=parameters,
        writes=writes,
        recoveries=reading.epochs.recoveries,
    )
    return restored, block.header


def _check_pin(pin: Pin | None, reading: _Reading) -> None:
    if pin is None:
        return
    known = {header.number: header.hash for header, _ in reading.headers}
    known |= {boundary.header.number: boundary.header.hash for boundary in reading.boundaries}
    if pin.number not in known:
        first, last = reading.headers[0][0].number, reading.headers[-1][0].number
        raise InvalidSnapshot(
            f"block {pin.number} is not in this file: trust a block from {first} to {last}"
        )
    if known[pin.number] != pin.block_hash:
        raise InvalidSnapshot(
            f"block {pin.number} is 0x{known[pin.number].hex()} here, trusted is "
            f"0x{pin.block_hash.hex()}: this file is of another branch, ask whoever gave it"
        )


def _commit(state: _State, header: Header) -> Writes:
    """The state with its tries, computed from the flat values alone."""
    for address, slots in state.storage.items():
        if state.accounts.get(address) is None or not all(slots.values()):
            raise InvalidSnapshot(f"slots of 0x{address.hex()}: without an account, or zero")
    for address, account in state.accounts.items():
        assert account is not None
        if account.code_hash != EMPTY_CODE_HASH and account.code_hash not in state.codes:
            raise InvalidSnapshot(f"the code of 0x{address.hex()} is missing")
    named = {account.code_hash for account in state.accounts.values() if account is not None}
    writes = commit(
        EMPTY_STATE,
        accounts=state.accounts,
        storage=state.storage,
        codes={known: code for known, code in state.codes.items() if known in named},
        cleared=frozenset(),
    )
    if writes.root != header.state_root:
        raise InvalidSnapshot(
            f"the accounts make the state root 0x{writes.root.hex()}, block {header.number} has "
            f"0x{header.state_root.hex()}: the file was altered"
        )
    return writes


def _voted(
    reading: _Reading, writes: Writes
) -> tuple[Mapping[int, ValidatorSet], Mapping[int, Parameters]]:
    """The contract's list and parameters by the block that changed them, as far as they are needed
    from here on."""
    genesis, last = reading.genesis, reading.epochs.last
    window = genesis.parameters.window_blocks
    sets, parameters = {0: genesis.validator_set}, {0: genesis.parameters}
    for boundary in reading.boundaries:
        # A vote takes force W + 1 blocks after the block that wrote it.
        start = boundary.header.number
        recovered = any(entry.number == start for entry in reading.epochs.recoveries)
        written = start + 1 if recovered else start - window
        sets[written], parameters[written] = boundary.validators, boundary.parameters
    state = Overlay(EMPTY_STATE, writes)
    listed = contract_validators(state), contract_parameters(state, genesis.parameters)
    if listed != (last.validators, last.parameters):
        changed_at = state.storage(GATE_CONTRACT, CHANGED_AT_SLOT)
        sets[changed_at], parameters[changed_at] = listed
    return sets, parameters


def _outcome(genesis: Genesis, block: Block, indexes: Item, receipts: Item) -> Outcome:
    """What the block included, checked against its roots; why it dropped others stays unsaid."""
    batch = block.proposal.transactions
    included = []
    try:
        for item in as_list(indexes, "included", length_max=len(batch)):
            index = as_int(item, "index")
            transaction = decode_transaction(batch[index])
            sender = recover_sender(transaction, genesis.suite)
            included.append(Included(index, transaction, sender))
    except (InvalidTransaction, IndexError) as error:
        raise InvalidSnapshot(f"an included transaction is none: {error}") from error
    found = [receipt_from_item(item) for item in as_list(receipts, "receipts")]
    header = block.header
    if (
        len(found) != len(included)
        or ordered_root([entry.transaction.raw for entry in included]) != header.transactions_root
        or ordered_root([encode_receipt(receipt) for receipt in found]) != header.receipts_root
        or union_bloom(found) != header.logs_bloom
    ):
        raise InvalidSnapshot("the block's transactions or receipts are not those of its header")
    return Outcome(tuple(included), tuple(found), ())
