"""One test per trap that other implementations fell into; each name says the trap."""

import pytest
from msgspec.structs import replace

from consensus import effects as fx
from consensus import events as ev
from consensus.messages import Commit, NewView, Prepare, PreparedCertificate, PrePrepare, ViewChange
from consensus.wire import InvalidMessage, signing_digest
from ledger.certificate import Certificate, InvalidCertificate, certificate_of, verify_certificate
from ledger.proposal import null_request
from tests.consensus.cluster import GROUP, Cluster
from tests.simulation.fake_suite import FAKE


def cluster(n: int = 4, **limits: int) -> Cluster:
    made = Cluster(n, **limits)
    made.start_all()
    made.deliver()
    return made


def place_of(net: Cluster, name: str) -> tuple[int, bool]:
    status = net.nodes[name].replica.status()
    return status.view, status.is_active


def test_trap_locks_in_memory_only_a_restart_of_all_keeps_them() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(lambda source, to, s: isinstance(s.message, PrePrepare | Prepare))
    net.queue.clear()
    for name in net.nodes:
        net.crash(name)
    for name in ("r1", "r2", "r3"):
        net.start(name)
    net.queue.clear()
    net.tick(10)
    net.deliver()
    assert net.chain("r1") == net.chain("r3") == ["a"]


def test_trap_a_new_view_that_nobody_recomputes_is_refused() -> None:
    net = cluster()
    changes = tuple(net.sign(name, ViewChange(0, 1, None, ())) for name in ("r0", "r2", "r3"))
    null = null_request(FAKE, group=GROUP, epoch=0, sequence=1).digest
    lie = net.sign("r1", NewView(0, 1, changes, 1, (null,)))
    net.verifier.verify(lie)  # every signature in it is good
    net.receive("r2", lie)
    assert place_of(net, "r2") == (0, True)


def test_trap_a_signer_that_is_repeated_counts_once() -> None:
    net = cluster()
    primary = net.nodes["r0"].address
    place = (0, 0, 1, FAKE.hash(b"alone"))
    signature = net.sign("r0", PrePrepare(*place)).signature
    lie = PreparedCertificate(*place, (primary,) * 3, (signature,) * 3)
    with pytest.raises(InvalidMessage):
        net.verifier.verify_prepared(lie)
    members = net.epochs[0].validators
    with pytest.raises(InvalidCertificate):
        verify_certificate(
            FAKE, GROUP, members, Certificate(0, 1, place[3], (primary,) * 3, (signature,) * 3)
        )


def test_trap_a_prepare_of_one_view_proves_nothing_in_another() -> None:
    vote = Prepare(0, 1, 1, FAKE.hash(b"a"))
    assert signing_digest(FAKE, GROUP, vote) != signing_digest(FAKE, GROUP, replace(vote, view=2))


def test_trap_an_empty_block_needs_its_certificate_like_any_other() -> None:
    net = cluster()
    net.commit_one()
    proposal, certificate = net.nodes["r0"].stored[0]
    assert proposal.transactions == ()
    members = net.epochs[0].validators
    verify_certificate(FAKE, GROUP, members, certificate)
    few = dict(zip(certificate.signers[:2], certificate.signatures[:2], strict=True))
    for signatures in ({}, few):
        bare = certificate_of(0, 1, certificate.header_hash, signatures)
        with pytest.raises(InvalidCertificate):
            verify_certificate(FAKE, GROUP, members, bare)


@pytest.mark.parametrize("view", [1, 2, 7, 2**20, 2**62])
def test_trap_an_absurd_view_stalls_nobody(view: int) -> None:
    net = cluster()
    for name in ("r0", "r1", "r2"):
        net.receive(name, net.sign("r3", ViewChange(0, view, None, ())))
        net.receive(name, net.sign("r3", Commit(0, view, 1, FAKE.hash(b"absurd"))))
        net.receive(name, net.sign("r3", Prepare(0, view, 1, FAKE.hash(b"absurd"))))
    net.crash("r3")
    net.commit_one("a")
    assert net.chain("r1") == ["a"]
    assert place_of(net, "r1") == (0, True)
    net.crash("r0")
    net.start("r3")
    net.tick(130)
    net.deliver()
    assert place_of(net, "r1")[0] < 10


def test_trap_a_back_off_without_a_cap() -> None:
    net = cluster(view_ticks=10, view_ticks_max=40)
    views = net.nodes["r1"].replica._views
    for view in range(1, 60):
        views.start_view_change(view, "again")
    progress = net.nodes["r1"].replica._progress
    assert progress._view_ticks == 40
    assert net.nodes["r1"].replica._core.failed_views < 5, "a few blocks bring it down again"


def test_trap_a_set_that_changes_while_others_are_offline_says_who_is_missing() -> None:
    net = cluster(view_ticks=10)
    net.crash("r2")
    net.crash("r3")
    net.propose("r0", "a")
    for _ in range(5):
        net.tick(5)
        net.deliver()
    status = net.nodes["r0"].replica.status()
    assert status.quorum == 3
    assert set(status.missing) == {net.nodes["r2"].address, net.nodes["r3"].address}
    assert min(status.missing_ticks) > 10


def test_trap_the_same_key_twice_is_named() -> None:
    net = cluster()
    net.propose("r0", "a")
    net.deliver(lambda source, to, s: isinstance(s.message, PrePrepare))
    effects = net.receive("r1", net.sign("r1", Prepare(0, 0, 1, FAKE.hash(b"elsewhere"))))
    (alarm,) = [effect for effect in effects if isinstance(effect, fx.Alarm)]
    assert alarm.kind is fx.AlarmKind.KEY_USED_TWICE
    assert net.nodes["r1"].address.hex() in alarm.message
    assert not net.nodes["r1"].replica.status().is_voter


def test_trap_a_chain_stuck_in_view_changes_does_not_look_healthy() -> None:
    net = cluster()
    net.crash("r2")
    net.crash("r3")
    net.tick(130, "r0", "r1")
    status = net.nodes["r0"].replica.status()
    assert not status.is_active
    assert status.stalled_ticks > 100
    assert set(status.missing) >= {net.nodes["r2"].address, net.nodes["r3"].address}


def test_trap_a_transaction_that_cannot_execute_yet_forces_no_view_change() -> None:
    net = cluster(request_ticks=20, heartbeat_ticks=1000)
    gapped = FAKE.hash(b"gapped nonce")
    net.step("r1", ev.RequestWaiting(gapped))
    net.step("r1", ev.RequestGone(gapped))  # its predecessor was replaced: it has to wait again
    net.tick(200)
    assert place_of(net, "r1") == (0, True)


def test_trap_a_store_that_is_ahead_of_the_log_and_lost_after_the_next_votes() -> None:
    net = cluster(window_blocks=4)
    node = net.nodes["r1"]
    for text in "ab":
        net.commit_one(text)
    net.crash("r1")
    for text in "cdefghijkl":
        net.commit_one(text)
    node.stored = list(net.nodes["r0"].stored)  # from a snapshot: its log's mark is far below
    net.start("r1")
    net.deliver()
    for text in "mnop":
        net.propose("r0", text)
    net.deliver(lambda source, to, s: isinstance(s.message, PrePrepare))
    net.queue.clear()
    net.crash("r1")
    node.stored = []
    net.start("r1")
    net.tick(10)
    net.deliver()
    assert net.chain("r1")[:12] == list("abcdefghijkl")
    assert node.replica.status().is_voter
