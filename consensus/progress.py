"""Ticks: who is waited for and for how long, and what is said again (rules 6, 7 and 9)."""

from typing import cast

from consensus.core import Core
from consensus.effects import FetchBatch, Forward, Resend, Synchronise
from consensus.messages import Checkpoint, Prepare
from consensus.views import Views
from ledger.values import Address


class Progress:
    """Counts ticks; complains, repeats and catches up."""

    def __init__(self, core: Core, views: Views) -> None:
        self._core = core
        self._views = views

    def on_tick(self) -> None:
        config = self._core.config
        self._core.ticks += 1
        self._core.idle += 1
        is_paused = False
        if self._core.executing is not None:
            self._core.executing_ticks += 1
            is_paused = self._core.executing_ticks <= config.execution_ticks_max
        if self._core.is_behind:
            self._catch_up(is_paused=is_paused)
        elif not is_paused and self._core.is_voter:
            self._watch_view()
        if self._core.ticks % config.resend_ticks == 0:
            self._repeat()

    def _watch_view(self) -> None:
        """Complain of a primary, or leave a view that does not open, when its time is over."""
        if self._core.is_active:
            forward, is_overdue = self._core.requests.tick()
            primary = self._core.current.validators.primary(self._core.view)
            for transaction_hash in forward:
                self._core.emit(Forward(transaction_hash, primary))
            self._core.waited = self._core.waited + 1 if self.is_work_open() else 0
            if is_overdue:
                self._views.start_view_change(self._core.view + 1, "a transaction waited too long")
            elif self._core.waited >= self._view_ticks:
                self._views.start_view_change(self._core.view + 1, "no progress")
        elif (
            self._core.view_changes.count_from(self._core.view)
            >= self._core.current.validators.quorum
        ):
            self._core.waited += 1
            if self._core.waited >= self._view_ticks:
                self._views.start_view_change(self._core.view + 1, "its NEW-VIEW did not come")

    @property
    def _view_ticks(self) -> int:
        """The present time-out: doubled by each failed view, up to the cap."""
        doublings = min(self._core.failed_views, self._core.config.view_ticks_max.bit_length())
        return min(self._core.config.view_ticks << doublings, self._core.config.view_ticks_max)

    def is_work_open(self) -> bool:
        """What counts as a request beside transactions (rule 6)."""
        if (
            self._core.next_epoch is not None
            or self._core.idle >= self._core.config.heartbeat_ticks
        ):
            return True
        f = self._core.current.validators.f
        return any(
            state.accepted
            or state.decided
            or state.prepared
            or state.is_refused
            or self._core.view in state.pre_prepares
            or len(state.voters_in(self._core.view)) > f
            for state in self._core.states.values()
        )

    def is_stalled(self) -> bool:
        """Whether something is waited for: work, or a NEW-VIEW."""
        return not self._core.is_active or self.is_work_open()

    def silent(self) -> dict[Address, int]:
        """Validators of which a vote is due and was not heard, and for how many ticks.

        A vote is due once a block became stable without it, and while work is open: then everyone
        repeats its votes. An idle validator of an idle group owes nothing.
        """
        core, patience = self._core, self._core.config.view_ticks
        is_stalled = self.is_stalled() and core.idle > patience
        found = {}
        for member in core.current.validators.members:
            ticks = core.ticks - core.heard.get(member, core.entered_tick)
            is_owing = core.ticks > core.owing.get(member, core.ticks) or (
                core.stable > core.voted.get(member, core.stable) + 1
            )
            if member != core.config.address and (is_owing or is_stalled) and ticks > patience:
                found[member] = ticks
        return found

    def _catch_up(self, *, is_paused: bool) -> None:
        if is_paused:
            return
        self._core.lag += 1
        if self._core.lag >= self._core.config.lag_ticks:
            self._core.lag = 0
            assert self._core.checkpoints.highest is not None
            self._core.emit(Synchronise(self._core.checkpoints.highest))

    def _repeat(self) -> None:
        """The capped tick of rule 7: where I stand, what is open, what I lack."""
        self._core.say_position()
        self.resend_open(None, age_ticks=self._core.config.resend_ticks)
        for sequence, state in sorted(self._core.states.items()):
            digest = state.decided or (state.accepted if self._core.is_voter else None)
            if digest is not None and self._core.body(sequence, digest) is None:
                self._core.emit(FetchBatch(sequence, digest))

    def resend_open(self, to: Address | None, *, age_ticks: int) -> None:
        if self._core.signed_view_change is not None and not self._core.is_active:
            self._core.emit(Resend(self._core.signed_view_change, to))
        if self._core.is_active and self._core.new_view is not None and to is not None:
            self._core.emit(Resend(self._core.new_view, to))
        for _, state in sorted(self._core.states.items()):
            if self._core.ticks - state.opened_tick < age_ticks:
                continue
            for signed in (state.signed_vote, state.signed_commit, state.signed_checkpoint):
                if signed is None:
                    continue
                message = signed.message
                if isinstance(message, Checkpoint) or (
                    self._core.is_active and cast(Prepare, message).view == self._core.view
                ):
                    self._core.emit(Resend(signed, to))
