"""Executions across an epoch's first block that once went wrong; each failed before its fix."""

from consensus import effects as fx
from consensus.epochs import Epoch
from consensus.log_codec import encode_entry
from consensus.messages import Checkpoint, Prepare
from ledger.proposal import Proposal
from ledger.validators import ValidatorSet
from tests.consensus.cluster import Cluster


def changing() -> Cluster:
    """Four validators; r4 replaces r3 from sequence 4 on, in epoch 1."""
    net = Cluster(4, spare=1, window_blocks=2)
    members = [node.address for name, node in net.nodes.items() if name != "r3"]
    net.epochs.append(Epoch(1, 4, ValidatorSet.of(members)))
    net.start_all()
    net.deliver()
    return net


def voted_in_epoch_1(net: Cluster) -> tuple[str, str, Proposal, Proposal]:
    """A primary, a backup that voted for its first proposal at 4, and a second proposal."""
    for text in "abc":
        net.commit_one(text)
    primary = next(name for name, node in net.nodes.items() if node.replica.proposal_slot())
    backup = next(name for name in ("r0", "r1", "r2") if name != primary)
    first = net.proposal(primary, 4, 0, "d", epoch=1)
    second = net.proposal(primary, 4, 0, "other", epoch=1)
    net.receive(backup, net.pre_prepare(primary, first, 0))
    assert [vote.digest for vote in prepares(net, backup)] == [first.digest]
    return primary, backup, first, second


def prepares(net: Cluster, name: str) -> list[Prepare]:
    return [
        effect.message
        for effect in net.nodes[name].trace
        if isinstance(effect, fx.Broadcast)
        and isinstance(effect.message, Prepare)
        and effect.message.epoch == 1
    ]


def restart_without_store(net: Cluster, name: str) -> None:
    """Everything but the log is gone, and nobody can be reached yet."""
    net.crash(name)
    net.nodes[name].stored = []
    net.queue.clear()
    net.cut = {pair for other in net.nodes for pair in ((name, other), (other, name))}
    net.start(name)


def catch_up(net: Cluster, name: str) -> None:
    net.cut = set()
    for _ in range(3):
        net.tick(4, name)
        net.deliver(lambda source, to, s: to == name and not isinstance(s.message, Prepare))


def test_a_message_kept_for_the_next_epoch_does_not_overtake_the_log() -> None:
    net = changing()
    primary, backup, first, second = voted_in_epoch_1(net)
    restart_without_store(net, backup)
    net.receive(backup, net.pre_prepare(primary, second, 0))  # kept: epoch 1 is the next one
    catch_up(net, backup)
    assert net.nodes[backup].replica.status().epoch == 1
    assert {vote.digest for vote in prepares(net, backup)} == {first.digest}


def test_votes_of_an_epoch_survive_a_log_that_was_not_compacted_at_its_start() -> None:
    net = changing()
    net.commit_one("a")
    net.commit_one("b")
    kept = {name: list(node.log) for name, node in net.nodes.items()}
    for node in net.nodes.values():
        node.trace.clear()
    net.commit_one("c")
    primary = next(name for name, node in net.nodes.items() if node.replica.proposal_slot())
    backup = next(name for name in ("r0", "r1", "r2") if name != primary)
    first = net.proposal(primary, 4, 0, "d", epoch=1)
    second = net.proposal(primary, 4, 0, "other", epoch=1)
    net.receive(backup, net.pre_prepare(primary, first, 0))
    persisted = [e for e in net.nodes[backup].trace if isinstance(e, fx.Persist)]
    entries = [encode_entry(entry) for effect in persisted for entry in effect.entries]
    restart_without_store(net, backup)
    net.crash(backup)
    net.nodes[backup].log = kept[backup] + entries
    net.start(backup)
    catch_up(net, backup)
    net.receive(backup, net.pre_prepare(primary, second, 0))
    assert net.nodes[backup].replica.status().epoch == 1
    assert {vote.digest for vote in prepares(net, backup)} == {first.digest}


def test_a_leaver_serves_its_last_certificate_until_the_next_epoch_has_a_block() -> None:
    net = changing()
    net.commit_one("a")
    net.commit_one("b")
    net.propose("r0", "c")
    net.deliver(lambda source, to, s: not isinstance(s.message, Checkpoint))
    net.deliver(lambda source, to, s: (source, to) == ("r0", "r3"))
    net.crash("r0")
    net.deliver(lambda source, to, s: source in ("r1", "r2"))
    net.queue.clear()  # the leaver's own CHECKPOINTs are lost; it alone has the certificate
    assert [net.nodes[name].height for name in ("r1", "r2", "r3", "r4")] == [2, 2, 3, 2]
    for _ in range(3):
        net.tick(4)
        net.deliver()
    assert [net.nodes[name].height for name in ("r1", "r2", "r4")] == [3, 3, 3]
