"""Between the log and the replica: take up what it says, and list what it has to hold (rule 4)."""

from typing import cast

from consensus.core import Core
from consensus.effects import Broadcast
from consensus.entries import (
    BatchEntry,
    CheckpointEntry,
    LogEntry,
    MarkEntry,
    PreparedEntry,
    ViewEntry,
    VoteEntry,
    epoch_of,
)
from consensus.messages import NewView, PrePrepare, without_body
from consensus.ordering import Ordering
from consensus.recovery import recover
from consensus.status import LeavingReason
from consensus.view_changes import list_of


class Restart:
    """Reads a recovered log into the state, and the state into a log."""

    def __init__(self, core: Core, ordering: Ordering) -> None:
        self._core = core
        self._ordering = ordering

    def resume(self) -> None:
        """Take up what the log says: votes, locks and view, and say the votes again."""
        epoch = self._core.current
        found = recover(self._core.waiting_log, epoch=epoch.number, stable=self._core.stable)
        self._core.waiting_log = tuple(
            entry for entry in self._core.waiting_log if epoch_of(entry) > epoch.number
        )
        self._core.batches.update(found.batches)
        for sequence in {*found.votes, *found.commits, *found.prepared, *found.checkpoints}:
            state = self._core.state(sequence)
            assert state is not None, "the log reaches beyond the window"
            state.own_vote = found.votes.get(sequence)
            state.own_commit = found.commits.get(sequence)
            state.prepared = found.prepared.get(sequence)
            checkpoint = found.checkpoints.get(sequence)
            if checkpoint is not None:
                state.own_checkpoint = checkpoint.message
                state.decided = checkpoint.digest
        for batch in found.batches.values():
            state = self._core.state(batch.sequence)
            if state is not None:
                state.voted_digests.add(batch.digest)
        if found.entered is not None:
            new_view = cast(NewView, found.entered.message)
            self._core.view = new_view.view
            self._core.new_view = found.entered
            self._core.new_view_list = list_of(new_view)
        self._core.own_new_view = found.own_new_view
        view_change = found.view_change
        if view_change is not None and view_change.view > self._core.view:
            self._core.view = view_change.view
            self._core.is_active = False
            self._core.leaving_reason = LeavingReason.RESTART
            self._core.new_view = None
            self._core.new_view_list = None
        self._core.own_view_change = view_change
        if self._core.is_voter:
            self._say_again()
        self._core.say_position()
        self._ordering.move_window()

    def _say_again(self) -> None:
        if not self._core.is_active and self._core.own_view_change is not None:
            self._core.emit(Broadcast(self._core.own_view_change))
            if (
                self._core.own_new_view is not None
                and self._core.own_new_view.view == self._core.view
            ):
                self._core.emit(Broadcast(self._core.own_new_view))
        for _, state in sorted(self._core.states.items()):
            vote, commit = state.own_vote, state.own_commit
            if self._core.is_active and vote is not None and vote.view == self._core.view:
                state.accepted = vote.digest
                if isinstance(vote, PrePrepare):
                    body = self._core.body(state.sequence, vote.digest)
                    assert body is not None, "a vote is logged with its batch"
                    vote = state.own_vote = PrePrepare(
                        vote.epoch, vote.view, vote.sequence, vote.digest, proposal=body
                    )
                self._core.emit(Broadcast(vote))
            if self._core.is_active and commit is not None and commit.view == self._core.view:
                self._core.emit(Broadcast(commit))
            if state.own_checkpoint is not None:
                self._core.emit(Broadcast(state.own_checkpoint))

    def log_entries(self) -> tuple[LogEntry, ...]:
        """All that a restart from the present store would need."""
        entries: list[LogEntry] = []
        entries.extend(MarkEntry(mark) for _, mark in sorted(self._core.recent.items()))
        if self._core.is_active and self._core.new_view is not None:
            entries.append(ViewEntry(self._core.new_view))
        if self._core.own_view_change is not None:
            entries.append(VoteEntry(self._core.own_view_change))
        if self._core.own_new_view is not None:
            entries.append(VoteEntry(self._core.own_new_view))
        for _, state in sorted(self._core.states.items()):
            entries.extend(BatchEntry(self._core.batches[d]) for d in sorted(state.voted_digests))
            if state.prepared is not None:
                entries.append(PreparedEntry(state.prepared))
            if state.own_vote is not None:
                entries.append(VoteEntry(without_body(state.own_vote)))
            if state.own_commit is not None:
                entries.append(VoteEntry(state.own_commit))
            if state.own_checkpoint is not None:
                assert state.decided is not None
                entries.append(CheckpointEntry(state.own_checkpoint, state.decided))
        entries.extend(self._core.waiting_log)
        return tuple(entries)
