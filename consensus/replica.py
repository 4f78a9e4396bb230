"""The PBFT replica (Castro and Liskov, 1999): a pure state machine, events in, effects out.

`step` is the only way in. Messages it gets are verified, messages it emits are unsigned, and its
own votes count once they come back signed. Counting, lists and clocks are in modules of their own.
"""

from typing import assert_never, cast

from consensus.checkpoints import Checkpoints
from consensus.config import ReplicaConfig
from consensus.effects import (
    Alarm,
    AlarmKind,
    Broadcast,
    Compact,
    Effect,
    Execute,
    FetchBatch,
    Forward,
    Halt,
    Persist,
    Resend,
    Stable,
    Synchronise,
)
from consensus.entries import (
    BatchEntry,
    CheckpointEntry,
    LogEntry,
    MarkEntry,
    PreparedEntry,
    ViewEntry,
    VoteEntry,
)
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
from consensus.recovery import compute_mark, recover
from consensus.request_clocks import RequestClocks
from consensus.sequence_state import SequenceState, keep_vote
from consensus.status import ReplicaStatus, Slot
from consensus.view_changes import NewViewList, ViewChanges, compute_new_view_list
from ledger.certificate import Certificate
from ledger.proposal import Proposal, null_request
from ledger.values import Address, Hash32


class Replica:
    """One replica of one group, from `Started` until the process ends or it halts."""

    def __init__(self, config: ReplicaConfig) -> None:
        self._config = config
        self._out: list[Effect] = []
        self._halted: str | None = None
        self._epoch: Epoch | None = None
        self._next_epoch: Epoch | None = None
        self._stable = 0
        self._stable_certificate: Certificate | None = None
        self._stored_digests: dict[int, Hash32] = {}
        self._waiting_log: tuple[LogEntry, ...] = ()
        self._mark: Certificate | None = None
        self._since_compact = 0
        self._is_compact_due = False
        # The view: active, or waiting for its NEW-VIEW.
        self._view = 0
        self._is_active = True
        self._new_view: Signed | None = None
        self._list: NewViewList | None = None
        self._own_new_view: NewView | None = None
        self._own_view_change: ViewChange | None = None
        self._signed_view_change: Signed | None = None
        self._view_changes = ViewChanges()
        # Ordering and execution above the stable block.
        self._states: dict[int, SequenceState] = {}
        self._batches: dict[Hash32, Proposal] = {}
        self._checkpoints = Checkpoints()
        self._executed = 0
        self._executing: int | None = None
        self._storing: int | None = None
        self._future: dict[Address, list[Signed]] = {}
        # Clocks, in ticks.
        self._requests = RequestClocks(config.request_ticks, config.requests_max)
        self._ticks = 0
        self._waited = 0
        self._idle = 0
        self._lag = 0
        self._executing_ticks = 0
        self._failed_views = 0
        self._heard: dict[Address, int] = {}
        self._answered: dict[Address, int] = {}
        self._alarmed: set[tuple[AlarmKind, int]] = set()

    # -- what the driver asks ---------------------------------------------------------------------

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Take one event; the effects are to be carried out in their order."""
        if self._halted is not None:
            return ()
        assert isinstance(event, Started) == (self._epoch is None), "Started comes first, once"
        self._out = []
        self._dispatch(event)
        if self._is_compact_due and not self._halted:
            # Last in its step: what replaces the log has to hold what this step logged.
            self._is_compact_due = False
            self._emit(Compact(self._log_entries()))
        return _merge_persists(self._out)

    def proposal_slot(self) -> Slot | None:
        """Where this replica may propose now as the primary, None while it may not.

        It stays the same until `Propose` fills it or the replica moves on.
        """
        if self._halted or not (self._is_active and self._is_voter and self._is_primary):
            return None
        sequence = self._next_sequence()
        if not self._is_in_window(sequence):
            return None
        is_owed = self._next_epoch is not None or self._idle >= self._config.heartbeat_ticks
        empty_due = is_owed and sequence == self._stable + 1
        return Slot(self._current.number, self._view, sequence, empty_due)

    def batch(self, digest: Hash32) -> Proposal | None:
        """A batch above the stable block, to answer a peer's fetch."""
        return self._batches.get(digest)

    def open_proposals(self) -> tuple[Proposal, ...]:
        """Proposals above the stable block that may yet become blocks, by sequence.

        Their transactions are in flight; those of proposals that are gone from here are not.
        """
        found = []
        for sequence in sorted(self._states):
            state = self._states[sequence]
            digest = state.decided or state.accepted or (state.prepared and state.prepared.digest)
            body = self._body(sequence, digest) if digest else None
            if body is not None:
                found.append(body)
        return tuple(found)

    def status(self) -> ReplicaStatus:
        """A snapshot for the status page. After `Started` only."""
        epoch = self._current
        silent_ticks = self._config.view_ticks
        members = epoch.validators.members
        return ReplicaStatus(
            epoch=epoch.number,
            view=self._view,
            is_active=self._is_active,
            is_voter=self._is_voter,
            primary=epoch.validators.primary(self._view),
            stable=self._stable,
            executed=self._executed,
            quorum=epoch.validators.quorum,
            validators=members,
            missing=tuple(
                member
                for member in members
                if member != self._config.address
                and self._ticks - self._heard.get(member, 0) > silent_ticks
            ),
            stalled_ticks=self._idle if self._is_work_open() else 0,
            is_behind=self._is_behind,
            halted=self._halted,
        )

    # -- events -----------------------------------------------------------------------------------

    def _dispatch(self, event: Event) -> None:  # noqa: PLR0912 - the table of events
        match event:
            case Started():
                self._on_started(event)
            case Received(signed):
                self._on_received(signed)
            case OwnSigned(signed):
                self._on_own_signed(signed)
            case Propose(proposal):
                self._on_propose(proposal)
            case ProposalRefused():
                self._on_proposal_refused(event)
            case BatchReceived(proposal):
                self._on_batch(proposal)
            case Executed():
                self._on_executed(event)
            case Stored():
                self._on_stored(event)
            case RequestWaiting(transaction_hash):
                self._requests.start(transaction_hash)
            case RequestGone(transaction_hash):
                self._requests.stop(transaction_hash)
            case PeerConnected(peer):
                self._say_position()
                self._resend_open(peer, age_ticks=0)
            case Tick():
                self._on_tick()
            case _:
                assert_never(event)

    def _on_started(self, event: Started) -> None:
        if event.stable is not None:
            self._stable = event.stable.number
            self._stable_certificate = event.stable
        self._stored_digests[self._stable] = event.stable_digest
        self._executed = self._stable
        self._epoch, self._next_epoch = _epochs(event.epochs)
        self._mark = compute_mark(event.entries)
        self._waiting_log = event.entries
        if self._is_behind_mark:
            assert self._mark is not None
            self._learn(self._mark)
            self._emit(Synchronise(self._mark))
        else:
            self._resume()

    def _on_received(self, signed: Signed) -> None:
        message = signed.message
        if signed.sender == self._config.address:
            self._check_own_copy(signed)
            return
        self._heard[signed.sender] = self._ticks
        if isinstance(message, Position):
            self._on_position(signed.sender, message)
            return
        if message.epoch == self._current.number + 1:
            self._keep_for_next_epoch(signed)
            return
        if message.epoch != self._current.number:
            return
        if isinstance(message, Checkpoint):
            self._on_checkpoint(signed, message)
            return
        if self._is_behind_mark:
            return  # votes and views wait until the store has what the log was pruned to
        match message:
            case PrePrepare():
                self._on_pre_prepare(signed, message)
            case Prepare() | Commit():
                self._on_vote(signed, message)
            case ViewChange():
                self._on_view_change(signed)
            case NewView():
                self._on_new_view(signed, message)
            case _:
                assert_never(message)

    def _on_own_signed(self, signed: Signed) -> None:  # noqa: PLR0912 - one case per kind
        message = signed.message
        if message.epoch != self._current.number:
            return
        match message:
            case PrePrepare() | Prepare():
                state = self._state(message.sequence)
                if state is not None and state.own_vote == message:
                    state.signed_vote = signed
                    if isinstance(message, PrePrepare):
                        state.pre_prepares.setdefault(message.view, signed)
                    keep_vote(state.prepares, signed)
                    self._advance(state)
            case Commit():
                state = self._state(message.sequence)
                if state is not None and state.own_commit == message:
                    state.signed_commit = signed
                    keep_vote(state.commits, signed)
                    self._advance(state)
            case Checkpoint():
                state = self._state(message.number)
                if state is not None and state.own_checkpoint == message:
                    state.signed_checkpoint = signed
                    self._count_checkpoint(signed, message)
            case ViewChange():
                if message == self._own_view_change:
                    self._signed_view_change = signed
                    self._view_changes.keep(signed)
                    self._follow_view_changes()
            case NewView():
                if message == self._own_new_view and message.view == self._view:
                    self._enter_view(signed, message)
            case Position():
                pass
            case _:
                assert_never(message)

    # -- normal case: PRE-PREPARE, PREPARE, COMMIT ------------------------------------------------

    def _on_propose(self, proposal: Proposal) -> None:
        slot = self.proposal_slot()
        place = (proposal.epoch, proposal.origin_view, proposal.sequence)
        if slot is None or place != (slot.epoch, slot.view, slot.sequence) or proposal.is_null:
            return
        assert proposal.proposer == self._config.address
        assert proposal.group == self._config.group
        state = self._state(proposal.sequence)
        assert state is not None
        self._batches[proposal.digest] = proposal
        state.accepted = proposal.digest
        self._cast_vote(state, proposal)

    def _on_pre_prepare(self, signed: Signed, message: PrePrepare) -> None:
        state = self._state(message.sequence)
        if state is None or not self._view <= message.view <= self._view + 1:
            return
        known = state.pre_prepares.get(message.view)
        if not keep_vote(state.prepares, signed):
            self._alarm_equivocation(signed, message)
            return
        if known is None or cast(PrePrepare, known.message).proposal is None:
            state.pre_prepares[message.view] = signed
        self._advance(state)

    def _on_vote(self, signed: Signed, message: Prepare | Commit) -> None:
        state = self._state(message.sequence)
        if state is None or message.view > self._view + 1:
            return
        if isinstance(message, Commit):
            is_kept = keep_vote(state.commits, signed)
        else:
            if message.view < self._view:
                return
            if signed.sender == self._current.validators.primary(message.view):
                return  # a primary prepares by its PRE-PREPARE
            is_kept = keep_vote(state.prepares, signed)
        if not is_kept:
            self._alarm_equivocation(signed, message)
            return
        self._advance(state)

    def _on_proposal_refused(self, event: ProposalRefused) -> None:
        if (event.epoch, event.view) == (self._current.number, self._view):
            state = self._state(event.sequence)
            if state is not None:
                state.is_refused = True

    def _on_batch(self, proposal: Proposal) -> None:
        state = self._states.get(proposal.sequence)
        if state is None or proposal.digest not in self._wanted(state):
            return
        self._batches[proposal.digest] = proposal
        self._advance(state)
        self._execute_next()

    def _advance(self, state: SequenceState) -> None:
        """Whatever follows from the votes at hand: accept, prepare, commit, decide, execute."""
        if self._halted:
            return
        self._accept(state)
        self._prepare(state)
        self._commit(state)
        self._decide(state)

    def _accept(self, state: SequenceState) -> None:
        if not self._is_active or state.accepted or not self._is_in_window(state.sequence):
            return
        listed = self._list.digest_at(state.sequence) if self._list else None
        signed = state.pre_prepares.get(self._view)
        pre_prepare = None if signed is None else cast(PrePrepare, signed.message)
        digest = listed
        if listed is None and pre_prepare and self._is_fresh(pre_prepare):
            digest = pre_prepare.digest
        if digest is None:
            return
        own = state.own_vote
        if own is not None and own.view == self._view and own.digest != digest:
            return  # voted for another digest in this view: never contradict it
        if state.decided not in (None, digest):
            self._alarm(
                AlarmKind.EQUIVOCATION,
                state.sequence,
                f"the primary of view {self._view} orders {digest.hex()} at {state.sequence}, "
                "where another digest is committed: nothing to do here, its operator has to look",
            )
            return
        state.accepted = digest
        if pre_prepare and pre_prepare.proposal and pre_prepare.digest == digest:
            self._batches.setdefault(digest, pre_prepare.proposal)

    def _is_fresh(self, message: PrePrepare) -> bool:
        """Whether a PRE-PREPARE outside a NEW-VIEW's list is one that a backup accepts."""
        proposal = message.proposal
        return (
            proposal is not None
            and message.sequence >= self._free_from
            and not proposal.is_null
            and proposal.origin_view == self._view
            and proposal.proposer == self._current.validators.primary(self._view)
        )

    def _prepare(self, state: SequenceState) -> None:
        if not (self._is_active and self._is_voter) or state.accepted is None:
            return
        if state.own_vote is not None and state.own_vote.view >= self._view:
            return
        body = self._body(state.sequence, state.accepted)
        if body is None:
            self._emit(FetchBatch(state.sequence, state.accepted))
            return
        self._cast_vote(state, body)

    def _cast_vote(self, state: SequenceState, body: Proposal) -> None:
        """PREPARE, or the primary's PRE-PREPARE, once the batch is synced with it."""
        place = (self._current.number, self._view, state.sequence, body.digest)
        vote: PrePrepare | Prepare = Prepare(*place)
        if self._is_primary:
            vote = PrePrepare(*place, proposal=body)
        self._persist_batch(state, body)
        self._persist(VoteEntry(_without_body(vote)))
        state.own_vote = vote
        state.signed_vote = None
        self._emit(Broadcast(vote))

    def _commit(self, state: SequenceState) -> None:
        if not (self._is_active and self._is_voter) or state.accepted is None:
            return
        own = state.own_vote
        if own is None or (own.view, own.digest) != (self._view, state.accepted):
            return
        if state.own_commit is not None and state.own_commit.view >= self._view:
            return
        epoch = self._current
        certificate = state.prepared_certificate(
            epoch.validators, epoch.number, self._view, state.accepted
        )
        if certificate is None:
            return
        state.prepared = certificate
        state.own_commit = Commit(epoch.number, self._view, state.sequence, state.accepted)
        state.signed_commit = None
        self._persist(PreparedEntry(certificate), VoteEntry(state.own_commit))
        self._emit(Broadcast(state.own_commit))

    def _decide(self, state: SequenceState) -> None:
        digest = state.committed_digest(self._current.validators)
        if digest is None:
            return
        if state.decided is None:
            state.decided = digest
            self._execute_next()
        elif state.decided != digest:
            self._halt(
                f"sequence {state.sequence} is committed as {digest.hex()} and as "
                f"{state.decided.hex()}: more than f replicas lie or share a key"
            )

    # -- execution and checkpoints ----------------------------------------------------------------

    def _execute_next(self) -> None:
        state = self._states.get(self._executed + 1)
        if self._halted or self._executing is not None or state is None or state.decided is None:
            return
        body = self._body(state.sequence, state.decided)
        if body is None:
            self._emit(FetchBatch(state.sequence, state.decided))
            return
        self._executing = state.sequence
        self._executing_ticks = 0
        self._emit(Execute(body))

    def _on_executed(self, event: Executed) -> None:
        if event.sequence != self._executing:
            return  # catching up went beyond it
        state = self._states[event.sequence]
        assert state.decided == event.digest
        own = state.own_checkpoint
        if own is not None and own.header_hash != event.header_hash:
            self._halt(
                f"block {event.sequence} came to header {event.header_hash.hex()}, but this node "
                f"signed {own.header_hash.hex()}: its engine or its state is damaged; remove the "
                "store and let it catch up, or look for a difference of versions"
            )
            return
        self._executing = None
        self._executed = event.sequence
        state.header_hash = event.header_hash
        if self._is_voter and own is None:
            body = self._body(state.sequence, event.digest)
            assert body is not None
            checkpoint = Checkpoint(self._current.number, event.sequence, event.header_hash)
            state.own_checkpoint = checkpoint
            self._persist_batch(state, body)
            self._persist(CheckpointEntry(checkpoint, event.digest))
            self._emit(Broadcast(checkpoint))
        self._certify_next()
        self._execute_next()

    def _on_checkpoint(self, signed: Signed, message: Checkpoint) -> None:
        if not self._stable < message.number <= self._number_max or not self._is_in_epoch(
            message.number
        ):
            return
        said = self._checkpoints.said(message.number, signed.sender)
        if said is not None and said != message.header_hash:
            self._alarm(
                AlarmKind.EQUIVOCATION,
                message.number,
                f"0x{signed.sender.hex()} signed two headers of block {message.number}",
            )
            return
        self._count_checkpoint(signed, message)

    def _count_checkpoint(self, signed: Signed, message: Checkpoint) -> None:
        validators = self._current.validators
        certificate = self._checkpoints.keep(signed, validators)
        if certificate is not None:
            self._learn(certificate)
            return
        sides = self._checkpoints.difference(message.number, validators)
        if sides:
            told = "; ".join(
                f"{header.hex()} by {', '.join('0x' + sender.hex() for sender in senders)}"
                for header, senders in sorted(sides.items())
            )
            self._alarm(
                AlarmKind.CHECKPOINTS_DIFFER,
                message.number,
                f"no header of block {message.number} can reach a quorum: {told}; compare the "
                "blocks' fields, and open a recovery epoch",
            )

    def _learn(self, certificate: Certificate) -> None:
        """Take note of a verified certificate."""
        if certificate.number <= self._stable:
            return
        is_higher = (
            self._checkpoints.highest is None
            or self._checkpoints.highest.number < certificate.number
        )
        self._checkpoints.learn(certificate, self._number_max)
        state = self._states.get(certificate.number)
        if state is not None and not self._agrees(state, certificate):
            return
        if is_higher:
            self._waited = 0  # the others make progress: nothing to complain of
            if certificate.number > self._stable + self._config.window_blocks:
                self._emit(Synchronise(certificate))
        self._certify_next()

    def _agrees(self, state: SequenceState, certificate: Certificate) -> bool:
        signed = state.own_checkpoint.header_hash if state.own_checkpoint else state.header_hash
        if signed is None or signed == certificate.header_hash:
            return True
        signers = ", ".join("0x" + signer.hex() for signer in certificate.signers)
        self._halt(
            f"block {certificate.number} is certified with header {certificate.header_hash.hex()} "
            f"by {signers}; this node came to {signed.hex()}: compare the blocks' fields"
        )
        return False

    def _certify_next(self) -> None:
        """Have the block after the stable one stored, once it is executed and certified."""
        number = self._stable + 1
        certificate = self._checkpoints.certificate(number)
        if self._halted or self._executed < number or certificate is None:
            return
        if self._storing == number or not self._agrees(self._states[number], certificate):
            return
        self._storing = number
        self._emit(Stable(certificate))

    def _on_stored(self, event: Stored) -> None:
        certificate = event.certificate
        number = certificate.number
        if number <= self._stable:
            return
        state = self._states.get(number)
        if state is not None and not self._agrees(state, certificate):
            return
        self._stable = number
        self._stable_certificate = certificate
        self._stored_digests[number] = event.digest
        for old in [n for n in self._stored_digests if n < number - self._config.window_blocks]:
            del self._stored_digests[old]
        for old in [n for n in self._states if n <= number]:
            del self._states[old]
        for digest in [d for d, body in self._batches.items() if body.sequence <= number]:
            del self._batches[digest]
        self._checkpoints.prune(number)
        self._executed = max(self._executed, number)
        if self._executing is not None and self._executing <= number:
            self._executing = None
        self._storing = None
        self._alarmed = {(kind, n) for kind, n in self._alarmed if n > number}
        self._waited = self._idle = self._lag = 0
        if self._is_active:
            self._failed_views = max(0, self._failed_views - 1)
        self._requests.on_block(event.transactions, has_room=event.has_room)
        epoch, self._next_epoch = _epochs(event.epochs)
        if epoch.number > self._current.number:
            self._enter_epoch(epoch)
        if self._waiting_log:
            if self._is_behind_mark:
                return
            self._resume()
        self._count_towards_compaction()
        self._move_window()

    def _move_window(self) -> None:
        for listed in self._listed_sequences():
            self._state(listed)
        for sequence in sorted(self._states):
            self._advance(self._states[sequence])
        self._certify_next()
        self._execute_next()

    # -- view changes -----------------------------------------------------------------------------

    def _start_view_change(self, view: int, reason: str) -> None:
        """Leave all views below `view`, for good."""
        if not self._is_voter or self._halted:
            return
        assert view > self._view
        self._leave_for(view)
        self._is_active = False
        self._new_view = None
        self._list = None
        self._failed_views += 1
        prepared = tuple(
            state.prepared
            for sequence, state in sorted(self._states.items())
            if state.prepared is not None and sequence <= self._stable + self._config.window_blocks
        )
        message = ViewChange(self._current.number, view, self._stable_certificate, prepared)
        self._own_view_change = message
        self._signed_view_change = None
        self._alarm(AlarmKind.VIEW_CHANGE, view, f"leaving for view {view}: {reason}")
        self._persist(VoteEntry(message))
        self._emit(Broadcast(message))

    def _leave_for(self, view: int) -> None:
        self._view = view
        self._waited = 0
        for state in self._states.values():
            state.leave_view(view)
        kept = {digest for state in self._states.values() for digest in self._wanted(state)}
        for digest in [d for d in self._batches if d not in kept]:
            del self._batches[digest]

    def _on_view_change(self, signed: Signed) -> None:
        self._view_changes.keep(signed)
        self._follow_view_changes()
        if self._is_active:
            message = cast(ViewChange, signed.message)
            self._help(signed.sender, message.view, is_active=False)

    def _follow_view_changes(self) -> None:
        target = self._view_changes.pull_up(self._view, self._current.validators.f)
        if target is not None:
            self._start_view_change(target, "f + 1 replicas left for it or higher")
        self._open_view()

    def _open_view(self) -> None:
        """As the primary of the view that this replica waits for, send its NEW-VIEW once."""
        if self._is_active or not (self._is_voter and self._is_primary) or self._halted:
            return
        if self._own_new_view is not None and self._own_new_view.view >= self._view:
            return
        quorum = self._current.validators.quorum
        view_changes = self._view_changes.exactly(self._view)
        if len(view_changes) < quorum or self._signed_view_change not in view_changes:
            return
        chosen = tuple(view_changes[:quorum])
        found = self._compute_list(chosen)
        self._own_new_view = NewView(
            self._current.number, self._view, chosen, found.first_sequence, found.digests
        )
        self._persist(VoteEntry(self._own_new_view))
        self._emit(Broadcast(self._own_new_view))

    def _on_new_view(self, signed: Signed, message: NewView) -> None:
        if message.view < self._view or (message.view == self._view and self._is_active):
            return
        if not self._is_derived(message):
            self._alarm(
                AlarmKind.EQUIVOCATION,
                self._stable + 1,
                f"0x{signed.sender.hex()} sent a NEW-VIEW({message.view}) whose list does not "
                "follow from its VIEW-CHANGE messages: refused",
            )
            return
        self._enter_view(signed, message)

    def _is_derived(self, message: NewView) -> bool:
        """Whether a NEW-VIEW's list follows from the VIEW-CHANGE messages in it."""
        found = self._compute_list(message.view_changes)
        return (found.first_sequence, found.digests) == (message.first_sequence, message.digests)

    def _enter_view(self, signed: Signed, message: NewView) -> None:
        found = _list_of(message)
        if not self._check_list(found, message.view):
            return
        self._persist(ViewEntry(signed))
        self._leave_for(message.view)
        self._is_active = True
        self._new_view = signed
        self._list = found
        self._requests.restart()
        for item in message.view_changes:
            stable = cast(ViewChange, item.message).stable
            if stable is not None:
                self._learn(stable)
        self._move_window()

    def _check_list(self, found: NewViewList, view: int) -> bool:
        """Halts where a list contradicts what is executed, committed or stable here."""
        for sequence in range(found.first_sequence, found.next_sequence):
            state = self._states.get(sequence)
            here = state.decided if state else self._stored_digests.get(sequence)
            if here not in (None, found.digest_at(sequence)):
                self._halt(
                    f"NEW-VIEW({view}) lists another digest at {sequence} than is committed here: "
                    "more than f replicas lie or lost their logs"
                )
                return False
        return True

    def _compute_list(self, view_changes: tuple[Signed, ...]) -> NewViewList:
        return compute_new_view_list(
            self._config.suite, self._config.group, self._current.number, view_changes
        )

    def _listed_sequences(self) -> range:
        if self._list is None:
            return range(0)
        return range(self._list.first_sequence, self._list.next_sequence)

    # -- ticks and repetition ---------------------------------------------------------------------

    def _on_tick(self) -> None:
        config = self._config
        self._ticks += 1
        self._idle += 1
        is_paused = False
        if self._executing is not None:
            self._executing_ticks += 1
            is_paused = self._executing_ticks <= config.execution_ticks_max
        if self._is_behind:
            self._catch_up(is_paused=is_paused)
        elif not is_paused and self._is_voter:
            self._watch_view()
        if self._ticks % config.resend_ticks == 0:
            self._repeat()

    def _watch_view(self) -> None:
        """Complain of a primary, or leave a view that does not open, when its time is over."""
        if self._is_active:
            forward, is_overdue = self._requests.tick()
            primary = self._current.validators.primary(self._view)
            for transaction_hash in forward:
                self._emit(Forward(transaction_hash, primary))
            self._waited = self._waited + 1 if self._is_work_open() else 0
            if is_overdue:
                self._start_view_change(self._view + 1, "a transaction waited too long")
            elif self._waited >= self._view_ticks:
                self._start_view_change(self._view + 1, "no progress")
        elif self._view_changes.count_from(self._view) >= self._current.validators.quorum:
            self._waited += 1
            if self._waited >= self._view_ticks:
                self._start_view_change(self._view + 1, "its NEW-VIEW did not come")

    @property
    def _view_ticks(self) -> int:
        """The present time-out: doubled by each failed view, up to the cap."""
        doublings = min(self._failed_views, self._config.view_ticks_max.bit_length())
        return min(self._config.view_ticks << doublings, self._config.view_ticks_max)

    def _is_work_open(self) -> bool:
        """What counts as a request beside transactions (rule 6)."""
        if self._next_epoch is not None or self._idle >= self._config.heartbeat_ticks:
            return True
        f = self._current.validators.f
        return any(
            state.accepted
            or state.decided
            or state.prepared
            or state.is_refused
            or self._view in state.pre_prepares
            or len(state.voters_in(self._view)) > f
            for state in self._states.values()
        )

    def _catch_up(self, *, is_paused: bool) -> None:
        if is_paused:
            return
        self._lag += 1
        if self._lag >= self._config.lag_ticks:
            self._lag = 0
            assert self._checkpoints.highest is not None
            self._emit(Synchronise(self._checkpoints.highest))

    def _repeat(self) -> None:
        """The capped tick of rule 7: where I stand, what is open, what I lack."""
        self._say_position()
        self._resend_open(None, age_ticks=self._config.resend_ticks)
        for sequence, state in sorted(self._states.items()):
            digest = state.decided or (state.accepted if self._is_voter else None)
            if digest is not None and self._body(sequence, digest) is None:
                self._emit(FetchBatch(sequence, digest))

    def _resend_open(self, to: Address | None, *, age_ticks: int) -> None:
        if self._signed_view_change is not None and not self._is_active:
            self._emit(Resend(self._signed_view_change, to))
        if self._is_active and self._new_view is not None and to is not None:
            self._emit(Resend(self._new_view, to))
        for _, state in sorted(self._states.items()):
            if self._ticks - state.opened_tick < age_ticks:
                continue
            for signed in (state.signed_vote, state.signed_commit, state.signed_checkpoint):
                if signed is None:
                    continue
                message = signed.message
                if isinstance(message, Checkpoint) or (
                    self._is_active and cast(Prepare, message).view == self._view
                ):
                    self._emit(Resend(signed, to))

    def _on_position(self, sender: Address, message: Position) -> None:
        if message.stable is not None:
            self._learn(message.stable)
        if message.epoch == self._current.number:
            self._help(sender, message.view, is_active=message.is_active)

    def _help(self, peer: Address, view: int, *, is_active: bool) -> None:
        """Relay the NEW-VIEW to a peer that has not got it, once in a resend interval."""
        if not self._is_active or self._new_view is None:
            return
        if view > self._view or (view == self._view and is_active):
            return
        if self._ticks - self._answered.get(peer, -self._config.resend_ticks) < (
            self._config.resend_ticks
        ):
            return
        self._answered[peer] = self._ticks
        self._emit(Resend(self._new_view, peer))

    def _say_position(self) -> None:
        if self._config.address in self._current.validators:
            place = (self._current.number, self._view, self._is_active)
            self._emit(Broadcast(Position(*place, self._stable_certificate)))

    # -- epochs, the log, restarts ----------------------------------------------------------------

    def _enter_epoch(self, epoch: Epoch) -> None:
        """View 0 of a new set: nothing of the old one's views counts any more."""
        assert epoch.first_sequence <= self._stable + 1
        self._epoch = epoch
        self._view = 0
        self._is_active = True
        self._new_view = self._signed_view_change = None
        self._own_new_view = self._own_view_change = self._list = None
        self._view_changes = ViewChanges()
        self._states.clear()
        self._batches.clear()
        self._checkpoints.forget_votes()
        self._executed = self._stable
        self._executing = None
        self._failed_views = 0
        self._heard = {}
        self._since_compact = self._config.window_blocks
        waiting, self._future = self._future, {}
        for _, messages in sorted(waiting.items()):
            for signed in messages:
                self._on_received(signed)

    def _keep_for_next_epoch(self, signed: Signed) -> None:
        kept = self._future.setdefault(signed.sender, [])
        if len(kept) < 4 * self._config.window_blocks:
            kept.append(signed)

    def _resume(self) -> None:
        """Take up what the log says: votes, locks and view, and say the votes again."""
        epoch = self._current
        found = recover(self._waiting_log, epoch=epoch.number, stable=self._stable)
        self._waiting_log = ()
        self._batches.update(found.batches)
        for sequence in {*found.votes, *found.commits, *found.prepared, *found.checkpoints}:
            state = self._state(sequence)
            assert state is not None, "the log reaches beyond the window"
            state.own_vote = found.votes.get(sequence)
            state.own_commit = found.commits.get(sequence)
            state.prepared = found.prepared.get(sequence)
            checkpoint = found.checkpoints.get(sequence)
            if checkpoint is not None:
                state.own_checkpoint = checkpoint.message
                state.decided = checkpoint.digest
        for batch in found.batches.values():
            state = self._state(batch.sequence)
            if state is not None:
                state.voted_digests.add(batch.digest)
        if found.entered is not None:
            new_view = cast(NewView, found.entered.message)
            self._view = new_view.view
            self._new_view = found.entered
            self._list = _list_of(new_view)
        self._own_new_view = found.own_new_view
        view_change = found.view_change
        if view_change is not None and view_change.view > self._view:
            self._view = view_change.view
            self._is_active = False
            self._new_view = None
            self._list = None
        self._own_view_change = view_change
        if self._is_voter:
            self._say_again()
        self._say_position()
        self._move_window()

    def _say_again(self) -> None:
        if not self._is_active and self._own_view_change is not None:
            self._emit(Broadcast(self._own_view_change))
            if self._own_new_view is not None and self._own_new_view.view == self._view:
                self._emit(Broadcast(self._own_new_view))
        for _, state in sorted(self._states.items()):
            vote, commit = state.own_vote, state.own_commit
            if self._is_active and vote is not None and vote.view == self._view:
                state.accepted = vote.digest
                if isinstance(vote, PrePrepare):
                    body = self._body(state.sequence, vote.digest)
                    assert body is not None, "a vote is logged with its batch"
                    vote = state.own_vote = PrePrepare(
                        vote.epoch, vote.view, vote.sequence, vote.digest, proposal=body
                    )
                self._emit(Broadcast(vote))
            if self._is_active and commit is not None and commit.view == self._view:
                self._emit(Broadcast(commit))
            if state.own_checkpoint is not None:
                self._emit(Broadcast(state.own_checkpoint))

    def _count_towards_compaction(self) -> None:
        if self._config.address not in self._current.validators or not self._config.may_vote:
            return
        self._since_compact += 1
        if self._since_compact >= max(1, self._config.window_blocks // 2):
            self._since_compact = 0
            self._is_compact_due = True

    def _log_entries(self) -> tuple[LogEntry, ...]:
        """All that a restart from the present store would need."""
        entries: list[LogEntry] = []
        if self._stable_certificate is not None:
            entries.append(MarkEntry(self._stable_certificate))
        if self._is_active and self._new_view is not None:
            entries.append(ViewEntry(self._new_view))
        if self._own_view_change is not None:
            entries.append(VoteEntry(self._own_view_change))
        if self._own_new_view is not None:
            entries.append(VoteEntry(self._own_new_view))
        for _, state in sorted(self._states.items()):
            entries.extend(BatchEntry(self._batches[d]) for d in sorted(state.voted_digests))
            if state.prepared is not None:
                entries.append(PreparedEntry(state.prepared))
            if state.own_vote is not None:
                entries.append(VoteEntry(_without_body(state.own_vote)))
            if state.own_commit is not None:
                entries.append(VoteEntry(state.own_commit))
            if state.own_checkpoint is not None:
                assert state.decided is not None
                entries.append(CheckpointEntry(state.own_checkpoint, state.decided))
        return tuple(entries)

    # -- small questions --------------------------------------------------------------------------

    @property
    def _current(self) -> Epoch:
        assert self._epoch is not None
        return self._epoch

    @property
    def _is_behind_mark(self) -> bool:
        return self._mark is not None and self._mark.number > self._stable

    @property
    def _is_behind(self) -> bool:
        highest = self._checkpoints.highest
        return highest is not None and highest.number > self._stable

    @property
    def _is_voter(self) -> bool:
        return (
            self._config.may_vote
            and not self._is_behind_mark
            and self._config.address in self._current.validators
        )

    @property
    def _is_primary(self) -> bool:
        return self._current.validators.primary(self._view) == self._config.address

    @property
    def _number_max(self) -> int:
        """Up to W past the window messages are kept."""
        return self._stable + 2 * self._config.window_blocks

    @property
    def _free_from(self) -> int:
        """The first sequence that the present view's primary fills freely."""
        return self._list.next_sequence if self._list else self._current.first_sequence

    def _is_in_epoch(self, sequence: int) -> bool:
        following = self._next_epoch
        return sequence >= self._current.first_sequence and (
            following is None or sequence < following.first_sequence
        )

    def _is_in_window(self, sequence: int) -> bool:
        high = self._stable + self._config.window_blocks
        return self._stable < sequence <= high and self._is_in_epoch(sequence)

    def _state(self, sequence: int) -> SequenceState | None:
        """The state of a sequence for which messages are kept, None for any other."""
        if not self._stable < sequence <= self._number_max:
            return None
        state = self._states.get(sequence)
        if state is None:
            state = self._states[sequence] = SequenceState(sequence, self._ticks)
        return state

    def _next_sequence(self) -> int:
        """The lowest free sequence above all that this primary ordered in its view."""
        ordered = [
            sequence
            for sequence, state in self._states.items()
            if state.own_vote is not None and state.own_vote.view == self._view
        ]
        return max(self._stable + 1, self._free_from, max(ordered, default=0) + 1)

    def _body(self, sequence: int, digest: Hash32) -> Proposal | None:
        body = self._batches.get(digest)
        if body is None:
            null = null_request(
                self._config.suite,
                group=self._config.group,
                epoch=self._current.number,
                sequence=sequence,
            )
            body = null if null.digest == digest else None
        return body

    def _wanted(self, state: SequenceState) -> set[Hash32]:
        """Digests whose batches have to be at hand: voted for, accepted, prepared or decided."""
        wanted = set(state.voted_digests)
        wanted.update(d for d in (state.accepted, state.decided) if d is not None)
        if state.prepared is not None:
            wanted.add(state.prepared.digest)
        return wanted

    def _persist_batch(self, state: SequenceState, body: Proposal) -> None:
        if not body.is_null and body.digest not in state.voted_digests:
            state.voted_digests.add(body.digest)
            self._persist(BatchEntry(body))

    def _persist(self, *entries: LogEntry) -> None:
        if self._is_voter:
            self._emit(Persist(entries))

    def _emit(self, effect: Effect) -> None:
        self._out.append(effect)

    def _halt(self, reason: str) -> None:
        self._halted = reason
        self._emit(Halt(reason))

    def _alarm(self, kind: AlarmKind, number: int, message: str) -> None:
        if (kind, number) not in self._alarmed:
            self._alarmed.add((kind, number))
            self._emit(Alarm(kind, message))

    def _alarm_equivocation(self, signed: Signed, message: PrePrepare | Prepare | Commit) -> None:
        self._alarm(
            AlarmKind.EQUIVOCATION,
            message.sequence,
            f"0x{signed.sender.hex()} voted for two digests at sequence {message.sequence} in view "
            f"{message.view}: keep the log, its operator has to look",
        )

    def _check_own_copy(self, signed: Signed) -> None:
        """A message under our key that we did not send: the key runs twice."""
        message = signed.message
        if message.epoch != self._current.number or not self._is_voter:
            return
        known: object = message
        match message:
            case PrePrepare() | Prepare() if message.sequence in self._states:
                own = self._states[message.sequence].own_vote
                known = own if own is None or own.view <= message.view else message
            case Commit() if message.sequence in self._states:
                commit = self._states[message.sequence].own_commit
                known = commit if commit is None or commit.view <= message.view else message
            case Checkpoint() if message.number in self._states:
                known = self._states[message.number].own_checkpoint
            case ViewChange() | NewView() if message.view > self._view:
                known = None
            case _:
                pass
        if known != message:
            self._alarm(
                AlarmKind.KEY_USED_TWICE,
                self._stable + 1,
                f"a {type(message).__name__} under this node's key is not its own: the key runs "
                "on two nodes, stop one of them",
            )


def _epochs(epochs: tuple[Epoch, ...]) -> tuple[Epoch, Epoch | None]:
    assert 1 <= len(epochs) <= 2, "the epoch in force, and the next one where it is known"
    return epochs[0], epochs[1] if len(epochs) == 2 else None


def _list_of(message: NewView) -> NewViewList:
    return NewViewList(message.first_sequence, message.digests)


def _without_body(vote: PrePrepare | Prepare) -> PrePrepare | Prepare:
    if isinstance(vote, PrePrepare):
        return PrePrepare(vote.epoch, vote.view, vote.sequence, vote.digest)
    return vote


def _merge_persists(effects: list[Effect]) -> tuple[Effect, ...]:
    """One sync instead of many: what is logged later in a step may as well be logged first."""
    entries = tuple(e for effect in effects if isinstance(effect, Persist) for e in effect.entries)
    if not entries:
        return tuple(effects)
    return (Persist(entries), *(effect for effect in effects if not isinstance(effect, Persist)))
