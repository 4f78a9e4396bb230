"""A lost quorum: the organisations' certificate, the survivor, new nodes, and the old branch."""

import asyncio

import pytest
from structlog.testing import capture_logs

from ledger.chain import Chain, NeedsCut
from ledger.gate import contract_validators
from ledger.keyvalue import LevelDB
from ledger.pyevm import PyEvmEngine
from ledger.recovery import InvalidRecovery, RecoveredValidator, recovery_of, sign_recovery
from ledger.store import BlockStore
from ledger.suite import STANDARD
from node.config import GroupFolder
from node.group_assembly import follow_waiting
from node.recovery_folder import place_recovery, reason_of


def certificate(group, kit, chain, number, new, *, epoch=3, counter=1, signers=3, **changes):
    survivor = group.nodes[0]
    members = [RecoveredValidator(survivor.signer.address, survivor.name)]
    members += [RecoveredValidator(node.signer.address, node.name) for node in new]
    if "block_hash" not in changes:
        changes["block_hash"] = chain.header(number).hash
    recovery = recovery_of(
        group.group, number=number, epoch=epoch, counter=counter, members=members, **changes
    )
    for organisation in kit.ORGANISATIONS[:signers]:
        signer = kit.key("recovery " + organisation)
        recovery = sign_recovery(group.genesis, recovery, signer)
    return recovery


def new_nodes(group, kit):
    """Nodes with new keys in the place of the three that are lost."""
    made = []
    for index, organisation in enumerate(kit.ORGANISATIONS[1:], start=1):
        node = kit.FakeNode(group, index, organisation)
        node.name = f"{organisation}/{organisation}-2"
        node.signer = kit.key("new " + organisation)
        node.folder = group.folder / f"new-{organisation}"
        node.folder.mkdir()
        node.found()
        made.append(node)
    return made


async def lose_three(group, kit, transactions=3):
    """Some blocks, then one node is left; its chain and the transactions."""
    survivor = group.nodes[0]
    sent = [await survivor.driver.submit(kit.signed(kit.ANNA, n)) for n in range(transactions)]
    await asyncio.gather(*(node.executed(sent) for node in group.nodes))
    for node in group.nodes[1:]:
        await node.crash()
    return survivor


async def test_the_survivor_and_new_nodes_go_on(group, kit) -> None:
    survivor = await lose_three(group, kit)
    head = survivor.chain.head
    new = new_nodes(group, kit)
    recovery = certificate(group, kit, survivor.chain, head.number, new)
    pending = await survivor.driver.submit(kit.signed(kit.ANNA, 3))
    for wrong, sentence in (
        (certificate(group, kit, survivor.chain, head.number, new, signers=2), "asks for 3"),
        (certificate(group, kit, survivor.chain, head.number, new, epoch=0 + 1, counter=1,
                     block_hash=head.header.parent_hash), "another branch"),
    ):  # fmt: skip
        with pytest.raises(InvalidRecovery, match=sentence):
            await survivor.driver.adopt(wrong)
    assert await survivor.driver.adopt(recovery)
    assert not await survivor.driver.adopt(recovery), "it is followed already"
    for node in new:
        await node.start()
        await node.driver.adopt(recovery)
    lost, group.nodes[1:] = group.nodes[1:], new
    await asyncio.gather(*(node.executed([pending]) for node in group.nodes))
    await group.same_hashes()
    first = survivor.chain.header(head.number + 1)
    assert (survivor.chain.record(first.number).epoch, first.parent_hash) == (3, head.hash)
    assert survivor.chain.header(1) == new[0].chain.header(1)
    assert contract_validators(survivor.chain.latest_state()) == recovery.validators
    assert {node.driver.role for node in group.nodes} == {"validator"}
    # After a crash all stand where they stood, and a node that was found again, which
    # has no file, learns it from the others.
    for node in group.nodes:
        await node.crash()
    await asyncio.gather(*(node.start() for node in group.nodes))
    more = await new[1].driver.submit(kit.signed(kit.ANNA, 4))
    await asyncio.gather(*(node.executed([more]) for node in group.nodes))
    late = lost[2]
    group.nodes.append(late)
    await late.start()
    await late.executed([more])
    assert late.chain.recoveries == (recovery,)
    assert late.driver.role == "observer"
    await group.same_hashes()


async def test_a_node_with_two_blocks_of_the_old_branch_is_cut_back(group, kit) -> None:
    await asyncio.gather(*(node.height(1) for node in group.nodes))
    start = group.nodes[0].chain.head.number
    sent = []
    for nonce in range(2):
        sent.append(await group.nodes[0].driver.submit(kit.signed(kit.ANNA, nonce)))
        await asyncio.gather(*(node.executed(sent) for node in group.nodes))
    survivor = await lose_three(group, kit, 0)
    old = survivor.chain.head
    assert old.number >= start + 2
    new = new_nodes(group, kit)
    recovery = certificate(group, kit, survivor.chain, old.number - 2, new)
    with pytest.raises(NeedsCut, match=f"blocks {old.number - 1} to {old.number} are void"):
        await survivor.driver.adopt(recovery)
    assert survivor.chain.head == old
    await survivor.stop()
    chain = Chain(
        group.genesis, BlockStore(LevelDB(survivor.folder / "db"), STANDARD), PyEvmEngine()
    )
    folder = GroupFolder(survivor.folder)
    place_recovery(folder, recovery)
    stale = certificate(group, kit, chain, 1, new, counter=2, epoch=1)
    place_recovery(folder, stale)
    follow_waiting(folder, chain)
    assert chain.head.number == old.number - 2
    voided = chain.void_blocks()
    chain.close()
    assert sorted(path.name for path in folder.recovery.iterdir()) == [
        "000001.followed",
        "000002.reason",
        "000002.refused",
    ]
    assert [block.header for block in voided][-1] == old.header
    await survivor.start()
    lost = {transaction for block in voided for transaction in block.proposal.transactions}
    assert len(survivor.driver.pool) == len(lost) > 0
    for node in new:
        await node.start()
        await node.driver.adopt(recovery)
    group.nodes[1:] = new
    await asyncio.gather(*(node.executed(sent) for node in group.nodes))
    await group.same_hashes()
    first = voided[0]
    assert survivor.chain.header(first.number).hash != first.header.hash
    assert survivor.chain.record(first.number).epoch == 3
    status = survivor.driver.status()
    assert (status["epoch"], status["halted"]) == (3, None)


async def test_a_node_of_the_old_branch_waits_for_its_operator(group, kit) -> None:
    survivor = await lose_three(group, kit)
    old = group.nodes[3]
    new = new_nodes(group, kit)
    recovery = certificate(group, kit, survivor.chain, survivor.chain.head.number - 1, new)
    await survivor.stop()
    chain = Chain(
        group.genesis, BlockStore(LevelDB(survivor.folder / "db"), STANDARD), PyEvmEngine()
    )
    chain.adopt(recovery, may_cut=True)
    chain.close()
    await survivor.start()
    for node in new:
        await node.start()
        await node.driver.adopt(recovery)
    pending = await survivor.driver.submit(kit.signed(kit.BERT, 0))
    group.nodes[1:] = new
    await asyncio.gather(*(node.executed([pending]) for node in group.nodes))
    await old.start()
    held = old.chain.head
    await asyncio.gather(*(node.height(node.chain.head.number + 1) for node in group.nodes))
    assert old.chain.head == held
    assert old.chain.recoveries == ()
    await old.stop()


async def test_a_crash_between_the_disk_and_the_replica_forgets_nothing(group, kit) -> None:
    survivor = await lose_three(group, kit)
    new = new_nodes(group, kit)
    head = survivor.chain.head
    recovery = certificate(group, kit, survivor.chain, head.number, new)
    folder = GroupFolder(survivor.folder)
    path = place_recovery(folder, recovery)
    await survivor.driver._executor.adopt(recovery)  # the replica never hears of it
    assert survivor.driver.status()["epoch"] == 0
    await survivor.crash()
    await survivor.start()
    assert survivor.driver.status()["epoch"] == 3
    await survivor.stop()
    chain = Chain(
        group.genesis, BlockStore(LevelDB(survivor.folder / "db"), STANDARD), PyEvmEngine()
    )
    follow_waiting(folder, chain)  # the file's name is all that the crash left undone
    assert chain.recoveries == (recovery,)
    assert not path.exists()
    assert path.with_suffix(".followed").exists()
    path.write_text("{")
    follow_waiting(folder, chain)
    assert "not a recovery certificate" in (reason_of(path) or "")
    chain.close()
    await survivor.start()
    for node in new:
        await node.start()
        await node.driver.adopt(recovery)
    group.nodes[1:] = new
    await asyncio.gather(*(node.height(head.number + 1) for node in group.nodes))
    await group.same_hashes()


async def test_a_certificate_that_comes_while_another_is_followed_is_followed_too(
    folders, kit, monkeypatch
) -> None:
    (node,) = await folders.start("tax")
    driver, folder = node.groups["equity"], folders.folders["tax"].group("equity")
    first, second = (
        certificate(folders.world, kit, driver.chain, 1, [], epoch=epoch, counter=counter,
                    block_hash=driver.chain.group)
        for epoch, counter in ((3, 1), (9, 2))
    )  # fmt: skip
    adopt, asked, go_on = driver.adopt, asyncio.Event(), asyncio.Event()

    async def adopt_late(recovery):
        asked.set()
        await go_on.wait()
        return await adopt(recovery)

    monkeypatch.setattr(driver, "adopt", adopt_late)
    unreadable = folder.recovery / "000000.json"
    with capture_logs() as logs:
        paths = [place_recovery(folder, first)]
        unreadable.write_text("{")
        node.reload()
        await asked.wait()
        paths.append(place_recovery(folder, second))
        node.reload()
        await asyncio.sleep(0)  # a second look that does not wait begins here
        go_on.set()
        await kit.eventually(lambda: all(p.with_suffix(".followed").exists() for p in paths))
        await folders.stop(node)
    assert [log["file"] for log in logs if log["event"] == "recovery.refused"] == [str(unreadable)]
    assert "not a recovery certificate" in (reason_of(unreadable) or "")
