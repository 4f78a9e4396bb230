"""The audit log: the chain goes on, tampering is found, a crash's torn line is told apart."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from node.audit.chain import HEAD_FILE, Census, Fault, Head, check_log, day_files, read_entries
from node.audit.entries import InvalidEntry, decode_line
from node.audit.log import (
    REFUSALS_WRITTEN_MAX,
    AuditLog,
    AuditUnavailable,
    Caller,
    InvalidAuditFolder,
)

DAY = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
OFFICER = Caller("officer-17", "regulator", "audit")


class Clock:
    """A wall clock in the test's hand."""

    def __init__(self) -> None:
        self.now = DAY

    def __call__(self) -> datetime:
        return self.now


async def write(
    folder: Path, count: int, clock: Callable[[], datetime] | None = None, days: int = 180
) -> Head:
    log = AuditLog(folder, retention_days=days, now=clock or Clock())
    log.open()
    log.start()
    for number in range(count):
        log.add("read", OFFICER, method="eth_getBlockByNumber", group="main", asked=str(number))
    await log.close()
    return log.last


def faults(census: Census) -> list[Fault]:
    return [finding.fault for finding in census.findings]


async def test_entries_are_kept_and_a_restart_goes_on_with_the_chain(tmp_path: Path) -> None:
    await write(tmp_path, 3)
    last = await write(tmp_path, 2)
    census = check_log(tmp_path)
    assert census.findings == ()
    assert (census.first, census.entries, census.last) == (1, 5, last)
    entries = list(read_entries(tmp_path))
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert {(entry.who, entry.role, entry.organisation) for entry in entries} == {
        ("officer-17", "regulator", "audit")
    }
    assert entries[0].at == "2026-11-21T08:00:00.000+00:00"
    modes = {
        os.stat(path).st_mode & 0o077
        for path in (tmp_path, *day_files(tmp_path), tmp_path / HEAD_FILE)
    }
    assert modes == {0}


async def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    await write(tmp_path, 2)
    for path in [*day_files(tmp_path), tmp_path / HEAD_FILE]:
        whole = path.read_bytes()
        with path.open("r+b", buffering=0) as file:
            for place, byte in enumerate(whole):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << place % 8]), place)
                assert check_log(tmp_path).is_tampered, (path.name, place)
                os.pwrite(file.fileno(), bytes([byte]), place)
    assert not check_log(tmp_path).findings


async def test_every_removed_repeated_or_exchanged_line_is_found(tmp_path: Path) -> None:
    await write(tmp_path, 6)
    (path,) = day_files(tmp_path)
    whole = path.read_bytes().splitlines(keepends=True)
    for place in range(len(whole)):
        path.write_bytes(b"".join(whole[:place] + whole[place + 1 :]))
        census = check_log(tmp_path)
        assert faults(census) == [Fault.MISSING], place
        path.write_bytes(b"".join(whole[: place + 1] + whole[place:]))
        assert check_log(tmp_path).is_tampered, place
    path.write_bytes(b"".join([whole[1], whole[0], *whole[2:]]))
    assert check_log(tmp_path).is_tampered
    path.unlink()
    assert check_log(tmp_path).is_tampered


async def test_a_log_written_anew_is_found_by_the_head_and_by_what_was_noted(
    tmp_path: Path,
) -> None:
    noted = await write(tmp_path / "kept", 5)
    head = (tmp_path / "kept" / HEAD_FILE).read_bytes()
    forged = AuditLog(tmp_path / "forged", retention_days=180, now=Clock())
    forged.open()
    forged.start()
    for _ in range(5):
        forged.add("read", OFFICER, method="eth_chainId")
    await forged.close()
    assert not check_log(tmp_path / "forged").findings
    assert check_log(tmp_path / "forged", noted).is_tampered
    (tmp_path / "forged" / HEAD_FILE).write_bytes(head)
    assert check_log(tmp_path / "forged").is_tampered


async def test_a_line_torn_by_a_crash_is_no_tampering_and_is_taken_out(tmp_path: Path) -> None:
    await write(tmp_path, 3)
    (path,) = day_files(tmp_path)
    whole = path.read_bytes()
    line = whole.splitlines(keepends=True)[-1]
    for kept in (1, len(line) // 2, len(line) - 1):
        path.write_bytes(whole + line[:kept])
        census = check_log(tmp_path)
        assert faults(census) == [Fault.TORN]
        assert not census.is_tampered
    await write(tmp_path, 1)
    census = check_log(tmp_path)
    assert census.findings == ()
    entries = list(read_entries(tmp_path))
    assert [(entry.method, entry.outcome) for entry in entries[3:]] == [
        ("torn", "cut"),
        ("eth_getBlockByNumber", ""),
    ]


async def test_an_end_that_had_been_synced_is_not_taken_for_torn(tmp_path: Path) -> None:
    await write(tmp_path, 3)
    (path,) = day_files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert check_log(tmp_path).is_tampered
    # Nor does the node that starts with it make it good.
    await write(tmp_path, 1)
    assert check_log(tmp_path).is_tampered
    assert "broken" in {entry.method for entry in read_entries(tmp_path)}


async def test_a_changed_line_stays_found_after_a_restart(tmp_path: Path) -> None:
    await write(tmp_path, 3)
    (path,) = day_files(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"asked":"2"', b'"asked":"7"'))
    await write(tmp_path, 2)
    assert Fault.CHANGED in faults(check_log(tmp_path))


async def test_each_day_has_a_file_and_old_ones_go_when_they_were_kept_long_enough(
    tmp_path: Path,
) -> None:
    clock = Clock()
    for _ in range(4):
        await write(tmp_path, 2, clock, days=180)
        clock.now += timedelta(days=1)
    assert len(day_files(tmp_path)) == 4
    assert not check_log(tmp_path).findings
    clock.now = DAY + timedelta(days=181)
    log = AuditLog(tmp_path, retention_days=180, now=clock)
    log.open()
    log.add("operator", method="reload")
    await log._sync()
    await log._expire()
    await log.close()
    names = [path.stem for path in day_files(tmp_path)]
    assert names == ["2026-11-22", "2026-11-23", "2026-11-24", "2027-05-21"]
    census = check_log(tmp_path)
    assert census.findings == ()
    assert census.first == 3
    # Whoever helps himself to one more is found.
    day_files(tmp_path)[0].unlink()
    assert faults(check_log(tmp_path)) == [Fault.MISSING]


async def test_a_clock_that_goes_back_writes_no_earlier_file(tmp_path: Path) -> None:
    clock = Clock()
    await write(tmp_path, 1, clock)
    clock.now -= timedelta(days=3)
    await write(tmp_path, 1, clock)
    assert len(day_files(tmp_path)) == 1
    assert not check_log(tmp_path).findings


async def test_what_cannot_be_written_is_said_and_not_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    log = AuditLog(tmp_path, retention_days=180, now=Clock(), on_failure=seen.append)
    log.open()
    log.start()
    await log.durable(log.add("read", OFFICER))
    real = os.fdatasync

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(AuditUnavailable, match="No space left"):
        await log.durable(log.add("read", OFFICER))
    monkeypatch.setattr(os, "fdatasync", real)
    await log.durable(log.add("read", OFFICER))
    await log.close()
    assert True in seen
    assert seen[-1] is False
    census = check_log(tmp_path)
    assert (census.findings, census.entries) == ((), 3)


async def test_a_flood_of_refusals_is_counted_and_not_written_one_by_one(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, retention_days=180, now=Clock())
    log.open()
    log.start()
    for _ in range(5_000):
        log.refused("wrong_token")
    log.refused("stranger")
    await log.close()
    entries = list(read_entries(tmp_path))
    assert len(entries) == REFUSALS_WRITTEN_MAX + 2
    assert sum(entry.count for entry in entries) == 5_001


async def test_one_process_writes(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, retention_days=180)
    log.open()
    with pytest.raises(InvalidAuditFolder, match="another process"):
        AuditLog(tmp_path, retention_days=180).open()
    await log.close()


async def test_hostile_text_neither_breaks_a_line_nor_makes_it_long(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, retention_days=180, now=Clock())
    log.open()
    log.start()
    log.add("read", OFFICER, method='x"\n{' * 10_000, group="群组\0\x1b", asked="\\" * 10_000)
    await log.close()
    assert not check_log(tmp_path).findings
    (entry,) = read_entries(tmp_path)
    assert "\n" not in entry.method
    assert entry.group == "????"


@pytest.mark.parametrize("line", [b"", b"\n", b"{}\n", b"\xff" * 200, b"x" * 5_000])
def test_what_is_no_entry_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidEntry):
        decode_line(line)
