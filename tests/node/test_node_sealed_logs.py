"""Vote log and journal under a key: the same promises, and a wrong key is never a lost log."""

import hashlib
from pathlib import Path

import pytest

from consensus.entries import BatchEntry
from ledger.proposal import propose
from ledger.sealing import Sealer, WrongSealKey
from ledger.suite import STANDARD
from ledger.values import Address, Hash32
from node.files import RealFiles
from node.journal import JOURNAL_HEAD, Journal
from node.vote_log import VoteLog, inspect_vote_log

GROUP, ADDRESS = Hash32(b"\x05" * 32), Address(b"\x06" * 20)
SEALER, OTHER = Sealer(b"\x01" * 32, b"votes"), Sealer(b"\x02" * 32, b"votes")
RAW = b"a planted transaction, long enough to be found if it were in clear"
KEY = hashlib.sha256(RAW).digest()


BATCH = BatchEntry(
    propose(
        STANDARD,
        group=GROUP,
        epoch=0,
        sequence=1,
        origin_view=0,
        proposer=ADDRESS,
        timestamp_ms=1_700_000_000_000,
        transactions=(RAW,),
    )
)


def open_log(folder: Path, sealer: Sealer | None) -> VoteLog:
    return VoteLog.open(RealFiles(folder), STANDARD, GROUP, ADDRESS, sealer)


def written(folder: Path, sealer: Sealer | None) -> bytes:
    """The bytes on disk of a log with a batch, written both ways."""
    VoteLog.create(folder, GROUP, ADDRESS, sealer)
    log = open_log(folder, sealer)
    log.append([BATCH])
    appended = _bytes(folder)
    log.replace([BATCH, BATCH])
    log.close()
    return appended + _bytes(folder)


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_sealed_vote_log_shows_no_batch(tmp_path: Path) -> None:
    assert RAW in written(tmp_path / "plain", None)
    assert RAW not in written(tmp_path / "sealed", SEALER)
    found = open_log(tmp_path / "sealed", SEALER)
    assert (found.lost, found.entries) == (None, (BATCH, BATCH))
    assert inspect_vote_log(tmp_path / "sealed", STANDARD, GROUP, ADDRESS, SEALER) is None


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        (SEALER, None, "names no key file"),
        (SEALER, OTHER, "under another key"),
        (None, SEALER, "is not encrypted"),
    ],
)
def test_a_vote_log_under_another_key_is_not_lost(
    tmp_path: Path, first: Sealer | None, then: Sealer | None, reason: str
) -> None:
    written(tmp_path, first)
    with pytest.raises(WrongSealKey, match=reason):
        open_log(tmp_path, then)
    with pytest.raises(WrongSealKey, match=reason):
        inspect_vote_log(tmp_path, STANDARD, GROUP, ADDRESS, then)
    assert open_log(tmp_path, first).lost is None


def test_a_torn_record_is_cut_and_a_damaged_one_is_a_lost_log(tmp_path: Path) -> None:
    written(tmp_path, SEALER)
    log = max(tmp_path.glob("wal.0*"))
    whole = log.read_bytes()
    log.write_bytes(whole + whole[-20:])
    assert open_log(tmp_path, SEALER).entries == (BATCH, BATCH)
    log.write_bytes(whole[:-30] + bytes(10) + whole[-20:])
    assert open_log(tmp_path, SEALER).lost is not None


def test_another_groups_log_is_lost_as_it_was(tmp_path: Path) -> None:
    written(tmp_path, SEALER)
    other = VoteLog.open(RealFiles(tmp_path), STANDARD, Hash32(bytes(32)), ADDRESS, SEALER)
    assert other.lost is not None
    assert "another group or key" in other.lost


async def test_a_sealed_journal_shows_no_transaction(tmp_path: Path) -> None:
    for name, sealer in (("plain", None), ("sealed", SEALER)):
        journal = Journal(tmp_path / name, sealer=sealer)
        await journal.add([(KEY, RAW), (bytes(32), RAW + b"2")])
        journal.refuse(bytes(32), "NONCE_USED", "the nonce is used")
        await journal.close()
    assert RAW in (tmp_path / "plain").read_bytes()
    assert RAW not in (tmp_path / "sealed").read_bytes()
    again = Journal(tmp_path / "sealed", sealer=SEALER)
    assert dict(again.transactions) == {KEY: RAW}
    assert again.refusals[bytes(32)].reason == "NONCE_USED"


async def test_a_sealed_journal_is_cut_where_it_is_torn(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", sealer=SEALER)
    await journal.add([(KEY, RAW)])
    await journal.close()
    whole = (tmp_path / "journal").read_bytes()
    (tmp_path / "journal").write_bytes(whole + whole[-25:])
    assert dict(Journal(tmp_path / "journal", sealer=SEALER).transactions) == {KEY: RAW}


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        (SEALER, None, "names no key file"),
        (SEALER, OTHER, "under another key"),
        (None, SEALER, "is not encrypted"),
    ],
)
async def test_a_journal_under_another_key_is_said(
    tmp_path: Path, first: Sealer | None, then: Sealer | None, reason: str
) -> None:
    for count in (0, 1):
        path = tmp_path / str(count)
        journal = Journal(path, sealer=first)
        await journal.add([(KEY, RAW)] * count)
        await journal.close()
        with pytest.raises(WrongSealKey, match=reason):
            Journal(path, sealer=then)


def test_what_is_no_journal_at_all_stays_an_error(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"x" * 2 * len(JOURNAL_HEAD))
    for sealer in (None, SEALER):
        with pytest.raises(OSError, match="not a journal"):
            Journal(path, sealer=sealer)
