"""One test per rule on epochs, observers and catching up; each name says the rule."""

import pytest

from consensus import effects as fx
from consensus.epochs import Epoch
from consensus.messages import Checkpoint, Commit, Position, Prepare, PrePrepare, ViewChange
from consensus.wire import InvalidMessage
from ledger.validators import ValidatorSet
from tests.consensus.cluster import Cluster

WINDOW = 2


def changing(*, first_sequence: int = 4, leaver: str = "r3") -> Cluster:
    """Four validators and an observer r4, which replaces `leaver` from `first_sequence` on."""
    net = Cluster(4, spare=1, window_blocks=WINDOW)
    members = [node.address for name, node in net.nodes.items() if name != leaver]
    net.epochs.append(Epoch(1, first_sequence, ValidatorSet.of(members)))
    net.start_all()
    net.deliver()
    return net


def proposing(net: Cluster) -> str:
    return next(name for name, node in net.nodes.items() if node.replica.proposal_slot())


def test_rule_8_an_epoch_opens_at_view_0_under_its_new_set() -> None:
    net = changing()
    for text in "abc":
        net.commit_one(text)
    status = net.nodes["r0"].replica.status()
    assert (status.epoch, status.view, len(status.validators)) == (1, 0, 4)
    assert net.nodes["r4"].replica.status().is_voter
    assert not net.nodes["r3"].replica.status().is_voter
    net.commit_one("d")
    signers = net.nodes["r0"].stored[-1][1].signers
    assert net.nodes["r3"].address not in signers
    assert all(net.chain(name) == ["a", "b", "c", "d"] for name in net.nodes)


def test_rule_8_no_sequence_of_the_new_epoch_before_its_predecessor_is_stable() -> None:
    net = changing()
    net.commit_one("a")
    net.propose("r0", "b")
    net.propose("r0", "c")
    assert net.nodes["r0"].replica.proposal_slot() is None
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    assert net.nodes["r0"].replica.status().executed == 3
    assert all(node.replica.proposal_slot() is None for node in net.nodes.values())
    body = net.proposal("r0", 4, 0, "early")
    assert not net.receive("r1", net.pre_prepare("r0", body, 0))


def test_rule_8_empty_blocks_are_owed_while_a_change_is_pending() -> None:
    net = changing()
    net.commit_one("a")
    slot = net.nodes["r0"].replica.proposal_slot()
    assert slot is not None
    assert slot.empty_due
    for _ in range(2):
        net.commit_one()
    slot = net.nodes[proposing(net)].replica.proposal_slot()
    assert slot is not None
    assert (slot.epoch, slot.empty_due) == (1, False)


def test_rule_8_a_view_change_of_one_epoch_is_void_in_the_next() -> None:
    net = changing()
    old = [net.sign(name, ViewChange(0, 1, None, ())) for name in ("r0", "r1")]
    for text in "abc":
        net.commit_one(text)
    for signed in old:
        net.receive("r2", signed)
    status = net.nodes["r2"].replica.status()
    assert (status.view, status.is_active) == (0, True)
    with pytest.raises(InvalidMessage):
        net.verifier.verify(net.sign("r0", ViewChange(1, 1, None, ())))


def test_rule_8_messages_of_the_next_epoch_are_kept_within_a_bound() -> None:
    net = changing()
    net.commit_one("a")
    net.propose("r0", "b")
    net.propose("r0", "c")
    late = "r1"
    net.deliver(lambda source, to, s: to != late)
    first = proposing(net)
    assert first != late
    net.propose(first, "d")
    net.deliver(lambda source, to, s: to != late)
    waiting = [item for item in net.queue if item[1] == late]
    waiting.sort(key=lambda item: -item[2].message.epoch)
    net.queue = waiting
    net.deliver()
    assert net.chain(late)[:3] == ["a", "b", "c"]
    net.tick(4)
    net.deliver()
    net.tick(4)
    net.deliver()
    assert net.chain(late) == ["a", "b", "c", "d"]
    replica = net.nodes["r0"].replica
    for number in range(200):
        vote = Prepare(2, 0, number, net.proposal("r1", number, 0, "x").digest)
        replica._reception._keep_for_next_epoch(net.sign("r1", vote))
    assert len(replica._core.future[net.nodes["r1"].address]) == 4 * WINDOW


def test_an_observer_follows_without_voting() -> None:
    net = Cluster(4, spare=1)
    net.start_all()
    net.commit_one("a")
    assert net.chain("r4") == ["a"]
    spoken = [e for e in net.nodes["r4"].trace if isinstance(e, fx.Broadcast | fx.Persist)]
    assert spoken == []


def test_a_strangers_vote_does_not_verify() -> None:
    net = Cluster(4, spare=1)
    for kind in (PrePrepare, Prepare, Commit):
        vote = kind(0, 0, 1, net.proposal("r4", 1, 0, "a").digest)
        with pytest.raises(InvalidMessage):
            net.verifier.verify(net.sign("r4", vote))
    with pytest.raises(InvalidMessage):
        net.verifier.verify(net.sign("r4", Position(0, 0, True, None)))


def test_rule_9_a_certificate_beyond_the_window_makes_a_replica_catch_up_at_once() -> None:
    net = Cluster(4, window_blocks=2)
    net.start_all()
    net.deliver()
    net.crash("r3")
    for text in "abcd":
        net.commit_one(text)
    net.start("r3")
    net.tick(3, "r0")
    net.nodes["r3"].trace.clear()
    net.deliver()
    caught = [e for e in net.nodes["r3"].trace if isinstance(e, fx.Synchronise)]
    assert [effect.certificate.number for effect in caught] == [4]
    assert net.chain("r3") == ["a", "b", "c", "d"]


def test_an_observer_that_missed_a_new_view_follows_by_commits_of_any_view() -> None:
    net = Cluster(4, spare=1)
    net.start_all()
    net.deliver()
    net.crash("r4")
    for view in (1, 2, 3):
        for name in ("r0", "r1", "r2", "r3"):
            for sender in ("r0", "r1", "r2"):
                if sender != name:
                    signed = net.sign(sender, ViewChange(0, view, None, ()))
                    net.queue.append((sender, name, signed))
        net.deliver()
    assert net.nodes["r3"].replica.status().view == 3
    net.start("r4")
    net.commit_one("a")
    assert net.nodes["r4"].replica.status().view == 0
    assert net.chain("r4") == ["a"]
