"""The native engine: revm and a Rust state trie behind the interface of `engine.py`.

It needs the crate under `native/`, which may not be built here: ask `is_available` first. Validity
and gate are the same lists as the reference's, in Rust; a test holds the two against each other.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from ledger.crate import why_missing
from ledger.deferred import Deferred
from ledger.engine import (
    TRACE_BYTES_MAX,
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
    TraceTooLarge,
    decode_each,
)
from ledger.gas import message_gas
from ledger.gate import Gate, SystemGate
from ledger.lists import Lists
from ledger.reasons import Reason
from ledger.receipts import Log, Receipt
from ledger.state import Account, StateReader, Writes
from ledger.suite import STANDARD
from ledger.transactions import InvalidTransaction, Transaction
from ledger.trie import Node, Proven
from ledger.values import ZERO_HASH, Address, Hash32

if why_missing() is None:
    import quorate_native

NODE_CACHE_BYTES_MAX = 128 * 1024 * 1024
"""Trie nodes that an engine keeps between blocks; some 400,000 of them."""


def is_available() -> bool:
    """Whether the crate is built here, and for this version; `why_missing` says why not."""
    return why_missing() is None


class NativeEngine:
    """Runs blocks and calls on revm; `precompiles` stand beside Cancun's own.

    Where a precompile names the crate's function, that one runs and Python's does not. Raises
    ImportError where the crate is missing or of another version. While it works, other threads run.
    """

    name = "native"

    def __init__(self, precompiles: Mapping[Address, Precompile] | None = None) -> None:
        table = [
            (address, precompile.gas, precompile.run, precompile.native)
            for address, precompile in (precompiles or {}).items()
        ]
        missing = why_missing()
        if missing is not None:
            raise ImportError(missing)
        self._decode = quorate_native.decode_transactions
        self._prove = quorate_native.trie_prove
        self._engine = quorate_native.Engine(table, MalformedInput, NODE_CACHE_BYTES_MAX)

    def decode(self, batch: Sequence[bytes]) -> Sequence[Transaction | InvalidTransaction]:
        """Each transaction with its sender, recovered on all cores; or why it is none."""
        found = self._decode(list(batch), STANDARD.name)
        return [
            decode_each([raw])[0]
            if attributes is None
            else Transaction.read_in_part(attributes, quorate_native.transaction_rest)
            for raw, attributes in zip(batch, found, strict=True)
        ]

    def prove(self, root: Hash32, keys: Sequence[bytes], node: Node) -> list[Proven]:
        return self._prove(root, list(keys), node)

    def execute_block(
        self, env: Environment, gate: Gate, batch: Sequence[Candidate], state: StateReader
    ) -> BlockResult:
        _check(gate)
        formed = _formed(batch)
        try:
            found = self._engine.execute_block(
                environment_fields(env), _entries(formed), state, True
            )
        except RuntimeError as error:
            raise EngineRefusal(f"{error}: in block {env.number}") from error
        reasons = {c.batch_index: c.reason for c in batch if c.reason is not None}
        included = []
        for entry, reason in zip(formed, found.reasons(), strict=True):
            if reason is None:
                included.append(entry)
            else:
                reasons[entry.batch_index] = Reason(reason)
        dropped = tuple(
            Dropped(candidate.batch_index, candidate.hash, reasons[candidate.batch_index])
            for candidate in (batch if reasons else ())
            if candidate.batch_index in reasons
        )
        return BlockResult(
            tuple(included),
            dropped,
            Deferred(len(included), lambda: _receipts(included, found.receipts())),
            NativeWrites(found),
            Lists(*found.header_fields()),
            found.included(),
        )

    def profile(self) -> dict[str, float]:
        """Seconds that the last block took in the crate, by stage."""
        stages = ("taking in", "executing", "roots")
        return dict(zip(stages, self._engine.profile(), strict=True))

    def call(
        self, env: Environment, gate: Gate, message: Message, state: StateReader
    ) -> CallResult:
        _check(gate)
        least = message_gas(message.to, message.data, message.access_list)
        if message.gas < least:
            return CallResult(b"", 0, f"expected at least {least} gas, got {message.gas}", False)
        account = state.account(message.sender) or Account()
        if account.balance < message.value:
            return CallResult(b"", 0, "the sender's balance is below the value", False)
        fields = message_fields(message, account.nonce)
        return CallResult(*self._engine.call(environment_fields(env), fields, state, True))

    def trace(
        self,
        env: Environment,
        gate: Gate,
        batch: Sequence[Candidate],
        index: int,
        state: StateReader,
    ) -> dict[str, Any]:
        _check(gate)
        formed = _formed(batch[: index + 1])
        tree: dict[str, Any] | None = None
        if formed and formed[-1].batch_index == index:
            try:
                tree = self._engine.trace(
                    environment_fields(env), _entries(formed), state, TRACE_BYTES_MAX
                )
            except OverflowError as error:
                raise TraceTooLarge from error
        if tree is None:
            raise LookupError(f"entry {index} of the batch is not in the block: it was dropped")
        return tree


def message_fields(message: Message, nonce: int, gas_price: int = 0) -> tuple[Any, ...]:
    """A message as the crate takes it; the price is for Ethereum's vectors only."""
    return (
        message.sender,
        nonce,
        message.gas,
        message.to,
        message.value,
        message.data,
        message.access_list,
        gas_price,
    )


def environment_fields(
    env: Environment, *, base_fee: int = 0, prev_randao: bytes = ZERO_HASH, excess_blob_gas: int = 0
) -> tuple[Any, ...]:
    """An environment as the crate takes it; what a ledger has not is for Ethereum's vectors."""
    return (
        env.number,
        env.timestamp,
        env.coinbase,
        env.gas_limit,
        env.chain_id,
        env.ancestor_hash,
        base_fee,
        prev_randao,
        excess_blob_gas,
    )


class NativeWrites(Writes):
    """Writes that stay in the crate until somebody asks for them as Python's values.

    A pickle of them holds the values: another process has no part in this one's crate.
    """

    def __init__(self, found: Any) -> None:
        self.__dict__.update(root=Hash32(found.root()), _found=found)

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.root, self.accounts, self.storage, self.codes, self.cleared, self.nodes)
        return Writes, values

    @cached_property
    def accounts(self) -> Mapping[Address, Account | None]:
        found = self.__dict__["_found"].accounts()
        return {address: fields and Account(*fields) for address, fields in found}

    @cached_property
    def storage(self) -> Mapping[Address, Mapping[int, int]]:
        found: Mapping[Address, Mapping[int, int]] = self.__dict__["_found"].storage()
        return found

    @cached_property
    def codes(self) -> Mapping[Hash32, bytes]:
        found: Mapping[Hash32, bytes] = self.__dict__["_found"].codes()
        return found

    @cached_property
    def cleared(self) -> frozenset[Address]:
        return frozenset(self.__dict__["_found"].cleared())

    @cached_property
    def nodes(self) -> Mapping[Hash32, bytes]:
        found: Mapping[Hash32, bytes] = self.__dict__["_found"].nodes()
        return found

    def changed_slots(self, address: Address) -> Collection[int]:
        found: Collection[int] = self.__dict__["_found"].changed_slots(address)
        return found

    def pairs(
        self, account: bytes, slot: bytes, code: bytes, node: bytes
    ) -> dict[bytes, bytes | None]:
        found: dict[bytes, bytes | None] = self.__dict__["_found"].pairs(account, slot, code, node)
        return found


def _receipts(included: Sequence[Included], found: Sequence[tuple[Any, ...]]) -> list[Receipt]:
    receipts, cumulative = [], 0
    for entry, (success, gas_used, logs, created) in zip(included, found, strict=True):
        cumulative += gas_used
        receipts.append(
            Receipt(
                type=entry.transaction.type,
                status=int(success),
                cumulative_gas_used=cumulative,
                logs=tuple(Log(*log) for log in logs),
                gas_used=gas_used,
                contract_address=created,
            )
        )
    return receipts


def _check(gate: Gate) -> None:
    if not isinstance(gate, SystemGate):
        raise EngineRefusal(
            f"the native engine knows the accounts contract's gate only, got {gate!r}"
        )


def _formed(batch: Sequence[Candidate]) -> list[Included]:
    """Those of a batch that passed the checks of form."""
    return [
        Included(candidate.batch_index, candidate.transaction, candidate.sender)
        for candidate in batch
        if candidate.transaction is not None and candidate.sender is not None
    ]


def _entries(formed: Sequence[Included]) -> list[tuple[int, bytes, Address]]:
    return [(entry.batch_index, entry.transaction.raw, entry.sender) for entry in formed]
