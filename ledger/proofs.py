"""Proofs that stand on a header alone: a transaction, a receipt, an account with its slots.

Each value verifies itself against a header whose hash the caller already trusts.
"""

from dataclasses import dataclass

from ledger.codec import InvalidEncoding
from ledger.header import Header
from ledger.state import Account, decode_account, decode_slot
from ledger.trie import InvalidProof, verify_ordered_proof, verify_proof
from ledger.values import EMPTY_TRIE_ROOT, Address, Hash32, keccak


@dataclass(frozen=True)
class TransactionProof:
    """That `raw` is transaction `index` of block `number`."""

    number: int
    index: int
    raw: bytes
    nodes: tuple[bytes, ...]

    def verify(self, header: Header) -> None:
        """Raises InvalidProof unless the header commits to it."""
        _verify_entry(self, header, header.transactions_root, self.raw)

    @property
    def transaction_hash(self) -> Hash32:
        """The hash of the proven transaction."""
        return keccak(self.raw)


@dataclass(frozen=True)
class ReceiptProof:
    """That `encoded` (EIP-2718) is the receipt of transaction `index` of block `number`."""

    number: int
    index: int
    encoded: bytes
    nodes: tuple[bytes, ...]

    def verify(self, header: Header) -> None:
        """Raises InvalidProof unless the header commits to it."""
        _verify_entry(self, header, header.receipts_root, self.encoded)


def _verify_entry(
    proof: TransactionProof | ReceiptProof, header: Header, root: Hash32, expected: bytes
) -> None:
    if header.number != proof.number:
        raise InvalidProof(f"expected a header of block {proof.number}, got {header.number}")
    if verify_ordered_proof(root, proof.index, proof.nodes) != expected:
        raise InvalidProof("the proof is of another value")


@dataclass(frozen=True)
class SlotProof:
    """The value of a slot, 0 if the proof shows that it was never written."""

    slot: int
    value: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True)
class AccountProof:
    """An account (None if the proof shows its absence) and some of its slots (EIP-1186)."""

    address: Address
    account: Account | None
    nodes: tuple[bytes, ...]
    slots: tuple[SlotProof, ...]

    def verify(self, state_root: Hash32) -> None:
        """Raises InvalidProof unless all of it is under the root."""
        found = verify_proof(state_root, keccak(self.address), self.nodes)
        try:
            if (None if found is None else decode_account(found)) != self.account:
                raise InvalidProof("the proof is of another account")
            root = EMPTY_TRIE_ROOT if self.account is None else self.account.storage_root
            for slot in self.slots:
                data = verify_proof(root, keccak(slot.slot.to_bytes(32)), slot.nodes)
                if (0 if data is None else decode_slot(data)) != slot.value:
                    raise InvalidProof(f"the proof of slot {slot.slot:#x} is of another value")
        except InvalidEncoding as error:
            raise InvalidProof(f"the trie holds no account or slot there: {error}") from error
