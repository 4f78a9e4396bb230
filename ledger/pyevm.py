"""The reference engine: py-evm's Cancun interpreter, our validity, our gate, our state.

py-evm interprets opcodes and nothing else: what is valid, what a transaction does before and after
its message, and what is frozen stand here to be read.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth.abc import ComputationAPI, MessageAPI, StateAPI, TransactionContextAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import ContractCreationCollision, Revert, VMError
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.message import Message as EvmMessage
from eth_utils.exceptions import ValidationError

from ledger.blake2 import BLAKE2, BLAKE2_ADDRESS
from ledger.calltrace import Traced, call_tree, traced
from ledger.codec import encode
from ledger.commitment import commit
from ledger.engine import (
    BlockResult,
    CallResult,
    Candidate,
    Dropped,
    EngineRefusal,
    Environment,
    Included,
    MalformedInput,
    Message,
    Precompile,
    decode_each,
)
from ledger.failures import InvalidPrecompileCall, failure_words
from ledger.gas import init_code_gas, message_gas
from ledger.gate import Gate
from ledger.lists import lists_of
from ledger.modexp import MODEXP, MODEXP_ADDRESS
from ledger.point_evaluation import POINT_EVALUATION, POINT_EVALUATION_ADDRESS
from ledger.pyevm_state import FlatAccountDatabase
from ledger.receipts import Log, Receipt
from ledger.state import StateReader, Writes
from ledger.transactions import InvalidTransaction, Transaction
from ledger.trie import Node, Proven, prove_each
from ledger.validity import check_state
from ledger.values import ZERO_HASH, Address, Hash32, keccak

PYTHON_FRAMES_MAX = 20_000
"""py-evm sets 100,000 when it is imported, more than a thread's stack holds: any parser that
recurses in C would then end the process. 1,024 nested calls take under 8,000 frames."""
sys.setrecursionlimit(PYTHON_FRAMES_MAX)

_REPLACED = {
    BLAKE2_ADDRESS: BLAKE2,
    MODEXP_ADDRESS: MODEXP,
    POINT_EVALUATION_ADDRESS: POINT_EVALUATION,
}
REFUND_QUOTIENT = 5
"""EIP-3529: at most a fifth of the gas used is refunded."""


class GatedComputation(CancunComputation):
    """Cancun's computation in which frames of frozen contracts revert with empty data."""

    @classmethod
    def apply_message(
        cls,
        state: StateAPI,
        message: MessageAPI,
        transaction_context: TransactionContextAPI,
        parent_computation: ComputationAPI | None = None,
    ) -> ComputationAPI:
        assert isinstance(state, GatedState)
        if message.code and not message.is_create and state.is_frozen(message.code_address):
            computation: ComputationAPI = cls(state, message, transaction_context)
            computation.error = Revert(b"")
            return computation
        return super().apply_message(state, message, transaction_context, parent_computation)

    @classmethod
    def consume_initcode_gas_cost(cls, computation: ComputationAPI) -> None:
        # py-evm takes any frame of the origin for the transaction's own: where a contract is the
        # sender of a call, its creations would pay for their init code twice.
        if computation.msg.depth == 0:
            super().consume_initcode_gas_cost(computation)


class GatedState(CancunState):
    """py-evm's state over our account database; blocks have no beacon root call."""

    def __init__(
        self,
        context: ExecutionContext,
        database: FlatAccountDatabase,
        gate: Gate,
        computation_class: type[GatedComputation],
    ) -> None:
        self.execution_context = context
        self._account_db = database
        self._gate = gate
        self._frozen: dict[Address, bool] = {}
        self.computation_class = computation_class

    @property
    def database(self) -> FlatAccountDatabase:
        """Our account database."""
        assert isinstance(self._account_db, FlatAccountDatabase)
        return self._account_db

    def is_frozen(self, address: Any) -> bool:
        """Whether a contract was frozen when the transaction began."""
        known = self._frozen.get(address)
        if known is None:
            known = self._gate.is_frozen(_AtStart(self.database), address)
            self._frozen[address] = known
        return known

    def end_transaction(self) -> None:
        """Forgets what lives for one transaction only."""
        self._frozen.clear()
        self.database.lock_changes()

    def snapshot(self) -> Any:
        return self._account_db.record()

    def revert(self, snapshot: Any) -> None:
        self._account_db.discard(snapshot)

    def commit(self, snapshot: Any) -> None:
        self._account_db.commit(snapshot)

    def get_transient_storage(self, address: Any, slot: int) -> bytes:
        return self.database.get_transient(address, slot)

    def set_transient_storage(self, address: Any, slot: int, value: bytes) -> None:
        self.database.set_transient(address, slot, value)


@dataclass(frozen=True)
class _AtStart:
    """Storage as it was when the transaction began."""

    database: FlatAccountDatabase

    def storage(self, address: Address, slot: int) -> int:
        return self.database.storage_at_start(address, slot)


@dataclass(frozen=True)
class _Outcome:
    computation: ComputationAPI
    gas_used: int
    created: Address | None


class PyEvmEngine:
    """Runs blocks and calls on py-evm; `precompiles` stand beside Cancun's own or replace them."""

    name = "py-evm"

    def __init__(self, precompiles: Mapping[Address, Precompile] | None = None) -> None:
        table = dict(CancunComputation.get_precompiles())
        for address, precompile in {**_REPLACED, **(precompiles or {})}.items():
            table[address] = _adapted(precompile)  # type: ignore[index]
        shown = {"_precompiles": table}
        self.computation_class = type("Computation", (GatedComputation,), shown)
        shown["opcodes"] = traced(GatedComputation.opcodes)  # type: ignore[assignment]
        self._traced_class = type("Computation", (GatedComputation, Traced), shown)

    def decode(self, batch: Sequence[bytes]) -> Sequence[Transaction | InvalidTransaction]:
        return decode_each(batch)

    def prove(self, root: Hash32, keys: Sequence[bytes], node: Node) -> list[Proven]:
        return prove_each(root, keys, node)

    def execute_block(
        self, env: Environment, gate: Gate, batch: Sequence[Candidate], state: StateReader
    ) -> BlockResult:
        evm = self._state(env, gate, state)
        included: list[Included] = []
        dropped: list[Dropped] = []
        receipts: list[Receipt] = []
        gas_left = env.gas_limit
        for candidate in batch:
            reason = candidate.reason or _refusal(evm.database, gate, candidate, gas_left)
            if reason is not None:
                dropped.append(Dropped(candidate.batch_index, candidate.hash, reason))
                continue
            transaction, sender = candidate.transaction, candidate.sender
            assert transaction is not None
            assert sender is not None
            outcome = _run_transaction(evm, transaction, sender)
            gas_left -= transaction.gas
            before = receipts[-1].cumulative_gas_used if receipts else 0
            included.append(Included(candidate.batch_index, transaction, sender))
            receipts.append(_receipt(transaction, outcome, before))
        lists = lists_of([entry.transaction.raw for entry in included], receipts)
        writes = block_writes(evm, state)
        return BlockResult(tuple(included), tuple(dropped), tuple(receipts), writes, lists)

    def call(
        self, env: Environment, gate: Gate, message: Message, state: StateReader
    ) -> CallResult:
        evm = self._state(env, gate, state)
        intrinsic = message_gas(message.to, message.data, message.access_list)
        if message.gas < intrinsic:
            return CallResult(
                b"", 0, f"expected at least {intrinsic} gas, got {message.gas}", False
            )
        if evm.get_balance(message.sender) < message.value:  # type: ignore[arg-type]
            return CallResult(b"", 0, "the sender's balance is below the value", False)
        outcome = _run(evm, _as_transaction(message, env.chain_id), message.sender)
        computation = outcome.computation
        if computation.is_success:
            return CallResult(bytes(computation.output), outcome.gas_used, None, False)
        reverted = isinstance(computation.error, Revert)
        return CallResult(
            bytes(computation.output) if reverted else b"",
            outcome.gas_used,
            failure_words(computation),
            reverted,
        )

    def trace(
        self,
        env: Environment,
        gate: Gate,
        batch: Sequence[Candidate],
        index: int,
        state: StateReader,
    ) -> dict[str, Any]:
        evm = self._state(env, gate, state, self._traced_class)
        gas_left = env.gas_limit
        for candidate in batch[: index + 1]:
            if candidate.reason or _refusal(evm.database, gate, candidate, gas_left):
                continue
            transaction, sender = candidate.transaction, candidate.sender
            assert transaction is not None
            assert sender is not None
            gas_left -= transaction.gas
            outcome = _run_transaction(evm, transaction, sender)
            if candidate.batch_index == index:
                return call_tree(
                    outcome.computation,
                    gas=transaction.gas,
                    gas_used=outcome.gas_used,
                    created=outcome.created,
                )
        raise LookupError(f"entry {index} of the batch is not in the block: it was dropped")

    def _state(
        self,
        env: Environment,
        gate: Gate,
        state: StateReader,
        computation_class: type[GatedComputation] | None = None,
    ) -> GatedState:
        context = ExecutionContext(
            coinbase=env.coinbase,  # type: ignore[arg-type]
            timestamp=env.timestamp,
            block_number=env.number,  # type: ignore[arg-type]
            difficulty=0,
            mix_hash=ZERO_HASH,  # type: ignore[arg-type]
            gas_limit=env.gas_limit,
            prev_hashes=(  # read lazily, newest first
                env.ancestor_hash(number)  # type: ignore[misc]
                for number in range(env.number - 1, max(-1, env.number - 257), -1)
            ),
            chain_id=env.chain_id,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )
        computation_class = computation_class or self.computation_class
        return GatedState(context, FlatAccountDatabase(state), gate, computation_class)


def contract_address(sender: Address, nonce: int) -> Address:
    """Where a transaction with this nonce deploys."""
    return Address(keccak(encode([sender, nonce]))[12:])


def _refusal(database: FlatAccountDatabase, gate: Gate, candidate: Candidate, gas_left: int) -> Any:
    assert candidate.transaction is not None
    assert candidate.sender is not None
    try:
        check_state(
            candidate.transaction,
            candidate.sender,
            database.account(candidate.sender),
            gate.permission(database, candidate.sender),
            gas_left,
        )
    except InvalidTransaction as error:
        return error.code
    return None


def _run_transaction(evm: GatedState, transaction: Transaction, sender: Address) -> _Outcome:
    try:
        return _run(evm, transaction, sender)
    except (VMError, ValidationError) as error:
        raise EngineRefusal(
            f"py-evm refused transaction 0x{transaction.hash.hex()}, which is valid: {error!r}"
        ) from error


def _run(
    evm: GatedState, transaction: Transaction, sender: Address, gas_price: int = 0
) -> _Outcome:
    """A valid transaction from its nonce to its refund (yellow paper, 6.2), without the fees."""
    nonce = evm.get_nonce(sender)  # type: ignore[arg-type]
    evm.set_nonce(sender, nonce + 1)  # type: ignore[arg-type]
    message = _message(evm, transaction, sender, nonce)
    _warm_up(evm, transaction, sender, message)
    context = CancunTransactionContext(gas_price=gas_price, origin=sender)  # type: ignore[arg-type]
    if not message.is_create:
        computation = evm.computation_class.apply_message(evm, message, context)
    elif evm.has_code_or_nonce(message.storage_address):
        computation = evm.get_computation(message, context)
        computation.error = ContractCreationCollision("the address is taken")
    else:
        computation = evm.computation_class.apply_create_message(evm, message, context)
    used = transaction.gas - computation.get_gas_remaining()
    used -= min(computation.get_gas_refund(), used // REFUND_QUOTIENT)
    evm.touch_account(evm.coinbase)
    for address in computation.get_accounts_for_deletion():
        evm.delete_account(address)
    evm.end_transaction()
    created = Address(bytes(message.storage_address)) if message.is_create else None
    return _Outcome(computation, used, created)


def _message(evm: GatedState, transaction: Transaction, sender: Address, nonce: int) -> EvmMessage:
    creates = transaction.to is None
    gas = transaction.gas - transaction.intrinsic_gas
    if creates:
        gas += init_code_gas(transaction.data)  # py-evm charges it itself, in the frame
    return EvmMessage(
        gas=gas,
        to=CREATE_CONTRACT_ADDRESS if creates else transaction.to,  # type: ignore[arg-type]
        sender=sender,  # type: ignore[arg-type]
        value=transaction.value,
        data=b"" if creates else transaction.data,
        code=transaction.data if creates else evm.get_code(transaction.to),  # type: ignore[arg-type]
        create_address=contract_address(sender, nonce) if creates else None,  # type: ignore[arg-type]
    )


def _warm_up(
    evm: GatedState, transaction: Transaction, sender: Address, message: EvmMessage
) -> None:
    database = evm.database
    database.mark_address_warm(sender)
    database.mark_address_warm(message.storage_address)
    for address, slots in transaction.access_list:
        database.mark_address_warm(address)
        for slot in slots:
            database.mark_storage_warm(address, slot)


def logs_of(computation: ComputationAPI) -> tuple[Log, ...]:
    """The logs that a transaction's computation leaves."""
    return tuple(
        Log(Address(address), tuple(Hash32(topic.to_bytes(32)) for topic in topics), data)
        for address, topics, data in computation.get_log_entries()
    )


def _receipt(transaction: Transaction, outcome: _Outcome, gas_before: int) -> Receipt:
    computation = outcome.computation
    return Receipt(
        type=transaction.type,
        status=int(computation.is_success),
        cumulative_gas_used=gas_before + outcome.gas_used,
        logs=logs_of(computation),
        gas_used=outcome.gas_used,
        contract_address=outcome.created if computation.is_success else None,
    )


def block_writes(evm: GatedState, state: StateReader) -> Writes:
    """What the transactions so far wrote, with the root, over the state they found."""
    database = evm.database
    slots = database.changed_slots()
    accounts = database.changed_accounts(slots)
    return commit(
        state,
        accounts=accounts,
        storage=slots,
        codes=database.new_codes(accounts),
        cleared=database.cleared(),
    )


def _as_transaction(message: Message, chain_id: int) -> Transaction:
    return Transaction(
        type=1,
        chain_id=chain_id,
        nonce=0,
        max_priority_fee_per_gas=0,
        max_fee_per_gas=0,
        gas=message.gas,
        to=message.to,
        value=message.value,
        data=message.data,
        access_list=message.access_list,
        v=0,
        y_parity=0,
        r=0,
        s=0,
        raw=b"",
    )


def _adapted(precompile: Precompile) -> Any:
    def run(computation: ComputationAPI) -> ComputationAPI:
        data = computation.msg.data_as_bytes
        computation.consume_gas(precompile.gas(data), reason="own precompile")
        try:
            computation.output = precompile.run(data)
        except MalformedInput as error:
            raise InvalidPrecompileCall(str(error)) from error
        return computation

    return run
