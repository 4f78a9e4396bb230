"""A chain in a few lines: execution is a hash, the store a list of blocks written atomically.

A transaction is any bytes; it is executed the first time and dropped afterwards. One that starts
with `set:` changes the validator list as rule 8 has it.
"""

from dataclasses import dataclass

from consensus.epochs import Epoch
from ledger.certificate import Certificate
from ledger.codec import encode
from ledger.proposal import Proposal
from ledger.suite import Suite
from ledger.validators import ValidatorSet
from ledger.values import ADDRESS_BYTES, Address, Hash32

SET_PREFIX = b"set:"


@dataclass(frozen=True)
class ModelBlock:
    """An executed proposal."""

    number: int
    parent: Hash32
    proposal: Proposal
    included: tuple[bytes, ...]
    header_hash: Hash32


def set_transaction(members: list[Address]) -> bytes:
    """The transaction that asks for another validator list."""
    return SET_PREFIX + b"".join(sorted(members))


class ModelChain:
    """Stored blocks survive a crash, the overlay of executed ones does not."""

    def __init__(self, suite: Suite, genesis: Hash32, validators: ValidatorSet, window: int):
        self._suite = suite
        self._genesis = genesis
        self._window = window
        self._validators = validators
        self.forget()

    def forget(self) -> None:
        """Back to the genesis block."""
        self.blocks: list[ModelBlock] = []
        self.certificates: list[Certificate] = []
        self.overlay: dict[int, ModelBlock] = {}
        self.executed: dict[bytes, int] = {}
        self.epochs = [Epoch(0, 1, self._validators)]
        self._changed_at = -self._window

    @property
    def height(self) -> int:
        return len(self.blocks)

    def crash(self) -> None:
        self.overlay.clear()

    def epochs_after(self, number: int) -> tuple[Epoch, ...]:
        """As `Stored.epochs` wants them."""
        at = max(i for i, epoch in enumerate(self.epochs) if epoch.first_sequence <= number + 1)
        return tuple(self.epochs[at : at + 2])

    def epoch(self, number: int) -> Epoch | None:
        return self.epochs[number] if 0 <= number < len(self.epochs) else None

    def execute(self, proposal: Proposal) -> ModelBlock:
        """On the block before it, stored or in the overlay."""
        number = proposal.sequence
        parent = self._header(number - 1)
        earlier = {
            transaction
            for n, block in self.overlay.items()
            if self.height < n < number
            for transaction in block.included
        }
        included = []
        for transaction in proposal.transactions:
            if transaction not in self.executed and transaction not in earlier:
                included.append(transaction)
                earlier.add(transaction)
        header = self._suite.hash(
            encode([b"header", number, parent, proposal.digest, list(included)])
        )
        block = ModelBlock(number, parent, proposal, tuple(included), header)
        self.overlay[number] = block
        return block

    def commit(self, block: ModelBlock, certificate: Certificate) -> None:
        """Store the next block with its certificate."""
        assert block.number == self.height + 1
        assert certificate.header_hash == block.header_hash
        self.blocks.append(block)
        self.certificates.append(certificate)
        for transaction in block.included:
            self.executed[transaction] = block.number
            if transaction.startswith(SET_PREFIX):
                self._change_set(block.number, transaction[len(SET_PREFIX) :])
        for number in [n for n in self.overlay if n <= block.number]:
            del self.overlay[number]

    def _change_set(self, number: int, data: bytes) -> None:
        if number < self._changed_at + self._window + 1:
            return  # a second change while one is pending
        members = [Address(data[i : i + ADDRESS_BYTES]) for i in range(0, len(data), ADDRESS_BYTES)]
        validators = ValidatorSet.of(members)
        last = self.epochs[-1]
        if validators != last.validators:
            self._changed_at = number
            self.epochs.append(Epoch(last.number + 1, number + self._window + 1, validators))

    def _header(self, number: int) -> Hash32:
        if number == 0:
            return self._genesis
        if number <= self.height:
            return self.blocks[number - 1].header_hash
        return self.overlay[number].header_hash
