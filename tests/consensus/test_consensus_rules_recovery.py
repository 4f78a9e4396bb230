"""One test per rule on recovery epochs, changed limits, own votes of old and who is missing."""

from consensus import effects as fx
from consensus import events as ev
from consensus.entries import RetiredEntry
from consensus.epochs import Epoch, EpochLimits
from consensus.log_codec import decode_entry, encode_entry
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Position,
    Prepare,
    PrePrepare,
    ViewChange,
)
from ledger.certificate import certificate_of
from ledger.validators import ValidatorSet
from tests.consensus.cluster import Cluster
from tests.simulation.fake_suite import FAKE


def cluster(n: int = 4, **options: int) -> Cluster:
    made = Cluster(n, **options)
    made.start_all()
    made.deliver()
    return made


def recovery(net: Cluster, first: int, *names: str) -> Epoch:
    members = ValidatorSet.of(net.nodes[name].address for name in names)
    epoch = Epoch(net.epochs[-1].number + 2, first, members)
    net.epochs.append(epoch)
    return epoch


def certified(net: Cluster, number: int, *names: str) -> "object":
    vote = Checkpoint(0, number, FAKE.hash(b"the old branch"))
    signatures = {net.nodes[n].address: net.sign(n, vote).signature for n in names}
    return certificate_of(0, number, vote.header_hash, signatures)


def test_rule_8_a_recovery_epoch_opens_at_its_block_with_its_set() -> None:
    net = cluster(spare=2)
    net.commit_one("a")
    epoch = recovery(net, 2, "r0", "r1", "r4", "r5")
    for name in ("r0", "r1", "r4", "r5"):
        net.step(name, ev.EpochRecovered(epoch))
    net.deliver()
    net.crash("r2")
    net.crash("r3")
    net.commit_one("b")
    assert net.chain("r4") == ["a", "b"]
    assert net.nodes["r4"].address in net.nodes["r0"].stored[1][1].signers
    assert not net.step("r0", ev.EpochRecovered(epoch)), "opened already"


def test_rule_8_the_old_sets_headers_above_it_are_void() -> None:
    net = cluster()
    net.commit_one("a")
    net.propose("r0", "b")
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    net.queue.clear()
    replica = net.nodes["r0"].replica
    assert replica.status().executed == 2
    net.step("r0", ev.EpochRecovered(recovery(net, 2, "r0", "r1", "r2")))
    assert replica.status().executed == 1
    old = certified(net, 2, "r0", "r1", "r2")
    replica._execution.learn(old)
    assert not replica._core.is_behind


def test_rule_8_a_replica_below_a_recovery_epoch_catches_up_to_its_beginning_only() -> None:
    net = cluster()
    for text in "abc":
        net.commit_one(text)
    net.crash("r3")
    net.nodes["r3"].stored, net.nodes["r3"].log = [], []
    epochs, net.epochs = net.epochs, net.epochs[:1]
    net.start("r3")
    net.epochs = epochs
    net.step("r3", ev.EpochRecovered(recovery(net, 2, "r0", "r1", "r2", "r3")))
    replica = net.nodes["r3"].replica
    assert replica.status().epoch == 0
    replica._execution.learn(certified(net, 3, "r0", "r1", "r2"))
    assert not replica._core.is_behind
    proposal, certificate = net.nodes["r0"].stored[0]
    known = (net.epochs[-1],)
    net.step("r3", ev.Stored(certificate, proposal.digest, known))
    assert replica.status().epoch == 2


def test_rule_8_a_mark_above_a_recovery_epochs_beginning_is_void() -> None:
    net = cluster(window_blocks=2)
    for text in "abc":
        net.commit_one(text)
    node = net.nodes["r1"]
    net.crash("r1")
    node.stored = node.stored[:1]
    recovery(net, 2, "r0", "r1", "r2", "r3")
    net.start("r1")
    status = node.replica.status()
    assert (status.epoch, status.is_voter, status.is_catching_up) == (2, True, False)
    assert status.stable == 1, "it asks nobody for the old branch"


def test_rule_8_limits_change_at_an_epochs_first_block() -> None:
    net = cluster(window_blocks=2, view_ticks=10)
    limits = EpochLimits(30, 60, 50, 5, 200)
    net.epochs.append(Epoch(1, 4, net.epochs[0].validators, limits))
    net.commit_one("a")
    net.commit_one("b")
    assert net.nodes["r1"].replica._progress._view_ticks == 10
    net.commit_one("c")
    assert net.nodes["r1"].replica.status().epoch == 1
    net.propose("r0", "d")
    net.deliver(lambda source, to, s: isinstance(s.message, PrePrepare))
    net.queue.clear()
    net.tick(29, "r1")
    assert net.nodes["r1"].replica.status().is_active
    net.tick(1, "r1")
    assert not net.nodes["r1"].replica.status().is_active


def test_rule_4_a_peer_that_comes_back_is_shown_its_own_votes() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver()
    net.propose("r0", "b")
    net.deliver(lambda source, to, s: isinstance(s.message, PrePrepare | Prepare | Commit))
    net.deliver(lambda source, to, s: (source, to) == ("r3", "r1"))
    net.receive("r1", net.sign("r3", ViewChange(0, 1, None, ())))
    peer = net.nodes["r3"].address
    effects = net.step("r1", ev.PeerConnected(peer))
    shown = {
        type(e.signed.message)
        for e in effects
        if isinstance(e, fx.Resend) and e.signed.sender == peer
    }
    assert shown == {Prepare, Commit, Checkpoint, ViewChange}


def test_rule_4_our_own_words_are_no_news_and_any_other_retires_the_key() -> None:
    own_kinds = 0
    for kind in (PrePrepare, Prepare, Commit, Checkpoint, ViewChange, NewView):
        net = cluster()
        net.propose("r0", "a")
        net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
        name = "r0" if kind is PrePrepare else "r1"
        for effect in list(net.nodes[name].trace):
            if isinstance(effect, fx.Broadcast) and isinstance(effect.message, kind):
                assert net.receive(name, net.sign(name, effect.message)) == []
                own_kinds += 1
        digest = FAKE.hash(b"elsewhere")
        alien = {
            PrePrepare: PrePrepare(0, 0, 1, digest),
            Prepare: Prepare(0, 0, 1, digest),
            Commit: Commit(0, 0, 2, digest),
            Checkpoint: Checkpoint(0, 1, digest),
            ViewChange: ViewChange(0, 1, None, ()),
            NewView: NewView(
                0,
                1,
                tuple(net.sign(n, ViewChange(0, 1, None, ())) for n in ("r0", "r2", "r3")),
                1,
                (),
            ),
        }[kind]
        net.receive(name, net.sign(name, alien))
        status = net.nodes[name].replica.status()
        assert status.retired, kind
        assert not status.is_voter
        entries = [decode_entry(FAKE, data) for data in net.nodes[name].log]
        (retired,) = [entry for entry in entries if isinstance(entry, RetiredEntry)]
        assert decode_entry(FAKE, encode_entry(retired)) == retired
        net.crash(name)
        net.start(name)
        assert net.nodes[name].replica.status().retired
    assert own_kinds == 4


def test_rule_4_a_log_that_grows_by_view_changes_alone_is_compacted() -> None:
    net = cluster(window_blocks=4)
    sizes = []
    for view in range(1, 40):
        net.nodes["r1"].replica._core.out = []
        for name in ("r2", "r3"):
            net.receive("r1", net.sign(name, ViewChange(0, view, None, ())))
        sizes.append(len(net.nodes["r1"].log))
    assert net.nodes["r1"].replica.status().view == 39
    assert max(sizes) < 12
    net.crash("r1")
    net.start("r1")
    assert net.nodes["r1"].replica.status().view == 39


def test_rule_3_a_late_vote_for_another_header_is_named() -> None:
    net = cluster()
    net.commit_one("a")
    other = net.sign("r3", Checkpoint(0, 1, FAKE.hash(b"other")))
    asked, alarm = net.receive("r0", other)
    assert alarm.kind is fx.AlarmKind.CHECKPOINTS_DIFFER
    assert net.nodes["r3"].address.hex() in alarm.message
    assert isinstance(asked, fx.CompareHeaders)
    assert (asked.number, asked.theirs) == (1, FAKE.hash(b"other"))
    assert asked.signers == (net.nodes["r3"].address,)
    once_more = net.sign("r2", Checkpoint(0, 1, FAKE.hash(b"a third")))
    assert not any(isinstance(e, fx.CompareHeaders) for e in net.receive("r0", once_more))


def test_missing_means_that_no_vote_was_heard_where_one_was_due() -> None:
    net = cluster(view_ticks=10, heartbeat_ticks=50)
    net.commit_one("a")
    net.tick(40)
    assert net.nodes["r0"].replica.status().missing == (), "an idle group owes nothing"
    net.crash("r3")
    net.commit_one("b")
    net.tick(1)
    status = net.nodes["r0"].replica.status()
    assert status.missing == (net.nodes["r3"].address,)
    assert status.missing_ticks == (41,)
    net.nodes["r3"].is_up = True
    net.start("r3")
    for _ in range(3):
        net.tick(4)
        net.deliver()
    net.commit_one("c")
    assert net.nodes["r0"].replica.status().missing == ()


def test_nobody_owes_votes_on_blocks_that_were_fetched_after_a_restart() -> None:
    net = cluster(view_ticks=10, heartbeat_ticks=1_000)
    net.crash("r3")
    net.commit_one("a")
    net.commit_one("b")
    net.nodes["r3"].is_up = True
    net.start("r3")
    for _ in range(10):
        net.tick(4)
        net.deliver()
    assert net.chain("r3") == ["a", "b"]
    assert net.nodes["r3"].replica.status().missing == ()
    net.crash("r2")
    net.commit_one("c")
    net.tick(20)
    assert net.nodes["r3"].replica.status().missing == (net.nodes["r2"].address,)


def test_in_step_means_that_the_next_block_is_about_to_be_stored() -> None:
    net = cluster(window_blocks=4)
    net.cut = {(other, "r3") for other in ("r0", "r1", "r2")}
    for text in ("a", "b"):
        net.commit_one(text)
    node = net.nodes["r3"]
    certificate = net.nodes["r0"].stored[-1][1]
    position = net.sign("r0", Position(0, 0, True, certificate))
    net.receive("r3", position)
    assert not node.replica.status().is_catching_up, "it may be on its way"
    net.tick(2, "r3")
    assert not node.replica.status().is_catching_up
    net.tick(1, "r3")
    assert node.replica.status().is_catching_up, "nothing came for three ticks"


def test_beyond_the_window_a_replica_catches_up_however_fresh_its_block() -> None:
    net = cluster(window_blocks=2, lag_ticks=1000)
    net.commit_one("a")
    net.cut = {(other, "r3") for other in ("r0", "r1", "r2")} | {("r3", "r0")}
    for text in "bcd":
        net.commit_one(text)
    certificate = net.nodes["r0"].stored[-1][1]
    effects = net.nodes["r3"].replica.step(
        ev.Received(net.sign("r0", Position(0, 0, True, certificate)))
    )
    assert any(isinstance(effect, fx.Synchronise) for effect in effects)
    assert net.nodes["r3"].replica.status().is_catching_up
