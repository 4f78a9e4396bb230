"""A group's chain: executes proposals, verifies certificates, stores what a quorum certified.

It has no threads and no clock: whoever drives it calls `execute`, `commit` and `import_block` from
one worker. What it answers about stored blocks is `reading.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ledger.block import Block, InvalidBlock
from ledger.certificate import Certificate, InvalidCertificate, verify_certificate
from ledger.cutting import touched_by
from ledger.engine import (
    BlockResult,
    DecodeBatch,
    Engine,
    Environment,
)
from ledger.gate import (
    GATE_CONTRACT,
    Gate,
    SystemGate,
    contract_parameters,
    contract_validators,
    is_parameters_slot,
    is_validators_slot,
)
from ledger.genesis import Genesis, InvalidGenesis, genesis_block, genesis_writes
from ledger.header import Header, first_difference
from ledger.keyvalue import CorruptStore
from ledger.parameters import Parameters
from ledger.proposal import Proposal
from ledger.protocol import PRESENT, Build, BuildTooOld
from ledger.reading import (
    CallFailed,
    ChainReader,
    EpochBoundary,
    FoundTransaction,
    TransactionStatus,
)
from ledger.record import Record
from ledger.recovered_gate import check_keys
from ledger.recovery import (
    InvalidRecovery,
    Recovery,
    admit,
    check_epoch,
    check_hash,
    recovery_for,
    verify_recovery,
)
from ledger.state import Overlay, StateReader, Writes, join_writes
from ledger.store import BlockStore, Outcome
from ledger.suite import Suite
from ledger.validators import ValidatorSet
from ledger.values import Hash32


class Divergence(Exception):
    """Our execution differs from what a quorum certified: this node must halt.

    `number` and `field` say where; the message shows both values.
    """

    def __init__(self, number: int, field: str, certified: object, ours: object) -> None:
        super().__init__(
            f"block {number}: {field} differs: certified {_show(certified)}, "
            f"here {_show(ours)}. Stop this node and compare engines and versions"
        )
        self.number = number
        self.field = field


class NeedsCut(Exception):
    """A recovery certificate makes stored blocks void, and the caller did not want that now."""


@dataclass(frozen=True)
class ExecutedBlock:
    """A block after execution and before its certificate."""

    header: Header
    record: Record
    proposal: Proposal
    result: BlockResult
    validators_after: ValidatorSet | None
    """The contract's list, if this block changed it."""
    parameters_after: Parameters | None = None
    """The contract's parameters, if this block changed them."""

    @property
    def number(self) -> int:
        """The block number."""
        return self.header.number

    @property
    def hash(self) -> Hash32:
        """The header's hash: what a CHECKPOINT signs."""
        return self.header.hash

    @property
    def block(self) -> Block:
        """The block as it is stored and transferred."""
        return Block(self.header, self.record, self.proposal)

    @property
    def outcome(self) -> Outcome:
        """Included, receipts and dropped."""
        result = self.result
        return Outcome(result.included, result.receipts, result.dropped, result.kept)


class Chain(ChainReader):
    """One group's chain over its store and engine; an empty store receives block 0 at once.

    Raises InvalidGenesis if the store belongs to another group, CorruptStore if its head does not
    hold. `decode` may remember transactions that a node decoded before. `build` says which rules
    are known here.
    """

    def __init__(
        self,
        genesis: Genesis,
        store: BlockStore,
        engine: Engine,
        suite: Suite | None = None,
        *,
        gate: Gate | None = None,
        decode: DecodeBatch | None = None,
        build: Build = PRESENT,
    ) -> None:
        super().__init__(genesis, store, engine, SystemGate() if gate is None else gate, decode)
        self.suite = genesis.suite if suite is None else suite
        self.build = build
        self._window = genesis.parameters.window_blocks
        self._executed: dict[Hash32, ExecutedBlock] = {}
        """Blocks that were executed on top of the head and have no certificate yet."""
        if store.head is None:
            self._found()
        self.group: Hash32 = store.header(0)[0].hash
        """The group's identity: the hash of block 0."""
        self._check_store()

    def _found(self) -> None:
        writes = genesis_writes(self.genesis)
        self._store.commit(
            genesis_block(self.genesis, writes),
            Outcome((), (), ()),
            writes,
            None,
            validators_after=self.genesis.validator_set,
            opens_epoch=True,
        )

    def _check_store(self) -> None:
        # Block 0's record binds the whole document, so the state need not be computed again.
        expected = genesis_block(self.genesis, Writes(self._store.header(0)[0].state_root))
        if expected.hash != self.group:
            raise InvalidGenesis("the store belongs to another genesis: use its own folder")
        head = self.head
        if head.certificate is None:
            return
        try:
            self._verify(head.header, head.record, head.certificate)
        except InvalidCertificate as error:
            raise CorruptStore(
                f"block {head.number}: {error}; rebuild the store from peers"
            ) from error

    # Who certifies

    def validators_for(self, number: int) -> tuple[int, ValidatorSet]:
        """Epoch and set that certify a block, up to W + 1 blocks above what is executed.

        The set is the contract's list after block `number - W - 1`, genesis's below W + 1. Raises
        LookupError for a number that is not decided yet.
        """
        return self._epoch_of(number), self._set_for(number)

    def _set_for(self, number: int, *, known_at: int | None = None) -> ValidatorSet:
        """The set of a block, as block `known_at` names it: it knows no recovery that follows."""
        before = number if known_at is None else known_at
        known = [entry for entry in self.recoveries if entry.number < before]
        recovery = recovery_for(known, number, self._window)
        if recovery is not None:
            return recovery.validators
        source = max(0, number - self._window - 1)
        for block in self._executed_down_from(source):
            if block.validators_after is not None:
                return block.validators_after
        return self._store.validators_after(min(source, self.head.number))

    def _parameters_after(self, number: int) -> Parameters:
        for block in self._executed_down_from(number):
            if block.parameters_after is not None:
                return block.parameters_after
        return super()._parameters_after(min(number, self.head.number))

    def _executed_down_from(self, number: int) -> Iterator[ExecutedBlock]:
        """The executed blocks that are not stored, from one down to the head; raises LookupError.

        Which of several blocks of a number is meant does not show: the latest execution counts.
        """
        if number <= self.head.number:
            return
        pending = {block.number: block for block in list(self._executed.values())}
        for at in range(number, self.head.number, -1):
            if at not in pending:
                raise LookupError(f"what follows from block {number} is open: not executed")
            yield pending[at]

    def _epoch_of(self, number: int) -> int:
        head = self.head
        if number <= head.number:
            return self.record(number).epoch
        epoch, before = head.record.epoch, self._terms_for(head.number)
        opened = {recovery.number + 1: recovery.epoch for recovery in self.recoveries}
        for following in range(head.number + 1, number + 1):
            due = self._terms_for(following)
            epoch = opened.get(following, epoch + (due != before))
            before = due
        return epoch

    def _terms_for(self, number: int) -> tuple[ValidatorSet, Parameters]:
        """What makes an epoch: where it differs from the block before, another one begins."""
        return self._set_for(number), self.parameters_for(number)

    def too_old(self, number: int) -> BuildTooOld | None:
        """Why this build cannot go on to a block, up to W + 1 above the head; None if it can."""
        needed = self.build.lacks(self.parameters_for(number))
        return None if needed is None else BuildTooOld(number, self.build, needed)

    # Recovery by the organisations (rule 8)

    def adopt(self, recovery: Recovery, *, may_cut: bool) -> bool:
        """Follow a recovery certificate from now on; False if it was followed already.

        It is on disk on return, and so is the store cut back to its block where blocks above were
        stored. Raises InvalidRecovery, NeedsCut unless it `may_cut`, and CorruptStore.
        """
        verify_recovery(self.genesis, self.group, recovery)
        head = self.head
        admitted = admit(self.recoveries, recovery, head=head.number)
        if admitted == self.recoveries:
            return False
        is_latest = admitted[-1] == recovery
        if is_latest:
            check_epoch(recovery, self._epoch_of(head.number + self._window + 1))
        else:
            check_epoch(recovery, head.record.epoch)
        if recovery.number <= head.number:
            self._check_start(recovery)
        self._executed = {
            key: block for key, block in self._executed.items() if block.number <= recovery.number
        }
        if recovery.number >= head.number:
            self._store.put_recoveries(admitted)
            return True
        if not may_cut:
            raise NeedsCut(f"blocks {recovery.number + 1} to {head.number} are void")
        self._cut(recovery, admitted)
        return True

    def is_void(self, epoch: int, number: int) -> bool:
        """Whether an epoch's word about a block counts no more: a recovery begins before it."""
        return any(
            recovery.number < number and epoch < recovery.epoch for recovery in self.recoveries
        )

    def _check_start(self, recovery: Recovery) -> None:
        """Block H is here: it must be the one that is meant, and its state must be readable."""
        try:
            held = self.header(recovery.number)
            state = self.state_at(recovery.number)
            state.node(held.state_root)
        except LookupError as error:
            raise InvalidRecovery(
                f"block {recovery.number} is not in this store, which began with a later snapshot: "
                "empty the group's db, and let the blocks come from peers"
            ) from error
        check_hash(recovery, held.hash)
        check_keys(state, recovery)

    def _cut(self, recovery: Recovery, admitted: tuple[Recovery, ...]) -> None:
        void = range(recovery.number + 1, self.head.number + 1)
        touched = touched_by(map(self._writes_of, void), self.state_at(recovery.number))
        self._store.cut(touched, admitted)
        self._recent.clear()

    def _writes_of(self, number: int) -> Writes:
        """What a stored block wrote, by executing it once more."""
        block = self.block(number)
        state, opening = self._opened_on(number, self.state_at(number - 1))
        batch = self._candidates(block.proposal)
        env = self._environment_of(block.header)
        writes = self.engine.execute_block(env, self._gate, batch, state).writes
        return writes if opening is None else join_writes(opening, writes)

    # Executing and storing

    def execute(self, proposal: Proposal, parent: ExecutedBlock | None = None) -> ExecutedBlock:
        """Executes a proposal on the head, or on an executed block that has no certificate yet.

        Raises InvalidBlock if the proposal does not follow, EngineRefusal if the engine fails, and
        BuildTooOld for a block under rules that this build does not know.
        """
        above, record = (
            (parent.header, parent.record) if parent else self._store.header(self.head.number)
        )
        if parent is not None and parent.number > self.head.number:
            self._executed[parent.hash] = parent
        number = above.number + 1
        epoch, validators = self.validators_for(number)
        expected = (self.group, number, epoch)
        if (proposal.group, proposal.sequence, proposal.epoch) != expected:
            raise InvalidBlock(
                f"expected a proposal for sequence {number} in epoch {epoch} of this group, "
                f"got sequence {proposal.sequence} in epoch {proposal.epoch}"
            )
        timestamp_ms = record.timestamp_ms
        if not proposal.is_null:
            timestamp_ms = max(timestamp_ms, proposal.timestamp_ms)
        state = self._state_after(above)
        parameters = self.parameters_for(number)
        if (reason := self.too_old(number)) is not None:
            raise reason
        env = Environment(
            number=number,
            timestamp=timestamp_ms // 1000,
            coinbase=proposal.proposer,
            gas_limit=parameters.gas_limit,
            chain_id=parameters.chain_id,
            ancestor_hash=lambda ancestor: self._ancestor_hash(above, ancestor),
        )
        batch = self._candidates(proposal)
        opened, opening = self._opened_on(number, state)
        result = self.engine.execute_block(env, self._gate, batch, opened)
        if opening is not None:
            result = replace(result, writes=join_writes(opening, result.writes))
        executed_record = Record(
            epoch=epoch,
            origin_view=proposal.origin_view,
            proposer=proposal.proposer,
            timestamp_ms=timestamp_ms,
            proposal_digest=proposal.digest,
            certifiers_hash=validators.hash(self.suite),
            next_certifiers_hash=self._set_for(number + 1, known_at=number).hash(self.suite),
            parameters_hash=parameters.hash(self.suite),
        )
        header = _header(above, env, executed_record, result)
        executed = ExecutedBlock(
            header,
            executed_record,
            proposal,
            result,
            validators_after=_changed_validators(state, result.writes),
            parameters_after=_changed_parameters(state, result.writes, self.genesis.parameters),
        )
        self._executed[executed.hash] = executed
        return executed

    def commit(self, executed: ExecutedBlock, certificate: Certificate) -> None:
        """Stores an executed block that follows the head, in one synced batch.

        Raises InvalidCertificate unless a quorum of the due set signed this very header, and
        InvalidBlock if the block does not follow the head. Committing the head again does nothing.
        """
        if executed.hash == self.head.hash:
            return
        if executed.header.parent_hash != self.head.hash:
            raise InvalidBlock(
                f"block {executed.number} does not follow the head, block {self.head.number}"
            )
        self._verify(executed.header, executed.record, certificate)
        self._store.commit(
            executed.block,
            executed.outcome,
            executed.result.writes,
            certificate,
            validators_after=executed.validators_after,
            opens_epoch=executed.record.epoch != self.head.record.epoch,
            parameters_after=executed.parameters_after,
        )
        for block_hash in [
            known for known, block in self._executed.items() if block.number <= executed.number
        ]:
            del self._executed[block_hash]

    def import_block(self, block: Block, certificate: Certificate) -> ExecutedBlock:
        """Verifies a block from elsewhere against the due set, executes it and stores it.

        Raises InvalidBlock or InvalidCertificate where the sender is to blame, and Divergence where
        a quorum certified what our own execution does not give.
        """
        head = self.head
        if block.number != head.number + 1 or block.header.parent_hash != head.hash:
            raise InvalidBlock(f"expected the block after {head.number}, got {block.number}")
        block.check_bindings()
        self._verify(block.header, block.record, certificate)
        executed = self.execute(block.proposal)
        if executed.record != block.record:
            raise Divergence(block.number, "record", block.record, executed.record)
        field = first_difference(block.header, executed.header)
        if field is not None:
            certified, ours = getattr(block.header, field), getattr(executed.header, field)
            raise Divergence(block.number, field, certified, ours)
        self.commit(executed, certificate)
        return executed

    def _verify(self, header: Header, record: Record, certificate: Certificate) -> None:
        recovery = self._recovery_at(header.number)
        if recovery is not None and header.hash != recovery.block_hash:
            raise InvalidCertificate(
                f"block {header.number} is 0x{header.hash.hex()} there, recovery certificate "
                f"{recovery.counter} of the organisations names 0x{recovery.block_hash.hex()}: "
                "another branch"
            )
        epoch, validators = self.validators_for(header.number)
        expected = (epoch, header.number, header.hash)
        found = (certificate.epoch, certificate.number, certificate.header_hash)
        if found != expected or record.epoch != epoch:
            raise InvalidCertificate(
                f"expected a certificate of block {header.number} in epoch {epoch}, got one of "
                f"block {certificate.number} in epoch {certificate.epoch} or of another header"
            )
        verify_certificate(self.suite, self.group, validators, certificate)

    def _ancestor_hash(self, above: Header, number: int) -> Hash32:
        # Only blocks above the head are among the executed; the head and what is below is stored.
        while above.number - 1 > max(number, self.head.number):
            above = self._executed[above.parent_hash].header
        if number == above.number - 1:
            return above.parent_hash
        return above.hash if number == above.number else self.header(number).hash

    def _state_after(self, header: Header) -> StateReader:
        if header.hash == self.head.hash:
            return self._store.state
        executed = self._executed.get(header.hash)
        if executed is None:
            raise InvalidBlock(f"block {header.number} is neither the head nor executed on it")
        parent = self._executed.get(header.parent_hash)
        above = self.head.header if parent is None else parent.header
        if above.hash != header.parent_hash:
            raise InvalidBlock(f"block {header.number} does not lead back to the head")
        return Overlay(self._state_after(above), executed.result.writes)


def _header(above: Header, env: Environment, record: Record, result: BlockResult) -> Header:
    return Header(
        parent_hash=above.hash,
        coinbase=env.coinbase,
        state_root=result.state_root,
        number=env.number,
        gas_limit=env.gas_limit,
        timestamp=env.timestamp,
        extra_data=record.hash,
        **result.lists._asdict(),
    )


def _changed_validators(state: StateReader, writes: Writes) -> ValidatorSet | None:
    if not any(is_validators_slot(slot) for slot in writes.changed_slots(GATE_CONTRACT)):
        return None
    return contract_validators(Overlay(state, writes))


def _changed_parameters(
    state: StateReader, writes: Writes, genesis: Parameters
) -> Parameters | None:
    if not any(is_parameters_slot(slot) for slot in writes.changed_slots(GATE_CONTRACT)):
        return None
    return contract_parameters(Overlay(state, writes), genesis)


def _show(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else repr(value)


__all__ = [
    "CallFailed",
    "Chain",
    "ChainReader",
    "Divergence",
    "EpochBoundary",
    "ExecutedBlock",
    "FoundTransaction",
    "NeedsCut",
    "TransactionStatus",
]
