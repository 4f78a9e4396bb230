"""Leaving a view and opening the next one: VIEW-CHANGE and NEW-VIEW (rules 5 and 7)."""

from typing import cast

from consensus.core import Core
from consensus.effects import AlarmKind, Broadcast, Resend
from consensus.entries import ViewEntry, VoteEntry
from consensus.execution import Execution
from consensus.messages import NewView, Signed, ViewChange
from consensus.ordering import Ordering
from consensus.status import LeavingReason
from consensus.view_changes import NewViewList, compute_new_view_list, list_of
from ledger.values import Address


class Views:
    """Moves the replica from view to view."""

    def __init__(self, core: Core, execution: Execution, ordering: Ordering) -> None:
        self._core = core
        self._execution = execution
        self._ordering = ordering

    def start_view_change(self, view: int, reason: LeavingReason) -> None:
        """Leave all views below `view`, for good."""
        if not self._core.is_voter or self._core.halted or self._is_lock_out_of_reach():
            return
        assert view > self._core.view
        self._core.leave_for(view)
        self._core.is_active = False
        self._core.leaving_reason = reason
        self._core.left_tick = self._core.ticks
        self._core.new_view = None
        self._core.new_view_list = None
        limits = self._core.config
        enough = (limits.view_ticks_max // limits.view_ticks).bit_length()
        self._core.failed_views = min(self._core.failed_views + 1, enough)
        prepared = tuple(
            state.prepared
            for _, state in sorted(self._core.states.items())
            if state.prepared is not None
        )
        message = ViewChange(
            self._core.current.number, view, self._core.stable_certificate, prepared
        )
        self._core.own_view_change = message
        self._core.signed_view_change = None
        self._core.alarm(AlarmKind.VIEW_CHANGE, view, f"leaving for view {view}: {reason}")
        self._core.persist(VoteEntry(message))
        self._core.count_towards_compaction(1)
        self._core.emit(Broadcast(message))

    def _is_lock_out_of_reach(self) -> bool:
        """Whether the store was lost and the log holds locks that no VIEW-CHANGE from here could
        carry: without them it would free what may be committed. The store catches up first."""
        end = self._core.stable + self._core.config.window_blocks
        return any(s.sequence > end and s.prepared for s in self._core.states.values())

    def on_view_change(self, signed: Signed) -> None:
        self._core.view_changes.keep(signed)
        self.follow_view_changes()
        if self._core.is_active:
            message = cast(ViewChange, signed.message)
            self.help(signed.sender, message.view, is_active=False)

    def follow_view_changes(self) -> None:
        target = self._core.view_changes.pull_up(self._core.view, self._core.current.validators.f)
        if target is not None:
            self.start_view_change(target, LeavingReason.PULLED)
        self._open_view()

    def _open_view(self) -> None:
        """As the primary of the view that this replica waits for, send its NEW-VIEW once."""
        if (
            self._core.is_active
            or not (self._core.is_voter and self._core.is_primary)
            or self._core.halted
        ):
            return
        if self._core.own_new_view is not None and self._core.own_new_view.view >= self._core.view:
            return
        quorum = self._core.current.validators.quorum
        view_changes = self._core.view_changes.exactly(self._core.view)
        if len(view_changes) < quorum or self._core.signed_view_change not in view_changes:
            return
        chosen = tuple(view_changes[:quorum])
        found = self._compute_list(chosen)
        self._core.own_new_view = NewView(
            self._core.current.number, self._core.view, chosen, found.first_sequence, found.digests
        )
        self._core.persist(VoteEntry(self._core.own_new_view))
        self._core.emit(Broadcast(self._core.own_new_view))

    def on_new_view(self, signed: Signed, message: NewView) -> None:
        if message.view < self._core.view or (
            message.view == self._core.view and self._core.is_active
        ):
            return
        if not self._is_derived(message):
            self._core.alarm(
                AlarmKind.EQUIVOCATION,
                self._core.stable + 1,
                f"0x{signed.sender.hex()} sent a NEW-VIEW({message.view}) whose list does not "
                "follow from its VIEW-CHANGE messages: refused",
            )
            return
        self.enter_view(signed, message)

    def _is_derived(self, message: NewView) -> bool:
        """Whether a NEW-VIEW's list follows from the VIEW-CHANGE messages in it."""
        found = self._compute_list(message.view_changes)
        return (found.first_sequence, found.digests) == (message.first_sequence, message.digests)

    def enter_view(self, signed: Signed, message: NewView) -> None:
        found = list_of(message)
        if not self._check_list(found, message.view):
            return
        self._core.persist(ViewEntry(signed))
        self._core.leave_for(message.view)
        self._core.is_active = True
        self._core.leaving_reason = None
        self._core.new_view = signed
        self._core.new_view_list = found
        self._core.requests.restart()
        for item in message.view_changes:
            stable = cast(ViewChange, item.message).stable
            if stable is not None:
                self._execution.learn(stable)
        self._ordering.move_window()

    def _check_list(self, found: NewViewList, view: int) -> bool:
        """Halts where a list contradicts what is executed, committed or stable here."""
        for sequence in range(found.first_sequence, found.next_sequence):
            state = self._core.states.get(sequence)
            here = state.decided if state else self._core.stored_digests.get(sequence)
            if here not in (None, found.digest_at(sequence)):
                self._core.halt(
                    f"NEW-VIEW({view}) lists another digest at {sequence} than is committed here: "
                    "more than f replicas lie or lost their logs"
                )
                return False
        return True

    def _compute_list(self, view_changes: tuple[Signed, ...]) -> NewViewList:
        return compute_new_view_list(
            self._core.config.suite,
            self._core.config.group,
            self._core.current.number,
            view_changes,
        )

    def help(self, peer: Address, view: int, *, is_active: bool) -> None:
        """Relay the NEW-VIEW to a peer that has not got it, once in a resend interval."""
        if not self._core.is_active or self._core.new_view is None:
            return
        if view > self._core.view or (view == self._core.view and is_active):
            return
        if self._core.ticks - self._core.answered.get(peer, -self._core.config.resend_ticks) < (
            self._core.config.resend_ticks
        ):
            return
        self._core.answered[peer] = self._core.ticks
        self._core.emit(Resend(self._core.new_view, peer))
