"""What a chain answers about the blocks that it holds: transactions, logs, calls, traces, proofs.

Reading only; how blocks come to be is `chain.py`. Readers may run beside the one that writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ledger.block import Block
from ledger.certificate import Certificate
from ledger.cutting import VoidBlock
from ledger.engine import (
    CallResult,
    Candidate,
    DecodeBatch,
    Engine,
    Environment,
    Message,
    candidates,
)
from ledger.gate import Gate, Permission
from ledger.genesis import Genesis
from ledger.header import Header
from ledger.logs import LOG_RESULTS_MAX, FoundLog, InvalidFilter, LogFilter
from ledger.parameters import Parameters
from ledger.proofs import AccountProof, ReceiptProof, SlotProof, TransactionProof
from ledger.proposal import Proposal
from ledger.reasons import Reason
from ledger.receipts import Receipt, encode_receipt
from ledger.record import Record
from ledger.recovered_gate import recovery_writes
from ledger.recovery import Recovery, recovery_for
from ledger.state import (
    Account,
    Overlay,
    StateReader,
    TrieState,
    Writes,
    decode_account,
    decode_slot,
)
from ledger.store import BlockStore, FlatState, Head, Outcome
from ledger.transactions import Transaction
from ledger.trie import ordered_proof
from ledger.upgrade import scheduled_upgrade, upgrade_writes
from ledger.validators import ValidatorSet
from ledger.validity import check_form, check_state
from ledger.values import EMPTY_TRIE_ROOT, Address, Hash32, keccak

EPOCH_BOUNDARIES_MAX = 1_024
PROOF_SLOTS_MAX = 1_024
RECENT_BLOCKS_MAX = 8


class CallFailed(Exception):
    """A call of which the gas was to be estimated fails at any gas; `result` says how."""

    def __init__(self, result: CallResult) -> None:
        super().__init__(result.error)
        self.result = result


@dataclass(frozen=True)
class TransactionStatus:
    """`executed` or `dropped`, the block, and the position or the reason."""

    status: str
    number: int
    position: int | None = None
    reason: Reason | None = None


@dataclass(frozen=True)
class FoundTransaction:
    """An included transaction with its receipt and place; `first_log_index` counts in the block."""

    transaction: Transaction
    sender: Address
    receipt: Receipt
    number: int
    block_hash: Hash32
    position: int
    first_log_index: int


@dataclass(frozen=True)
class EpochBoundary:
    """The last block of an epoch, certified, and set and parameters of the next block."""

    header: Header
    record: Record
    certificate: Certificate | None
    next_epoch: int
    next_validators: ValidatorSet
    next_parameters: Parameters
    recovery: Recovery | None = None
    """The certificate that opens the next epoch, if it was not the contract's list."""


class ChainReader:
    """Reads one group's store; executes calls and traces on the engine."""

    def __init__(
        self,
        genesis: Genesis,
        store: BlockStore,
        engine: Engine,
        gate: Gate,
        decode: DecodeBatch | None,
    ) -> None:
        self.genesis = genesis
        self.engine = engine
        self._gate = gate
        self._store = store
        self._decode = decode or engine.decode
        self._recent: dict[int, list[FoundTransaction]] = {}
        """Blocks that were read last: a block's receipts are mostly asked for together."""

    # Blocks

    @property
    def head(self) -> Head:
        """The last stable block: header, record, certificate."""
        head = self._store.head
        assert head is not None
        return head

    @property
    def parameters(self) -> Parameters:
        """The parameters in force for the block after the head."""
        return self.parameters_for(self.head.number + 1)

    def parameters_for(self, number: int) -> Parameters:
        """The parameters of a block, up to W + 1 blocks above what is executed.

        They are the contract's after block `number - W - 1`, genesis's below W + 1. A recovery
        leaves those of its block H in force. Raises LookupError for a number not decided yet.
        """
        window = self.genesis.parameters.window_blocks
        recovery = recovery_for(self.recoveries, number, window)
        if recovery is not None:
            return self.parameters_for(recovery.number)
        return self._parameters_after(max(0, number - window - 1))

    def _parameters_after(self, number: int) -> Parameters:
        if number > self.head.number:
            raise LookupError(f"the parameters after block {number} are not known yet")
        return self._store.parameters_after(number) or self.genesis.parameters

    def header(self, number: int) -> Header:
        """The header of a stored block; raises LookupError."""
        return self._store.header(number)[0]

    def record(self, number: int) -> Record:
        """The record of a stored block; raises LookupError."""
        return self._store.header(number)[1]

    def block(self, number: int) -> Block:
        """A stored block; raises LookupError."""
        header, record = self._store.header(number)
        return Block(header, record, self._store.proposal(number))

    def certificate(self, number: int) -> Certificate | None:
        """The certificate of a stored block; block 0 has none."""
        self._store.header(number)
        return self._store.certificate(number)

    def outcome(self, number: int) -> Outcome:
        """Included transactions, receipts and dropped entries of a stored block."""
        return self._store.outcome(number)

    def number_of(self, block_hash: Hash32) -> int | None:
        """The number of the stored block with a hash, or None."""
        return self._store.number_of(block_hash)

    # Recoveries

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """The recovery certificates that this chain follows, in ascending order."""
        return self._store.recoveries

    def _recovery_at(self, number: int) -> Recovery | None:
        """The certificate that is followed for which a block is the last one that counts."""
        return next((entry for entry in self.recoveries if entry.number == number), None)

    def void_blocks(self, count_max: int | None = None) -> list[VoidBlock]:
        """Certified blocks that a recovery cut off here, in order; at most so many."""
        return list(islice(self._store.void_blocks(), count_max))

    def _opened_on(self, number: int, state: StateReader) -> tuple[StateReader, Writes | None]:
        """The state on which a block's transactions run, and what is written before them."""
        recovery = self._recovery_at(number - 1)
        if recovery is None:
            return self._upgraded_on(number, state)
        writes = recovery_writes(state, recovery, self.parameters_for(number - 1))
        return Overlay(state, writes), writes

    @staticmethod
    def _upgraded_on(number: int, state: StateReader) -> tuple[StateReader, Writes | None]:
        upgrade = scheduled_upgrade(state)
        if upgrade is None or upgrade.at != number:
            return state, None
        writes = upgrade_writes(state, upgrade)
        return Overlay(state, writes), writes

    # States and accounts

    def latest_state(self) -> FlatState:
        """The state after the head, as it is now, by fast flat reads."""
        return self._store.state

    def state_at(self, number: int) -> StateReader:
        """The state after any stored block; raises LookupError."""
        state = self._store.state
        if number == self.head.number and state.root == self.head.header.state_root:
            return state
        return self._store.state_at(number)

    def account(self, address: Address) -> Account | None:
        """An account after the head."""
        return self.latest_state().account(address)

    def permission(self, address: Address) -> Permission:
        """What an account may do after the head."""
        return self._gate.permission(self.latest_state(), address)

    def check(self, transaction: Transaction) -> Address:
        """The sender of a transaction that could execute next; raises InvalidTransaction."""
        parameters = self.parameters
        sender = check_form(transaction, parameters)
        state = self.latest_state()
        permission = self._gate.permission(state, sender)
        check_state(transaction, sender, state.account(sender), permission, parameters.gas_limit)
        return sender

    # Transactions, receipts, logs

    def transaction(self, transaction_hash: Hash32) -> FoundTransaction | None:
        """An included transaction with its receipt, or None."""
        place = self._store.included_at(transaction_hash)
        if place is None:
            return None
        number, position = place
        return self.transactions(number)[position]

    def transactions(self, number: int) -> list[FoundTransaction]:
        """All transactions of a stored block with their receipts; raises LookupError."""
        known = self._recent.get(number)
        if known is None:
            known = self._load_transactions(number)
            while len(self._recent) >= RECENT_BLOCKS_MAX:
                self._recent.pop(next(iter(self._recent)), None)
            self._recent[number] = known
        return known

    def _load_transactions(self, number: int) -> list[FoundTransaction]:
        block_hash = self.header(number).hash
        outcome = self._store.outcome(number)
        found, log_index = [], 0
        pairs = zip(outcome.included, outcome.receipts, strict=True)
        for position, (entry, receipt) in enumerate(pairs):
            found.append(
                FoundTransaction(
                    entry.transaction,
                    entry.sender,
                    receipt,
                    number,
                    block_hash,
                    position,
                    log_index,
                )
            )
            log_index += len(receipt.logs)
        return found

    def receipt(self, transaction_hash: Hash32) -> Receipt | None:
        """The receipt of an included transaction, or None."""
        found = self.transaction(transaction_hash)
        return None if found is None else found.receipt

    def transaction_status(self, transaction_hash: Hash32) -> TransactionStatus | None:
        """Whether a transaction was executed or dropped; None if no stored batch holds it."""
        place = self._store.included_at(transaction_hash)
        if place is not None:
            return TransactionStatus("executed", place[0], position=place[1])
        drop = self._store.dropped_at(transaction_hash)
        if drop is not None:
            return TransactionStatus("dropped", drop[0], reason=drop[1])
        return None

    def logs(self, wanted: LogFilter) -> list[FoundLog]:
        """The logs that a filter asks for, in order; raises InvalidFilter over its bounds."""
        wanted.check()
        found: list[FoundLog] = []
        for number, bloom in self._store.blooms(wanted.first, wanted.last):
            if not wanted.may_match(bloom):
                continue
            found.extend(self._block_logs(number, wanted))
            if len(found) > LOG_RESULTS_MAX:
                raise InvalidFilter(
                    f"more than {LOG_RESULTS_MAX} logs match: ask for a shorter range"
                )
        return found

    def _block_logs(self, number: int, wanted: LogFilter) -> Iterator[FoundLog]:
        for entry in self.transactions(number):
            for offset, log in enumerate(entry.receipt.logs):
                if wanted.matches(log):
                    yield FoundLog(
                        log,
                        number,
                        entry.block_hash,
                        entry.transaction.hash,
                        entry.position,
                        entry.first_log_index + offset,
                    )

    # Calls

    def call(self, message: Message, number: int | None = None) -> CallResult:
        """A message on the state after a stored block (the head if None) in that block's frame.

        More gas than a block's limit is cut to it.
        """
        header = self.head.header if number is None else self.header(number)
        state = self.latest_state() if number is None else self.state_at(number)
        message = _with_gas(message, min(message.gas, header.gas_limit))
        return self.engine.call(self._environment_of(header), self._gate, message, state)

    def estimate_gas(self, message: Message, number: int | None = None) -> int:
        """The least gas with which a message succeeds, within 1/64; raises CallFailed."""
        header = self.head.header if number is None else self.header(number)
        most = min(message.gas, header.gas_limit)
        result = self.call(_with_gas(message, most), number)
        if not result.success:
            raise CallFailed(result)
        low, high = result.gas_used - 1, most
        if self.call(_with_gas(message, result.gas_used), number).success:
            return result.gas_used
        while high - low > high // 64 + 1:
            middle = (low + high) // 2
            if self.call(_with_gas(message, middle), number).success:
                high = middle
            else:
                low = middle
        return high

    def trace(self, transaction_hash: Hash32) -> dict[str, Any]:
        """The call tree of an included transaction (callTracer); raises LookupError.

        Its block is executed again on its parent's state, up to the transaction.
        """
        place = self._store.included_at(transaction_hash)
        if place is None:
            raise LookupError(f"transaction 0x{transaction_hash.hex()} is in no stored block")
        number, position = place
        block = self.block(number)
        index = self._store.outcome(number).included[position].batch_index
        batch = self._candidates(block.proposal)
        env = self._environment_of(block.header)
        state, _ = self._opened_on(number, self.state_at(number - 1))
        return self.engine.trace(env, self._gate, batch, index, state)

    def _candidates(self, proposal: Proposal) -> tuple[Candidate, ...]:
        parameters = self.parameters_for(proposal.sequence)
        return candidates(proposal.transactions, parameters, self._decode)

    def _environment_of(self, header: Header) -> Environment:
        return Environment(
            number=header.number,
            timestamp=header.timestamp,
            coinbase=header.coinbase,
            gas_limit=header.gas_limit,
            chain_id=self.genesis.chain_id,
            ancestor_hash=lambda number: self.header(number).hash,
        )

    # Proofs

    def transaction_proof(self, transaction_hash: Hash32) -> TransactionProof | None:
        """That a transaction is in its block, or None if it is in none."""
        place = self._store.included_at(transaction_hash)
        if place is None:
            return None
        number, position = place
        raws = [entry.transaction.raw for entry in self._store.outcome(number).included]
        return TransactionProof(number, position, raws[position], ordered_proof(raws, position))

    def receipt_proof(self, transaction_hash: Hash32) -> ReceiptProof | None:
        """That a transaction's receipt is in its block, or None if it is in none."""
        place = self._store.included_at(transaction_hash)
        if place is None:
            return None
        number, position = place
        values = [encode_receipt(receipt) for receipt in self._store.outcome(number).receipts]
        return ReceiptProof(number, position, values[position], ordered_proof(values, position))

    def proof(
        self, address: Address, slots: Sequence[int], number: int | None = None
    ) -> AccountProof:
        """An account and slots after a stored block, as `eth_getProof` gives them."""
        if len(slots) > PROOF_SLOTS_MAX:
            raise InvalidFilter(f"expected at most {PROOF_SLOTS_MAX} slots, got {len(slots)}")
        state: TrieState = self._store.state_at(self.head.number if number is None else number)
        [(found, nodes)] = self.engine.prove(state.root, [keccak(address)], state.node)
        account = None if found is None else decode_account(found)
        root = EMPTY_TRIE_ROOT if account is None else account.storage_root
        keys = [keccak(slot.to_bytes(32)) for slot in slots]
        proven = self.engine.prove(root, keys, state.node)
        return AccountProof(
            address,
            account,
            nodes,
            tuple(
                SlotProof(slot, 0 if value is None else decode_slot(value), nodes)
                for slot, (value, nodes) in zip(slots, proven, strict=True)
            ),
        )

    def epoch_boundaries(self, first: int, last: int) -> list[EpochBoundary]:
        """The certified block before each epoch from `first` to `last`, with the set that follows.

        Epoch 0 has no block before it and is left out. At most EPOCH_BOUNDARIES_MAX come.
        """
        boundaries = []
        starts = self._store.epoch_starts(max(first, 1), last)
        for epoch, start in starts[:EPOCH_BOUNDARIES_MAX]:
            header, record = self._store.header(start - 1)
            certificate = self._store.certificate(start - 1)
            following = self._store.set_for(start, self.genesis.parameters.window_blocks)
            parameters = self.parameters_for(start)
            recovery = self._recovery_at(start - 1)
            boundaries.append(
                EpochBoundary(header, record, certificate, epoch, following, parameters, recovery)
            )
        return boundaries

    def close(self) -> None:
        """Closes the store."""
        self._store.close()


def _with_gas(message: Message, gas: int) -> Message:
    return Message(
        message.sender, message.to, message.data, gas, message.value, message.access_list
    )
