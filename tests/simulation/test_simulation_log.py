"""The write-ahead log over a disk that tears, and over a real folder."""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from node.files import Files, RealFiles
from node.wal import END_NAME, LogExists, LostLog, WriteAheadLog
from tests.simulation.simulated_files import PowerCut, SimulatedFiles

HEAD = b"group and key"


@pytest.fixture(params=["real", "simulated"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return RealFiles(tmp_path / "wal") if request.param == "real" else SimulatedFiles()


def test_records_come_back_in_order(files: Files) -> None:
    log = WriteAheadLog.create(files, HEAD)
    log.append([b"one", b"", b"two" * 1000])
    log.append([b"three"])
    _, records = WriteAheadLog.recover(files, HEAD)
    assert records == [b"one", b"", b"two" * 1000, b"three"]


def test_replacing_keeps_the_new_records_only(files: Files) -> None:
    log = WriteAheadLog.create(files, HEAD)
    log.append([b"old"])
    log.replace([b"kept"])
    log.append([b"new"])
    again, records = WriteAheadLog.recover(files, HEAD)
    assert records == [b"kept", b"new"]
    again.append([b"newer"])
    assert WriteAheadLog.recover(files, HEAD)[1] == [b"kept", b"new", b"newer"]
    assert len(files.names()) == 2


def test_no_log_means_a_lost_log(files: Files) -> None:
    with pytest.raises(LostLog, match="missing"):
        WriteAheadLog.recover(files, HEAD)


def test_a_log_is_not_created_over_another(files: Files) -> None:
    WriteAheadLog.create(files, HEAD)
    with pytest.raises(LogExists):
        WriteAheadLog.create(files, HEAD)


def test_another_keys_log_is_refused(files: Files) -> None:
    WriteAheadLog.create(files, HEAD)
    with pytest.raises(LostLog, match="another"):
        WriteAheadLog.recover(files, b"another head")


def test_a_torn_tail_after_the_synced_end_is_cut(files: Files) -> None:
    log = WriteAheadLog.create(files, HEAD)
    log.append([b"synced"])
    name = next(name for name in files.names() if name != END_NAME)
    files.append(name, b"\x00\x00\x00\x09torn")
    again, records = WriteAheadLog.recover(files, HEAD)
    assert records == [b"synced"]
    again.append([b"next"])
    assert WriteAheadLog.recover(files, HEAD)[1] == [b"synced", b"next"]


@pytest.mark.parametrize("offset", [0, 5, 9, 25, 32])
def test_damage_before_the_synced_end_is_a_lost_log(files: Files, offset: int) -> None:
    log = WriteAheadLog.create(files, HEAD)
    log.append([b"a vote"])
    name = next(name for name in files.names() if name != END_NAME)
    data = files.read(name)
    assert data is not None
    files.overwrite(name, offset, bytes([data[offset] ^ 1]))
    with pytest.raises(LostLog):
        WriteAheadLog.recover(files, HEAD)


def test_a_log_cut_short_is_lost(files: Files) -> None:
    log = WriteAheadLog.create(files, HEAD)
    log.append([b"a vote"])
    name = next(name for name in files.names() if name != END_NAME)
    files.truncate(name, log.size_bytes - 1)
    with pytest.raises(LostLog, match="shorter"):
        WriteAheadLog.recover(files, HEAD)


def test_a_damaged_end_is_lost(files: Files) -> None:
    WriteAheadLog.create(files, HEAD).append([b"a vote"])
    files.overwrite(END_NAME, 0, b"\xff" * 1024)
    with pytest.raises(LostLog, match="damaged"):
        WriteAheadLog.recover(files, HEAD)


def test_a_real_log_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    WriteAheadLog.create(RealFiles(tmp_path), HEAD)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("is_replacing", [False, True])
def test_what_a_process_left_unsynced_survives_a_power_cut_after_its_recovery(
    is_replacing: bool,
) -> None:
    """A process that is killed leaves bytes that can be read, and lost later with the power."""
    for operations in range(12):
        files = SimulatedFiles()
        log = WriteAheadLog.create(files, HEAD)
        log.append([b"a vote"])
        files.cut_after(operations)
        with suppress(PowerCut):
            (log.replace if is_replacing else log.append)([b"a vote", b"another"])
        files.kill()
        _, found = WriteAheadLog.recover(files, HEAD)
        assert found[0] == b"a vote"
        for seed in range(100):
            lost = files.copy_as_it_is()
            lost.crash(Random(seed))
            assert WriteAheadLog.recover(lost, HEAD)[1] == found


@pytest.mark.parametrize("seed", range(200))
def test_whatever_was_synced_survives_an_end_anywhere(seed: int) -> None:
    random = Random(seed)
    files = SimulatedFiles()
    log = WriteAheadLog.create(files, HEAD)
    synced: list[bytes] = []
    for life in range(6):
        files.cut_after(random.randint(0, random.choice([3, 25])))
        trying: list[bytes] = []
        is_replacing = False
        try:
            for number in range(20):
                records = [b"%d %d %d" % (life, number, i) for i in range(random.randint(1, 4))]
                is_replacing = random.random() < 0.3
                trying = records
                if is_replacing:
                    log.replace(records)
                    synced = records
                else:
                    log.append(records)
                    synced = synced + records
        except PowerCut:
            pass
        if random.random() < 0.3:
            files.kill()
        else:
            files.crash(random)
        log, found = WriteAheadLog.recover(files, HEAD)
        if is_replacing and found == trying:
            synced = trying
        assert found[: len(synced)] == synced
        assert found[len(synced) :] == trying[: len(found) - len(synced)]
        synced = found
