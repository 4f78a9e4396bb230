"""Where a message goes: by whose it is, its epoch and its kind. Meaning is the other parts'."""

from typing import assert_never

from consensus.core import Core
from consensus.execution import Execution
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Position,
    Prepare,
    PrePrepare,
    Signed,
    ViewChange,
)
from consensus.ordering import Ordering
from consensus.own_key import OwnKey
from consensus.sequence_state import keep_vote
from consensus.views import Views
from ledger.values import Address


class Reception:
    """Hands verified messages of others, and own ones once they are signed, to their parts."""

    def __init__(
        self, core: Core, execution: Execution, ordering: Ordering, views: Views, own_key: OwnKey
    ) -> None:
        self._core = core
        self._execution = execution
        self._ordering = ordering
        self._views = views
        self._own_key = own_key

    def on_received(self, signed: Signed) -> None:
        message, core = signed.message, self._core
        if signed.sender == core.config.address and core.config.may_vote:
            self._own_key.on_own_copy(signed)
            return
        if isinstance(message, Position):
            self._on_position(signed.sender, message)
            return
        epoch = core.current.number
        if message.epoch == epoch + 1:
            self._keep_for_next_epoch(signed)
            return
        if message.epoch != epoch:
            return
        core.hear(signed.sender, _sequence_of(message))
        if isinstance(message, Checkpoint):
            self._execution.on_checkpoint(signed, message)
            return
        if core.is_behind_mark:
            return  # votes and views wait until the store has what the log was pruned to
        match message:
            case Prepare():
                self._ordering.on_prepare(signed, message)
            case Commit():
                self._ordering.on_commit(signed, message)
            case PrePrepare():
                self._ordering.on_pre_prepare(signed, message)
            case ViewChange():
                self._views.on_view_change(signed)
            case NewView():
                self._views.on_new_view(signed, message)
            case _:
                assert_never(message)

    def on_own_signed(self, signed: Signed) -> None:
        """An own message counts from here on: it is signed, and what it depends on is synced."""
        message = signed.message
        if message.epoch != self._core.current.number:
            return
        match message:
            case PrePrepare() | Prepare():
                self._count_own_vote(signed, message)
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

    def _count_own_vote(self, signed: Signed, message: PrePrepare | Prepare) -> None:
        state = self._core.state(message.sequence)
        if state is None or state.own_vote != message:
            return
        state.signed_vote = signed
        if isinstance(message, PrePrepare):
            state.pre_prepares.setdefault(message.view, signed)
        keep_vote(state.prepares, signed)
        self._ordering.advance(state)

    def _on_position(self, sender: Address, message: Position) -> None:
        if message.stable is not None:
            self._execution.learn(message.stable)
        if message.epoch == self._core.current.number:
            self._views.help(sender, message.view, is_active=message.is_active)

    def _keep_for_next_epoch(self, signed: Signed) -> None:
        kept = self._core.future.setdefault(signed.sender, [])
        if len(kept) < 4 * self._core.config.window_blocks:
            kept.append(signed)


def _sequence_of(message: Message) -> int:
    match message:
        case Prepare() | Commit() | PrePrepare():
            return message.sequence
        case Checkpoint():
            return message.number
        case _:
            return 0
