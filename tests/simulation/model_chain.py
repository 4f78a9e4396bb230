"""A chain in a few lines: execution is a hash, the store a list of blocks written atomically.

A transaction is any bytes; it is executed the first time and dropped afterwards. `ready`, `add` and
`remove` change the validator list as rule 8 has it. It answers what `node.epochs` asks of a chain.
"""

from dataclasses import dataclass
from types import SimpleNamespace

from consensus.epochs import Epoch
from ledger.certificate import Certificate
from ledger.codec import encode
from ledger.proposal import Proposal
from ledger.suite import Suite
from ledger.validators import ValidatorSet
from ledger.values import ADDRESS_BYTES, Address, Hash32

CLOCK_TOLERANCE_MS = 5_000


@dataclass(frozen=True)
class ModelBlock:
    """An executed proposal."""

    number: int
    parent: Hash32
    proposal: Proposal
    included: tuple[bytes, ...]
    header_hash: Hash32


def membership_transaction(verb: str, address: Address, number: int) -> bytes:
    """A call of the model's validator contract: `ready`, `add`, `remove`; once per number."""
    return b"%s:%s:%d" % (verb.encode(), address, number)


class ModelChain:
    """Stored blocks survive a crash, the overlay of executed ones does not."""

    def __init__(
        self,
        suite: Suite,
        genesis: Hash32,
        validators: ValidatorSet,
        window: int,
        members_min: int = 1,
    ):
        self.suite = suite
        self.group = genesis
        self.parameters = SimpleNamespace(
            window_blocks=window, clock_tolerance_ms=CLOCK_TOLERANCE_MS
        )
        self._window = window
        self._members_min = members_min
        self._validators = validators
        self.forget()

    def forget(self) -> None:
        """Back to the genesis block."""
        self.blocks: list[ModelBlock] = []
        self.certificates: list[Certificate] = []
        self.overlay: dict[int, ModelBlock] = {}
        self.executed: dict[bytes, int] = {}
        self.epochs = [Epoch(0, 1, self._validators)]
        self._ready: set[Address] = set()
        self._changed_at = -self._window

    @property
    def height(self) -> int:
        return len(self.blocks)

    def crash(self) -> None:
        self.overlay.clear()

    # -- what `node.epochs` asks ------------------------------------------------------------------

    @property
    def head(self) -> SimpleNamespace:
        return SimpleNamespace(number=self.height)

    def validators_for(self, number: int) -> tuple[int, ValidatorSet]:
        """Epoch and set due at a block, up to W + 1 above the stored ones."""
        assert number <= self.height + self._window + 1
        due = self.due(number)
        return due.number, due.validators

    def epoch_boundaries(self, first: int, last: int) -> list[SimpleNamespace]:
        """The blocks before those epochs' first ones, as far as the latter are stored."""
        return [
            SimpleNamespace(header=SimpleNamespace(number=epoch.first_sequence - 1))
            for epoch in self.epochs[first : last + 1]
            if epoch.first_sequence <= self.height
        ]

    def record(self, number: int) -> SimpleNamespace:
        """A stored block's record, as far as its epoch."""
        return SimpleNamespace(epoch=self.due(number).number)

    def due(self, number: int) -> Epoch:
        """The epoch in force at a block."""
        return next(e for e in reversed(self.epochs) if e.first_sequence <= number)

    # -- execution and the store ------------------------------------------------------------------

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
        header = self.suite.hash(
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
            verb, _, rest = transaction.partition(b":")
            if verb in (b"ready", b"add", b"remove"):
                self._change(block.number, verb, Address(rest[:ADDRESS_BYTES]))
        for number in [n for n in self.overlay if n <= block.number]:
            del self.overlay[number]

    def is_pending(self, number: int) -> bool:
        """Whether a change made before a block is still to come into force."""
        return number < self._changed_at + self._window + 1

    def _change(self, number: int, verb: bytes, address: Address) -> None:
        members = set(self.epochs[-1].validators.members)
        if verb == b"ready":
            self._ready.add(address)
            return
        if self.is_pending(number):
            return  # a second change while one is pending is refused
        if verb == b"add" and address in self._ready and address not in members:
            members.add(address)
        elif verb == b"remove" and address in members and len(members) > self._members_min:
            members.discard(address)
            self._ready.discard(address)
        else:
            return
        self._changed_at = number
        following = self.epochs[-1].number + 1
        self.epochs.append(
            Epoch(following, number + self._window + 1, ValidatorSet.of(sorted(members)))
        )

    def _header(self, number: int) -> Hash32:
        if number == 0:
            return self.group
        if number <= self.height:
            return self.blocks[number - 1].header_hash
        return self.overlay[number].header_hash
