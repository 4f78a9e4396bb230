"""One test per rule on votes, execution and persistence; each name says the rule."""

import pytest
from msgspec.structs import replace

from consensus import effects as fx
from consensus import events as ev
from consensus.entries import MarkEntry, VoteEntry
from consensus.log_codec import decode_entry
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Position,
    Prepare,
    PrePrepare,
    Signed,
    ViewChange,
)
from consensus.verify import Verifier
from consensus.wire import InvalidMessage, signing_digest
from ledger.proposal import null_request
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


# -- rule 1 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [PrePrepare, Prepare, Commit])
def test_rule_1_a_vote_binds_kind_group_epoch_view_sequence_and_digest(kind: type) -> None:
    digest = FAKE.hash(b"a")
    vote = kind(1, 2, 3, digest)
    others = [
        signing_digest(FAKE, GROUP, other)
        for other in [
            replace(vote, epoch=2),
            replace(vote, view=3),
            replace(vote, sequence=4),
            replace(vote, digest=FAKE.hash(b"b")),
            *(k(1, 2, 3, digest) for k in (PrePrepare, Prepare, Commit) if k is not kind),
        ]
    ]
    others.append(signing_digest(FAKE, FAKE.hash(b"another group"), vote))
    assert signing_digest(FAKE, GROUP, vote) not in others
    assert len(set(others)) == len(others)


def test_rule_1_a_message_of_another_group_does_not_verify() -> None:
    net = cluster()
    signed = net.sign("r1", Prepare(0, 0, 1, FAKE.hash(b"a")))
    net.verifier.verify(signed)
    other = Verifier(FAKE, FAKE.hash(b"other"), net.verifier.epochs, 4)
    with pytest.raises(InvalidMessage):
        other.verify(signed)


def test_rule_1_checkpoints_of_different_views_make_one_certificate() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(is_kind(PrePrepare, Prepare))
    net.deliver(lambda source, to, s: isinstance(s.message, Commit) and to == "r3")
    net.queue.clear()  # r3 alone executed, in view 0; the others will in view 1
    net.tick(10)
    net.deliver()
    assert net.chain("r3") == net.chain("r1") == ["a"]
    assert net.nodes["r1"].replica.status().view == 1


def test_rule_1_a_new_view_carries_a_digest_unchanged() -> None:
    net = cluster()
    body = net.propose("r0", "a")
    net.deliver(is_kind(PrePrepare, Prepare))
    net.queue.clear()
    net.tick(10)
    net.deliver()
    stored, _ = net.nodes["r2"].stored[0]
    assert (stored.digest, stored.origin_view, stored.proposer) == (
        body.digest,
        0,
        net.nodes["r0"].address,
    )


# -- rule 2 ---------------------------------------------------------------------------------------


def test_rule_2_the_primary_orders_up_to_the_window_above_stable() -> None:
    net = cluster(window_blocks=2)
    net.propose("r0", "a")
    net.propose("r0", "b")
    assert net.nodes["r0"].replica.proposal_slot() is None
    net.deliver()
    slot = net.nodes["r0"].replica.proposal_slot()
    assert slot is not None
    assert slot.sequence == 3


def test_rule_2_a_backup_prepares_nothing_above_its_window() -> None:
    net = cluster(window_blocks=2)
    body = net.proposal("r0", 3, 0, "c")
    assert not net.receive("r1", net.pre_prepare("r0", body, 0))


def test_rule_2_messages_up_to_w_past_the_window_are_kept_and_none_beyond() -> None:
    net = cluster(window_blocks=2)
    net.crash("r1")
    for text in ("a", "b"):
        net.propose("r0", text)
    net.deliver()
    for text in ("c", "d"):
        net.propose("r0", text)
    net.start("r1")
    net.deliver(lambda source, to, s: to == "r1" and not isinstance(s.message, Position))
    replica = net.nodes["r1"].replica
    assert set(replica._core.states) <= {1, 2, 3, 4}
    assert replica._core.state(5) is None


def test_rule_2_a_pre_prepare_is_its_primarys_prepare() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(is_kind(PrePrepare))
    net.deliver(lambda source, to, s: (source, to) == ("r1", "r2"))
    assert sent(net, "r2", Commit), "PRE-PREPARE, own PREPARE and one more are three of four"
    assert not sent(net, "r0", Prepare)


# -- rule 3 ---------------------------------------------------------------------------------------


def test_rule_3_blocks_execute_in_sequence_on_uncertified_ones() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.propose("r0", "b")
    net.deliver(
        lambda source, to, s: (
            not isinstance(s.message, Checkpoint) and getattr(s.message, "sequence", 0) == 2
        )
    )
    assert net.nodes["r1"].replica.status().executed == 0
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    status = net.nodes["r1"].replica.status()
    assert (status.executed, status.stable) == (2, 0)


def test_rule_3_a_header_that_differs_from_the_certificate_halts_and_names_the_signers() -> None:
    net = cluster()
    net.headers["r3", 1] = FAKE.hash(b"a broken engine")
    net.propose("r0", "a")
    net.deliver()
    halted = net.nodes["r3"].replica.status().halted
    assert halted is not None
    assert net.nodes["r0"].address.hex() in halted
    assert net.chain("r0") == ["a"]


def test_rule_3_headers_of_which_none_can_reach_a_quorum_are_reported() -> None:
    net = cluster()
    for name in ("r2", "r3"):
        net.headers[name, 1] = FAKE.hash(b"other")
    net.propose("r0", "a")
    net.deliver()
    kinds = [effect.kind for effect in net.nodes["r0"].trace if isinstance(effect, fx.Alarm)]
    assert fx.AlarmKind.CHECKPOINTS_DIFFER in kinds
    assert fx.AlarmKind.NO_CERTIFICATE in kinds


def test_rule_3_a_later_certificate_alone_stores_nothing() -> None:
    net = cluster()
    net.cut = {("r3", x) for x in ("r0", "r1", "r2")} | {(x, "r3") for x in ("r0", "r1", "r2")}
    net.commit_one("a")
    net.propose("r0", "b")
    net.cut = set()
    net.deliver()
    assert net.chain("r3") == []
    net.tick(4)
    net.deliver()
    net.tick(4)
    net.deliver()
    assert net.chain("r3") == ["a", "b"], "the missing block was fetched with its certificate"


# -- rule 4 ---------------------------------------------------------------------------------------


def test_rule_4_nothing_is_sent_before_what_it_depends_on_is_synced() -> None:
    net = cluster()
    checked = 0
    for node in net.nodes.values():
        step = node.replica.step

        def watched(event: ev.Event, step: "object" = step) -> tuple[fx.Effect, ...]:
            nonlocal checked
            effects = step(event)
            logged: list[object] = []
            for effect in effects:
                if isinstance(effect, fx.Persist):
                    logged += [e.message for e in effect.entries if hasattr(e, "message")]
                elif isinstance(effect, fx.Broadcast) and not isinstance(effect.message, Position):
                    assert effect.message in logged
                    checked += 1
            return effects

        node.replica.step = watched
    net.commit_one("a")
    net.tick(0)
    net.propose("r0", "b")
    net.crash("r0")
    net.tick(10)
    net.deliver()
    assert checked > 10


def test_rule_4_an_own_vote_counts_once_it_comes_back_signed() -> None:
    net = cluster()
    body = net.proposal("r0", 1, 0, "a")
    replica = net.nodes["r1"].replica
    replica.step(ev.Received(net.pre_prepare("r0", body, 0)))
    prepare = Prepare(0, 0, 1, body.digest)
    effects = replica.step(ev.Received(net.sign("r2", prepare)))
    assert effects == (), "two signed votes of three"
    effects = replica.step(ev.OwnSigned(net.sign("r1", prepare)))
    assert any(isinstance(e, fx.Broadcast) and isinstance(e.message, Commit) for e in effects)


def test_rule_4_a_restarted_replica_contradicts_no_vote() -> None:
    net = cluster()
    first, second = net.proposal("r0", 1, 0, "a"), net.proposal("r0", 1, 0, "b")
    net.receive("r1", net.pre_prepare("r0", first, 0))
    net.crash("r1")
    net.start("r1")
    net.receive("r1", net.pre_prepare("r0", second, 0))
    assert {vote.digest for vote in sent(net, "r1", Prepare)} == {first.digest}


def test_rule_4_a_restarted_replica_keeps_to_the_view_that_it_left_for() -> None:
    net = cluster()
    net.receive("r1", net.pre_prepare("r0", net.proposal("r0", 1, 0, "a"), 0))
    net.tick(10, "r1")
    net.crash("r1")
    net.start("r1")
    status = net.nodes["r1"].replica.status()
    assert (status.view, status.is_active) == (1, False)
    body = net.proposal("r0", 2, 0, "b")
    assert not net.receive("r1", net.pre_prepare("r0", body, 0))


def test_rule_4_a_store_behind_the_mark_neither_votes_nor_changes_views() -> None:
    net = cluster(window_blocks=2)
    for text in ("a", "b", "c"):
        net.commit_one(text)
    node = net.nodes["r1"]
    entries = [decode_entry(FAKE, data) for data in node.log]
    assert any(isinstance(entry, MarkEntry) for entry in entries)
    lost = node.stored
    net.crash("r1")
    node.stored = []
    net.cut = {("r1", x) for x in ("r0", "r2", "r3")} | {(x, "r1") for x in ("r0", "r2", "r3")}
    net.start("r1")
    node.trace.clear()
    assert not node.replica.status().is_voter
    net.receive("r1", net.pre_prepare("r0", net.proposal("r0", 1, 0, "z"), 0))
    net.tick(40, "r1")
    spoken = (PrePrepare, Prepare, Commit, ViewChange, Checkpoint)
    assert not [m for kind in spoken for m in sent(net, "r1", kind)]
    assert any(isinstance(effect, fx.Synchronise) for effect in node.trace)
    net.cut = set()
    net.tick(4)
    net.deliver()
    net.tick(4)
    net.deliver()
    assert node.stored == lost
    assert node.replica.status().is_voter


def test_rule_4_a_reexecuted_header_that_differs_from_the_signed_one_halts() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    net.crash("r1")
    net.headers["r1", 1] = FAKE.hash(b"another version of the engine")
    net.start("r1")
    halted = net.nodes["r1"].replica.status().halted
    assert halted is not None
    assert "signed" in halted


def test_rule_4_own_checkpoints_are_commit_evidence() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    net.queue.clear()
    for name in net.nodes:
        net.crash(name)
    for name in net.nodes:
        net.start(name)
    net.tick(4)
    net.deliver(is_kind(Checkpoint))
    assert net.chain("r0") == net.chain("r3") == ["a"]


def test_rule_4_a_key_whose_log_is_lost_follows_without_voting() -> None:
    net = cluster()
    net.crash("r3")
    net.start("r3", may_vote=False)
    net.commit_one("a")
    assert net.chain("r3") == ["a"]
    assert not [m for kind in (Prepare, Commit, Checkpoint) for m in sent(net, "r3", kind)]
    assert net.nodes["r3"].log == []


def test_rule_4_votes_of_ours_that_we_did_not_cast_are_reported() -> None:
    net = cluster()
    vote = net.sign("r1", Prepare(0, 0, 1, FAKE.hash(b"elsewhere")))
    net.receive("r1", net.pre_prepare("r0", net.proposal("r0", 1, 0, "a"), 0))
    effects = net.receive("r1", vote)
    assert [e.kind for e in effects if isinstance(e, fx.Alarm)] == [fx.AlarmKind.KEY_USED_TWICE]


def test_rule_4_a_compacted_log_holds_what_its_own_step_logged() -> None:
    net = cluster(window_blocks=2)
    for text in ("a", "b", "c", "d", "e"):
        net.commit_one(text)
        net.propose("r0", "next" + text)
        net.deliver(is_kind(PrePrepare, Prepare))
        replica = net.nodes["r1"].replica
        logged = [decode_entry(FAKE, data) for data in net.nodes["r1"].log]
        votes = [e.message for e in logged if isinstance(e, VoteEntry)]
        for state in replica._core.states.values():
            if state.own_commit is not None:
                assert state.own_commit in votes
        net.deliver()


# -- rule 11 --------------------------------------------------------------------------------------


def test_rule_11_a_null_request_outside_a_list_is_refused() -> None:
    net = cluster()
    null = null_request(FAKE, group=GROUP, epoch=0, sequence=1)
    signed = net.sign("r0", PrePrepare(0, 0, 1, null.digest, proposal=null))
    assert not net.receive("r1", signed)


def test_rule_11_an_origin_view_that_pretends_to_be_old_is_refused() -> None:
    net = cluster()
    net.tick(0)
    open_view_1(net)
    body = net.proposal("r1", 1, 0, "a")
    assert not net.receive("r2", net.pre_prepare("r1", body, 1))
    good = net.proposal("r1", 1, 1, "a")
    assert net.receive("r2", net.pre_prepare("r1", good, 1))


def test_rule_11_another_proposer_than_the_primary_is_refused() -> None:
    net = cluster()
    body = net.proposal("r2", 1, 0, "a")
    assert not net.receive("r1", net.pre_prepare("r0", body, 0))


def test_rule_11_a_second_pre_prepare_for_a_place_is_refused() -> None:
    net = cluster()
    net.receive("r1", net.pre_prepare("r0", net.proposal("r0", 1, 0, "a"), 0))
    effects = net.receive("r1", net.pre_prepare("r0", net.proposal("r0", 1, 0, "b"), 0))
    assert [type(effect) for effect in effects] == [fx.Alarm]


def open_view_1(net: Cluster) -> Signed:
    for name in net.nodes:
        net.queue.append(("r2", name, net.sign("r2", ViewChange(0, 1, None, ()))))
        net.queue.append(("r3", name, net.sign("r3", ViewChange(0, 1, None, ()))))
    net.deliver()
    assert all(node.replica.status().view == 1 for node in net.nodes.values())
    assert sent(net, "r1", NewView)
    return net.sign("r1", sent(net, "r1", NewView)[0])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 10, 13])
def test_a_set_of_any_size_commits_with_its_quorum_and_not_below(n: int) -> None:
    net = cluster(n)
    quorum = -(-(n + (n - 1) // 3 + 1) // 2)
    for name in list(net.nodes)[quorum:]:
        net.crash(name)
    net.commit_one("a")
    assert net.chain("r0") == ["a"]
    if quorum > 1:
        net.crash(list(net.nodes)[quorum - 1])
        net.propose("r0", "b")
        net.deliver()
        assert net.chain("r0") == ["a"]
