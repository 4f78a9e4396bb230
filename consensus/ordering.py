"""The normal case: PRE-PREPARE, PREPARE, COMMIT, and what is decided by them (rules 2 and 11).

What comes after a decision is `execution`'s; which view it is, `views`'.
"""

from typing import cast

from consensus.core import Core
from consensus.effects import AlarmKind, Broadcast, FetchBatch
from consensus.entries import PreparedEntry, VoteEntry
from consensus.events import ProposalRefused
from consensus.execution import Execution
from consensus.messages import Commit, Prepare, PrePrepare, Signed, without_body
from consensus.sequence_state import SequenceState, keep_vote
from consensus.status import Slot
from ledger.proposal import Proposal


class Ordering:
    """Casts and counts votes in the present view."""

    def __init__(self, core: Core, execution: Execution) -> None:
        self._core = core
        self._execution = execution

    def proposal_slot(self) -> Slot | None:
        """The place that the primary may fill now, None while there is none."""
        core = self._core
        if core.halted or not (core.is_active and core.is_primary and core.is_voter):
            return None
        sequence = self._core.next_sequence()
        highest = self._core.checkpoints.highest
        if highest is not None and highest.number >= sequence:
            return None  # others are beyond it
        if not self._core.is_in_window(sequence):
            return None
        is_owed = (
            self._core.next_epoch is not None
            or self._core.idle >= self._core.config.heartbeat_ticks
        )
        empty_due = is_owed and sequence == self._core.stable + 1
        return Slot(self._core.current.number, self._core.view, sequence, empty_due)

    def on_propose(self, proposal: Proposal) -> None:
        slot = self.proposal_slot()
        place = (proposal.epoch, proposal.origin_view, proposal.sequence)
        if slot is None or place != (slot.epoch, slot.view, slot.sequence) or proposal.is_null:
            return
        assert proposal.proposer == self._core.config.address
        assert proposal.group == self._core.config.group
        state = self._core.state(proposal.sequence)
        assert state is not None
        self._core.batches[proposal.digest] = proposal
        state.accepted = proposal.digest
        self._cast_vote(state, proposal)

    def on_pre_prepare(self, signed: Signed, message: PrePrepare) -> None:
        state = self._core.state(message.sequence)
        if state is None or not self._core.view <= message.view <= self._core.view + 1:
            return
        known = state.pre_prepares.get(message.view)
        if not keep_vote(state.prepares, signed):
            self._core.alarm_equivocation(signed, message)
            return
        if known is None or cast(PrePrepare, known.message).proposal is None:
            state.pre_prepares[message.view] = signed
        self.advance(state)

    def on_prepare(self, signed: Signed, message: Prepare) -> None:
        core = self._core
        state = core.state(message.sequence)
        if state is None or not core.view <= message.view <= core.view + 1:
            return
        if signed.sender == core.current.validators.primary(message.view):
            return  # a primary prepares by its PRE-PREPARE
        if keep_vote(state.prepares, signed):
            self._commit(state)
        else:
            core.alarm_equivocation(signed, message)

    def on_commit(self, signed: Signed, message: Commit) -> None:
        """Of any view: a quorum is evidence for whoever missed the way there, and a liar's absurd
        view spoils nothing but its own place."""
        state = self._core.state(message.sequence)
        if state is None:
            return
        if not keep_vote(state.commits, signed):
            self._core.alarm_equivocation(signed, message)
        elif message.digest != state.decided:
            self._decide(state)

    def on_proposal_refused(self, event: ProposalRefused) -> None:
        if (event.epoch, event.view) == (self._core.current.number, self._core.view):
            state = self._core.state(event.sequence)
            if state is not None:
                state.is_refused = True

    def on_batch(self, proposal: Proposal) -> None:
        state = self._core.states.get(proposal.sequence)
        if state is None or proposal.digest not in self._core.wanted(state):
            return
        self._core.batches[proposal.digest] = proposal
        self.advance(state)
        self._execution.execute_next()

    def advance(self, state: SequenceState) -> None:
        """Whatever follows from the votes at hand: accept, prepare, commit, decide, execute."""
        if self._core.halted:
            return
        self._accept(state)
        self._prepare(state)
        self._commit(state)
        self._decide(state)

    def _accept(self, state: SequenceState) -> None:
        if (
            not self._core.is_active
            or state.accepted
            or not self._core.is_in_window(state.sequence)
        ):
            return
        listed = (
            self._core.new_view_list.digest_at(state.sequence) if self._core.new_view_list else None
        )
        signed = state.pre_prepares.get(self._core.view)
        pre_prepare = None if signed is None else cast(PrePrepare, signed.message)
        digest = listed
        if listed is None and pre_prepare and self._is_fresh(pre_prepare):
            digest = pre_prepare.digest
        if digest is None:
            return
        own = state.own_vote
        if own is not None and own.view == self._core.view and own.digest != digest:
            return  # voted for another digest in this view: never contradict it
        if state.decided not in (None, digest):
            self._core.alarm(
                AlarmKind.EQUIVOCATION,
                state.sequence,
                f"the primary of view {self._core.view} orders {digest.hex()} at {state.sequence}, "
                "where another digest is committed: nothing to do here, its operator has to look",
            )
            return
        state.accepted = digest
        if pre_prepare and pre_prepare.proposal and pre_prepare.digest == digest:
            self._core.batches.setdefault(digest, pre_prepare.proposal)

    def _is_fresh(self, message: PrePrepare) -> bool:
        """Whether a PRE-PREPARE outside a NEW-VIEW's list is one that a backup accepts."""
        proposal = message.proposal
        return (
            proposal is not None
            and message.sequence >= self._core.free_from
            and not proposal.is_null
            and proposal.origin_view == self._core.view
            and proposal.proposer == self._core.current.validators.primary(self._core.view)
        )

    def _prepare(self, state: SequenceState) -> None:
        if not (self._core.is_active and self._core.is_voter) or state.accepted is None:
            return
        if state.own_vote is not None and state.own_vote.view >= self._core.view:
            return
        body = self._core.body(state.sequence, state.accepted)
        if body is None:
            self._core.emit(FetchBatch(state.sequence, state.accepted))
            return
        self._cast_vote(state, body)

    def _cast_vote(self, state: SequenceState, body: Proposal) -> None:
        """PREPARE, or the primary's PRE-PREPARE, once the batch is synced with it."""
        place = (self._core.current.number, self._core.view, state.sequence, body.digest)
        vote: PrePrepare | Prepare = Prepare(*place)
        if self._core.is_primary:
            vote = PrePrepare(*place, proposal=body)
        self._core.persist_batch(state, body)
        self._core.persist(VoteEntry(without_body(vote)))
        state.own_vote = vote
        state.signed_vote = None
        self._core.emit(Broadcast(vote))

    def _commit(self, state: SequenceState) -> None:
        if state.accepted is None or not (self._core.is_active and self._core.is_voter):
            return
        own = state.own_vote
        if own is None or (own.view, own.digest) != (self._core.view, state.accepted):
            return
        if state.own_commit is not None and state.own_commit.view >= self._core.view:
            return
        epoch = self._core.current
        certificate = state.prepared_certificate(
            epoch.validators, epoch.number, self._core.view, state.accepted
        )
        if certificate is None:
            return
        state.prepared = certificate
        state.own_commit = Commit(epoch.number, self._core.view, state.sequence, state.accepted)
        state.signed_commit = None
        self._core.persist(PreparedEntry(certificate), VoteEntry(state.own_commit))
        self._core.emit(Broadcast(state.own_commit))

    def _decide(self, state: SequenceState) -> None:
        digest = state.committed_digest(self._core.current.validators)
        if digest is None:
            return
        if state.decided is None:
            state.decided = digest
            self._execution.execute_next()
        elif state.decided != digest:
            self._core.halt(
                f"sequence {state.sequence} is committed as {digest.hex()} and as "
                f"{state.decided.hex()}: more than f replicas lie or share a key"
            )

    def move_window(self) -> None:
        for listed in self._listed_sequences():
            self._core.state(listed)
        for sequence in sorted(self._core.states):
            self.advance(self._core.states[sequence])
        self._execution.certify_next()
        self._execution.execute_next()

    def _listed_sequences(self) -> range:
        if self._core.new_view_list is None:
            return range(0)
        return range(
            self._core.new_view_list.first_sequence, self._core.new_view_list.next_sequence
        )
