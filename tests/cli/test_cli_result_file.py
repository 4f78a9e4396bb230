"""What a command makes stands at the named place whole, or what stood there before does."""

import json
import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import command
from cli.result_file import result_stream, write_result
from tests.zkp.phase1_files import small_circuit, small_witness
from zkp.groth16.setup import setup
from zkp.r1cs import encode_r1cs
from zkp.snarkjs.wtns import encode_wtns
from zkp.snarkjs.zkey import encode_zkey

APP = command(["zk"])
OLD = b"what stood here before"
DISK_BYTES = 40


@contextmanager
def full_disk() -> Iterator[None]:
    """No file grows beyond some bytes: a write is cut off in its middle, and fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def run(*arguments: str | Path) -> BaseException | None:
    """What the command raised."""
    return CliRunner().invoke(APP, ["zk", *map(str, arguments), "--json"]).exception


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small circuit, its key and a witness."""
    folder = tmp_path_factory.mktemp("made")
    circuit = small_circuit()
    (folder / "small.r1cs").write_bytes(encode_r1cs(circuit.system))
    (folder / "small.zkey").write_bytes(encode_zkey(setup(circuit.system)))
    (folder / "small.wtns").write_bytes(encode_wtns(small_witness()))
    return folder


COMMANDS: dict[str, Callable[[Path, Path], tuple[str | Path, ...]]] = {
    "powers": lambda made, out: ("powers", "new", "--power", "2", "--out", out),
    "proof": lambda made, out: (
        *("prove", "--zkey", made / "small.zkey", "--witness", made / "small.wtns"),
        *("--proof", out, "--public", out.with_name("public.json")),
    ),
    "verification key": lambda made, out: ("export", "--zkey", made / "small.zkey", "--vkey", out),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_write_that_is_cut_off_leaves_what_stood_there(
    made: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    out.write_bytes(OLD)
    with full_disk():
        failed = run(*COMMANDS[name](made, out))
    assert isinstance(failed, OSError)
    assert failed.filename == str(out)
    assert out.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["out"]
    assert run(*COMMANDS[name](made, out)) is None
    assert out.read_bytes() != OLD


def test_half_a_key_is_none_and_a_whole_one_stays(made: Path, tmp_path: Path) -> None:
    arguments = ("setup", made / "small.r1cs", "--out", tmp_path)
    with full_disk():
        assert isinstance(run(*arguments), OSError)
    assert os.listdir(tmp_path) == []
    assert run(*arguments) is None
    made_once = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(made_once) == 3
    assert run(*arguments) is None
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == made_once


def test_ctrl_c_before_the_file_is_safe_leaves_what_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.write_bytes(OLD)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_result(out, b"new")
    with pytest.raises(KeyboardInterrupt), result_stream(out) as stream:
        stream.write(b"new")
    assert out.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["out"]


def test_a_stream_stands_there_at_its_end_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with result_stream(out) as first, result_stream(out) as second:
        first.write(b"first")
        second.write(b"second")
        assert not out.exists()
    assert out.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["out"]


def test_a_stream_is_not_blamed_for_what_it_is_made_from(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(OSError, match="the store is damaged"), result_stream(out):
        raise OSError("the store is damaged")
    with pytest.raises(OSError, match="absent/out"), result_stream(tmp_path / "absent" / "out"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    write_result(link, b"one")
    write_result(link, b"two")
    assert link.is_symlink()
    assert target.read_bytes() == b"two"


def test_a_pipe_is_fed_and_stays_one(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_result(pipe, b"result")
    reader.join()
    assert got == [b"result"]
    assert pipe.is_fifo()


def test_a_place_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    out = tmp_path / "file" / "out.json"
    with pytest.raises(OSError, match=r"out\.json") as failed:
        write_result(out, b"new")
    assert failed.value.filename == str(out)


def test_a_witness_is_its_owners_alone(tmp_path: Path) -> None:
    inputs, out = tmp_path / "inputs.json", tmp_path / "out.wtns"
    inputs.write_text(json.dumps({"total": "0"} | dict.fromkeys(_total_inputs(), "0")))
    assert run("witness", "total_16", "--inputs", inputs, "--out", out) is None
    assert out.stat().st_mode & 0o777 == 0o600


def _total_inputs() -> tuple[str, ...]:
    from zkp.circuits import total

    return tuple(total.build().inputs)
