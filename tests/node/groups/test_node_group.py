"""Four drivers over a network of queues: transactions go through, whoever stops, cuts or dies."""

import asyncio
import threading
from dataclasses import replace

import pytest

from consensus.messages import Checkpoint, Commit, Prepare, PrePrepare, Signed, ViewChange
from consensus.wire import decode_signed, encode_signed, signing_digest
from ledger.gate import GATE_CONTRACT, VALIDATORS_SLOT, permission_slot
from ledger.reasons import Reason
from ledger.suite import STANDARD
from ledger.transactions import InvalidTransaction
from ledger.values import keccak
from node.group_network import Channel
from node.rpc.view import NewHead, NewPending, Unavailable


async def test_transactions_submitted_anywhere_are_in_equal_blocks_everywhere(group, kit) -> None:
    hashes = [
        await node.driver.submit(kit.signed(kit.ANNA, nonce))
        for nonce, node in enumerate(group.nodes)
    ]
    await asyncio.gather(*(node.executed(hashes) for node in group.nodes))
    await group.same_hashes()
    for transaction_hash in hashes:
        status = group.nodes[0].driver.transaction_status(transaction_hash)
        assert status["status"] == "executed"
    assert all(len(node.driver.pool) == 0 for node in group.nodes)
    assert all(not node.driver._setup.journal.transactions for node in group.nodes)
    status = group.nodes[0].driver.status()
    assert status["quorum"] == 3
    assert status["missing"] == []
    assert status["view"] == 0
    assert keccak(kit.signed(kit.ANNA, 0)) == hashes[0]


async def load(group, kit, senders, count, *, skip=()):
    """Submit `count` transactions round the nodes; answers the hashes."""
    nodes = [node for node in group.nodes if node.is_running and node not in skip]
    hashes = []
    for index in range(count):
        signer, first = senders
        raw = kit.signed(signer, first + index)
        hashes.append(await nodes[index % len(nodes)].driver.submit(raw))
    return hashes


async def test_block_one_comes_at_once_and_an_idle_group_beats(group) -> None:
    first = await group.nodes[0].height(1, timeout_s=1.5)
    assert group.nodes[0].chain.block(1).proposal.transactions == ()
    await group.nodes[3].height(2)
    assert group.nodes[3].chain.header(1).hash == first
    assert group.nodes[0].driver.status()["view"] == 0


async def test_a_stopped_primary_is_replaced_and_catches_up(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    old = group.primary
    await old.stop()
    hashes = await load(group, kit, (kit.ANNA, 0), 6)
    rest = [node for node in group.nodes if node is not old]
    await asyncio.gather(*(node.executed(hashes) for node in rest))
    status = rest[0].driver.status()
    assert status["view"] >= 1
    assert status["primary"] != old.name.rpartition("/")[2]
    async with asyncio.timeout(5):
        while not (missing := rest[0].driver.status()["missing"]):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
    assert [entry["node"] for entry in missing] == [old.name.rpartition("/")[2]]
    assert missing[0]["since_ms"] > 500
    await old.start()
    more = await load(group, kit, (kit.ANNA, 6), 4)
    await asyncio.gather(*(node.executed(hashes + more) for node in group.nodes))
    await group.same_hashes()


async def test_a_node_that_was_away_longer_than_the_window_catches_up(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    away = next(node for node in group.nodes if node is not group.primary)
    group.hub.isolate(away.name)
    here = [node for node in group.nodes if node is not away]
    for nonce in range(2 * 4 + 3):  # more blocks than twice the window
        sent = await here[0].driver.submit(kit.signed(kit.ANNA, nonce))
        await here[1].executed([sent])
    assert away.chain.head.number < here[1].chain.head.number
    group.hub.heal(away.name)
    await away.height(here[1].chain.head.number)
    await group.same_hashes()
    more = await load(group, kit, (kit.ANNA, 11), 4)
    await asyncio.gather(*(node.executed(more) for node in group.nodes))


async def test_who_catches_up_does_not_wait_for_a_peer_that_fell_silent(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    asked_first, *others = sorted(group.nodes, key=lambda node: node.name)
    away = next(node for node in others if node is not group.primary)
    here = next(node for node in others if node is not away)
    group.hub.isolate(away.name)
    for nonce in range(2 * 4 + 3):  # more blocks than twice the window
        await here.executed([await here.driver.submit(kit.signed(kit.ANNA, nonce))])
    group.hub.silent.add(asked_first.name)
    group.hub.heal(away.name)
    await away.height(here.chain.head.number, timeout_s=15)


async def test_two_nodes_cannot_decide_and_go_on_when_a_third_comes(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    first, second, third, fourth = group.nodes
    await third.crash()
    await fourth.crash()
    sent = await first.driver.submit(kit.signed(kit.ANNA, 0))
    before = first.chain.head.number
    await asyncio.sleep(0.3)
    assert first.chain.head.number == before
    assert first.driver.transaction_status(sent)["status"] in ("pending", "ordered")
    await third.start()
    await asyncio.gather(*(node.executed([sent]) for node in (first, second, third)))
    await group.same_hashes()


async def test_every_node_killed_in_turn_under_load_loses_nothing(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    hashes: list[bytes] = []
    nonce = 0
    for victim in (group.primary, *group.nodes):
        for _ in range(8):
            hashes.append(await victim.driver.submit(kit.signed(kit.ANNA, nonce)))
            nonce += 1
        await victim.crash()
        live = next(node for node in group.nodes if node.is_running)
        raw = kit.signed(kit.BERT, len(hashes) // 8 - 1)
        await asyncio.gather(live.executed([await live.driver.submit(raw)]))
        await victim.start()
        await victim.executed([keccak(raw)])
    await asyncio.gather(*(node.executed(hashes) for node in group.nodes))
    await group.same_hashes()
    numbers = [group.nodes[0].chain.transaction(h).number for h in hashes]
    assert numbers == sorted(numbers)


async def test_the_whole_group_dies_and_comes_back(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    hashes = [await group.nodes[0].driver.submit(kit.signed(kit.ANNA, n)) for n in range(10)]
    for node in group.nodes:
        await node.crash()
    for node in group.nodes:
        await node.start()
    await asyncio.gather(*(node.executed(hashes) for node in group.nodes))
    await group.same_hashes()
    assert all(node.driver.halted is None for node in group.nodes)


async def test_what_a_lonely_node_acknowledged_survives_its_crash(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    alone = group.nodes[0]
    group.hub.isolate(alone.name)
    hashes = [await alone.driver.submit(kit.signed(kit.ANNA, n)) for n in range(10)]
    await alone.crash()
    group.hub.cut.clear()
    assert all(h not in node.driver.pool for h in hashes for node in group.nodes[1:])
    await alone.start()
    assert all(alone.driver.transaction_status(h) for h in hashes)
    await asyncio.gather(*(node.executed(hashes) for node in group.nodes))


async def test_no_vote_of_a_crashed_node_is_contradicted(group, kit) -> None:
    group.hub.carried = carried = []
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    nonce = 0
    for _ in range(3):
        victim = group.primary
        for _ in range(4):
            await victim.driver.submit(kit.signed(kit.ANNA, nonce))
            nonce += 1
        await victim.crash()
        await victim.start()
    last = await group.nodes[0].driver.submit(kit.signed(kit.BERT, 0))
    await asyncio.gather(*(node.executed([last]) for node in group.nodes))
    said: dict[tuple, object] = {}
    for _, _, channel, payload in carried:
        if channel is not Channel.CONSENSUS:
            continue
        signed = decode_signed(STANDARD, payload)
        message = signed.message
        match message:
            case PrePrepare() | Prepare():
                place = ("prepare", message.epoch, message.view, message.sequence)
            case Commit():
                place = ("commit", message.epoch, message.view, message.sequence)
            case Checkpoint():
                place = ("checkpoint", message.epoch, message.number)
            case ViewChange():
                place = ("view-change", message.epoch, message.view)
            case _:
                continue
        key = (signed.sender, *place)
        digest = getattr(message, "digest", None) or getattr(message, "header_hash", message)
        assert said.setdefault(key, digest) == digest, key
    assert any(key[1] == "checkpoint" for key in said)


async def test_a_lost_log_makes_an_observer_that_follows_and_says_so(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    victim = next(node for node in group.nodes if node is not group.primary)
    await victim.stop()
    for path in (victim.folder / "wal").iterdir():
        path.unlink()
    await victim.start()
    assert victim.driver.role == "observer"
    assert "may not vote" in victim.driver.status()["log_lost"]
    sent = await victim.driver.submit(kit.signed(kit.ANNA, 0))
    await asyncio.gather(*(node.executed([sent]) for node in group.nodes))
    certificate = victim.chain.certificate(victim.chain.head.number)
    assert victim.signer.address not in certificate.signers


async def test_the_same_key_on_two_nodes_is_noticed(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    node, other = group.nodes[0], group.nodes[1]
    for number in range(node.chain.head.number + 1, node.chain.head.number + 5):
        message = ViewChange(0, 7 + number, None, ())
        digest = signing_digest(STANDARD, node.chain.group, message)
        twin = Signed(message, node.signer.address, node.signer.sign(digest))
        node.driver.on_message(other.name, Channel.CONSENSUS, encode_signed(twin))
    sent = await other.driver.submit(kit.signed(kit.ANNA, 0))
    await node.executed([sent])
    alarms = node.driver.status()["alarms"]
    assert "key-used-twice" in [alarm["kind"] for alarm in alarms]


async def test_refusals_have_reasons_at_once(group, kit) -> None:
    driver = group.nodes[0].driver
    for raw, reason in [
        (kit.signed(kit.STRANGER, 0), Reason.NO_PERMISSION),
        (kit.signed(kit.ANNA, 0, chain_id=1), Reason.WRONG_CHAIN),
        (kit.signed(kit.ANNA, 5_000), Reason.NONCE_GAP),
        (kit.signed(kit.ANNA, 0, to=None), Reason.NO_DEPLOY),
        (kit.signed(kit.ANNA, 0)[:-1], Reason.MALFORMED),
        (b"", Reason.MALFORMED),
    ]:
        with pytest.raises(InvalidTransaction) as caught:
            await driver.submit(raw)
        assert caught.value.code == reason
    refused = "quorate_transactions_refused_total"
    labels = {"group": driver.name, "reason": "NO_PERMISSION"}
    assert group.nodes[0].metrics.registry.get_sample_value(refused, labels) == 1
    raw = kit.signed(kit.ANNA, 0)
    sent = await driver.submit(raw)
    await group.nodes[0].executed([sent])
    with pytest.raises(InvalidTransaction) as caught:
        await driver.submit(raw)
    assert caught.value.code == Reason.NONCE_USED
    assert driver.transaction_status(keccak(b"unknown")) is None


async def test_a_permission_lost_on_the_way_is_a_reason_that_stays(group, kit) -> None:
    node = group.nodes[0]
    slot = permission_slot(kit.ANNA.address).to_bytes(32)
    revoke = kit.signed(kit.BERT, 0, to=GATE_CONTRACT, data=slot + bytes(32))
    later = kit.signed(kit.ANNA, 1)  # waits for nonce 0
    waiting = await node.driver.submit(later)
    sent = await node.driver.submit(revoke)
    await asyncio.gather(*(other.executed([sent]) for other in group.nodes))
    with pytest.raises(InvalidTransaction):
        await node.driver.submit(kit.signed(kit.ANNA, 0))
    status = node.driver.transaction_status(waiting)
    assert (status["status"], status["reason"]) == ("dropped", "NO_PERMISSION")
    await node.stop()
    await node.start()
    assert node.driver.transaction_status(waiting) == status
    await node.crash()
    await node.start()
    assert node.driver.transaction_status(waiting)["reason"] == "NO_PERMISSION"


async def test_an_engine_that_differs_halts_by_name(group, kit, monkeypatch) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    odd = next(node for node in group.nodes if node is not group.primary)
    whole = odd.chain.engine.execute_block

    def differs(env, gate, batch, state):
        return whole(replace(env, timestamp=env.timestamp + 1), gate, batch[:-1], state)

    monkeypatch.setattr(odd.chain.engine, "execute_block", differs)
    sent = await group.primary.driver.submit(kit.signed(kit.ANNA, 0))
    rest = [node for node in group.nodes if node is not odd]
    await asyncio.gather(*(node.executed([sent]) for node in rest))
    async with asyncio.timeout(10):
        await odd.driver.wait_halted()
    assert "header" in odd.driver.halted or "differ" in odd.driver.halted
    assert odd.driver.status()["halted"] == odd.driver.halted
    with pytest.raises(Unavailable, match="another node"):
        await odd.driver.submit(kit.signed(kit.ANNA, 1))
    for node in group.nodes:
        await kit.eventually(lambda n=node: n.driver.status()["mismatch"])
        told = node.driver.status()["mismatch"]
        assert told["field"] == "state_root"
        assert told["ours"] != told["theirs"]
        assert (told["node"] == odd.name) == (node is not odd)


async def test_a_validator_leaves_by_state_and_returns_as_one(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    first, *_, last = group.nodes
    for nonce, count in enumerate((3, 4)):
        data = VALIDATORS_SLOT.to_bytes(32) + count.to_bytes(32)
        change = kit.signed(kit.BERT, nonce, to=GATE_CONTRACT, data=data)
        sent = await first.driver.submit(change)
        await asyncio.gather(*(node.executed([sent]) for node in group.nodes))
        due = first.chain.transaction(sent).number + kit.WINDOW + 1
        # Empty blocks bring the change into force without waiting for heartbeats.
        await asyncio.gather(*(node.height(due, timeout_s=8) for node in group.nodes))
        more = await first.driver.submit(kit.signed(kit.ANNA, nonce))
        await asyncio.gather(*(node.executed([more]) for node in group.nodes))
        epoch, validators = first.chain.validators_for(first.chain.transaction(more).number)
        assert (epoch, validators.n) == (nonce + 1, count)
        assert last.driver.role == ("validator" if count == 4 else "observer")
    status = last.driver.status()
    assert (status["epoch"], status["quorum"]) == (2, 3)
    await last.crash()
    await last.start()
    more = await last.driver.submit(kit.signed(kit.ANNA, 2))
    await asyncio.gather(*(node.executed([more]) for node in group.nodes))
    await group.same_hashes()


async def test_every_returned_hash_has_a_receipt_or_a_reason(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    rivals = [kit.signed(kit.ANNA, 0, gas=100_000 + index) for index in range(4)]
    answers = await asyncio.gather(
        *(node.driver.submit(raw) for node, raw in zip(group.nodes, rivals, strict=True))
    )
    after = await group.nodes[0].driver.submit(kit.signed(kit.BERT, 0))
    await asyncio.gather(*(node.executed([after]) for node in group.nodes))
    await asyncio.gather(*(node.height(node.chain.head.number + 1) for node in group.nodes))
    found = [
        node.driver.transaction_status(answer)
        for node, answer in zip(group.nodes, answers, strict=True)
    ]
    assert sorted(entry["status"] for entry in found) == ["dropped"] * 3 + ["executed"]
    assert {entry["reason"] for entry in found} == {None, "NONCE_USED"}
    # The reasons survive their node.
    for node, answer, entry in zip(group.nodes, answers, found, strict=True):
        await node.stop()
        await node.start()
        assert node.driver.transaction_status(answer)["reason"] == entry["reason"]


async def test_subscribers_hear_of_pending_transactions_and_of_every_block(group, kit) -> None:
    driver = group.nodes[0].driver
    await group.nodes[0].height(1)
    events = driver.subscribe()
    sent = await driver.submit(kit.signed(kit.ANNA, 0))
    await group.nodes[0].executed([sent])
    await group.nodes[0].height(driver.chain.head.number + 1)
    driver.unsubscribe(events)
    heard = [events.get_nowait() for _ in range(events.qsize())]
    assert heard[0] == NewPending(sent)
    numbers = [event.number for event in heard if isinstance(event, NewHead)]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert len(numbers) >= 2


async def test_what_waits_is_ordered_before_it_is_executed(group, kit, monkeypatch) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    primary = group.primary
    go_on = threading.Event()
    for node in group.nodes:
        whole = node.chain.engine.execute_block

        def held(*args, whole=whole):
            go_on.wait(5)
            return whole(*args)

        monkeypatch.setattr(node.chain.engine, "execute_block", held)
    sent = await primary.driver.submit(kit.signed(kit.ANNA, 0))
    await kit.eventually(
        lambda: primary.driver.transaction_status(sent)["status"] == "ordered", timeout_s=3
    )
    go_on.set()
    await primary.executed([sent])
    status = primary.driver.transaction_status(sent)
    assert status == {"status": "executed", "block": status["block"], "reason": None}
