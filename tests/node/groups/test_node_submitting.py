"""A batch of transactions is one submission: one decoding, one sync, an answer for each."""

import asyncio
import os

import pytest

from consensus.messages import PrePrepare
from consensus.wire import decode_signed
from ledger.reasons import Reason
from ledger.suite import STANDARD
from ledger.transactions import InvalidTransaction
from ledger.values import keccak
from node.group_network import Channel
from node.rpc.view import Unavailable

MALFORMED = b"\x02\xc0"


def reasons(answers: list[object]) -> list[object]:
    return [one.code if isinstance(one, InvalidTransaction) else "taken" for one in answers]


async def test_good_and_bad_transactions_of_a_batch_have_their_own_answers(group, kit) -> None:
    good = [kit.signed(kit.ANNA, 0), kit.signed(kit.ANNA, 1), kit.signed(kit.BERT, 0)]
    node = group.nodes[1]
    answers = await node.driver.submit_batch(
        [
            good[0],
            MALFORMED,
            good[1],
            kit.signed(kit.STRANGER, 0),
            good[2],
            kit.signed(kit.ANNA, 2, chain_id=1),
        ]
    )
    assert reasons(answers) == [
        "taken", Reason.MALFORMED, "taken", Reason.NO_PERMISSION, "taken", Reason.WRONG_CHAIN,
    ]  # fmt: skip
    assert [answers[place] for place in (0, 2, 4)] == [keccak(raw) for raw in good]
    assert set(node.driver._setup.journal.transactions.values()) <= set(good)
    await asyncio.gather(*(each.executed(map(keccak, good)) for each in group.nodes))


async def test_a_transaction_that_stands_twice_in_a_batch_is_one(group, kit) -> None:
    raw = kit.signed(kit.ANNA, 0)
    first = group.nodes[0]
    answers = await first.driver.submit_batch([raw, raw])
    assert answers == [keccak(raw)] * 2
    rival = await first.driver.submit_batch(
        [kit.signed(kit.ANNA, 1), kit.signed(kit.ANNA, 1, value=1)]
    )
    assert str(rival[1].code) == "NONCE_TAKEN"
    await first.executed([keccak(raw), rival[0]])


async def test_a_batch_is_acknowledged_by_one_sync(group, kit, monkeypatch) -> None:
    node = group.nodes[0]
    journal = node.driver._setup.journal
    synced = []
    real = os.fsync

    def counting(descriptor: int) -> None:
        if descriptor == journal._file.fileno():
            synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", counting)
    answers = await node.driver.submit_batch([kit.signed(kit.ANNA, n) for n in range(50)])
    assert len(synced) == 1
    await node.executed(answers)


async def test_a_batch_that_the_journal_cannot_keep_is_not_acknowledged(
    group, kit, monkeypatch
) -> None:
    node = group.nodes[0]

    async def full(_transactions: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(node.driver._setup.journal, "add", full)
    answers = await node.driver.submit_batch([kit.signed(kit.ANNA, 0), MALFORMED])
    assert isinstance(answers[0], Unavailable)
    assert answers[1].code is Reason.MALFORMED


async def test_a_batch_that_only_the_primary_knew_is_decoded_for_the_vote(group, kit) -> None:
    """A PRE-PREPARE may be ahead of the gossip that carries the same transactions."""
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    primary = group.primary
    group.hub.carried = []
    raws = [kit.signed(kit.ANNA, nonce) for nonce in range(40)]
    primary.driver._desk._spread = lambda _raws: None
    answers = await primary.driver.submit_batch(raws)
    await asyncio.gather(*(node.executed(answers) for node in group.nodes))
    longest = max(
        (p for name, _, channel, p in group.hub.carried
         if name == primary.name and channel is Channel.CONSENSUS),
        key=len,
    )  # fmt: skip
    signed = decode_signed(STANDARD, longest)
    assert isinstance(signed.message, PrePrepare)
    assert len(longest) > 4_096
    assert primary.driver.status()["view"] == 0


async def test_a_stopping_node_answers_each_of_a_batch(group, kit) -> None:
    node = group.nodes[2]
    await node.stop()
    answers = await node.driver.submit_batch([kit.signed(kit.ANNA, 0)] * 2)
    assert [type(answer) for answer in answers] == [Unavailable] * 2
    with pytest.raises(Unavailable, match="another node"):
        await node.driver.submit(kit.signed(kit.ANNA, 0))


async def test_what_follows_a_forwarded_transaction_goes_with_it(group, kit, monkeypatch) -> None:
    """Others whose pools are full forget what is gossiped; then the primary has to be told all."""
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    backup = next(node for node in group.nodes if node is not group.primary)
    port = backup.driver._network
    with monkeypatch.context() as full:
        full.setattr(port, "send", lambda peer, channel, data: True)
        raws = [kit.signed(kit.ANNA, nonce) for nonce in range(40)]
        hashes = await backup.driver.submit_batch(raws)
        await asyncio.sleep(0.1)  # the gossip of these is on its way by then, to nobody
    # One in half of a transaction's time would take thirty seconds.
    await backup.executed(hashes, timeout_s=10)
    assert backup.driver.status()["view"] == 0
