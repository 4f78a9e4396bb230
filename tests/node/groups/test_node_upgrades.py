"""A voted protocol version on running nodes: who is too old warns ahead, and stops in time."""

import asyncio

from ledger.gate import GATE_CONTRACT, UPGRADE_SLOT
from ledger.protocol import PRESENT, Build

NEWER = Build(2, 0)


async def test_an_old_build_warns_ahead_stops_before_the_block_and_goes_on_when_newer(
    group, kit
) -> None:
    *modern, old = group.nodes
    for node in modern:
        await node.stop()
        node.build = NEWER
        await node.start()
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    at = modern[0].chain.head.number + 4
    begins = at + kit.WINDOW + 1
    driver = modern[0].driver
    sent = []
    for nonce, (word, value) in enumerate(((3, 2), (0, at))):
        data = (UPGRADE_SLOT + word).to_bytes(32) + value.to_bytes(32)
        sent.append(await driver.submit(kit.signed(kit.BERT, nonce, to=GATE_CONTRACT, data=data)))
    await asyncio.gather(*(node.executed(sent) for node in group.nodes))
    [told] = old.driver.status()["conditions"]
    assert told["kind"] == "upgrade-due"
    assert f"will stop before block {begins}" in told["en"]
    assert not modern[0].driver.status()["conditions"]
    assert modern[0].driver.status()["upgrade"]["scheduled"]["in_force_from"] == begins

    # The others need no vote of the old one from there on.
    for nonce in range(begins + 1 - modern[0].chain.head.number):
        more = await driver.submit(kit.signed(kit.ANNA, nonce))
        await asyncio.gather(*(node.executed([more]) for node in modern))
    async with asyncio.timeout(20):
        reason = await old.driver.wait_halted()
    assert f"block {begins} needs protocol version 2, this build speaks version 1" in reason
    assert old.chain.head.number == begins - 1
    assert [c["kind"] for c in old.driver.status()["conditions"]] == ["build-too-old"]
    assert modern[0].chain.record(begins).epoch == 1

    await old.stop()
    await old.start()  # the same build: it says so at once, and speaks for nothing
    assert old.driver.halted == reason
    assert old.driver.status()["stable"]["number"] == begins - 1
    await old.stop()
    assert old.build == PRESENT
    old.build = NEWER
    await old.start()
    await old.height(modern[0].chain.head.number)
    await group.same_hashes()
    assert old.driver.halted is None
    assert old.driver.role == "validator"
