"""What a node keeps is encrypted: nothing planted shows on disk, and no key error costs a vote."""

import asyncio
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import command
from ledger.gate import GATE_CONTRACT
from ledger.suite import STANDARD
from node import seal_conversion
from node.config import ConfigurationError, NodeFolder, load_node_config
from node.group_assembly import found_group
from node.joining import make_consensus_key
from node.service import Node

SECRET = b"planted plaintext of a transaction that nobody shall find"
WORD = b"planted word in a contract slot."
PLANTED = (SECRET, WORD)


def store(verb: str, home: NodeFolder, *options: object) -> dict[str, Any]:
    done = CliRunner().invoke(
        command(["store"]), ["store", verb, str(home.path), *map(str, options), "--json"]
    )
    if done.exception is not None:
        raise done.exception
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def found_on_disk(home: NodeFolder, needles: Iterable[bytes] = PLANTED) -> set[bytes]:
    """Which of them some file of the node's folder holds."""
    data = [path.read_bytes() for path in home.path.rglob("*") if path.is_file()]
    return {needle for needle in needles if any(needle in content for content in data)}


def kept_files(home: NodeFolder) -> set[str]:
    """Which kinds of files hold something planted."""
    place = home.group("equity").path
    return {
        path.relative_to(place).parts[0]
        for path in place.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in PLANTED)
    }


async def plant(kit: Any, nodes: list[Node], nonce: int = 0) -> None:
    """Two transactions with secrets, final everywhere, and one that waits for its predecessor."""
    drivers = [node.groups["equity"] for node in nodes]
    sent = [
        kit.signed(kit.ANNA, nonce, data=SECRET),
        kit.signed(kit.ANNA, nonce + 1, to=GATE_CONTRACT, data=bytes(31) + b"\x77" + WORD),
    ]
    hashes = [await driver.submit(raw) for raw in sent for driver in drivers[:1]]
    await asyncio.gather(*(kit.executed(driver, hashes) for driver in drivers))
    # Each node acknowledges one of its own, which stays in its journal.
    for driver in drivers:
        await driver.submit(kit.signed(kit.ANNA, nonce + 9, data=SECRET))


async def test_nothing_planted_is_on_the_disk_of_who_encrypts(folders, kit) -> None:
    sealed, plain = folders.folders["tax"], folders.folders["market"]
    assert store("encrypt", sealed)["key_made"]
    assert oct(sealed.store_key.stat().st_mode)[-3:] == "600"
    nodes = await folders.start()
    await plant(kit, nodes)
    assert found_on_disk(plain) == set(PLANTED)
    assert kept_files(plain) >= {"db", "journal"}
    assert found_on_disk(sealed) == set()
    await folders.stop()
    assert found_on_disk(sealed) == set()
    nodes = await folders.start()
    tax = nodes[0].groups["equity"]
    assert tax.status()["log_lost"] is None
    state = tax.chain.state_at(tax.chain.head.number)
    assert state.storage(GATE_CONTRACT, 0x77) == int.from_bytes(WORD)
    assert len(tax.pool) > 0, "the journal was read"


@pytest.fixture
async def planted(folders, kit) -> NodeFolder:
    """A stopped node's folder with secrets in all its files."""
    await plant(kit, await folders.start())
    await folders.stop()
    home = folders.folders["tax"]
    assert kept_files(home) >= {"db", "journal"}
    return home


async def test_a_folder_is_encrypted_gets_another_key_and_is_decrypted(
    folders, kit, planted: NodeFolder
) -> None:
    store("encrypt", planted)
    assert found_on_disk(planted) == set()
    first = planted.store_key.read_bytes()
    store("rotate", planted)
    assert found_on_disk(planted) == set()
    assert planted.store_key.read_bytes() != first
    assert not planted.store_key.with_name("store.key.new").exists()
    nodes = await folders.start()
    assert all(node.groups["equity"].status()["log_lost"] is None for node in nodes)
    await folders.stop()
    store("decrypt", planted)
    assert load_node_config(planted).store.encryption_key_file == ""
    assert kept_files(planted) >= {"db", "journal"}
    nodes = await folders.start()
    assert nodes[0].groups["equity"].status()["log_lost"] is None


async def test_a_wrong_or_missing_key_stops_the_node_and_costs_nothing(
    folders, kit, planted: NodeFolder, tmp_path: Path
) -> None:
    store("encrypt", planted)
    key, aside = planted.store_key, tmp_path / "aside"
    shutil.move(key, aside)
    with pytest.raises(ConfigurationError, match="cannot read the key"):
        await Node(planted.path).start()
    key.write_text("ab" * 32)
    key.chmod(0o600)
    with pytest.raises(ConfigurationError, match="encrypted under another key"):
        await Node(planted.path).start()
    key.chmod(0o644)
    with pytest.raises(ConfigurationError, match="can be read by others"):
        await Node(planted.path).start()
    config = planted.config.read_text()
    planted.config.write_text(config.replace('encryption_key_file = "keys/store.key"', ""))
    with pytest.raises(ConfigurationError, match="names no key file"):
        await Node(planted.path).start()
    planted.config.write_text(config)
    key.unlink()
    shutil.move(aside, key)
    nodes = await folders.start()
    assert nodes[0].groups["equity"].status()["log_lost"] is None
    assert not list(planted.group("equity").path.glob("db.corrupt.*"))


async def test_a_key_for_files_that_are_not_encrypted_is_said(planted: NodeFolder) -> None:
    planted.store_key.write_text("cd" * 32)
    planted.store_key.chmod(0o600)
    config = planted.config.read_text()
    empty = 'encryption_key_file = ""'
    assert empty in config
    planted.config.write_text(config.replace(empty, 'encryption_key_file = "keys/store.key"'))
    with pytest.raises(ConfigurationError, match="run `quorate store encrypt`"):
        await Node(planted.path).start()
    store("encrypt", planted)
    assert found_on_disk(planted) == set()


STEPS = ("votes", "journal", "copy", "renamed", "renamed again", "removed")


@pytest.mark.parametrize("step", STEPS)
async def test_a_conversion_that_was_cut_off_goes_on(
    folders, kit, planted: NodeFolder, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Ended before each of its steps in turn: nothing is lost, and the next run finishes."""

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt(step)

    targets: dict[str, tuple[object, str, object]] = {
        "votes": (seal_conversion.WriteAheadLog, "replace_head", cut),
        "journal": (seal_conversion, "reseal_journal", cut),
        "copy": (seal_conversion, "_copy", cut),
        "renamed": (seal_conversion, "replace_synced", _after(0, cut)),
        "renamed again": (seal_conversion, "replace_synced", _after(1, cut)),
        "removed": (seal_conversion.shutil, "rmtree", _but_last(cut)),
    }
    with monkeypatch.context() as patched:
        patched.setattr(*targets[step])
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            store("encrypt", planted)
    store("encrypt", planted)
    assert found_on_disk(planted) == set()
    assert not list(planted.group("equity").path.glob("db.convert*"))
    nodes = await folders.start()
    assert nodes[0].groups["equity"].status()["log_lost"] is None
    drivers = [node.groups["equity"] for node in nodes]
    await plant(kit, nodes, nonce=2)
    assert drivers[0].chain.head.number > 0


def _after(count: int, cut: Any) -> Any:
    real, calls = seal_conversion.replace_synced, []

    def counted(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) > count:
            cut()
        real(*arguments)

    return counted


def _but_last(cut: Any) -> Any:
    real = shutil.rmtree

    def counted(path: Path, **options: Any) -> None:
        if path.name == "db.converted-from":
            cut()
        real(path, **options)

    return counted


async def test_a_running_node_is_not_converted(folders, kit) -> None:
    await folders.start("tax")
    with pytest.raises((CommandFailed, ConfigurationError), match="runs already"):
        store("encrypt", folders.folders["tax"])


def test_logs_that_were_put_aside_are_said_to_stay_as_they_were(folders) -> None:
    """Those of a key that was destroyed as well as those of a renewed one."""
    home = folders.folders["tax"]
    group = home.group("equity")
    group.consensus_key.unlink()
    make_consensus_key(group, STANDARD)
    found_group(home, "equity")
    (aside,) = group.path.glob("wal.*")
    assert store("encrypt", home)["left_as_they_were"] == [str(aside)]
