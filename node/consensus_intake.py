"""Consensus messages from members: form, signatures and proposals are checked before the replica.

What may be dropped is dropped here, with a count and a line in the log; nobody is answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import structlog

from consensus.epochs import Epoch
from consensus.events import Event, ProposalRefused, Received
from consensus.messages import PrePrepare, Signed
from consensus.verify import UnknownEpoch, Verifier
from consensus.wire import InvalidMessage, decode_signed
from ledger.chain import Chain
from ledger.parameters import Parameters
from ledger.proposal import Proposal
from ledger.values import Address
from node.admission import InvalidBatch
from node.clock_check import Apart, Arrivals, ClockCheck, Quiet
from node.epochs import due_epochs, previous_epoch
from node.metrics import Metrics
from node.rare_lines import RareLines

EPOCHS_KNOWN_MAX = 64


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _steady_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Opened(msgspec.Struct, frozen=True):
    """A message that verified, when it came, and its peer's latest silence before it."""

    signed: Signed
    received_ms: int
    quiet: Quiet

    @property
    def proposal(self) -> Proposal | None:
        """The batch that comes with it, if any."""
        message = self.signed.message
        return message.proposal if isinstance(message, PrePrepare) else None


class ConsensusIntake:
    """One group's checks. `check_batch` raises `InvalidBatch` for what the parameters of the
    proposal's epoch forbid; `heard` is told of the peer and the sender of whatever verifies;
    `later_epoch` of a peer that speaks of an epoch not known here.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        check_batch: Callable[[Proposal, Parameters], None],
        heard: Callable[[str, Address], None],
        later_epoch: Callable[[str], None],
        metrics: Metrics,
        group: str,
        now_ms: Callable[[], int] = _now_ms,
        steady_ms: Callable[[], int] = _steady_ms,
    ) -> None:
        self._chain = chain
        self._now_ms = now_ms
        self._steady_ms = steady_ms
        self._arrivals = Arrivals()
        self._told_quiet: Quiet | None = None
        self._check_batch = check_batch
        self._heard = heard
        self._later_epoch = later_epoch
        self._metrics = metrics
        self._clock = ClockCheck()
        self._epochs: dict[int, Epoch] = {}
        self._verifier = Verifier(
            chain.suite, chain.group, self._epochs.get, chain.parameters.window_blocks
        )
        self._log = RareLines(structlog.get_logger("consensus").bind(group=group), "peer")
        number = chain.head.number
        due = due_epochs(chain, number)
        before = previous_epoch(chain, due[0].number, number)
        self.learn(due if before is None else (before, *due))

    @property
    def clock(self) -> Apart | None:
        """How far another validator's clock was from ours lately."""
        return self._clock.apart

    def learn(self, epochs: tuple[Epoch, ...]) -> None:
        """These sets are known from now on; the oldest are forgotten beyond a bound."""
        self._epochs.update((epoch.number, epoch) for epoch in epochs)
        while len(self._epochs) > EPOCHS_KNOWN_MAX:
            del self._epochs[min(self._epochs)]

    def events(self, peer: str, payload: bytes) -> tuple[Event, ...]:
        """What the replica is to hear of a message, nothing if the message proves nothing."""
        opened = self.open(peer, payload)
        return () if opened is None else self.judge(opened)

    def open(self, peer: str, payload: bytes) -> Opened | None:
        """The message if it verifies, None if it proves nothing."""
        try:
            signed = decode_signed(self._chain.suite, payload)
            self._verifier.verify(signed)
        except UnknownEpoch as error:
            if error.epoch > max(self._epochs):
                self._later_epoch(peer)
            return None
        except InvalidMessage as error:
            self._metrics.frames_dropped.labels("invalid consensus message").inc()
            self._log.warning("consensus.invalid", peer=peer, error=str(error))
            return None
        self._heard(peer, signed.sender)
        now_ms = self._now_ms()
        return Opened(signed, now_ms, self._arrivals.note(peer, now_ms, self._steady_ms()))

    def judge(self, opened: Opened) -> tuple[Event, ...]:
        """What the replica is to hear of a message that verified."""
        message = opened.signed.message
        if not isinstance(message, PrePrepare) or message.proposal is None:
            return (Received(opened.signed),)
        proposal = message.proposal
        if message.sequence <= self._chain.head.number:
            return ()  # stable by now: there is nothing to vote on, nor to refuse
        epoch = self._epochs.get(message.epoch)
        if epoch is None:
            return ()  # forgotten since it was verified, or void
        parameters = self._chain.parameters_for(epoch.first_sequence)
        if self._is_timely(message, proposal, opened, parameters) and self._is_sound(
            message, proposal, parameters
        ):
            return (Received(opened.signed),)
        return (ProposalRefused(message.epoch, message.view, message.sequence),)

    def _is_timely(
        self, message: PrePrepare, proposal: Proposal, opened: Opened, parameters: Parameters
    ) -> bool:
        """The clock is asked in the origin view only (rule 10). What is refused is told once, and
        of all that waited through one silence, the first."""
        if proposal.is_null or proposal.origin_view != message.view:
            return True
        is_known = self._clock.has_judged(proposal.digest)
        untimely = self._clock.refuse(
            proposal, opened.received_ms, parameters.clock_tolerance_ms, opened.quiet
        )
        if untimely is None:
            return True
        if not is_known and (untimely.quiet is None or untimely.quiet != self._told_quiet):
            self._told_quiet = untimely.quiet
            self._tell_refused(message, untimely.reason)
        return False

    def _is_sound(self, message: PrePrepare, proposal: Proposal, parameters: Parameters) -> bool:
        """Whether a null request or another view's proposal may stand here is the replica's to
        say: it knows the NEW-VIEW's list."""
        if proposal.is_null:
            return True
        try:
            self._check_batch(proposal, parameters)
        except InvalidBatch as error:
            self._tell_refused(message, str(error))
            return False
        return True

    def _tell_refused(self, message: PrePrepare, reason: str) -> None:
        self._log.warning("proposal.refused", sequence=message.sequence, reason=reason)
