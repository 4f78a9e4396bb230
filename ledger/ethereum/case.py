"""A case of a state test: a block, a state, one transaction, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ledger.commitment import commit
from ledger.ethereum.transaction import EthereumTransaction
from ledger.state import EMPTY_STATE, Account, Overlay, StateReader
from ledger.suite import STANDARD
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, Hash32, keccak


@dataclass(frozen=True)
class Indexes:
    """Which data, gas limit and value of the test's lists a case uses."""

    data: int
    gas: int
    value: int


@dataclass(frozen=True)
class Block:
    """Where the transaction runs; base fee in wei, timestamp in seconds."""

    number: int
    timestamp: int
    coinbase: Address
    gas_limit: int
    base_fee: int
    prev_randao: Hash32
    excess_blob_gas: int


@dataclass(frozen=True)
class Holding:
    """An account before the test."""

    nonce: int
    balance: int
    code: bytes
    storage: Mapping[int, int]


class PreState:
    """The accounts before a test; the state is committed once for all its cases."""

    def __init__(self, holdings: Mapping[Address, Holding]) -> None:
        self._holdings = holdings

    @cached_property
    def state(self) -> StateReader:
        """The state with its root and trie nodes."""
        accounts: dict[Address, Account | None] = {}
        codes: dict[Hash32, bytes] = {}
        for address, holding in self._holdings.items():
            code_hash = keccak(holding.code) if holding.code else EMPTY_CODE_HASH
            codes[code_hash] = holding.code
            accounts[address] = Account(holding.nonce, holding.balance, EMPTY_TRIE_ROOT, code_hash)
        storage = {address: holding.storage for address, holding in self._holdings.items()}
        writes = commit(
            EMPTY_STATE, accounts=accounts, storage=storage, codes=codes, cleared=frozenset()
        )
        return Overlay(EMPTY_STATE, writes)


@dataclass(frozen=True)
class Case:
    """One transaction on one state, and what must come of it."""

    name: str
    fork: str
    indexes: Indexes
    block: Block
    before: PreState
    transaction: EthereumTransaction
    private_key: bytes
    root: Hash32
    logs_hash: Hash32
    refusal: str | None
    """The suite's name for the fault if the transaction must be refused."""

    @cached_property
    def sender(self) -> Address:
        """The address of the key."""
        return STANDARD.address_of(self.private_key)
