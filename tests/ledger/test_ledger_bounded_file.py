"""No reader takes more of a file than it said, whatever kind of file it is."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.failure import CommandFailed
from cli.group.plan import PLAN_BYTES_MAX, load_plan
from cli.member.files import FILE_BYTES_MAX, read_file
from cli.network.folder import NETWORK_FILE, NETWORK_FILE_BYTES_MAX, load_network
from cli.network.manifest import MANIFEST_BYTES_MAX, load_manifest
from client.accounts import KEYSTORE_BYTES_MAX, InvalidKeystore, load_account
from ledger.bounded_file import OversizedFile, read_bounded
from ledger.suite import STANDARD
from node.config import CONFIG_BYTES_MAX, ConfigurationError, NodeFolder, load_node_config
from node.departures import DEPARTURES_BYTES_MAX, read_departures
from node.membership import MEMBERSHIP_BYTES_MAX, InvalidMembership, load_membership
from workflows.ceremony.place import FILE_NAME, InvalidPlace, load_place


def test_a_file_of_the_bound_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    assert read_bounded(path, 10) == b"0123456789"
    assert read_bounded(path, 1 << 40) == b"0123456789"


def test_one_byte_more_is_refused_with_file_bound_and_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with pytest.raises(OversizedFile) as refused:
        read_bounded(path, 9)
    assert str(refused.value) == f"{path}: expected at most 9 bytes, found 10: name another file"


def test_the_reader_says_how_it_refuses_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"01")
    with pytest.raises(CommandFailed, match="found 2: restore it"):
        read_bounded(path, 1, CommandFailed, remedy="restore it")


def test_a_file_that_knows_no_size_is_read_whole() -> None:
    path = Path("/proc/self/status")
    assert path.stat().st_size == 0
    assert b"VmRSS" in read_bounded(path, 1 << 20)
    with pytest.raises(OversizedFile, match="at most 8 bytes, found more"):
        read_bounded(path, 8)


@pytest.mark.parametrize(("bytes_max", "is_taken"), [(5, True), (4, False)])
def test_a_pipe_is_bounded_too(tmp_path: Path, bytes_max: int, is_taken: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"01234",))
    writer.start()
    try:
        if is_taken:
            assert read_bounded(pipe, bytes_max) == b"01234"
        else:
            with pytest.raises(OversizedFile, match="found more"):
                read_bounded(pipe, bytes_max)
    finally:
        writer.join()


def _in_folder(name: str) -> Callable[[Path], Path]:
    return lambda path: path.rename(path.with_name(name)).parent


READERS: dict[str, tuple[int, Callable[[Path], object], type[Exception]]] = {
    "plan": (PLAN_BYTES_MAX, load_plan, CommandFailed),
    "member's file": (FILE_BYTES_MAX, read_file, CommandFailed),
    "manifest": (MANIFEST_BYTES_MAX, load_manifest, CommandFailed),
    "network": (
        NETWORK_FILE_BYTES_MAX,
        lambda path: load_network(_in_folder(NETWORK_FILE)(path)),
        CommandFailed,
    ),
    "keystore": (KEYSTORE_BYTES_MAX, load_account, InvalidKeystore),
    "node's settings": (
        CONFIG_BYTES_MAX,
        lambda path: load_node_config(NodeFolder(_in_folder("node.toml")(path))),
        ConfigurationError,
    ),
    "departures": (DEPARTURES_BYTES_MAX, read_departures, ConfigurationError),
    "membership": (
        MEMBERSHIP_BYTES_MAX,
        lambda path: load_membership(path, STANDARD),
        InvalidMembership,
    ),
    "place": (4_096, lambda path: load_place(_in_folder(FILE_NAME)(path)), InvalidPlace),
}


@pytest.mark.parametrize("name", READERS)
def test_readers_refuse_alike_what_is_too_long(tmp_path: Path, name: str) -> None:
    bytes_max, read, refusal = READERS[name]
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(bytes_max + 1)
    words = f"{tmp_path}/.*: expected at most {bytes_max} bytes, found {bytes_max + 1}: [a-z]"
    with pytest.raises(refusal, match=words):
        read(path)
