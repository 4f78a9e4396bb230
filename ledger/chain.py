"""A group's chain: executes proposals, stores what a quorum certified, answers what it holds.

It verifies every certificate itself. It has no threads and no clock: whoever drives it calls
`execute`, `commit` and `import_block` from one worker, readers may call from others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.block import Block, InvalidBlock
from ledger.certificate import Certificate, InvalidCertificate, verify_certificate
from ledger.engine import (
    BlockResult,
    CallResult,
    Engine,
    Environment,
    Included,
    Message,
    candidates,
)
from ledger.gate import (
    GATE_CONTRACT,
    Gate,
    Permission,
    SystemGate,
    contract_validators,
    is_validators_slot,
)
from ledger.genesis import Genesis, InvalidGenesis, genesis_block, genesis_writes
from ledger.header import Header, first_difference
from ledger.keyvalue import CorruptStore
from ledger.logs import LOG_RESULTS_MAX, FoundLog, InvalidFilter, LogFilter
from ledger.parameters import Parameters
from ledger.proofs import AccountProof, ReceiptProof, SlotProof, TransactionProof
from ledger.proposal import Proposal
from ledger.reasons import Reason
from ledger.receipts import Receipt, encode_receipt, union_bloom
from ledger.record import Record
from ledger.state import Account, Overlay, StateReader, TrieState, Writes
from ledger.store import BlockStore, FlatState, Head, Outcome
from ledger.suite import Suite
from ledger.transactions import Transaction, decode_transaction
from ledger.trie import ordered_proof, ordered_root, prove
from ledger.validators import ValidatorSet
from ledger.validity import check_form, check_state
from ledger.values import EMPTY_TRIE_ROOT, Address, Hash32, keccak

EPOCH_BOUNDARIES_MAX = 1_024
PROOF_SLOTS_MAX = 1_024


class Divergence(Exception):
    """Our execution differs from what a quorum certified: this node must halt.

    `number` and `field` say where; the message shows both values.
    """

    def __init__(self, number: int, field: str, certified: object, ours: object) -> None:
        super().__init__(
            f"block {number}: {field} differs: certified {_show(certified)}, "
            f"here {_show(ours)}. Stop this node and compare engines and versions"
        )
        self.number = number
        self.field = field


class CallFailed(Exception):
    """A call of which the gas was to be estimated fails at any gas; `result` says how."""

    def __init__(self, result: CallResult) -> None:
        super().__init__(result.error)
        self.result = result


@dataclass(frozen=True)
class ExecutedBlock:
    """A block after execution and before its certificate."""

    header: Header
    record: Record
    proposal: Proposal
    result: BlockResult
    validators_after: ValidatorSet | None
    """The contract's list, if this block changed it."""

    @property
    def number(self) -> int:
        """The block number."""
        return self.header.number

    @property
    def hash(self) -> Hash32:
        """The header's hash: what a CHECKPOINT signs."""
        return self.header.hash

    @property
    def block(self) -> Block:
        """The block as it is stored and transferred."""
        return Block(self.header, self.record, self.proposal)

    @property
    def outcome(self) -> Outcome:
        """Included, receipts and dropped."""
        return Outcome(self.result.included, self.result.receipts, self.result.dropped)


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
    """The last block of an epoch, certified, and the set that certifies the next block."""

    header: Header
    record: Record
    certificate: Certificate | None
    next_epoch: int
    next_validators: ValidatorSet


class Chain:
    """One group's chain over its store and engine; an empty store receives block 0 at once.

    Raises InvalidGenesis if the store belongs to another group, CorruptStore if its head does not
    hold. `decode` may remember transactions that a node decoded before.
    """

    def __init__(
        self,
        genesis: Genesis,
        store: BlockStore,
        engine: Engine,
        suite: Suite | None = None,
        *,
        gate: Gate | None = None,
        decode: Callable[[bytes], Transaction] = decode_transaction,
    ) -> None:
        self.genesis = genesis
        self.suite = genesis.suite if suite is None else suite
        self.engine = engine
        self._gate = SystemGate() if gate is None else gate
        self._store = store
        self._decode = decode
        self._executed: dict[Hash32, ExecutedBlock] = {}
        """Blocks that were executed on top of the head and have no certificate yet."""
        if store.head is None:
            self._found()
        self.group: Hash32 = store.header(0)[0].hash
        """The group's identity: the hash of block 0."""
        self._check_store()

    def _found(self) -> None:
        writes = genesis_writes(self.genesis)
        self._store.commit(
            genesis_block(self.genesis, writes),
            Outcome((), (), ()),
            writes,
            None,
            validators_after=self.genesis.validator_set,
            opens_epoch=True,
        )

    def _check_store(self) -> None:
        # Block 0's record binds the whole document, so the state need not be computed again.
        expected = genesis_block(self.genesis, Writes(self._store.header(0)[0].state_root))
        if expected.hash != self.group:
            raise InvalidGenesis("the store belongs to another genesis: use its own folder")
        head = self.head
        if head.certificate is None:
            return
        try:
            self._verify(head.header, head.record, head.certificate)
        except InvalidCertificate as error:
            raise CorruptStore(
                f"block {head.number}: {error}; rebuild the store from peers"
            ) from error

    # What is stored

    @property
    def head(self) -> Head:
        """The last stable block: header, record, certificate."""
        head = self._store.head
        assert head is not None
        return head

    @property
    def parameters(self) -> Parameters:
        """The parameters in force."""
        return self.genesis.parameters

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

    # Who certifies

    def validators_for(self, number: int) -> tuple[int, ValidatorSet]:
        """Epoch and set that certify a block, up to W + 1 blocks above what is executed.

        The set is the contract's list after block `number - W - 1`, genesis's below W + 1. Raises
        LookupError for a number that is not decided yet.
        """
        return self._epoch_of(number), self._set_for(number)

    def _set_for(self, number: int) -> ValidatorSet:
        source = max(0, number - self.parameters.window_blocks - 1)
        pending = {block.number: block for block in list(self._executed.values())}
        at = source
        while at > self.head.number:
            if at not in pending:
                raise LookupError(f"the set of block {number} needs block {source}: not executed")
            after = pending[at].validators_after
            if after is not None:
                return after
            at -= 1
        return self._store.validators_after(at)

    def _epoch_of(self, number: int) -> int:
        head = self.head
        if number <= head.number:
            return self.record(number).epoch
        epoch, before = head.record.epoch, self._set_for(head.number)
        for following in range(head.number + 1, number + 1):
            due = self._set_for(following)
            epoch += due != before
            before = due
        return epoch

    # Executing and storing

    def execute(self, proposal: Proposal, parent: ExecutedBlock | None = None) -> ExecutedBlock:
        """Executes a proposal on the head, or on an executed block that has no certificate yet.

        Raises InvalidBlock if the proposal does not follow, EngineRefusal if the engine fails.
        """
        above, record = (
            (parent.header, parent.record) if parent else self._store.header(self.head.number)
        )
        if parent is not None and parent.number > self.head.number:
            self._executed[parent.hash] = parent
        number = above.number + 1
        epoch, validators = self.validators_for(number)
        expected = (self.group, number, epoch)
        if (proposal.group, proposal.sequence, proposal.epoch) != expected:
            raise InvalidBlock(
                f"expected a proposal for sequence {number} in epoch {epoch} of this group, "
                f"got sequence {proposal.sequence} in epoch {proposal.epoch}"
            )
        timestamp_ms = record.timestamp_ms
        if not proposal.is_null:
            timestamp_ms = max(timestamp_ms, proposal.timestamp_ms)
        state = self._state_after(above)
        env = Environment(
            number=number,
            timestamp=timestamp_ms // 1000,
            coinbase=proposal.proposer,
            gas_limit=self.parameters.gas_limit,
            chain_id=self.parameters.chain_id,
            ancestor_hash=lambda ancestor: self._ancestor_hash(above, ancestor),
        )
        batch = candidates(proposal.transactions, self.parameters, self._decode)
        result = self.engine.execute_block(env, self._gate, batch, state)
        after = _changed_validators(state, result.writes)
        executed_record = Record(
            epoch=epoch,
            origin_view=proposal.origin_view,
            proposer=proposal.proposer,
            timestamp_ms=timestamp_ms,
            proposal_digest=proposal.digest,
            certifiers_hash=validators.hash(self.suite),
            next_certifiers_hash=self._set_for(number + 1).hash(self.suite),
            parameters_hash=self.parameters.hash(self.suite),
        )
        header = _header(above, env, executed_record, result)
        executed = ExecutedBlock(header, executed_record, proposal, result, after)
        self._executed[executed.hash] = executed
        return executed

    def commit(self, executed: ExecutedBlock, certificate: Certificate) -> None:
        """Stores an executed block that follows the head, in one synced batch.

        Raises InvalidCertificate unless a quorum of the due set signed this very header, and
        InvalidBlock if the block does not follow the head. Committing the head again does nothing.
        """
        if executed.hash == self.head.hash:
            return
        if executed.header.parent_hash != self.head.hash:
            raise InvalidBlock(
                f"block {executed.number} does not follow the head, block {self.head.number}"
            )
        self._verify(executed.header, executed.record, certificate)
        self._store.commit(
            executed.block,
            executed.outcome,
            executed.result.writes,
            certificate,
            validators_after=executed.validators_after,
            opens_epoch=executed.record.epoch != self.head.record.epoch,
        )
        for block_hash in [
            known for known, block in self._executed.items() if block.number <= executed.number
        ]:
            del self._executed[block_hash]

    def import_block(self, block: Block, certificate: Certificate) -> ExecutedBlock:
        """Verifies a block from elsewhere against the due set, executes it and stores it.

        Raises InvalidBlock or InvalidCertificate where the sender is to blame, and Divergence where
        a quorum certified what our own execution does not give.
        """
        head = self.head
        if block.number != head.number + 1 or block.header.parent_hash != head.hash:
            raise InvalidBlock(f"expected the block after {head.number}, got {block.number}")
        block.check_bindings()
        self._verify(block.header, block.record, certificate)
        executed = self.execute(block.proposal)
        if executed.record != block.record:
            raise Divergence(block.number, "record", block.record, executed.record)
        field = first_difference(block.header, executed.header)
        if field is not None:
            certified, ours = getattr(block.header, field), getattr(executed.header, field)
            raise Divergence(block.number, field, certified, ours)
        self.commit(executed, certificate)
        return executed

    def _verify(self, header: Header, record: Record, certificate: Certificate) -> None:
        epoch, validators = self.validators_for(header.number)
        expected = (epoch, header.number, header.hash)
        found = (certificate.epoch, certificate.number, certificate.header_hash)
        if found != expected or record.epoch != epoch:
            raise InvalidCertificate(
                f"expected a certificate of block {header.number} in epoch {epoch}, got one of "
                f"block {certificate.number} in epoch {certificate.epoch} or of another header"
            )
        verify_certificate(self.suite, self.group, validators, certificate)

    def _ancestor_hash(self, above: Header, number: int) -> Hash32:
        while above.number > number and above.number > self.head.number:
            if number == above.number - 1:
                return above.parent_hash
            above = self._executed[above.parent_hash].header
        return above.hash if above.number == number else self.header(number).hash

    # States

    def latest_state(self) -> FlatState:
        """The state after the head, as it is now, by fast flat reads."""
        return self._store.state

    def state_at(self, number: int) -> StateReader:
        """The state after any stored block; raises LookupError."""
        state = self._store.state
        if number == self.head.number and state.root == self.head.header.state_root:
            return state
        return self._store.state_at(number)

    def _state_after(self, header: Header) -> StateReader:
        if header.hash == self.head.hash:
            return self._store.state
        executed = self._executed.get(header.hash)
        if executed is None:
            raise InvalidBlock(f"block {header.number} is neither the head nor executed on it")
        parent = self._executed.get(header.parent_hash)
        above = self.head.header if parent is None else parent.header
        if above.hash != header.parent_hash:
            raise InvalidBlock(f"block {header.number} does not lead back to the head")
        return Overlay(self._state_after(above), executed.result.writes)

    def account(self, address: Address) -> Account | None:
        """An account after the head."""
        return self.latest_state().account(address)

    def permission(self, address: Address) -> Permission:
        """What an account may do after the head."""
        return self._gate.permission(self.latest_state(), address)

    def check(self, transaction: Transaction) -> Address:
        """The sender of a transaction that could execute next; raises InvalidTransaction."""
        sender = check_form(transaction, self.parameters)
        state = self.latest_state()
        permission = self._gate.permission(state, sender)
        check_state(
            transaction, sender, state.account(sender), permission, self.parameters.gas_limit
        )
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
        """A message on the state after a stored block (the head if None) in that block's frame."""
        header = self.head.header if number is None else self.header(number)
        state = self.latest_state() if number is None else self.state_at(number)
        return self.engine.call(self._environment_of(header), self._gate, message, state)

    def estimate_gas(self, message: Message, number: int | None = None) -> int:
        """The least gas with which a message succeeds, within 1/64; raises CallFailed."""
        most = min(message.gas, self.parameters.gas_limit)
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
        index = self._store.outcome(number).included[position].index
        batch = candidates(block.proposal.transactions, self.parameters, self._decode)
        env = self._environment_of(block.header)
        return self.engine.trace(env, self._gate, batch, index, self.state_at(number - 1))

    def _environment_of(self, header: Header) -> Environment:
        return Environment(
            number=header.number,
            timestamp=header.timestamp,
            coinbase=header.coinbase,
            gas_limit=header.gas_limit,
            chain_id=self.parameters.chain_id,
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
        account = state.account(address)
        root = EMPTY_TRIE_ROOT if account is None else account.storage_root
        return AccountProof(
            address,
            account,
            prove(state.root, keccak(address), state.node),
            tuple(
                SlotProof(
                    slot,
                    state.storage(address, slot),
                    prove(root, keccak(slot.to_bytes(32)), state.node),
                )
                for slot in slots
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
            boundaries.append(
                EpochBoundary(header, record, certificate, epoch, self._set_for(start))
            )
        return boundaries

    def close(self) -> None:
        """Closes the store."""
        self._store.close()


def _header(above: Header, env: Environment, record: Record, result: BlockResult) -> Header:
    receipts: tuple[Receipt, ...] = result.receipts
    included: tuple[Included, ...] = result.included
    return Header(
        parent_hash=above.hash,
        coinbase=env.coinbase,
        state_root=result.state_root,
        transactions_root=ordered_root([entry.transaction.raw for entry in included]),
        receipts_root=ordered_root([encode_receipt(receipt) for receipt in receipts]),
        logs_bloom=union_bloom(receipts),
        number=env.number,
        gas_limit=env.gas_limit,
        gas_used=receipts[-1].cumulative_gas_used if receipts else 0,
        timestamp=env.timestamp,
        extra_data=record.hash,
    )


def _changed_validators(state: StateReader, writes: Writes) -> ValidatorSet | None:
    slots = writes.storage.get(GATE_CONTRACT, {})
    if not any(is_validators_slot(slot) for slot in slots):
        return None
    return contract_validators(Overlay(state, writes))


def _with_gas(message: Message, gas: int) -> Message:
    return Message(
        message.sender, message.to, message.data, gas, message.value, message.access_list
    )


def _show(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else repr(value)
