"""Groups are taken up and left while the node runs: real TLS, RPC, stores; nothing is restarted."""

import asyncio
import json
from datetime import UTC, datetime

import aiohttp
import msgspec
import pytest

from ledger.genesis import Genesis, genesis_block, save_genesis
from ledger.keyvalue import StoreInUse
from node.config import ConfigurationError, GroupConfig, load_node_config, save_node_config
from node.departures import read_departures
from node.founding import InvalidFounding, sign_founding
from node.group import GroupDriver
from node.joining import join_group
from node.keyfile import load_private_key, save_private_key
from node.leaving import forget_group, is_validator, put_away
from node.service import Node

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def refund(folders, kit, *, signers=("tax", "market", "data", "audit")) -> Genesis:
    """A second group of the same nodes, founded by these organisations; the kit's state names the
    keys of the first one, so each node has its own a second time."""
    for home in folders.folders.values():
        key = home.group("refund").consensus_key
        if not key.exists():
            save_private_key(key, load_private_key(home.group("equity").consensus_key))
    first = folders.world.genesis
    genesis = msgspec.structs.replace(
        first,
        name="refund",
        parameters=msgspec.structs.replace(first.parameters, chain_id=kit.CHAIN_ID + 1),
        founders=[],
    )
    for name in signers:
        genesis = sign_founding(genesis, folders.membership, kit.key("member " + name))
    return genesis


async def ask(node, path: str, method: str):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": []}
    async with (
        aiohttp.ClientSession() as session,
        session.post(node.rpc_url + path, json=body) as answer,
    ):
        return await answer.read()


async def take_up(folders, kit, nodes) -> Genesis:
    genesis = refund(folders, kit)
    for node in nodes:
        join_group(folders.folders[node.node_id.partition("/")[0]], genesis, folders.membership)
        node.reload()
    await kit.eventually(lambda: all("refund" in node.groups for node in nodes))
    return genesis


async def test_nodes_take_up_a_group_and_both_go_on(folders, kit) -> None:
    nodes = await folders.start()
    await asyncio.gather(*(kit.height(node.groups["equity"], 1) for node in nodes))
    await kit.eventually(lambda: all(p["connected"] for node in nodes for p in node.peers()))
    connections = [node.network.metrics.connected for node in nodes]
    genesis = await take_up(folders, kit, nodes)
    drivers = [node.groups["refund"] for node in nodes]
    assert {driver.group_id for driver in drivers} == {genesis_block(genesis).hash}
    sent = await drivers[0].submit(kit.signed(kit.ANNA, 0, chain_id=kit.CHAIN_ID + 1))
    await asyncio.gather(*(kit.executed(driver, [sent]) for driver in drivers))
    first = [node.groups["equity"] for node in nodes]
    assert all(driver.chain.receipt(sent) is None for driver in first)
    other = await first[0].submit(kit.signed(kit.ANNA, 0))
    await asyncio.gather(*(kit.executed(driver, [other]) for driver in first))
    assert all(driver.chain.receipt(other) is None for driver in drivers)
    assert [node.network.metrics.connected for node in nodes] == connections, "no connection more"
    assert b"refund" in await ask(nodes[0], "/groups/refund", "quorate_groups")
    assert b'group="refund"' in nodes[0].metrics.exposition()


async def test_a_group_that_is_left_is_gone_from_rpc_metrics_and_disk(folders, kit) -> None:
    nodes = await folders.start()
    await take_up(folders, kit, nodes)
    drivers = [node.groups["refund"] for node in nodes]
    await asyncio.gather(*(kit.height(driver, 1) for driver in drivers))
    node, home = nodes[0], folders.folders["tax"]
    with pytest.raises(StoreInUse):
        put_away(home, "refund", home.archive, NOW)
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(node.rpc_url + "/groups/refund")
        await socket.send_json(
            {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
        )
        assert "result" in await socket.receive_json()
        forget_group(home, "refund")
        node.reload()
        async with asyncio.timeout(20):
            while (await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
                pass
        await socket.close()
    await kit.eventually(lambda: b"refund" not in node.metrics.exposition())
    for method in ("quorate_groups", "quorate_status", "eth_blockNumber"):
        assert b"refund" not in await ask(node, "", method)
        never = await ask(node, "/groups/never-was", method)
        assert await ask(node, "/groups/refund", method) == never
    departure = put_away(home, "refund", home.archive, NOW)
    assert (departure.did, departure.voted) == ("archived", True)
    assert departure.stable_number >= 1
    assert not home.group("refund").path.exists()
    assert (home.path / departure.where / "db").is_dir()
    assert read_departures(home.departures) == (departure,)
    sent = await node.groups["equity"].submit(kit.signed(kit.ANNA, 0))
    await kit.executed(nodes[3].groups["equity"], [sent])
    # The three others have a quorum still.
    again = await drivers[1].submit(kit.signed(kit.ANNA, 0, chain_id=kit.CHAIN_ID + 1))
    await asyncio.gather(*(kit.executed(driver, [again]) for driver in drivers[1:]))


async def test_who_comes_back_without_its_votes_follows_and_an_archive_gives_them_back(
    folders, kit
) -> None:
    """A new log under a key that has voted could let it say the opposite of what it said: a key is
    made anew, and one that somebody puts back without its log does not vote."""
    nodes = await folders.start()
    genesis = await take_up(folders, kit, nodes)
    await asyncio.gather(*(kit.height(node.groups["refund"], 1) for node in nodes))
    node, home = nodes[0], folders.folders["tax"]
    voted = load_private_key(home.group("refund").consensus_key)
    for archive, key in ((None, None), (home.archive, None), (None, voted)):
        forget_group(home, "refund")
        node.reload()
        await kit.eventually(lambda: b"refund" not in node.metrics.exposition())
        put_away(home, "refund", archive, NOW)
        if key is not None:
            save_private_key(home.group("refund").consensus_key, key)
        join_group(home, genesis, folders.membership)
        node.reload()
        await kit.eventually(lambda: "refund" in node.groups)
        has_old_key = load_private_key(home.group("refund").consensus_key) == voted
        assert has_old_key == (key is not None)
        assert node.groups["refund"].role == "observer"
        assert bool(node.groups["refund"].status()["log_lost"]) == has_old_key
    did = [(entry.did, entry.voted) for entry in read_departures(home.departures)]
    assert did == [("destroyed", True), ("archived", False), ("destroyed", False)]
    second = nodes[1], folders.folders["market"]
    forget_group(second[1], "refund")
    second[0].reload()
    await kit.eventually(lambda: b"refund" not in second[0].metrics.exposition())
    departure = put_away(second[1], "refund", second[1].archive, NOW)
    (second[1].path / departure.where).rename(second[1].group("refund").path)
    join_group(second[1], genesis, folders.membership)
    second[0].reload()
    await kit.eventually(lambda: "refund" in second[0].groups)
    assert second[0].groups["refund"].status()["log_lost"] is None
    assert second[0].groups["refund"].role == "validator"


async def test_what_cannot_be_taken_up_is_said_and_changes_nothing(folders, kit, capsys) -> None:
    nodes = await folders.start("tax")
    home = folders.folders["tax"]
    unsigned = refund(folders, kit, signers=("tax", "market", "data"))
    with pytest.raises(InvalidFounding, match="lacks the signatures of audit"):
        join_group(home, unsigned, folders.membership)
    assert "refund" not in [group.name for group in load_node_config(home).group]
    # By hand, past the command.
    save_genesis(unsigned, home.group("refund").genesis)
    config = load_node_config(home)
    entry = GroupConfig("refund")
    save_node_config(msgspec.structs.replace(config, group=(*config.group, entry)), home)
    nodes[0].reload()
    await nodes[0]._following
    assert list(nodes[0].groups) == ["equity"]
    assert "lacks the signatures of audit" in capsys.readouterr().out
    home.config.write_text("damaged")
    nodes[0].reload()
    await nodes[0]._following
    assert list(nodes[0].groups) == ["equity"]


async def test_a_group_that_does_not_start_leaves_the_others_and_may_come_later(
    folders, kit, monkeypatch
) -> None:
    (node,) = await folders.start("tax")
    plain = GroupDriver.start

    async def start(driver) -> None:
        await plain(driver)
        raise OSError("no space left on device")

    monkeypatch.setattr(GroupDriver, "start", start)
    join_group(folders.folders["tax"], refund(folders, kit), folders.membership)
    node.reload()
    await node._following
    assert list(node.groups) == ["equity"]
    assert b"refund" not in node.metrics.exposition()
    monkeypatch.undo()
    node.reload()
    await node._following
    assert sorted(node.groups) == ["equity", "refund"]


async def test_a_genesis_of_another_group_of_that_name_is_refused(folders, kit) -> None:
    home = folders.folders["tax"]
    first = folders.world.genesis
    other = msgspec.structs.replace(first, timestamp_ms=first.timestamp_ms + 1, founders=[])
    for name in kit.ORGANISATIONS:
        other = sign_founding(other, folders.membership, kit.key("member " + name))
    with pytest.raises(ConfigurationError, match="another group of that name"):
        join_group(home, other, folders.membership)


async def test_joining_twice_is_joining_once_and_the_default_group_follows(folders, kit) -> None:
    home = folders.folders["data"]
    for _ in range(2):
        join_group(home, refund(folders, kit), folders.membership, trust="")
    assert [group.name for group in load_node_config(home).group] == ["equity", "refund"]
    assert is_validator(home, "refund")
    save_node_config(msgspec.structs.replace(load_node_config(home), default_group="equity"), home)
    forget_group(home, "equity")
    assert load_node_config(home).default_group == "refund"
    with pytest.raises(ConfigurationError, match="carries no group 'never-was'"):
        forget_group(home, "never-was")


def test_destroyed_data_is_gone_with_its_envelopes_and_only_those(folders, kit) -> None:
    home = folders.folders["audit"]
    join_group(home, refund(folders, kit), folders.membership)
    digest = "ab" * 32
    for name in (f"refund.{digest}", f"refund.two.{digest}", f"equity.{digest}"):
        path = home.envelopes / "in" / f"{name}.envelope"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sealed")
    forget_group(home, "refund")
    departure = put_away(home, "refund", None, NOW)
    assert (departure.did, departure.where, departure.envelopes) == ("destroyed", "", 1)
    assert not home.group("refund").path.exists()
    left = sorted(path.name for path in (home.envelopes / "in").iterdir())
    assert left == [f"equity.{digest}.envelope", f"refund.two.{digest}.envelope"]


def test_a_line_taken_out_of_the_record_shows(folders, kit) -> None:
    home = folders.folders["audit"]
    for _ in range(3):
        join_group(home, refund(folders, kit), folders.membership)
        forget_group(home, "refund")
        put_away(home, "refund", None, NOW)
    lines = home.departures.read_bytes().splitlines(keepends=True)
    assert len(read_departures(home.departures)) == 3
    assert json.loads(lines[0])["previous"] == "0" * 64
    home.departures.write_bytes(lines[0] + lines[2])
    with pytest.raises(ConfigurationError, match="line 2: does not follow"):
        read_departures(home.departures)
    # The last line too: nothing after it would tell.
    home.departures.write_bytes(b"".join(lines).replace(b'"voted":false', b'"voted":true'))
    with pytest.raises(ConfigurationError, match="the hash that it was written with"):
        read_departures(home.departures)
    home.departures.write_bytes(b"".join((*lines[:2], lines[2].replace(b"destroyed", b"archived"))))
    with pytest.raises(ConfigurationError, match="line 3"):
        read_departures(home.departures)


def test_an_archived_vote_log_is_as_it_was_left(folders, kit) -> None:
    """A power cut tore its end: whoever opens it for writing would cut that off."""
    home = folders.folders["audit"]
    join_group(home, refund(folders, kit), folders.membership)
    wal = home.group("refund").wal
    (log,) = [path for path in wal.iterdir() if path.name != "wal.end"]
    with log.open("ab") as file:
        file.write(b"torn")
    before = {path.name: path.read_bytes() for path in wal.iterdir()}
    forget_group(home, "refund")
    departure = put_away(home, "refund", home.path / "left", NOW)
    kept = home.path / departure.where / "wal"
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    assert not departure.voted


async def test_a_group_whose_store_is_damaged_can_be_left(folders, kit) -> None:
    """Nobody can tell then how far it came: block 0, and its key is kept as a validator's."""
    (node,) = await folders.start("tax")
    await take_up(folders, kit, [node])
    await node.stop()
    home = folders.folders["tax"]
    group = home.group("refund")
    for path in (group.database / "CURRENT", *group.wal.iterdir()):
        path.write_bytes(b"damaged")
    forget_group(home, "refund")
    departure = put_away(home, "refund", home.path / "left", NOW)
    assert (departure.stable_number, departure.voted) == (0, True)
    assert (home.path / departure.where / group.consensus_key.name).is_file()


async def test_a_reload_while_a_node_stops_or_starts_takes_up_nothing_too_much(
    folders, kit
) -> None:
    (node,) = await folders.start("tax")
    join_group(folders.folders["tax"], refund(folders, kit), folders.membership)
    stopping = asyncio.create_task(node.stop())
    await asyncio.sleep(0)
    node.reload()
    await stopping
    node.reload()
    assert node._following is None, "a node that stops looks for no groups"


async def test_a_reload_that_came_while_a_node_started_is_made_up_for(folders, kit) -> None:
    """A signal before it runs must not end it, and what changed meanwhile must not be missed."""
    node = Node(folders.folders["tax"].path)
    node.reload()
    assert node._following is None
    await node.start()
    try:
        assert node._following is not None
        await node._following
        assert list(node.groups) == ["equity"]
    finally:
        await node.stop()
