"""State tests on py-evm: its own checks and payments, over our account database and trie.

Transactions come to it as signed bytes, as from the network, so its decoding is tested too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eth.abc import ComputationAPI
from eth.exceptions import VMError
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.cancun.transactions import CancunTransactionBuilder
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from ledger.engine import Precompile
from ledger.ethereum.case import Block, Case
from ledger.ethereum.outcome import ANCESTORS, Outcome, ancestor_hash
from ledger.ethereum.transaction import CHAIN_ID, sign
from ledger.gate import Permission, StorageReader
from ledger.pyevm import GatedState, PyEvmEngine, block_writes, logs_of
from ledger.pyevm_state import FlatAccountDatabase
from ledger.values import Address


class OpenGate:
    """A gate that keeps nobody out."""

    def permission(self, state: StorageReader, address: Address) -> Permission:
        return Permission(roles=2**16 - 1, frozen=False, organisation=0)

    def is_frozen(self, state: StorageReader, address: Address) -> bool:
        return False


@dataclass(frozen=True)
class _Header:
    """As much of a header as py-evm compares a transaction with."""

    gas_limit: int
    gas_used: int = 0


class PyEvmRunner:
    """`precompiles` are Ethereum's own with a faster arithmetic, as nodes have them."""

    name = "py-evm"

    def __init__(self, precompiles: Mapping[Address, Precompile] | None = None) -> None:
        self._computation_class = PyEvmEngine(precompiles).computation_class

    def run(self, case: Case) -> Outcome:
        state = case.before.state
        refusal = case.transaction.oversize()
        if refusal is not None:
            return Outcome(state.root, refusal=refusal)
        evm = GatedState(
            execution_context(case.block),
            FlatAccountDatabase(state),
            OpenGate(),
            self._computation_class,
        )
        try:
            computation = _apply(evm, case)
        except (ValidationError, RLPException, VMError) as error:
            # A VMError that leaves a transaction, not a frame: nothing of it was taken over.
            return Outcome(state.root, refusal=f"{type(error).__name__}: {error}"[:200])
        evm.end_transaction()
        return Outcome(block_writes(evm, state).root, logs_of(computation))


def _apply(evm: GatedState, case: Case) -> ComputationAPI:
    transaction = CancunTransactionBuilder.decode(sign(case.transaction, case.private_key))
    CancunVM.validate_transaction_against_header(
        None,  # type: ignore[arg-type]
        _Header(case.block.gas_limit),  # type: ignore[arg-type]
        transaction,
    )
    return evm.apply_transaction(transaction)


def execution_context(block: Block) -> ExecutionContext:
    """The block of a test as py-evm has it."""
    return ExecutionContext(
        coinbase=block.coinbase,  # type: ignore[arg-type]
        timestamp=block.timestamp,
        block_number=block.number,  # type: ignore[arg-type]
        difficulty=0,
        mix_hash=block.prev_randao,  # type: ignore[arg-type]
        gas_limit=block.gas_limit,
        prev_hashes=(  # read lazily, newest first
            ancestor_hash(number)  # type: ignore[misc]
            for number in range(block.number - 1, max(-1, block.number - 1 - ANCESTORS), -1)
        ),
        chain_id=CHAIN_ID,
        base_fee_per_gas=block.base_fee,
        excess_blob_gas=block.excess_blob_gas,
    )
