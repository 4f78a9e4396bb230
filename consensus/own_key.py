"""Messages under our own key that we did not send: our log is older than our votes, or another node
runs with our key (rule 4). Found by chance, it proves the fault; not found, it proves nothing.
"""

from typing import TypeAlias

from consensus.core import Core
from consensus.effects import AlarmKind, Persist, Resend
from consensus.entries import RetiredEntry
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Position,
    Prepare,
    PrePrepare,
    Signed,
    ViewChange,
    without_body,
)
from ledger.values import Address

_InView: TypeAlias = PrePrepare | Prepare | Commit | ViewChange | NewView


class OwnKey:
    """Watches for our votes in others' mouths, and shows others theirs."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def on_own_copy(self, signed: Signed) -> None:
        """A message under our key came back: unless it is ours, this key votes no more."""
        message = signed.message
        if message.epoch != self._core.current.number or not self._core.is_voter:
            return
        if not self._is_alien(message):
            return
        self._core.alarm(
            AlarmKind.KEY_USED_TWICE,
            self._core.stable + 1,
            f"a {type(message).__name__} under this node's key 0x{signed.sender.hex()} is not in "
            "its log: the key runs on two nodes, or the log is an old copy. This node votes no "
            "more under that key; stop the other node, and have a new key listed",
        )
        self._core.emit(Persist((RetiredEntry(signed),)))
        self._core.retired = signed

    def _is_alien(self, message: object) -> bool:
        """Whether this replica can tell that it never sent this: it would know it if it had."""
        core = self._core
        match message:
            case PrePrepare() | Prepare() | Commit():
                state = core.state(message.sequence)
                if state is None:
                    return False
                own = state.own_commit if isinstance(message, Commit) else state.own_vote
                return _is_news(message, own)
            case Checkpoint():
                state = core.state(message.number)
                return state is not None and state.own_checkpoint != message
            case ViewChange():
                return _is_news(message, core.own_view_change)
            case NewView():
                return _is_news(message, core.own_new_view)
            case _:
                assert isinstance(message, Position)
                return False

    def show_to(self, peer: Address) -> None:
        """Give a peer that comes (back) its own latest words, as far as they are open here."""
        for _, state in sorted(self._core.states.items()):
            for votes in (state.prepares, state.commits):
                if peer in votes:
                    self._core.emit(Resend(_bare(votes[peer]), peer))
        for signed in (*self._core.checkpoints.of(peer), *self._core.view_changes.of(peer)):
            self._core.emit(Resend(signed, peer))


def _is_news(message: _InView, own: _InView | None) -> bool:
    """Whether a message says more than the latest that this replica said of the kind."""
    if own is None or message.view > own.view:
        return True
    return message.view == own.view and message != own


def _bare(signed: Signed) -> Signed:
    message = signed.message
    if isinstance(message, PrePrepare | Prepare):
        return Signed(without_body(message), signed.sender, signed.signature)
    return signed
