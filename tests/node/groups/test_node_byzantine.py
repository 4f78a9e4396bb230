"""Members that misbehave: bad proposals, lying answers, junk in every channel."""

import asyncio

from ledger.proposal import propose
from ledger.suite import STANDARD
from node.group_network import Channel
from node.requests import (
    BatchAnswer,
    BlocksAnswer,
    BlocksRequest,
    decode_answer,
    decode_request,
    encode_answer,
)


async def test_a_primary_whose_batches_are_bad_loses_its_view(group, kit, monkeypatch) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    bad = group.primary

    def fill(slot):
        return propose(
            STANDARD,
            group=bad.chain.group,
            epoch=slot.epoch,
            sequence=slot.sequence,
            origin_view=slot.view,
            proposer=bad.signer.address,
            timestamp_ms=bad.chain.head.record.timestamp_ms + 1,
            transactions=(b"no transaction",),
        )

    monkeypatch.setattr(bad.driver._proposer, "fill", fill)
    rest = [node for node in group.nodes if node is not bad]
    sent = await rest[0].driver.submit(kit.signed(kit.ANNA, 0))
    await asyncio.gather(*(node.executed([sent]) for node in group.nodes))
    assert rest[0].driver.status()["view"] >= 1
    chain = rest[0].chain
    batches = [chain.block(n).proposal.transactions for n in range(1, chain.head.number + 1)]
    assert not any(b"no transaction" in batch for batch in batches)


async def test_a_gap_never_makes_anyone_complain(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    waiting = await group.nodes[0].driver.submit(kit.signed(kit.ANNA, 1))
    # Two heartbeats are longer than the time that a transaction is given.
    await asyncio.gather(*(node.height(3) for node in group.nodes))
    assert group.nodes[0].driver.status()["view"] == 0
    assert group.nodes[0].driver.transaction_status(waiting)["status"] == "pending"
    filled = await group.nodes[1].driver.submit(kit.signed(kit.ANNA, 0))
    await group.nodes[2].executed([filled, waiting])


async def test_lying_answers_are_seen_through(group, kit, monkeypatch) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    away = next(node for node in group.nodes if node is not group.primary)
    group.hub.isolate(away.name)
    here = [node for node in group.nodes if node is not away]
    for nonce in range(11):
        sent = await here[0].driver.submit(kit.signed(kit.ANNA, nonce))
        await here[1].executed([sent])
    # Whoever is asked first lies, and so does each of the others the first time.
    lies = []
    for node, lie in zip(here, (swap, cut_signers, swap), strict=True):
        answer = node.driver.on_request

        async def lying(peer, payload, node=node, answer=answer, lie=lie):
            if not isinstance(decode_request(payload), BlocksRequest):
                return encode_answer(BatchAnswer(b""))
            honest = await answer(peer, payload)
            if node in lies:
                return honest
            lies.append(node)
            return encode_answer(BlocksAnswer(lie(decode_answer(honest).blocks)))

        monkeypatch.setattr(node.driver, "on_request", lying)
    group.hub.heal(away.name)
    await away.height(here[1].chain.head.number)
    await group.same_hashes()
    assert lies
    assert away.driver.halted is None


def swap(blocks):
    """Every block with its neighbour's certificate."""
    certificates = [certificate for _, certificate in blocks]
    return tuple((block, certificates[-1 - i]) for i, (block, _) in enumerate(blocks))


def cut_signers(blocks):
    """Every certificate with its first signer counted three times."""
    from ledger.certificate import Certificate, decode_certificate, encode_certificate

    changed = []
    for block, data in blocks:
        c = decode_certificate(data)
        changed.append(
            (block, encode_certificate(Certificate(
                c.epoch, c.number, c.header_hash, c.signers[:1] * 3, c.signatures[:1] * 3)))
        )  # fmt: skip
    return tuple(changed)


async def test_junk_in_every_channel_changes_nothing(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    victim, other = group.nodes[0], group.nodes[1]
    for junk in (b"", b"\xc0", b"\xff" * 100, bytes(1000), kit.signed(kit.ANNA, 0)):
        for channel in Channel:
            victim.driver.on_message(other.name, channel, junk)
        try:
            await victim.driver.on_request(other.name, junk)
        except ValueError:
            continue
    sent = await victim.driver.submit(kit.signed(kit.ANNA, 0))
    await asyncio.gather(*(node.executed([sent]) for node in group.nodes))
    assert victim.driver.halted is None
