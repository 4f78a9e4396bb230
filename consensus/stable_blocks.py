"""After a block is stored: the window moves, an epoch may begin, the log is pruned."""

from collections.abc import Callable
from dataclasses import fields, replace

from consensus.core import Core
from consensus.effects import Synchronise
from consensus.epochs import Epoch
from consensus.events import EpochRecovered, Started, Stored
from consensus.execution import Execution
from consensus.messages import Signed
from consensus.ordering import Ordering
from consensus.recovery import find_marks, find_retirement
from consensus.restart import Restart
from consensus.view_changes import ViewChanges


class StableBlocks:
    """Follows the store from block to block and from epoch to epoch."""

    def __init__(
        self, core: Core, execution: Execution, ordering: Ordering, restart: Restart
    ) -> None:
        self._core = core
        self._execution = execution
        self._ordering = ordering
        self._restart = restart

    def on_started(self, event: Started) -> None:
        core = self._core
        if event.stable is not None:
            core.stable = event.stable.number
            core.stable_certificate = event.stable
        core.stored_digests[core.stable] = event.stable_digest
        core.executed = core.stable
        core.has_started = True
        core.current, core.next_epoch = _epochs(event.epochs)
        self._take_limits(core.current)
        core.marks = find_marks(event.entries)
        for certificate in (*core.marks, *filter(None, [event.stable])):
            core.remember_certificate(certificate)
        core.retired = find_retirement(event.entries)
        core.waiting_log = event.entries
        if core.is_behind_mark:
            for certificate in core.lost_certificates:
                self._execution.learn(certificate)
            core.emit(Synchronise(core.marks[-1]))
        else:
            self._resume()
            # A store that came from elsewhere may be far ahead of the log's mark. Votes beyond it
            # would lie outside the window of that mark, should this store be lost.
            core.count_towards_compaction(core.stable - (core.mark.number if core.mark else 0))

    def on_stored(self, event: Stored, receive: Callable[[Signed], None]) -> None:
        """`receive` takes the messages that were kept for an epoch that begins now."""
        core, certificate = self._core, event.certificate
        if certificate.number <= core.stable:
            return
        state = core.states.get(certificate.number)
        if state is not None and not self._execution.agrees(state, certificate):
            return
        blocks = certificate.number - core.stable
        self._move_to(event)
        epoch, core.next_epoch = _epochs(event.epochs)
        has_entered = epoch.number > core.current.number
        if has_entered:
            self._enter(epoch)
        if core.is_behind_mark:
            return
        if not core.has_resumed or (has_entered and core.waiting_log):
            self._resume()
        core.count_towards_compaction(blocks)
        self._ordering.move_window()
        if has_entered:
            self._take_kept(receive)

    def on_epoch_recovered(self, event: EpochRecovered, receive: Callable[[Signed], None]) -> None:
        """The organisations opened an epoch (rule 8): what the old set says above it is void."""
        core, epoch = self._core, event.epoch
        if epoch.number <= core.current.number:
            return
        boundary = epoch.first_sequence - 1
        if core.stable > boundary:
            core.halt(
                f"recovery epoch {epoch.number} begins after block {boundary}, this node stored "
                f"block {core.stable}: keep a copy as evidence, cut the store back to block "
                f"{boundary}, and start again"
            )
            return
        core.checkpoints.enter(epoch)
        for void in [n for n in core.states if n > boundary]:
            del core.states[void]
        if core.executing is not None and core.executing > boundary:
            core.executing = None
        core.executed = min(core.executed, boundary)
        core.next_epoch = epoch
        if core.stable == boundary:
            core.next_epoch = None
            self._enter(epoch)
            if not core.is_behind_mark:
                self._resume()
                core.count_towards_compaction(0)
                self._ordering.move_window()
                self._take_kept(receive)

    def _resume(self) -> None:
        self._core.has_resumed = True
        self._restart.resume()

    def _move_to(self, event: Stored) -> None:
        core, number = self._core, event.certificate.number
        core.stable = number
        core.stable_certificate = event.certificate
        core.remember_certificate(event.certificate)
        core.stored_digests[number] = event.digest
        oldest = number - core.config.window_blocks
        for old in [n for n in core.stored_digests if n < oldest]:
            del core.stored_digests[old]
        for old in [n for n in core.states if n <= number]:
            del core.states[old]
        for digest in [d for d, body in core.batches.items() if body.sequence <= number]:
            del core.batches[digest]
        if core.storing == number:  # of a block that was fetched, the votes are long over
            for member in core.current.validators.members:
                if core.voted.get(member, 0) < number:
                    core.owing.setdefault(member, core.ticks)
        core.checkpoints.prune(number)
        core.executed = max(core.executed, number)
        if core.executing is not None and core.executing <= number:
            core.executing = None
        core.storing = None
        core.compared = {n for n in core.compared if n >= number}
        core.alarmed = {(kind, n) for kind, n in core.alarmed if n > number}
        core.waited = core.idle = core.lag = core.deciding_ticks = 0
        if core.is_active:
            core.failed_views = max(0, core.failed_views - 1)
        core.requests.on_block(event.transactions, has_room=event.has_room)

    def _enter(self, epoch: Epoch) -> None:
        """View 0 of a new set: nothing of the old one's views counts any more."""
        core = self._core
        assert epoch.first_sequence <= core.stable + 1
        core.previous_epoch, core.current = core.current, epoch
        self._take_limits(epoch)
        core.view = 0
        core.is_active = True
        core.leaving_reason = None
        core.new_view = core.signed_view_change = None
        core.own_new_view = core.own_view_change = core.new_view_list = None
        core.view_changes = ViewChanges()
        core.states.clear()
        core.batches.clear()
        core.checkpoints.enter(epoch)
        for void in [n for n, known in core.recent.items() if epoch.voids(known.epoch, n)]:
            del core.recent[void]
        core.executed = core.stable
        core.executing = core.storing = None
        core.failed_views = core.view_lasted = core.asked_ticks = 0
        core.deciding_ticks = 0
        core.heard, core.voted, core.owing = {}, {}, {}
        core.entered_tick = core.ticks
        core.since_compact = core.config.window_blocks

    def _take_limits(self, epoch: Epoch) -> None:
        if epoch.limits is None:
            return
        limits = {field.name: getattr(epoch.limits, field.name) for field in fields(epoch.limits)}
        self._core.config = replace(self._core.config, **limits)
        self._core.requests.set_limit(epoch.limits.request_ticks)

    def _take_kept(self, receive: Callable[[Signed], None]) -> None:
        """Messages of this epoch that came too early; only now does the replica know its votes."""
        waiting, self._core.future = self._core.future, {}
        for _, messages in sorted(waiting.items()):
            for signed in messages:
                receive(signed)


def _epochs(epochs: tuple[Epoch, ...]) -> tuple[Epoch, Epoch | None]:
    assert 1 <= len(epochs) <= 2, "the epoch in force, and the next one where it is known"
    return epochs[0], epochs[1] if len(epochs) == 2 else None
