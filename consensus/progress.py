"""Ticks: who is waited for and for how long, and what is said again (rules 6, 7 and 9)."""

from typing import cast

from consensus.core import Core
from consensus.effects import FetchBatch, Forward, Resend, Synchronise
from consensus.messages import Checkpoint, Prepare
from consensus.status import LeavingReason
from consensus.views import Views
from ledger.values import Address

UNHEARD_PATIENCE_PERCENT = 37
"""Of a time-out, for a primary that is not heard. Above the interval in which everyone says where
it stands: who only misses the primary hears of others' progress in time."""
LONE_COMPLAINT_TIMEOUTS = 4
"""So many time-outs a lone complaint stands before the others follow it."""


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
        if self._is_block_decided():
            self._core.deciding_ticks += 1
            is_paused = self._core.deciding_ticks <= config.execution_ticks_max
        if self._core.is_behind:
            self._catch_up(is_paused=is_paused and self._is_next_block_in_hand())
        elif not is_paused and self._core.is_voter and self.is_quorum_heard():
            self._watch_view()
        if self._core.ticks % config.resend_ticks == 0:
            self._repeat()

    def _is_block_decided(self) -> bool:
        """Whether the block after the stable one is only to be executed, here or by others.

        No other primary could make that quicker. Who lacks the decision is told it (`_repeat`).
        """
        state = self._core.states.get(self._core.stable + 1)
        return state is not None and state.decided is not None

    def _is_next_block_in_hand(self) -> bool:
        """Whether the block after the stable one is executed or stored right now: fetching it would
        be no quicker.

        Who lacks its batch, or executed it and lacks its certificate, can only fetch it: the others
        forget both once they have stored it.
        """
        return self._core.stable + 1 in (self._core.executing, self._core.storing)

    def is_quorum_heard(self) -> bool:
        """Without a quorum in earshot no view can open here; a complaint would only cost the own
        votes in the view that the others go on with."""
        validators = self._core.current.validators
        return validators.n - len(self.unheard()) >= validators.quorum

    def unheard(self) -> tuple[Address, ...]:
        """The other validators of this epoch that the driver does not hear."""
        members, own = self._core.current.validators.members, self._core.config.address
        return tuple(m for m in members if m in self._core.unheard and m != own)

    def _watch_view(self) -> None:
        """Complain of a primary, or leave a view that does not open, when its time is over."""
        core, following = self._core, self._core.view + 1
        if core.is_active:
            forward, is_overdue = core.requests.tick()
            primary = core.current.validators.primary(core.view)
            for transaction_hash in forward:
                core.emit(Forward(transaction_hash, primary))
            core.waited = core.waited + 1 if self.is_work_open() else 0
            if is_overdue:
                self._views.start_view_change(following, LeavingReason.REQUEST)
            elif core.waited >= self._patience_ticks:
                self._views.start_view_change(following, LeavingReason.NO_PROGRESS)
            elif primary in core.unheard and core.requests.is_starving(self._patience_ticks):
                self._views.start_view_change(following, LeavingReason.UNHEARD)
            else:
                self._yield_to_a_lone_complaint()
        elif core.view_changes.count_from(core.view) >= core.current.validators.quorum:
            core.waited += 1
            if core.waited >= self._patience_ticks:
                self._views.start_view_change(following, LeavingReason.NO_NEW_VIEW)

    def _yield_to_a_lone_complaint(self) -> None:
        """Follow who left for the next view alone and can not come back: it votes again there.

        A view change at any time is safe. Only a view that lasted is given up, and only where its
        successor is heard, so a liar who complains for ever costs one view change in
        `view_ticks_max`.
        """
        core, following = self._core, self._core.view + 1
        core.view_lasted += 1
        is_asked = any(s.sender not in core.unheard for s in core.view_changes.exactly(following))
        core.asked_ticks = core.asked_ticks + 1 if is_asked else 0
        if (
            core.asked_ticks >= LONE_COMPLAINT_TIMEOUTS * core.config.view_ticks
            and core.view_lasted >= core.config.view_ticks_max
            and core.current.validators.primary(following) not in core.unheard
        ):
            self._views.start_view_change(following, LeavingReason.LONE_COMPLAINT)

    @property
    def _patience_ticks(self) -> int:
        """The time-out of the present view: shorter for a primary that is not heard (a hint)."""
        ticks = self._view_ticks
        is_heard = self._core.current.validators.primary(self._core.view) not in self._core.unheard
        return ticks if is_heard else max(1, ticks * UNHEARD_PATIENCE_PERCENT // 100)

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

        A vote is due once a block was certified here without it, and while work is open: then
        everyone repeats its votes. An idle validator of an idle group owes nothing, nor does anyone
        for blocks that were fetched, as after a restart.
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
        self._pass_on_decision()
        for sequence, state in sorted(self._core.states.items()):
            digest = state.decided or (state.accepted if self._core.is_voter else None)
            if digest is not None and self._core.body(sequence, digest) is None:
                self._core.emit(FetchBatch(sequence, digest))

    def _pass_on_decision(self) -> None:
        """Give the COMMITs that decided the next block to whoever has not signed its header yet.

        A liar may have said its own to some only, and who left the view may lack the others': each
        can execute and sign all the same.
        """
        core, number = self._core, self._core.stable + 1
        state = core.states.get(number)
        if state is None or state.signed_checkpoint is None or state.decided is None:
            return
        if core.ticks - state.opened_tick < core.config.resend_ticks:
            return
        for member in core.current.validators.members:
            if core.checkpoints.said(number, member) is None and member not in core.unheard:
                for signed in state.committed_votes(core.current.validators):
                    if signed.sender not in (member, core.config.address):
                        core.emit(Resend(signed, member))

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
