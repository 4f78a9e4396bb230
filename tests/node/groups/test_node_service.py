"""Whole nodes from their folders: real TLS on loopback, RPC over HTTP, clean starts and stops."""

import asyncio
import shutil
import socket
from datetime import UTC, datetime

import aiohttp
import pytest

from ledger.values import keccak
from node.config import ConfigurationError
from node.envelopes import EnvelopeRefused
from node.pki import NodeIdentity
from node.revocations import Revocations
from node.service import Node


async def call(node, method, *params):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    async with aiohttp.ClientSession() as session, session.post(node.rpc_url, json=body) as answer:
        return await answer.json()


async def test_four_nodes_over_tls_agree_and_stop_cleanly(folders, kit) -> None:
    nodes = await folders.start()
    drivers = [node.groups["equity"] for node in nodes]
    await asyncio.gather(*(kit.height(driver, 1) for driver in drivers))
    hashes = []
    for nonce, node in enumerate(nodes * 3):
        raw = kit.signed(kit.ANNA, nonce)
        answer = await call(node, "eth_sendRawTransaction", "0x" + raw.hex())
        hashes.append(keccak(raw))
        assert answer["result"] == "0x" + keccak(raw).hex()
    await asyncio.gather(*(kit.executed(driver, hashes) for driver in drivers))
    number = min(driver.chain.head.number for driver in drivers)
    assert len({driver.chain.header(number).hash for driver in drivers}) == 1
    status = (await call(nodes[0], "quorate_status"))["result"]
    assert [peer["connected"] for peer in status["peers"]] == [True] * 3
    assert (status["certificate"]["refused"], status["expiring"]) == (None, [])
    assert status["certificate"]["days_left"] in (364, 365)
    assert {"tax-1", "market-1", "data-1", "audit-1"} == set(status["groups"][0]["validators"])
    assert nodes[0].readiness() == {}
    pids = [folders.folders[name].pid_file for name in folders.folders]
    assert all(path.read_text().strip().isdecimal() for path in pids)
    before = asyncio.current_task()
    await folders.stop()
    assert not any(path.exists() for path in pids)
    left = [t for t in asyncio.all_tasks() if t is not before and "group" in t.get_name()]
    assert left == []


async def test_a_node_that_lost_its_store_gets_it_back_from_peers(folders, kit) -> None:
    nodes = await folders.start()
    drivers = [node.groups["equity"] for node in nodes]
    sent = [await drivers[0].submit(kit.signed(kit.ANNA, nonce)) for nonce in range(5)]
    await asyncio.gather(*(kit.executed(driver, sent) for driver in drivers))
    await folders.stop(nodes[2])
    database = folders.folders["data"].group("equity").database
    shutil.rmtree(database)
    database.mkdir()
    (database / "CURRENT").write_text("MANIFEST-000009\n")
    (back,) = await folders.start("data")
    await kit.executed(back.groups["equity"], sent)
    assert back.groups["equity"].status()["log_lost"] is None
    assert list(database.parent.glob("db.corrupt.*"))


async def test_an_envelope_reaches_its_organisation_and_nobody_else(folders, kit) -> None:
    nodes = await folders.start("tax", "market", "audit")
    tax, market, audit = nodes
    digest = await tax.send_envelope("equity", "market", b"sealed" * 100)
    await kit.eventually(lambda: market.envelopes("equity"))
    (arrived,) = market.envelopes("equity")
    assert (arrived["digest"], arrived["sender"]) == (digest, "tax/tax-1")
    assert arrived["envelope"] == b"sealed" * 100
    assert audit.envelopes("equity") == []
    waiting = await tax.send_envelope("equity", "data", b"for one who is away")
    assert waiting in [entry["digest"] for entry in tax.groups["equity"].envelopes.waiting()]
    (data,) = await folders.start("data")
    await kit.eventually(lambda: not tax.groups["equity"].envelopes.waiting())
    assert data.envelopes("equity")[0]["digest"] == waiting
    with pytest.raises(EnvelopeRefused, match="no node of organisation"):
        await tax.send_envelope("equity", "police", b"x")
    with pytest.raises(EnvelopeRefused, match="at most"):
        await tax.send_envelope("equity", "market", bytes(2 << 20))


async def test_a_port_in_use_is_said_and_leaves_nothing_behind(folders) -> None:
    home = folders.folders["tax"]
    for section in ("p2p", "rpc"):
        text = home.config.read_text()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            home.config.write_text(
                text.replace(f'[{section}]\nlisten = "127.0.0.1:0"',
                             f'[{section}]\nlisten = "127.0.0.1:{port}"')
            )  # fmt: skip
            with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
                await Node(home.path).start()
        home.config.write_text(text)
        assert not home.pid_file.exists()
    await folders.start("tax")  # the store was given free


async def test_a_folder_runs_once(folders) -> None:
    await folders.start("tax")
    with pytest.raises(ConfigurationError, match="runs already"):
        await Node(folders.folders["tax"].path).start()
    assert folders.folders["tax"].pid_file.exists()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("membership.json", "membership"),
        ("tls/node.crt", "certificate"),
        ("keys/tls.key", "key"),
        ("groups/equity/consensus.key", "consensus.key"),
        ("groups/equity/genesis.json", "genesis"),
        ("node.toml", "node.toml"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
async def test_a_half_written_folder_is_a_sentence(folders, missing, words, damage) -> None:
    path = folders.folders["tax"].path / missing
    if damage == "missing":
        path.unlink()
    else:
        data = path.read_bytes()
        third = len(data) // 3
        # Between two entries a cut node.toml is a whole one.
        value = data.find(b' = "', third)
        path.write_bytes(data[: third if value < 0 else value + 4])
    with pytest.raises(ConfigurationError, match=words):
        await Node(folders.folders["tax"].path).start()


async def test_a_certificate_of_another_node_is_refused(folders) -> None:
    tax, market = folders.folders["tax"], folders.folders["market"]
    shutil.copy(market.tls_certificate, tax.tls_certificate)
    shutil.copy(market.tls_key, tax.tls_key)
    with pytest.raises(ConfigurationError, match="the certificate names market/market-1"):
        await Node(tax.path).start()


async def test_a_list_in_the_folder_of_one_node_reaches_the_folders_of_all(folders, kit) -> None:
    nodes = await folders.start("tax", "market", "data")
    tax, _, data = nodes
    await kit.eventually(
        lambda: all(sum(peer["connected"] for peer in node.peers()) == 2 for node in nodes)
    )
    authority = folders.authorities["market"]
    authority.revoke([tax.network.identity.certificate.serial_number])  # of no effect: not its own
    market = folders.folders["market"]
    victim = NodeIdentity.load(market.tls_certificate, market.tls_key)
    authority.revoke([victim.certificate.serial_number])
    held = Revocations().with_list(folders.membership, "market", authority.crl(datetime.now(UTC)))
    home = folders.folders["tax"]
    held.save(home.revocations, "market")
    tax.reload()
    other = folders.folders["data"].revocations / "market.pem"
    await kit.eventually(other.is_file)
    assert other.read_bytes() == (home.revocations / "market.pem").read_bytes()
    await kit.eventually(lambda: not data.network.is_connected("market/market-1"))
    assert data.network.is_connected("tax/tax-1")
    await folders.stop(data)
    (again,) = await folders.start("data")
    assert again.network.revocations == held
    other.write_bytes(b"damaged")
    again.reload()
    assert again.network.revocations == held
    await folders.stop(again)
    with pytest.raises(ConfigurationError, match=r"market\.pem.*member publish"):
        await folders.start("data")
