"""Reading a chain for RPC: whole stored blocks, where a transaction stands, certified headers.

Called from worker threads; each function reads what it answers once.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.chain import Chain
from ledger.header import Header
from ledger.record import Record
from ledger.store import Outcome
from ledger.transactions import Transaction
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32


@dataclass(frozen=True)
class StoredBlock:
    """A stored block and what execution made of its batch."""

    header: Header
    outcome: Outcome

    @property
    def transactions(self) -> list[Transaction]:
        """The included ones, in order."""
        return [entry.transaction for entry in self.outcome.included]


@dataclass(frozen=True)
class PlacedTransaction:
    """An included transaction, its sender, and its place."""

    block: StoredBlock
    index: int

    @property
    def transaction(self) -> Transaction:
        """The transaction itself."""
        return self.block.outcome.included[self.index].transaction

    @property
    def sender(self) -> Address:
        """Who signed it."""
        return self.block.outcome.included[self.index].sender


@dataclass(frozen=True)
class Certified:
    """A header and its record with the set that was due and the signatures that are held."""

    header: Header
    record: Record
    validators: ValidatorSet
    signers: tuple[Address, ...]
    signatures: tuple[bytes, ...]


def load_block(chain: Chain, number: int) -> StoredBlock:
    """A block that is stored."""
    return StoredBlock(chain.header(number), chain.outcome(number))


def find_transaction(chain: Chain, transaction_hash: Hash32) -> PlacedTransaction | None:
    """An included transaction, or None."""
    status = chain.transaction_status(transaction_hash)
    if status is None or status.position is None:
        return None
    return PlacedTransaction(load_block(chain, status.number), status.position)


def certified_block(chain: Chain, number: int) -> Certified:
    """A stored block's header with its certificate; block 0 has no signers."""
    certificate = chain.certificate(number)
    _, validators = chain.validators_for(number)
    return Certified(
        chain.header(number),
        chain.record(number),
        validators,
        () if certificate is None else certificate.signers,
        () if certificate is None else certificate.signatures,
    )
