"""What the parts of one replica share: where it stands, what it holds, and the effects so far.

State and small questions about it; decisions are in the parts, `replica` composes them.
"""

from consensus.checkpoints import Checkpoints
from consensus.config import ReplicaConfig
from consensus.effects import Alarm, AlarmKind, Broadcast, Effect, Halt, Persist
from consensus.entries import BatchEntry, LogEntry
from consensus.epochs import Epoch
from consensus.messages import Commit, NewView, Position, Prepare, PrePrepare, Signed, ViewChange
from consensus.request_clocks import RequestClocks
from consensus.sequence_state import SequenceState
from consensus.status import LeavingReason
from consensus.view_changes import NewViewList, ViewChanges
from ledger.certificate import Certificate
from ledger.proposal import Proposal, null_request
from ledger.values import Address, Hash32

STANDSTILL_TICKS = 3
"""Without a new block for so long, a replica that knows of a later one is not in step."""


class Core:
    """The state of one replica. Only the parts of that replica touch it."""

    current: Epoch
    """From `Started` on."""

    def __init__(self, config: ReplicaConfig) -> None:
        self.config = config
        self.out: list[Effect] = []
        self.halted: str | None = None
        self.retired: Signed | None = None
        self.has_started = False
        self.next_epoch: Epoch | None = None
        self.previous_epoch: Epoch | None = None
        self.stable = 0
        self.stable_certificate: Certificate | None = None
        self.stored_digests: dict[int, Hash32] = {}
        self.waiting_log: tuple[LogEntry, ...] = ()
        self.has_resumed = False
        # The log's: the certificates of the last blocks up to which it was pruned, ascending.
        self.marks: tuple[Certificate, ...] = ()
        self.recent: dict[int, Certificate] = {}
        self.since_compact = 0
        self.is_compact_due = False
        # The view: active, or waiting for its NEW-VIEW.
        self.view = 0
        self.is_active = True
        self.new_view: Signed | None = None
        self.new_view_list: NewViewList | None = None
        self.own_new_view: NewView | None = None
        self.own_view_change: ViewChange | None = None
        self.signed_view_change: Signed | None = None
        self.view_changes = ViewChanges()
        # Ordering and execution above the stable block.
        self.states: dict[int, SequenceState] = {}
        self.batches: dict[Hash32, Proposal] = {}
        self.checkpoints = Checkpoints()
        self.executed = 0
        self.executing: int | None = None
        self.storing: int | None = None
        self.future: dict[Address, list[Signed]] = {}
        # Clocks, in ticks.
        self.requests = RequestClocks(config.request_ticks, config.requests_max)
        self.ticks = 0
        self.waited = 0
        self.idle = 0
        self.lag = 0
        self.deciding_ticks = 0
        self.failed_views = 0
        self.heard: dict[Address, int] = {}
        self.owing: dict[Address, int] = {}
        self.voted: dict[Address, int] = {}
        self.entered_tick = 0
        self.unheard: frozenset[Address] = frozenset()
        self.view_lasted = 0
        self.asked_ticks = 0
        self.leaving_reason: LeavingReason | None = None
        self.left_tick = 0
        self.answered: dict[Address, int] = {}
        self.alarmed: set[tuple[AlarmKind, int]] = set()
        self.compared: set[int] = set()

    def leave_for(self, view: int) -> None:
        self.view = view
        self.waited = self.view_lasted = self.asked_ticks = 0
        for state in self.states.values():
            state.leave_view(view)
        kept = {digest for state in self.states.values() for digest in self.wanted(state)}
        for digest in [d for d in self.batches if d not in kept]:
            del self.batches[digest]

    def say_position(self) -> None:
        if self.config.address in self.current.validators:
            place = (self.current.number, self.view, self.is_active)
            # Whose store is behind its log's mark may be the only one that has those certificates,
            # and nobody stores a block without its own.
            known = self.lost_certificates if self.is_behind_mark else (self.stable_certificate,)
            for certificate in known:
                self.emit(Broadcast(Position(*place, certificate)))
        elif self._is_leaving and self.stable_certificate is not None:
            # Who leaves serves until the next epoch has a stable block: the others may lack the
            # certificate that its last votes made.
            last = self.stable_certificate.epoch
            self.emit(Broadcast(Position(last, 0, True, self.stable_certificate)))

    @property
    def _is_leaving(self) -> bool:
        """Whether the last set of this replica may still need it."""
        certificate, previous = self.stable_certificate, self.previous_epoch
        if certificate is None or certificate.epoch >= self.current.number:
            return False
        was_member = previous is not None and self.config.address in previous.validators
        return was_member or self.config.address in certificate.signers

    def hear(self, sender: Address, sequence: int) -> None:
        """A vote of a validator came: about a sequence, or 0 for a view."""
        self.heard[sender] = self.ticks
        if sequence > self.voted.get(sender, -1):
            self.voted[sender] = sequence
        self.owing.pop(sender, None)

    @property
    def mark(self) -> Certificate | None:
        """Of the highest block up to which the log was pruned, None if it never was."""
        return self.marks[-1] if self.marks else None

    @property
    def lost_certificates(self) -> tuple[Certificate, ...]:
        """Of blocks that the log knows to be stable and the store has not, the highest first."""
        return tuple(mark for mark in reversed(self.marks) if mark.number > self.stable)

    def remember_certificate(self, certificate: Certificate) -> None:
        """Keep a stored block's certificate until the window has passed it."""
        self.recent[certificate.number] = certificate
        oldest = certificate.number - self.config.window_blocks
        for old in [number for number in self.recent if number <= oldest]:
            del self.recent[old]

    @property
    def is_behind_mark(self) -> bool:
        mark = self.marks[-1] if self.marks else None
        return (
            mark is not None
            and mark.number > self.stable
            and not self.current.voids(mark.epoch, mark.number)
        )

    @property
    def is_behind(self) -> bool:
        highest = self.checkpoints.highest
        return highest is not None and highest.number > self.stable

    @property
    def is_catching_up(self) -> bool:
        """Behind by more than what is on its way: beyond the window, or with no block for ticks.

        A replica in step knows certificates of blocks that it is just about to store.
        """
        highest = self.checkpoints.highest
        if highest is None or highest.number <= self.stable:
            return False
        return (
            highest.number > self.stable + self.config.window_blocks
            or self.idle >= STANDSTILL_TICKS
        )

    @property
    def is_voter(self) -> bool:
        config = self.config
        return (
            config.may_vote
            and self.retired is None
            and not self.is_behind_mark
            and config.address in self.current.validators
        )

    @property
    def is_primary(self) -> bool:
        return self.current.validators.primary(self.view) == self.config.address

    @property
    def number_max(self) -> int:
        """Up to W past the window messages are kept."""
        return self.stable + 2 * self.config.window_blocks

    @property
    def free_from(self) -> int:
        """The first sequence that the present view's primary fills freely."""
        return (
            self.new_view_list.next_sequence if self.new_view_list else self.current.first_sequence
        )

    def is_in_epoch(self, sequence: int) -> bool:
        following = self.next_epoch
        return sequence >= self.current.first_sequence and (
            following is None or sequence < following.first_sequence
        )

    def is_in_window(self, sequence: int) -> bool:
        high = self.stable + self.config.window_blocks
        return self.stable < sequence <= high and self.is_in_epoch(sequence)

    def state(self, sequence: int) -> SequenceState | None:
        """The state of a sequence for which messages are kept, None for any other."""
        if not self.stable < sequence <= self.number_max:
            return None
        state = self.states.get(sequence)
        if state is None:
            state = self.states[sequence] = SequenceState(sequence, self.ticks)
        return state

    def next_sequence(self) -> int:
        """The lowest free sequence above all that this primary ordered in its view."""
        ordered = [
            sequence
            for sequence, state in self.states.items()
            if state.own_vote is not None and state.own_vote.view == self.view
        ]
        return max(self.stable + 1, self.free_from, max(ordered, default=0) + 1)

    def body(self, sequence: int, digest: Hash32) -> Proposal | None:
        body = self.batches.get(digest)
        if body is None:
            null = null_request(
                self.config.suite,
                group=self.config.group,
                epoch=self.current.number,
                sequence=sequence,
            )
            body = null if null.digest == digest else None
        return body

    def wanted(self, state: SequenceState) -> set[Hash32]:
        """Digests whose batches have to be at hand: voted for, accepted, prepared or decided."""
        wanted = set(state.voted_digests)
        wanted.update(d for d in (state.accepted, state.decided) if d is not None)
        if state.prepared is not None:
            wanted.add(state.prepared.digest)
        return wanted

    def persist_batch(self, state: SequenceState, body: Proposal) -> None:
        if not body.is_null and body.digest not in state.voted_digests:
            state.voted_digests.add(body.digest)
            self.persist(BatchEntry(body))

    def persist(self, *entries: LogEntry) -> None:
        if self.is_voter:
            self.emit(Persist(entries))

    def count_towards_compaction(self, steps: int) -> None:
        """So many blocks or view changes were logged; a log that grew long is replaced."""
        if self.is_voter:
            self.since_compact += steps
            if self.since_compact >= max(1, self.config.window_blocks // 2):
                self.since_compact = 0
                self.is_compact_due = True

    def emit(self, effect: Effect) -> None:
        self.out.append(effect)

    def halt(self, reason: str) -> None:
        self.halted = reason
        self.emit(Halt(reason))

    def alarm(self, kind: AlarmKind, number: int, message: str) -> None:
        if (kind, number) not in self.alarmed:
            self.alarmed.add((kind, number))
            self.emit(Alarm(kind, message))

    def alarm_equivocation(self, signed: Signed, message: PrePrepare | Prepare | Commit) -> None:
        self.alarm(
            AlarmKind.EQUIVOCATION,
            message.sequence,
            f"0x{signed.sender.hex()} voted for two digests at sequence {message.sequence} in view "
            f"{message.view}: keep the log, its operator has to look",
        )
