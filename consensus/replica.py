"""The PBFT replica (Castro and Liskov, 1999): a pure state machine, events in, effects out.

`step` is the only way in. Messages it gets are verified, messages it emits are unsigned, and its
own votes count once they come back signed. Counting, lists and clocks are in modules of their own.
"""

from typing import assert_never

from consensus.config import ReplicaConfig
from consensus.core import Core
from consensus.effects import AlarmKind, Compact, Effect, Persist, Synchronise
from consensus.epochs import Epoch
from consensus.events import (
    BatchReceived,
    Event,
    Executed,
    OwnSigned,
    PeerConnected,
    ProposalRefused,
    Propose,
    Received,
    RequestGone,
    RequestWaiting,
    Started,
    Stored,
    Tick,
)
from consensus.execution import Execution
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Position,
    Prepare,
    PrePrepare,
    Signed,
    ViewChange,
)
from consensus.ordering import Ordering
from consensus.progress import Progress
from consensus.recovery import compute_mark
from consensus.restart import Restart
from consensus.sequence_state import keep_vote
from consensus.status import ReplicaStatus, Slot
from consensus.view_changes import ViewChanges
from consensus.views import Views
from ledger.proposal import Proposal
from ledger.values import Address, Hash32


class Replica:
    """One replica of one group, from `Started` until the process ends or it halts."""

    def __init__(self, config: ReplicaConfig) -> None:
        self._core = Core(config)
        self._execution = Execution(self._core)
        self._ordering = Ordering(self._core, self._execution)
        self._views = Views(self._core, self._execution, self._ordering)
        self._progress = Progress(self._core, self._views)
        self._restart = Restart(self._core, self._ordering)

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Take one event; the effects are to be carried out in their order."""
        if self._core.halted is not None:
            return ()
        assert isinstance(event, Started) == (self._core.epoch is None), "Started comes first, once"
        self._core.out = []
        self._dispatch(event)
        if self._core.is_compact_due and not self._core.halted:
            # Last in its step: what replaces the log has to hold what this step logged.
            self._core.is_compact_due = False
            self._core.emit(Compact(self._restart.log_entries()))
        return _merge_persists(self._core.out)

    def proposal_slot(self) -> Slot | None:
        """Where this replica may propose now as the primary, None while it may not.

        It stays the same until `Propose` fills it or the replica moves on.
        """
        return self._ordering.proposal_slot()

    def batch(self, digest: Hash32) -> Proposal | None:
        """A batch above the stable block, to answer a peer's fetch."""
        return self._core.batches.get(digest)

    def open_proposals(self) -> tuple[Proposal, ...]:
        """Proposals above the stable block that may yet become blocks, by sequence.

        Their transactions are in flight; those of proposals that are gone from here are not.
        """
        found = []
        for sequence in sorted(self._core.states):
            state = self._core.states[sequence]
            digest = state.decided or state.accepted or (state.prepared and state.prepared.digest)
            body = self._core.body(sequence, digest) if digest else None
            if body is not None:
                found.append(body)
        return tuple(found)

    def status(self) -> ReplicaStatus:
        """A snapshot for the status page. After `Started` only."""
        epoch = self._core.current
        silent_ticks = self._core.config.view_ticks
        members = epoch.validators.members
        return ReplicaStatus(
            epoch=epoch.number,
            view=self._core.view,
            is_active=self._core.is_active,
            is_voter=self._core.is_voter,
            primary=epoch.validators.primary(self._core.view),
            stable=self._core.stable,
            executed=self._core.executed,
            quorum=epoch.validators.quorum,
            validators=members,
            missing=tuple(
                member
                for member in members
                if member != self._core.config.address
                and self._core.ticks - self._core.heard.get(member, 0) > silent_ticks
            ),
            stalled_ticks=self._core.idle if self._progress.is_work_open() else 0,
            is_behind=self._core.is_behind,
            halted=self._core.halted,
        )

    def _dispatch(self, event: Event) -> None:  # noqa: PLR0912 - the table of events
        match event:
            case Started():
                self._on_started(event)
            case Received(signed):
                self._on_received(signed)
            case OwnSigned(signed):
                self._on_own_signed(signed)
            case Propose(proposal):
                self._ordering.on_propose(proposal)
            case ProposalRefused():
                self._ordering.on_proposal_refused(event)
            case BatchReceived(proposal):
                self._ordering.on_batch(proposal)
            case Executed():
                self._execution.on_executed(event)
            case Stored():
                self._on_stored(event)
            case RequestWaiting(transaction_hash):
                self._core.requests.start(transaction_hash)
            case RequestGone(transaction_hash):
                self._core.requests.stop(transaction_hash)
            case PeerConnected(peer):
                self._core.say_position()
                self._progress.resend_open(peer, age_ticks=0)
            case Tick():
                self._progress.on_tick()
            case _:
                assert_never(event)

    def _on_started(self, event: Started) -> None:
        if event.stable is not None:
            self._core.stable = event.stable.number
            self._core.stable_certificate = event.stable
        self._core.stored_digests[self._core.stable] = event.stable_digest
        self._core.executed = self._core.stable
        self._core.epoch, self._core.next_epoch = _epochs(event.epochs)
        self._core.mark = compute_mark(event.entries)
        self._core.waiting_log = event.entries
        if self._core.is_behind_mark:
            assert self._core.mark is not None
            self._execution.learn(self._core.mark)
            self._core.emit(Synchronise(self._core.mark))
        else:
            self._restart.resume()

    def _on_received(self, signed: Signed) -> None:
        message = signed.message
        if signed.sender == self._core.config.address and self._core.config.may_vote:
            self._check_own_copy(signed)
            return
        self._core.heard[signed.sender] = self._core.ticks
        if isinstance(message, Position):
            self._on_position(signed.sender, message)
            return
        if message.epoch == self._core.current.number + 1:
            self._keep_for_next_epoch(signed)
            return
        if message.epoch != self._core.current.number:
            return
        if isinstance(message, Checkpoint):
            self._execution.on_checkpoint(signed, message)
            return
        if self._core.is_behind_mark:
            return  # votes and views wait until the store has what the log was pruned to
        match message:
            case PrePrepare():
                self._ordering.on_pre_prepare(signed, message)
            case Prepare() | Commit():
                self._ordering.on_vote(signed, message)
            case ViewChange():
                self._views.on_view_change(signed)
            case NewView():
                self._views.on_new_view(signed, message)
            case _:
                assert_never(message)

    def _on_own_signed(self, signed: Signed) -> None:  # noqa: PLR0912 - one case per kind
        message = signed.message
        if message.epoch != self._core.current.number:
            return
        match message:
            case PrePrepare() | Prepare():
                state = self._core.state(message.sequence)
                if state is not None and state.own_vote == message:
                    state.signed_vote = signed
                    if isinstance(message, PrePrepare):
                        state.pre_prepares.setdefault(message.view, signed)
                    keep_vote(state.prepares, signed)
                    self._ordering.advance(state)
            case Commit():
                state = self._core.state(message.sequence)
                if state is not None and state.own_commit == message:
                    state.signed_commit = signed
                    keep_vote(state.commits, signed)
                    self._ordering.advance(state)
            case Checkpoint():
                state = self._core.state(message.number)
                if state is not None and state.own_checkpoint == message:
                    state.signed_checkpoint = signed
                    self._execution.count_checkpoint(signed, message)
            case ViewChange():
                if message == self._core.own_view_change:
                    self._core.signed_view_change = signed
                    self._core.view_changes.keep(signed)
                    self._views.follow_view_changes()
            case NewView():
                if message == self._core.own_new_view and message.view == self._core.view:
                    self._views.enter_view(signed, message)
            case Position():
                pass
            case _:
                assert_never(message)

    def _on_stored(self, event: Stored) -> None:
        certificate = event.certificate
        number = certificate.number
        if number <= self._core.stable:
            return
        state = self._core.states.get(number)
        if state is not None and not self._execution.agrees(state, certificate):
            return
        self._core.stable = number
        self._core.stable_certificate = certificate
        self._core.stored_digests[number] = event.digest
        for old in [
            n for n in self._core.stored_digests if n < number - self._core.config.window_blocks
        ]:
            del self._core.stored_digests[old]
        for old in [n for n in self._core.states if n <= number]:
            del self._core.states[old]
        for digest in [d for d, body in self._core.batches.items() if body.sequence <= number]:
            del self._core.batches[digest]
        self._core.checkpoints.prune(number)
        self._core.executed = max(self._core.executed, number)
        if self._core.executing is not None and self._core.executing <= number:
            self._core.executing = None
        self._core.storing = None
        self._core.alarmed = {(kind, n) for kind, n in self._core.alarmed if n > number}
        self._core.waited = self._core.idle = self._core.lag = 0
        if self._core.is_active:
            self._core.failed_views = max(0, self._core.failed_views - 1)
        self._core.requests.on_block(event.transactions, has_room=event.has_room)
        epoch, self._core.next_epoch = _epochs(event.epochs)
        if epoch.number > self._core.current.number:
            self._enter_epoch(epoch)
        if self._core.waiting_log:
            if self._core.is_behind_mark:
                return
            self._restart.resume()
        self._count_towards_compaction()
        self._ordering.move_window()

    def _on_position(self, sender: Address, message: Position) -> None:
        if message.stable is not None:
            self._execution.learn(message.stable)
        if message.epoch == self._core.current.number:
            self._views.help(sender, message.view, is_active=message.is_active)

    def _enter_epoch(self, epoch: Epoch) -> None:
        """View 0 of a new set: nothing of the old one's views counts any more."""
        assert epoch.first_sequence <= self._core.stable + 1
        self._core.epoch = epoch
        self._core.view = 0
        self._core.is_active = True
        self._core.new_view = self._core.signed_view_change = None
        self._core.own_new_view = self._core.own_view_change = self._core.new_view_list = None
        self._core.view_changes = ViewChanges()
        self._core.states.clear()
        self._core.batches.clear()
        self._core.checkpoints.forget_votes()
        self._core.executed = self._core.stable
        self._core.executing = None
        self._core.failed_views = 0
        self._core.heard = {}
        self._core.since_compact = self._core.config.window_blocks
        waiting, self._core.future = self._core.future, {}
        for _, messages in sorted(waiting.items()):
            for signed in messages:
                self._on_received(signed)

    def _keep_for_next_epoch(self, signed: Signed) -> None:
        kept = self._core.future.setdefault(signed.sender, [])
        if len(kept) < 4 * self._core.config.window_blocks:
            kept.append(signed)

    def _count_towards_compaction(self) -> None:
        if (
            self._core.config.address not in self._core.current.validators
            or not self._core.config.may_vote
        ):
            return
        self._core.since_compact += 1
        if self._core.since_compact >= max(1, self._core.config.window_blocks // 2):
            self._core.since_compact = 0
            self._core.is_compact_due = True

    def _check_own_copy(self, signed: Signed) -> None:
        """A message under our key that we did not send: the key runs twice."""
        message = signed.message
        if message.epoch != self._core.current.number or not self._core.is_voter:
            return
        known: object = message
        match message:
            case PrePrepare() | Prepare() if message.sequence in self._core.states:
                own = self._core.states[message.sequence].own_vote
                known = own if own is None or own.view <= message.view else message
            case Commit() if message.sequence in self._core.states:
                commit = self._core.states[message.sequence].own_commit
                known = commit if commit is None or commit.view <= message.view else message
            case Checkpoint() if message.number in self._core.states:
                known = self._core.states[message.number].own_checkpoint
            case ViewChange() | NewView() if message.view > self._core.view:
                known = None
            case _:
                pass
        if known != message:
            self._core.alarm(
                AlarmKind.KEY_USED_TWICE,
                self._core.stable + 1,
                f"a {type(message).__name__} under this node's key is not its own: the key runs "
                "on two nodes, stop one of them",
            )


def _epochs(epochs: tuple[Epoch, ...]) -> tuple[Epoch, Epoch | None]:
    assert 1 <= len(epochs) <= 2, "the epoch in force, and the next one where it is known"
    return epochs[0], epochs[1] if len(epochs) == 2 else None


def _merge_persists(effects: list[Effect]) -> tuple[Effect, ...]:
    """One sync instead of many: what is logged later in a step may as well be logged first."""
    entries = tuple(e for effect in effects if isinstance(effect, Persist) for e in effect.entries)
    if not entries:
        return tuple(effects)
    return (Persist(entries), *(effect for effect in effects if not isinstance(effect, Persist)))
