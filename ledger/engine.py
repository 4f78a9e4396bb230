"""What an execution engine is: blocks and calls in, receipts and writes out.

Engines decide nothing about validity: `candidates` and `validity.check_state` do, on every engine
alike. An engine that refuses what was found valid raises EngineRefusal, which halts the group.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ledger.gate import Gate
from ledger.lists import Lists
from ledger.parameters import Parameters
from ledger.reasons import Reason
from ledger.receipts import Receipt
from ledger.state import StateReader, Writes
from ledger.transactions import InvalidTransaction, Transaction, decode_transaction
from ledger.trie import Node, Proven
from ledger.validity import check_form
from ledger.values import AccessList, Address, Hash32, keccak


class EngineRefusal(Exception):
    """The engine would not run a transaction that is valid: a bug in one of the two."""


TRACE_BYTES_MAX = 8 * 1024 * 1024
"""Of a call tree: inputs, outputs and logs with something for each entry."""


class TraceTooLarge(Exception):
    """A call tree of more than TRACE_BYTES_MAX."""

    def __init__(self) -> None:
        super().__init__(f"the call tree is larger than {TRACE_BYTES_MAX} bytes")


class MalformedInput(ValueError):
    """What a precompile raises for input that is none; the frame loses all its gas."""


@dataclass(frozen=True)
class Precompile:
    """A function of ours at a reserved address: the gas for an input, then the output.

    `native` is the crate's name for the same function, which the native engine then runs instead.
    """

    gas: Callable[[bytes], int]
    run: Callable[[bytes], bytes]
    native: str | None = None


@dataclass(frozen=True)
class Environment:
    """What a block tells its transactions; `timestamp` in seconds.

    `ancestor_hash` answers BLOCKHASH for the 256 numbers below `number`.
    """

    number: int
    timestamp: int
    coinbase: Address
    gas_limit: int
    chain_id: int
    ancestor_hash: Callable[[int], Hash32]


class Candidate(NamedTuple):
    """One entry of a batch after the checks of form: a transaction with its sender, or a reason."""

    batch_index: int
    hash: Hash32
    transaction: Transaction | None
    sender: Address | None
    reason: Reason | None


class Included(NamedTuple):
    """A transaction that is in the block, by its index in the batch."""

    batch_index: int
    transaction: Transaction
    sender: Address


@dataclass(frozen=True, slots=True)
class Dropped:
    """A transaction of the batch that is not in the block, and why."""

    batch_index: int
    hash: Hash32
    reason: Reason


@dataclass(frozen=True)
class BlockResult:
    """What execution of a batch gives; `receipts[i]` belongs to `included[i]`.

    `kept` is the encoding of `[[index, sender, receipt]]` as `store.py` has it, from an engine that
    has it at hand.
    """

    included: Sequence[Included]
    dropped: tuple[Dropped, ...]
    receipts: Sequence[Receipt]
    writes: Writes
    lists: Lists
    kept: bytes | None = None

    @property
    def state_root(self) -> Hash32:
        """The root after the batch."""
        return self.writes.root


@dataclass(frozen=True)
class Message:
    """A call that is not a transaction: no nonce, no signature, no fee. Without `to` it creates."""

    sender: Address
    to: Address | None
    data: bytes
    gas: int
    value: int = 0
    access_list: AccessList = ()


@dataclass(frozen=True)
class CallResult:
    """`output` is what was returned, or the revert data if `reverted`.

    `gas_used` is after refunds. `error` is None on success, else a few words.
    """

    output: bytes
    gas_used: int
    error: str | None
    reverted: bool

    @property
    def success(self) -> bool:
        """Whether the call neither reverted nor failed."""
        return self.error is None


class Engine(Protocol):
    """Two of them give the same results for the same input, or one has a bug."""

    @property
    def name(self) -> str:
        """The name that status shows: `native` or `py-evm`."""

    def decode(self, batch: Sequence[bytes]) -> Sequence[Transaction | InvalidTransaction]:
        """Each transaction, or why it is none."""

    def prove(self, root: Hash32, keys: Sequence[bytes], node: Node) -> list[Proven]:
        """`ledger.trie.prove_each` for keys of 32 bytes, perhaps faster."""

    def execute_block(
        self, env: Environment, gate: Gate, batch: Sequence[Candidate], state: StateReader
    ) -> BlockResult:
        """One pass in order: what is valid then is included, the rest dropped without a trace."""

    def call(
        self, env: Environment, gate: Gate, message: Message, state: StateReader
    ) -> CallResult:
        """The result of a message on a state, which stays as it is."""

    def trace(
        self,
        env: Environment,
        gate: Gate,
        batch: Sequence[Candidate],
        index: int,
        state: StateReader,
    ) -> dict[str, Any]:
        """The call tree of the batch's entry `index`, in the shape of geth's callTracer with logs.

        Raises LookupError if that entry is dropped, and TraceTooLarge.
        """


DecodeBatch = Callable[[Sequence[bytes]], Sequence[Transaction | InvalidTransaction]]
"""Each transaction, or why it is none: an engine's `decode`, or a node's that remembers."""


def decode_each(batch: Sequence[bytes]) -> list[Transaction | InvalidTransaction]:
    """Each transaction, or why it is none, one after the other."""
    found: list[Transaction | InvalidTransaction] = []
    for raw in batch:
        try:
            found.append(decode_transaction(raw))
        except InvalidTransaction as error:
            found.append(error)
    return found


def candidates(
    batch: Sequence[bytes],
    parameters: Parameters,
    decode: DecodeBatch = decode_each,
) -> tuple[Candidate, ...]:
    """The batch after the checks of form."""
    found = []
    for index, (raw, decoded) in enumerate(zip(batch, decode(batch), strict=True)):
        try:
            if isinstance(decoded, InvalidTransaction):
                raise decoded
            sender = check_form(decoded, parameters)
        except InvalidTransaction as error:
            found.append(Candidate(index, keccak(raw), None, None, error.code))
        else:
            found.append(Candidate(index, decoded.hash, decoded, sender, None))
    return tuple(found)
