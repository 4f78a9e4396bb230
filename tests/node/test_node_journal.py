"""The journal keeps what was acknowledged, whatever happens to the process or to the file's end."""

import asyncio
import hashlib
import os
import struct
import zlib
from pathlib import Path

import pytest

from node import journal as journal_module
from node.journal import Journal, JournalClosed


def key(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


RAWS = [b"transaction-%d" % number for number in range(20)]


async def filled(path: Path) -> Journal:
    journal = Journal(path)
    await journal.add((key(raw), raw) for raw in RAWS)
    return journal


async def test_an_acknowledged_transaction_survives_a_crash(tmp_path: Path) -> None:
    await filled(tmp_path / "journal")  # never closed
    again = Journal(tmp_path / "journal")
    assert list(again.transactions.values()) == RAWS


async def test_adds_that_wait_together_share_a_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal")
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    await asyncio.gather(*(journal.add([(key(raw), raw)]) for raw in RAWS))
    assert 1 <= len(synced) <= 2


async def test_nothing_is_acknowledged_before_its_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal")

    def fail(_descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        await journal.add([(key(b"x"), b"x")])
    monkeypatch.undo()
    with pytest.raises(JournalClosed):  # what is on disk after a failed sync is unknown
        await journal.add([(key(b"y"), b"y")])


async def test_settled_and_refused_transactions_are_not_restored(tmp_path: Path) -> None:
    journal = await filled(tmp_path / "journal")
    journal.settle([key(RAWS[0])])
    journal.refuse(key(RAWS[1]), "NO_PERMISSION", "ask an administrator")
    await journal.close()
    again = Journal(tmp_path / "journal")
    assert list(again.transactions.values()) == RAWS[2:]
    assert again.refusals[key(RAWS[1])].reason == "NO_PERMISSION"
    with pytest.raises(JournalClosed):
        await journal.add([(key(b"late"), b"late")])


@pytest.mark.parametrize("cut_bytes", [1, 7, 40])
async def test_a_torn_end_is_cut_and_the_rest_kept(tmp_path: Path, cut_bytes: int) -> None:
    path = tmp_path / "journal"
    await filled(path)
    os.truncate(path, path.stat().st_size - cut_bytes)
    again = Journal(path)
    kept = list(again.transactions.values())
    assert kept == RAWS[: len(kept)]
    assert len(RAWS) - 2 <= len(kept) < len(RAWS)
    await again.add([(key(b"next"), b"next")])
    assert list(Journal(path).transactions.values()) == [*kept, b"next"]


async def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await filled(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert list(Journal(path).transactions.values()) == RAWS[:-1]


async def test_the_file_shrinks_once_most_of_it_is_final(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "COMPACT_BYTES_MIN", 1000)
    path = tmp_path / "journal"
    journal = Journal(path)
    for number in range(100):
        raw = b"%0100d" % number
        await journal.add([(key(raw), raw)])
        if number < 98:
            journal.settle([key(raw)])
    assert path.stat().st_size < 3000
    await journal.close()
    assert list(Journal(path).transactions.values()) == [b"%0100d" % 98, b"%0100d" % 99]


def test_another_file_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"something else entirely, and longer than a head")
    with pytest.raises(OSError, match="not a journal"):
        Journal(path)


def test_a_refusal_in_another_form_is_said_and_not_taken(tmp_path: Path) -> None:
    body = b"r" + key(b"x") + b'{"reason": 1}'
    frame = struct.pack(">II", len(body), zlib.crc32(body)) + body
    (tmp_path / "journal").write_bytes(journal_module.JOURNAL_HEAD + frame)
    with pytest.raises(OSError, match="did not write"):
        Journal(tmp_path / "journal")
