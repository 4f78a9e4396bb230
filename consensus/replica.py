"""The PBFT replica (Castro and Liskov, 1999): a pure state machine, events in, effects out.

`step` is the only way in. Messages it gets are verified, messages it emits are unsigned, and its
own votes count once they come back signed. Counting, lists and clocks are in modules of their own.
"""

from typing import assert_never

from consensus.config import ReplicaConfig
from consensus.core import Core
from consensus.effects import Compact, Effect, Persist
from consensus.events import (
    BatchReceived,
    EpochRecovered,
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
    Unheard,
)
from consensus.execution import Execution
from consensus.ordering import Ordering
from consensus.own_key import OwnKey
from consensus.progress import Progress
from consensus.reception import Reception
from consensus.restart import Restart
from consensus.stable_blocks import StableBlocks
from consensus.status import ReplicaStatus, Slot
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
        self._own_key = OwnKey(self._core)
        self._reception = Reception(
            self._core, self._execution, self._ordering, self._views, self._own_key
        )
        self._stable_blocks = StableBlocks(
            self._core, self._execution, self._ordering, self._restart
        )

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Take one event; the effects are to be carried out in their order."""
        if self._core.halted is not None:
            return ()
        assert isinstance(event, Started) != self._core.has_started, "Started comes first, once"
        self._core.out = []
        self._dispatch(event)
        if self._core.is_compact_due and not self._core.halted:
            # Last in its step: what replaces the log has to hold what this step logged.
            self._core.is_compact_due = False
            self._core.emit(Compact(self._restart.log_entries()))
        return _merge_persists(self._core.out) if self._core.out else ()

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

    @property
    def validators(self) -> tuple[Address, ...]:
        """The members of the present set. After `Started` only."""
        return self._core.current.validators.members

    def status(self) -> ReplicaStatus:
        """A snapshot for the status page. After `Started` only."""
        core = self._core
        epoch = core.current
        silent = self._progress.silent()
        return ReplicaStatus(
            epoch=epoch.number,
            view=self._core.view,
            is_active=self._core.is_active,
            is_voter=self._core.is_voter,
            primary=epoch.validators.primary(self._core.view),
            stable=self._core.stable,
            executed=self._core.executed,
            quorum=epoch.validators.quorum,
            validators=epoch.validators.members,
            missing=tuple(silent),
            missing_ticks=tuple(silent.values()),
            stalled_ticks=self._core.idle if self._progress.is_stalled() else 0,
            is_catching_up=core.is_catching_up,
            leaving_reason=core.leaving_reason,
            leavers=core.view_changes.leavers(core.view + core.is_active),
            leaving_ticks=0 if core.is_active else core.ticks - core.left_tick,
            unheard=self._progress.unheard(),
            is_quorum_heard=self._progress.is_quorum_heard(),
            is_hopeless=core.checkpoints.is_hopeless(core.stable + 1, epoch.validators),
            retired=self._core.retired is not None,
            halted=self._core.halted,
        )

    def _dispatch(self, event: Event) -> None:  # noqa: PLR0912 - the table of events, the commonest first
        match event:
            case Received():
                self._reception.on_received(event.signed)
            case RequestWaiting():
                self._core.requests.start(event.transaction_hash, event.older)
            case RequestGone():
                self._core.requests.stop(event.transaction_hash)
            case Tick():
                self._progress.on_tick()
            case OwnSigned():
                self._reception.on_own_signed(event.signed)
            case Executed():
                self._execution.on_executed(event)
            case Stored():
                self._stable_blocks.on_stored(event, self._reception.on_received)
            case Started():
                self._stable_blocks.on_started(event)
            case Propose():
                self._ordering.on_propose(event.proposal)
            case ProposalRefused():
                self._ordering.on_proposal_refused(event)
            case BatchReceived():
                self._ordering.on_batch(event.proposal)
            case EpochRecovered():
                self._stable_blocks.on_epoch_recovered(event, self._reception.on_received)
            case PeerConnected(peer):
                self._core.say_position()
                self._progress.resend_open(peer, age_ticks=0)
                self._own_key.show_to(peer)
            case Unheard(validators):
                self._core.unheard = validators
            case _:
                assert_never(event)


def _merge_persists(effects: list[Effect]) -> tuple[Effect, ...]:
    """One sync instead of many: what is logged later in a step may as well be logged first."""
    entries = tuple(e for effect in effects if isinstance(effect, Persist) for e in effect.entries)
    if not entries:
        return tuple(effects)
    return (Persist(entries), *(effect for effect in effects if not isinstance(effect, Persist)))
