"""Who exchanges a group's frames changes with its state: nodes join, vote, leave, come back."""

import asyncio
import os
from datetime import UTC, datetime

import pytest

from contracts.storage import address_key, value_slot
from ledger.gate import (
    CONSENSUS_KEYS_SLOT,
    GATE_CONTRACT,
    NODES_SLOT,
    ORGANISATIONS_SLOT,
    VALIDATORS_SLOT,
)
from ledger.suite import STANDARD
from node.config import (
    ConfigurationError,
    GroupConfig,
    ListenConfig,
    NodeConfig,
    RpcConfig,
    save_node_config,
)
from node.files import RealFiles
from node.group_assembly import found_group
from node.group_members import GroupMembers
from node.joining import join_group
from node.key_renewal import renew_consensus_key
from node.keyfile import load_private_key, save_private_key
from node.leaving import forget_group, put_away
from node.membership import draft
from node.vote_log import VoteLog

TAX = 1


def word(text: str) -> int:
    return int.from_bytes(text.encode().ljust(32, b"\0"))


class Gate:
    """Writes the gate's slots as the accounts contract would: its stand-in stores what it gets."""

    def __init__(self, kit, driver) -> None:
        self.kit, self.driver, self.nonce = kit, driver, 0

    async def write(self, *words: tuple[int, int]) -> None:
        sent = []
        for slot, value in words:
            data = slot.to_bytes(32) + value.to_bytes(32)
            raw = self.kit.signed(self.kit.ANNA, self.nonce, to=GATE_CONTRACT, data=data)
            sent.append(await self.driver.submit(raw))
            self.nonce += 1
        await self.kit.executed(self.driver, sent)

    async def admit(self, *names: str) -> None:
        """The list of nodes becomes these of the tax bureau."""
        await self.write(
            (value_slot(ORGANISATIONS_SLOT, TAX), word("tax")),
            *(
                entry
                for index, name in enumerate(names)
                for entry in (
                    (NODES_SLOT + 1 + 2 * index, TAX),
                    (NODES_SLOT + 2 + 2 * index, word(name)),
                )
            ),
            (NODES_SLOT, len(names)),
        )

    async def add_validator(self, key: bytes) -> int:
        """Append a key to the list: a block by which the new set is in force."""
        count = self.driver.chain.latest_state().storage(GATE_CONTRACT, VALIDATORS_SLOT)
        await self.write((VALIDATORS_SLOT + 1 + count, address_key(key)))
        return await self._resize(count + 1)

    async def remove_last_validator(self) -> int:
        """Take the last key off the list: a block by which the new set is in force."""
        count = self.driver.chain.latest_state().storage(GATE_CONTRACT, VALIDATORS_SLOT)
        return await self._resize(count - 1)

    async def _resize(self, count: int) -> int:
        await self.write((VALIDATORS_SLOT, count))
        return self.driver.chain.head.number + self.kit.WINDOW + 1

    async def declare(self, key: bytes, name: str) -> None:
        """The key is that of the tax bureau's node of this name."""
        base = value_slot(CONSENSUS_KEYS_SLOT, address_key(key))
        await self.write((base, TAX), (base + 1, word(name)))


def new_node(folders, kit, name: str):
    """A further node of the tax bureau: its folder, and a membership document that names it."""
    known = folders.folders["tax"]
    home = type(known)(known.path.with_name(name))
    save_node_config(
        NodeConfig(
            name=name,
            org="tax",
            p2p=ListenConfig("127.0.0.1:0"),
            rpc=RpcConfig("127.0.0.1:0"),
            group=(GroupConfig("equity", "observer"),),
        ),
        home,
    )
    save_private_key(home.group("equity").consensus_key, kit.key(f"consensus {name}")._private_key)
    home.tls.mkdir()
    authority = folders.authorities["tax"]
    authority.issue_identity(f"tax/{name}", home.tls_certificate, home.tls_key, datetime.now(UTC))
    home.group("equity").genesis.write_bytes(known.group("equity").genesis.read_bytes())
    found_group(home, "equity")
    folders.folders[name] = home
    before = folders.membership
    folders.membership = draft(
        before.network,
        before.version + 1,
        before.threshold,
        list(before.organisations.values()),
        {**before.nodes, f"tax/{name}": "127.0.0.1:1"},
    ).signed(STANDARD, *(kit.key("member " + organisation) for organisation in kit.ORGANISATIONS))
    for folder in folders.folders.values():
        folders.membership.save(folder.membership)
    for node in folders.running:
        node.reload()
    return home


async def test_a_node_joins_votes_and_leaves(folders, kit) -> None:
    nodes = await folders.start()
    driver = nodes[0].groups["equity"]
    await asyncio.gather(*(kit.height(node.groups["equity"], 1) for node in nodes))
    home = new_node(folders, kit, "tax-2")
    (joined,) = await folders.start("tax-2")
    newcomer = joined.groups["equity"]
    await kit.eventually(lambda: len([p for p in joined.peers() if p["connected"]]) == 4)
    # Known to the network and no member of the group: it gets nothing.
    head = driver.chain.head.number
    gate = Gate(kit, driver)
    await gate.write((10_000, 1))
    assert driver.chain.head.number > head
    assert newcomer.chain.head.number == 0
    await gate.admit("tax-2")
    assert "tax/tax-2" in driver._setup.members.node_ids
    await kit.height(newcomer, driver.chain.head.number)
    assert newcomer.role == "observer"

    key = STANDARD.address_of(load_private_key(home.group("equity").consensus_key))
    await gate.declare(key, "tax-2")
    first = await gate.add_validator(key)
    for node in (*nodes, joined):
        await kit.height(node.groups["equity"], first)
    epoch, members = driver.chain.validators_for(first)
    assert (epoch, members.n) == (1, 5)
    assert newcomer.role == "validator"
    assert "tax-2" in driver.status()["validators"]

    await gate.write((NODES_SLOT, 0))
    assert "tax/tax-2" in driver._setup.members.node_ids
    first = await gate.remove_last_validator()
    for node in nodes:
        await kit.height(node.groups["equity"], first + 1)
    # It served until it was out, and gets no frame after that.
    assert first - kit.WINDOW - 1 <= newcomer.chain.head.number < first + 1
    assert "tax/tax-2" not in driver._setup.members.node_ids
    assert driver.chain.validators_for(first)[1].n == 4

    # A key that voted and is out promises nothing any more: no archive keeps it.
    await folders.stop(joined)
    forget_group(home, "equity")
    departure = put_away(home, "equity", home.archive, datetime.now(UTC))
    assert departure.voted
    assert not (home.path / departure.where / "consensus.key").exists()
    assert (home.path / departure.where / "wal").is_dir()
    (home.path / departure.where).rename(home.group("equity").path)
    join_group(home, driver.genesis, folders.membership)
    assert STANDARD.address_of(load_private_key(home.group("equity").consensus_key)) != key
    assert home.group("equity").wal.with_name("wal.of-a-destroyed-key").is_dir()


async def test_members_are_the_nodes_of_every_set_that_still_counts(group, kit) -> None:
    node = group.nodes[0]
    members = GroupMembers(node.chain)
    assert members.node_ids == set(group.members)
    signer = group.signers[0]
    assert members.node_of(signer.address) == group.node_ids[signer.address]
    assert members.keys_of(group.node_ids[signer.address]) == (signer.address,)
    assert members.keys_of("tax/nobody") == ()
    assert members.node_of(kit.STRANGER.address) is None


async def test_a_renewed_key_leaves_what_the_old_one_said(folders, kit) -> None:
    (node,) = await folders.start("tax")
    home = folders.folders["tax"]
    with pytest.raises(ConfigurationError, match="runs already"):
        renew_consensus_key(home, "equity")
    await folders.stop(node)
    old = STANDARD.address_of(load_private_key(home.group("equity").consensus_key))
    new = renew_consensus_key(home, "equity")
    assert new == STANDARD.address_of(load_private_key(home.group("equity").consensus_key)) != old
    group = home.group("equity")
    aside = group.wal.with_name("wal.0x" + old.hex())
    for folder, key in ((group.wal, new), (aside, old)):
        log = VoteLog.open(RealFiles(folder), STANDARD, folders.world.group, key)
        assert log.lost is None
        log.close()
    assert not home.group("equity").consensus_key.with_suffix(".key.new").exists()


async def test_a_renewal_that_was_cut_off_goes_on_with_its_key(folders, monkeypatch) -> None:
    home = folders.folders["tax"]
    monkeypatch.setattr("ledger.whole_file.os.replace", _power_cut)
    with pytest.raises(OSError, match="power"):
        renew_consensus_key(home, "equity")
    fresh = STANDARD.address_of(
        load_private_key(home.group("equity").consensus_key.with_suffix(".key.new"))
    )
    monkeypatch.undo()
    assert renew_consensus_key(home, "equity") == fresh
    assert len(list(home.group("equity").path.glob("wal.0x*"))) == 1


async def test_a_renewal_is_synced_before_it_is_told(folders, monkeypatch) -> None:
    """Else a power cut after it could bring the old key back, whose log stands aside."""
    home = folders.folders["tax"]
    synced: list[str] = []
    plain = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        plain(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    renew_consensus_key(home, "equity")
    key, group = home.group("equity").consensus_key, home.group("equity").path
    wal = synced.index(str(group))
    assert synced.index(str(key.with_suffix(".key.new"))) < wal < len(synced) - 1
    assert synced[-1] == str(key.parent)


def _power_cut(*_: object) -> None:
    raise OSError("power is gone")
