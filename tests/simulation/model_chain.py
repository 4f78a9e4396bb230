"""A chain in a few lines: execution is a hash, the store a list of blocks written atomically.

A transaction is any bytes; it is executed the first time and dropped afterwards. `ready`, `add` and
`remove` change the validator list as rule 8 has it, `limit` a parameter. It answers what
`node.epochs` asks of a chain.
"""

from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace

import msgspec

from consensus.epochs import Epoch
from ledger.certificate import Certificate
from ledger.codec import encode
from ledger.parameters import Parameters
from ledger.proposal import Proposal
from ledger.suite import Suite
from ledger.validators import ValidatorSet
from ledger.values import ADDRESS_BYTES, Address, Hash32
from node.epochs import epoch_limits

LIMITS: dict[str, tuple[int, ...]] = {
    "batch_transactions_max": (2, 4, 8, 12),
    "view_timeout_ms": (1_000, 1_500, 2_500),
    "heartbeat_ms": (2_500, 4_000, 6_000),
    "clock_tolerance_ms": (5_000, 8_000),
}
"""What a run may change, and the values to which it does."""
_BLOCKS_REMEMBERED_MAX = 64
"""All nodes execute a block at about the same time."""


@dataclass(frozen=True)
class ModelBlock:
    """An executed proposal."""

    number: int
    parent: Hash32
    proposal: Proposal
    included: tuple[bytes, ...]
    header_hash: Hash32


@lru_cache(_BLOCKS_REMEMBERED_MAX)
def _block(
    suite: Suite, number: int, parent: Hash32, proposal: Proposal, included: tuple[bytes, ...]
) -> ModelBlock:
    header = suite.hash(encode([b"header", number, parent, proposal.digest, list(included)]))
    return ModelBlock(number, parent, proposal, included, header)


def membership_transaction(verb: str, address: Address, number: int) -> bytes:
    """A call of the model's validator contract: `ready`, `add`, `remove`; once per number."""
    return b"%s:%s:%d" % (verb.encode(), address, number)


def limit_transaction(name: str, value: int, number: int) -> bytes:
    """A vote that sets a parameter; once per number."""
    return b"limit:%s:%d:%d" % (name.encode(), value, number)


def model_parameters(window: int) -> Parameters:
    """Those of a run's genesis: quicker than a real group's, with batches that fill up.

    Execution has five time-outs, as by default: a shorter bound would hide who waits for it.
    """
    return Parameters(
        chain_id=1,
        window_blocks=window,
        view_timeout_ms=1_500,
        view_timeout_ms_max=6_000,
        block_execution_ms_max=7_500,
        heartbeat_ms=4_000,
        clock_tolerance_ms=5_000,
        batch_transactions_max=8,
    )


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
        self.genesis_parameters = model_parameters(window)
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
        limits = epoch_limits(self.genesis_parameters)
        self.epochs = [Epoch(0, 1, self._validators, limits)]
        self._parameters = [self.genesis_parameters]
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

    @property
    def parameters(self) -> Parameters:
        return self.parameters_for(self.height + 1)

    def parameters_for(self, number: int) -> Parameters:
        """The parameters due at a block, up to W + 1 above the stored ones."""
        assert number <= self.height + self._window + 1
        return self._parameters[self.due(number).number]

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
        place = len(self.epochs) - 1
        while self.epochs[place].first_sequence > number:
            place -= 1
        return self.epochs[place]

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
        block = _block(self.suite, number, parent, proposal, tuple(included))
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
            elif verb == b"limit":
                self._set_limit(block.number, *rest.split(b":")[:2])
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
        self._open_epoch(number, ValidatorSet.of(sorted(members)), self._parameters[-1])

    def _set_limit(self, number: int, name: bytes, value: bytes) -> None:
        before = self._parameters[-1]
        wanted = msgspec.structs.replace(before, **{name.decode(): int(value)})
        if wanted != before and not self.is_pending(number):
            self._open_epoch(number, self.epochs[-1].validators, wanted)

    def _open_epoch(self, number: int, validators: ValidatorSet, parameters: Parameters) -> None:
        """What was written into a block comes into force W + 1 blocks later."""
        self._changed_at = number
        following, first = self.epochs[-1].number + 1, number + self._window + 1
        self.epochs.append(Epoch(following, first, validators, epoch_limits(parameters)))
        self._parameters.append(parameters)

    def _header(self, number: int) -> Hash32:
        if number == 0:
            return self.group
        if number <= self.height:
            return self.blocks[number - 1].header_hash
        return self.overlay[number].header_hash
