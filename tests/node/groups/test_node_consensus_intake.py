"""What the driver lets through to the replica: the NEW-VIEW's list is the replica's to judge."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from consensus.events import ProposalRefused, Received
from consensus.messages import PrePrepare, Signed
from consensus.wire import encode_signed, signing_digest
from ledger.proposal import Proposal, null_request, propose
from ledger.suite import STANDARD
from node.consensus_intake import ConsensusIntake
from node.metrics import Metrics
from node.rare_lines import LINES_AT_ONCE_MAX

LONG_AGO_MS = 60_000


class Intake:
    """An intake over a group's chain, and PRE-PREPAREs as the primary of a view would sign them."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.chain = world.nodes[0].chain
        self.steady_ms = 0
        self.metrics = Metrics()
        self.intake = ConsensusIntake(
            chain=self.chain,
            check_batch=lambda *_: None,
            heard=lambda _peer, _sender: None,
            later_epoch=lambda _: None,
            metrics=self.metrics,
            group="equity",
            steady_ms=lambda: self.steady_ms,
        )

    def proposal(self, age_ms: int, origin_view: int = 0) -> Proposal:
        return propose(
            STANDARD,
            group=self.chain.group,
            epoch=0,
            sequence=1,
            origin_view=origin_view,
            proposer=self.world.signers[origin_view].address,
            timestamp_ms=time.time_ns() // 1_000_000 - age_ms,
            transactions=(),
        )

    def null(self) -> Proposal:
        return null_request(STANDARD, group=self.chain.group, epoch=0, sequence=1)

    def hears(self, proposal: Proposal, view: int) -> object:
        (event,) = self.all_events(proposal, view)
        return event

    def all_events(self, proposal: Proposal, view: int) -> tuple[object, ...]:
        signer = self.world.signers[view]
        message = PrePrepare(0, view, 1, proposal.digest, proposal)
        digest = signing_digest(STANDARD, self.chain.group, message)
        signed = Signed(message, signer.address, signer.sign(digest))
        return self.intake.events("a peer", encode_signed(signed))


@pytest.fixture
async def intake(group: Any) -> Intake:
    return Intake(group)


async def test_a_null_request_of_a_new_view_reaches_the_replica(intake: Intake) -> None:
    """The primary's PRE-PREPARE is its PREPARE: without it no certificate forms in that view."""
    assert isinstance(intake.hears(intake.null(), view=1), Received)


async def test_the_clock_is_checked_in_the_origin_view(intake: Intake) -> None:
    assert isinstance(intake.hears(intake.proposal(0), view=0), Received)
    assert isinstance(intake.hears(intake.proposal(LONG_AGO_MS), view=0), ProposalRefused)


async def test_the_clock_is_not_checked_for_a_batch_that_a_new_view_carries(intake: Intake) -> None:
    """A backup may see it for the first time, long after its origin view."""
    carried = intake.proposal(LONG_AGO_MS)
    assert isinstance(intake.hears(carried, view=1), Received)


async def test_a_refusal_in_the_origin_view_does_not_outlive_it(intake: Intake) -> None:
    late = intake.proposal(LONG_AGO_MS)
    assert isinstance(intake.hears(late, view=0), ProposalRefused)
    assert isinstance(intake.hears(late, view=1), Received)


async def test_a_proposal_for_a_stable_block_is_neither_refused_nor_told_of(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a node reads after it stood still: nothing to vote on, and no clock to blame."""
    old = intake.proposal(LONG_AGO_MS)
    monkeypatch.setattr(type(intake.chain), "head", SimpleNamespace(number=1))
    assert intake.all_events(old, view=0) == ()


async def test_a_refusal_is_told_once(intake: Intake) -> None:
    late = intake.proposal(LONG_AGO_MS)
    with capture_logs() as logs:
        for _ in range(3):
            assert isinstance(intake.hears(late, view=0), ProposalRefused)
    assert [entry["event"] for entry in logs] == ["proposal.refused"]


async def test_of_all_that_waited_through_one_silence_the_first_is_told(intake: Intake) -> None:
    intake.hears(intake.proposal(0), view=0)
    intake.steady_ms += LONG_AGO_MS
    with capture_logs() as logs:
        for age_ms in (LONG_AGO_MS, LONG_AGO_MS // 2, LONG_AGO_MS // 3):
            assert isinstance(intake.hears(intake.proposal(age_ms), view=0), ProposalRefused)
    [told] = logs
    assert "nothing came from this peer for 60000 ms" in told["reason"]


async def test_what_a_peer_says_again_at_first_contact_blames_no_clock(intake: Intake) -> None:
    """After a restart a PRE-PREPARE that is still open comes once more, as old as it is."""
    with capture_logs() as logs:
        assert isinstance(intake.hears(intake.proposal(LONG_AGO_MS), view=0), ProposalRefused)
    [told] = logs
    assert "first contact since this node started" in told["reason"]
    assert "clocks need no look" in told["reason"]


async def test_a_flood_of_bad_messages_is_counted_whole_and_told_in_part(intake: Intake) -> None:
    count = 300
    with capture_logs() as logs:
        for number in range(count):
            assert intake.intake.events("a peer", b"\xc0" + bytes([number % 256])) == ()
        assert intake.intake.events("another", b"\xc0") == ()
    (family,) = intake.metrics.frames_dropped.collect()
    assert family.samples[0].value == count + 1
    of_flooder = [entry for entry in logs if entry["peer"] == "a peer"]
    assert 0 < len(of_flooder) <= LINES_AT_ONCE_MAX
    assert logs[-1]["peer"] == "another"
