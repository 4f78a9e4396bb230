"""One test per rule on view changes, clocks and re-sending; each name says the rule."""

import pytest
from msgspec.structs import replace

from consensus import effects as fx
from consensus import events as ev
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Position,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Signed,
    ViewChange,
)
from consensus.request_clocks import RequestClocks
from consensus.view_changes import ViewChanges, compute_new_view_list
from consensus.wire import InvalidMessage
from ledger.certificate import Certificate
from ledger.proposal import null_request
from ledger.values import Address
from tests.consensus.cluster import GROUP, Cluster
from tests.simulation.fake_suite import FAKE


def cluster(n: int = 4, **limits: int) -> Cluster:
    made = Cluster(n, **limits)
    made.start_all()
    made.deliver()
    return made


def is_kind(*kinds: type) -> "object":
    return lambda source, to, signed: isinstance(signed.message, kinds)


def sent(net: Cluster, name: str, kind: type) -> list:
    return [
        effect.message
        for effect in net.nodes[name].trace
        if isinstance(effect, fx.Broadcast) and isinstance(effect.message, kind)
    ]


def view_of(net: Cluster, name: str) -> tuple[int, bool]:
    status = net.nodes[name].replica.status()
    return status.view, status.is_active


def leave(net: Cluster, view: int, *names: str) -> list[Signed]:
    return [net.sign(name, ViewChange(0, view, None, ())) for name in names]


# -- rule 5 ---------------------------------------------------------------------------------------


def prepared(view: int, sequence: int, text: bytes) -> PreparedCertificate:
    return PreparedCertificate(0, view, sequence, FAKE.hash(text), (), ())


def change(stable: int, *certificates: PreparedCertificate) -> Signed:
    base = Certificate(0, stable, FAKE.hash(b"header"), (), ()) if stable else None
    return Signed(ViewChange(0, 9, base, certificates), Address(bytes(20)), b"")


def test_rule_5_the_list_runs_from_the_highest_stable_to_the_highest_prepared() -> None:
    found = compute_new_view_list(
        FAKE,
        GROUP,
        0,
        [change(2, prepared(1, 3, b"old"), prepared(1, 7, b"far")), change(4), change(0)],
    )
    null = [
        null_request(FAKE, group=GROUP, epoch=0, sequence=sequence).digest for sequence in (5, 6)
    ]
    assert found.first_sequence == 5
    assert found.digests == (*null, FAKE.hash(b"far"))


def test_rule_5_the_digest_of_the_highest_view_stands_in_the_list() -> None:
    changes = [
        change(0, prepared(3, 1, b"three")),
        change(0, prepared(5, 1, b"five")),
        change(0, prepared(4, 1, b"four")),
    ]
    for order in (changes, changes[::-1]):
        assert compute_new_view_list(FAKE, GROUP, 0, order).digests == (FAKE.hash(b"five"),)


def test_rule_5_a_prepared_certificate_survives_two_view_changes() -> None:
    net = cluster()
    body = net.propose("r0", "a")
    net.deliver(is_kind(PrePrepare))
    net.deliver(lambda source, to, s: isinstance(s.message, Prepare) and to == "r3")
    net.queue.clear()
    for view in (1, 2):
        for signed in leave(net, view, "r1", "r2"):
            net.receive("r3", signed)
    last = sent(net, "r3", ViewChange)[-1]
    assert [(c.view, c.digest) for c in last.prepared] == [(0, body.digest)]
    assert last.view == 2


def test_rule_5_after_a_view_change_no_vote_below_it_but_checkpoints() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.propose("r0", "b")
    net.deliver(lambda source, to, s: isinstance(s.message, PrePrepare) and s.message.sequence == 1)
    net.deliver(is_kind(Prepare))
    net.queue = [item for item in net.queue if not isinstance(item[2].message, PrePrepare)]
    for signed in leave(net, 1, "r2", "r3"):
        net.receive("r1", signed)
    net.nodes["r1"].trace.clear()
    net.deliver(is_kind(Commit))
    body = net.proposal("r0", 2, 0, "c")
    net.receive("r1", net.pre_prepare("r0", body, 0))
    assert not sent(net, "r1", Prepare)
    assert not sent(net, "r1", Commit)
    assert sent(net, "r1", Checkpoint)


def test_rule_5_a_new_view_holds_exactly_a_quorum_of_distinct_view_changes() -> None:
    net = cluster()
    three = leave(net, 1, "r1", "r2", "r3")
    net.verifier.verify(net.sign("r1", NewView(0, 1, tuple(three), 1, ())))
    bad = [three[:2], [*three, *leave(net, 1, "r0")], [three[0], three[1], three[1]]]
    bad.append([*three[:2], *leave(net, 2, "r3")])
    for changes in bad:
        with pytest.raises(InvalidMessage):
            net.verifier.verify(net.sign("r1", NewView(0, 1, tuple(changes), 1, ())))
    with pytest.raises(InvalidMessage):
        net.verifier.verify(net.sign("r2", NewView(0, 1, tuple(three), 1, ())))


def locked(net: Cluster) -> list[Signed]:
    """VIEW-CHANGE(1) of all, of which r3's holds a certificate for a proposal at 1."""
    net.propose("r0", "a")
    net.deliver(is_kind(PrePrepare))
    net.deliver(lambda source, to, s: isinstance(s.message, Prepare) and to == "r3")
    net.queue.clear()
    for signed in leave(net, 1, "r1", "r2"):
        net.receive("r3", signed)
    message = sent(net, "r3", ViewChange)[0]
    return [*leave(net, 1, "r1", "r2"), net.sign("r3", message)]


def test_rule_5_a_backup_refuses_a_list_that_it_does_not_derive() -> None:
    net = cluster()
    changes = locked(net)
    digest = changes[-1].message.prepared[0].digest
    null = null_request(FAKE, group=GROUP, epoch=0, sequence=1).digest
    for digests in ((), (null,), (digest, null)):
        net.receive("r2", net.sign("r1", NewView(0, 1, tuple(changes), 1, digests)))
        assert view_of(net, "r2") == (0, True)
    net.receive("r2", net.sign("r1", NewView(0, 1, tuple(changes), 1, (digest,))))
    assert view_of(net, "r2") == (1, True)


def test_rule_5_a_prepared_certificate_needs_a_quorum_with_its_primary() -> None:
    net = cluster()
    good = locked(net)[-1].message.prepared[0]
    net.verifier.verify_prepared(good)
    first, *rest = range(len(good.signers))
    bad = [
        replace(good, signers=good.signers[:2], signatures=good.signatures[:2]),
        replace(good, view=1),
        replace(good, digest=FAKE.hash(b"other")),
        replace(good, sequence=2),
        replace(
            good,
            signers=(good.signers[first],) * 3,
            signatures=(good.signatures[first],) * 3,
        ),
        replace(
            good,
            signers=tuple(good.signers[i] for i in rest),
            signatures=tuple(good.signatures[i] for i in rest),
        ),
    ]
    for certificate in bad:
        with pytest.raises(InvalidMessage):
            net.verifier.verify_prepared(certificate)


def test_rule_5_a_replica_votes_again_for_what_it_has_executed_and_executes_once() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    net.queue.clear()
    net.crash("r0")
    net.tick(13)
    net.nodes["r2"].trace.clear()
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    assert [vote.view for vote in sent(net, "r2", Prepare)] == [1]
    assert [vote.view for vote in sent(net, "r2", Commit)] == [1]
    assert not any(isinstance(effect, fx.Execute) for effect in net.nodes["r2"].trace)


def test_rule_5_a_list_that_contradicts_an_executed_block_halts() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    null = null_request(FAKE, group=GROUP, epoch=0, sequence=1)
    place = (0, 0, 1, null.digest)
    signers = sorted(("r0", "r1", "r2"), key=lambda name: net.nodes[name].address)
    forged = PreparedCertificate(
        *place,
        tuple(net.nodes[name].address for name in signers),
        tuple(
            net.sign(name, (PrePrepare if name == "r0" else Prepare)(*place)).signature
            for name in signers
        ),
    )
    lie = net.sign("r0", ViewChange(0, 1, None, (forged,)))
    changes = (lie, *leave(net, 1, "r1", "r2"))
    net.receive("r3", net.sign("r1", NewView(0, 1, changes, 1, (null.digest,))))
    assert "lists another digest" in (net.nodes["r3"].replica.status().halted or "")


# -- rule 6 ---------------------------------------------------------------------------------------


def test_rule_6_a_waiting_transaction_is_forwarded_at_half_time_then_complained_of() -> None:
    net = cluster(request_ticks=20, heartbeat_ticks=1000)
    net.step("r1", ev.RequestWaiting(FAKE.hash(b"tx")))
    net.tick(9, "r1")
    assert not any(isinstance(effect, fx.Forward) for effect in net.nodes["r1"].trace)
    net.tick(1, "r1")
    forwards = [effect for effect in net.nodes["r1"].trace if isinstance(effect, fx.Forward)]
    assert forwards == [fx.Forward(FAKE.hash(b"tx"), net.nodes["r0"].address)]
    net.tick(9, "r1")
    assert view_of(net, "r1") == (0, True)
    net.tick(1, "r1")
    assert view_of(net, "r1") == (1, False)


def test_rule_6_a_transaction_that_is_gone_stops_its_clock() -> None:
    net = cluster(request_ticks=20, heartbeat_ticks=1000)
    net.step("r1", ev.RequestWaiting(FAKE.hash(b"tx")))
    net.step("r1", ev.RequestGone(FAKE.hash(b"tx")))
    net.tick(60, "r1")
    assert view_of(net, "r1") == (0, True)


def test_rule_6_older_transactions_without_a_clock_explain_blocks_too() -> None:
    """Of each sender only the next transaction has a clock; the older ones of all precede it."""
    for older, is_owed in ((60, False), (20, True)):
        clocks = RequestClocks(10, 100)
        clocks.start(FAKE.hash(b"late"), older)
        complaints = []
        for _ in range(20):
            complaints.append(clocks.tick()[1])
            clocks.on_block(2, has_room=False)
        assert any(complaints) == is_owed
        for _ in range(40):  # censored beyond all that was older
            complaints.append(clocks.tick()[1])
            clocks.on_block(2, has_room=False)
        assert any(complaints)


def test_rule_6_full_blocks_that_the_backlog_explains_are_no_reason_to_complain() -> None:
    clocks = RequestClocks(10, 100)
    for number in range(30):
        clocks.start(FAKE.hash(b"%d" % number))
    for number in range(3):
        for _ in range(9):
            assert not clocks.tick()[1]
        for done in range(8):
            clocks.stop(FAKE.hash(b"%d" % (8 * number + done)))
        clocks.on_block(8, has_room=False)
    assert len(clocks) == 6


def test_rule_6_more_transactions_than_were_ahead_is_a_complaint() -> None:
    clocks = RequestClocks(10, 100)
    clocks.start(FAKE.hash(b"neglected"))
    for _ in range(9):
        clocks.tick()
        clocks.on_block(8, has_room=False)
    assert clocks.tick()[1]


def test_rule_6_a_block_with_room_that_leaves_a_transaction_out_is_a_complaint() -> None:
    clocks = RequestClocks(10, 100)
    clocks.start(FAKE.hash(b"neglected"))
    for _ in range(6):
        clocks.tick()
    clocks.on_block(0, has_room=True)
    assert [clocks.tick()[1] for _ in range(4)] == [False, False, False, True]


def test_rule_6_a_missed_heartbeat_counts_as_a_request() -> None:
    net = cluster(heartbeat_ticks=20)
    net.tick(19)
    slot = net.nodes["r0"].replica.proposal_slot()
    assert slot is not None
    assert not slot.empty_due
    net.tick(1)
    slot = net.nodes["r0"].replica.proposal_slot()
    assert slot is not None
    assert slot.empty_due
    net.tick(10)
    assert view_of(net, "r1") == (1, False)


def test_rule_6_a_refused_proposal_starts_the_clock() -> None:
    net = cluster()
    net.step("r1", ev.ProposalRefused(0, 0, 1))
    net.tick(10, "r1")
    assert view_of(net, "r1") == (1, False)


def test_rule_6_execution_pauses_the_clock_within_a_bound() -> None:
    net = cluster(view_ticks=10, execution_ticks_max=5)
    net.propose("r0", "a")
    net.deliver(is_kind(PrePrepare, Prepare))
    node = net.nodes["r1"]
    commits = [s for _, to, s in net.queue if to == "r1" and isinstance(s.message, Commit)]
    effects = [e for s in commits for e in node.replica.step(ev.Received(s))]
    assert any(isinstance(effect, fx.Execute) for effect in effects)
    for _ in range(14):
        node.replica.step(ev.Tick())
    assert view_of(net, "r1") == (0, True)
    node.replica.step(ev.Tick())
    assert view_of(net, "r1") == (1, False)


# -- rule 7 ---------------------------------------------------------------------------------------


def test_rule_7_absurd_views_of_f_liars_move_nobody() -> None:
    net = cluster()
    for view in (2**62, 2**40, 7):
        net.receive("r0", leave(net, view, "r3")[0])
    assert view_of(net, "r0") == (0, True)


def test_rule_7_f_plus_one_view_changes_pull_to_the_f_plus_first_highest() -> None:
    net = cluster()
    net.receive("r0", leave(net, 2**62, "r3")[0])
    net.receive("r0", leave(net, 3, "r2")[0])
    assert view_of(net, "r0") == (3, False)


def test_rule_7_each_senders_latest_view_change_is_kept_whatever_its_view() -> None:
    net = cluster()
    kept = ViewChanges()
    for view in (5, 2, 9, 4):
        kept.keep(leave(net, view, "r1")[0])
    assert (kept.count_from(9), kept.count_from(10)) == (1, 0)


def test_rule_7_the_timer_of_a_view_starts_with_a_quorum_for_it_or_higher() -> None:
    net = cluster(view_ticks=10, view_ticks_max=10)
    net.cut = {(a, b) for a in net.nodes for b in net.nodes}
    net.receive("r0", leave(net, 1, "r1")[0])
    net.receive("r0", leave(net, 1, "r2")[0])
    assert view_of(net, "r0") == (1, False)
    net.tick(10, "r0")
    assert view_of(net, "r0") == (2, False), "r0, r1 and r2 are a quorum for view 1"
    net.tick(50, "r0")
    assert view_of(net, "r0") == (2, False), "alone in leaving for view 2, it climbs no further"


def test_rule_7_three_replicas_with_three_targets_do_not_get_stuck() -> None:
    net = cluster(view_ticks=10, view_ticks_max=40)
    net.crash("r0")
    for view, name in ((1, "r1"), (2, "r2"), (3, "r3")):
        for other in ("r1", "r2", "r3"):
            net.queue += [(name, other, leave(net, view, name)[0])] * (other != name)
    for _ in range(30):
        net.deliver()
        net.tick(4)
    views = {view_of(net, name) for name in ("r1", "r2", "r3")}
    assert len(views) == 1
    assert views.pop()[1]


def test_rule_7_timeouts_double_to_a_cap_and_shrink_after_progress() -> None:
    net = cluster(view_ticks=10, view_ticks_max=40)
    replica = net.nodes["r0"].replica
    seen = []
    for failed in range(70):
        replica._core.failed_views = failed
        seen.append(replica._progress._view_ticks)
    assert seen[:4] == [10, 20, 40, 40]
    assert seen[-1] == 40
    replica._core.failed_views = 2
    net.commit_one("a")
    assert replica._progress._view_ticks == 20


def test_rule_7_reconnection_sends_again_what_is_open() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(is_kind(PrePrepare, Prepare))
    net.queue.clear()
    peer = net.nodes["r3"].address
    effects = net.step("r1", ev.PeerConnected(peer))
    own = net.nodes["r1"].address
    sent_again = [e.signed for e in effects if isinstance(e, fx.Resend)]
    again = [type(signed.message) for signed in sent_again if signed.sender == own]
    assert again == [Prepare, Commit]
    assert any(isinstance(e, fx.Broadcast) and isinstance(e.message, Position) for e in effects)


def test_rule_7_a_peer_in_a_lower_view_gets_the_new_view_from_anyone() -> None:
    net = cluster()
    net.cut = {("r3", x) for x in ("r0", "r1", "r2")} | {(x, "r3") for x in ("r0", "r1", "r2")}
    for signed in leave(net, 1, "r0", "r2"):
        for name in ("r0", "r1", "r2"):
            net.queue.append(("r2", name, signed))
    net.deliver()
    assert view_of(net, "r2") == (1, True)
    net.cut = {(a, b) for a in net.nodes for b in net.nodes if "r1" in (a, b)}
    net.tick(3, "r3")
    net.deliver()
    assert view_of(net, "r3") == (1, True)


def test_rule_7_lost_messages_are_sent_again_on_a_tick() -> None:
    net = cluster(view_ticks=30)
    net.propose("r0", "a")
    net.queue.clear()
    for _ in range(4):
        net.tick(3)
        net.queue = net.queue[1::2]
        net.deliver()
    net.tick(3)
    net.deliver()
    assert net.chain("r0") == ["a"]


def unheard(net: Cluster, name: str, *silent: str) -> None:
    net.step(name, ev.Unheard(frozenset(net.nodes[other].address for other in silent)))


def lone_complaint(net: Cluster) -> None:
    """r3 leaves for view 1 alone; all hear of it."""
    for name in ("r0", "r1", "r2"):
        net.receive(name, leave(net, 1, "r3")[0])


def test_rule_7_a_lone_complaint_is_followed_once_the_view_has_lasted() -> None:
    net = cluster(view_ticks=10, view_ticks_max=60, heartbeat_ticks=1000)
    net.tick(30, "r0")
    lone_complaint(net)
    net.tick(39, "r0")
    assert view_of(net, "r0") == (0, True), "view 0 has lasted, the complaint has not stood enough"
    net.tick(1, "r0")
    assert view_of(net, "r0") == (1, False)


@pytest.mark.parametrize("silent", ["r1", "r3"], ids=["the next primary", "who complained"])
def test_rule_7_a_lone_complaint_is_not_followed_to_who_is_not_heard(silent: str) -> None:
    net = cluster(view_ticks=10, view_ticks_max=60, heartbeat_ticks=1000)
    lone_complaint(net)
    unheard(net, "r0", silent)
    net.tick(200, "r0")
    assert view_of(net, "r0") == (0, True)


def test_rule_7_a_liar_who_always_complains_costs_a_view_change_in_the_longest_time_out() -> None:
    net = cluster(view_ticks=10, view_ticks_max=60, heartbeat_ticks=10_000)
    for _ in range(600):
        view = net.nodes["r0"].replica.status().view
        for name in ("r0", "r1", "r2"):
            net.receive(name, leave(net, view + 1, "r3")[0])
        net.tick(1, "r0", "r1", "r2")
        net.deliver()
    assert net.nodes["r0"].replica.status().view <= 600 // 60


def test_rule_6_who_hears_no_quorum_does_not_complain() -> None:
    net = cluster(view_ticks=10, request_ticks=20, heartbeat_ticks=30)
    unheard(net, "r3", "r0", "r1")
    net.step("r3", ev.RequestWaiting(FAKE.hash(b"x")))
    net.tick(100, "r3")
    assert view_of(net, "r3") == (0, True)
    unheard(net, "r3", "r0")
    net.tick(20, "r3")
    assert view_of(net, "r3") == (1, False)


def test_rule_6_an_unheard_primary_is_left_sooner_only_where_a_transaction_waits_in_vain() -> None:
    net = cluster(view_ticks=10, request_ticks=20, heartbeat_ticks=1000)
    unheard(net, "r1", "r0")
    unheard(net, "r2", "r3")
    net.tick(50, "r1")
    assert view_of(net, "r1") == (0, True), "nothing waits"
    for name in ("r1", "r2"):
        net.step(name, ev.RequestWaiting(FAKE.hash(b"x")))
        net.tick(5, name)
    assert view_of(net, "r1") == (1, False)
    assert view_of(net, "r2") == (0, True), "its primary is heard"


# -- rule 10 --------------------------------------------------------------------------------------


def test_rule_10_a_list_carries_proposals_of_older_views_whatever_their_time() -> None:
    net = cluster()
    changes = locked(net)
    digest = changes[-1].message.prepared[0].digest
    effects = net.receive("r2", net.sign("r1", NewView(0, 1, tuple(changes), 1, (digest,))))
    votes = [e.message for e in effects if isinstance(e, fx.Broadcast)]
    assert [type(vote) for vote in votes] == [Prepare]
    assert votes[0].view == 1
