"""A sealed workspace: nothing of an opening on disk, its key alone opens it, damage is said."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import command
from workflows import workspace_sealing
from workflows.equity_transfer import envelope
from workflows.equity_transfer.envelope import InvalidEnvelopeKey
from workflows.workspace import read_json, write_private, write_private_json
from workflows.workspace_seal import (
    KEY_FILE_VARIABLE,
    MAGIC,
    PASSPHRASE_FILE_VARIABLE,
    SEAL_FILE,
    Seal,
    SealProblem,
    key_file_secret,
    open_seal,
    passphrase_secret,
)
from workflows.workspace_sealing import reseal_workspace, seal_workspace, unseal_workspace

PLANTED = "310110199001011234"
DOCUMENT = {"identity": PLANTED, "price_fen": "100000000"}
PLACES = ("transfers/ab/opening.tax.json", "transfers/ab/declaration.json", "set-up/note.json")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    folder = tmp_path / "desk"
    for place in PLACES:
        write_private_json(folder / place, DOCUMENT)
    envelope.save_private_key(folder / "keys" / "envelope.key", b"\x07" * 32)
    write_private(folder / "transfers/ab/proof.json", b"{}")
    return folder


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "desk.key"
    write_private(path, b"ab" * 32 + b"\n")
    return path


@pytest.fixture
def sealed(desk: Path, key: Path) -> Path:
    assert seal_workspace(desk, key_file_secret(key)) == len(PLACES) + 1
    return desk


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_nothing_planted_is_on_disk(desk: Path, key: Path) -> None:
    needles = (PLANTED.encode(), b"\x07" * 32, b"07" * 32)
    assert needles[0] in on_disk(desk)
    assert needles[2] in on_disk(desk)
    seal_workspace(desk, key_file_secret(key))
    assert not any(needle in on_disk(desk) for needle in needles)
    assert [read_json(desk / place) for place in PLACES] == [DOCUMENT] * len(PLACES)
    assert envelope.load_private_key(desk / "keys" / "envelope.key") == b"\x07" * 32
    write_private_json(desk / "transfers/cd/opening.tax.json", DOCUMENT)
    assert PLANTED.encode() not in on_disk(desk)
    assert read_json(desk / "transfers/cd/opening.tax.json") == DOCUMENT
    assert (desk / "transfers/ab/proof.json").read_bytes() == b"{}"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in desk.rglob("*") if path.is_file()}
    assert modes == {0o600}


def test_it_is_unsealed_as_it_was(sealed: Path) -> None:
    assert unseal_workspace(sealed) == len(PLACES) + 1
    assert not (sealed / SEAL_FILE).exists()
    assert json.loads((sealed / PLACES[0]).read_bytes()) == DOCUMENT
    assert read_json(sealed / PLACES[0]) == DOCUMENT


def test_another_a_missing_and_an_open_key(sealed: Path, key: Path) -> None:
    key.write_text("cd" * 32)
    with pytest.raises(SealProblem, match="not the key or passphrase"):
        open_seal(sealed)
    key.chmod(0o644)
    with pytest.raises(SealProblem, match="can be read by others"):
        open_seal(sealed)
    key.chmod(0o600)
    key.write_text("short")
    with pytest.raises(SealProblem, match="64 hexadecimal digits"):
        open_seal(sealed)
    key.unlink()
    with pytest.raises(SealProblem, match="is missing"):
        open_seal(sealed)


def test_the_key_file_may_have_moved(
    sealed: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved.key"
    shutil.move(key, moved)
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(moved))
    assert read_json(sealed / PLACES[0]) == DOCUMENT


def test_a_passphrase(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = tmp_path / "words"
    write_private(words, "correct horse 电池\n".encode())
    monkeypatch.setenv(PASSPHRASE_FILE_VARIABLE, str(words))
    secret = passphrase_secret("correct horse 电池".encode(), n=2**4)
    seal_workspace(desk, secret)
    assert read_json(desk / PLACES[0]) == DOCUMENT
    write_private(words, b"another passphrase\n")
    with pytest.raises(SealProblem, match="not the key or passphrase"):
        open_seal(desk)
    monkeypatch.delenv(PASSPHRASE_FILE_VARIABLE)
    with pytest.raises(SealProblem, match=PASSPHRASE_FILE_VARIABLE):
        open_seal(desk)
    with pytest.raises(SealProblem, match="passphrase of 12"):
        passphrase_secret(b"short")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_damage_is_said(sealed: Path, data: st.DataObject) -> None:
    path = sealed / PLACES[0]
    whole = path.read_bytes()
    try:
        changed = bytearray(whole)
        place = data.draw(st.integers(0, len(whole) - 1))
        changed[place] ^= data.draw(st.integers(1, 255))
        cut = data.draw(st.one_of(st.none(), st.integers(0, len(whole) - 1)))
        path.write_bytes(bytes(changed)[:cut])
        with pytest.raises(SealProblem):
            read_json(path)
    finally:
        path.write_bytes(whole)


def test_a_file_is_bound_to_its_place(sealed: Path) -> None:
    other = sealed / "transfers/ef/opening.tax.json"
    other.parent.mkdir()
    shutil.copy(sealed / PLACES[0], other)
    with pytest.raises(SealProblem, match="stood elsewhere"):
        read_json(other)


def test_a_file_from_outside_is_not_taken_for_ours(sealed: Path) -> None:
    (sealed / PLACES[0]).write_text(json.dumps({"identity": "another"}))
    with pytest.raises(SealProblem, match="is not sealed in a workspace that is"):
        read_json(sealed / PLACES[0])
    key_file = sealed / "keys" / "envelope.key"
    key_file.write_text("07" * 32)
    with pytest.raises(InvalidEnvelopeKey, match="is not sealed"):
        envelope.load_private_key(key_file)


def test_a_lost_seal_file_is_said(sealed: Path) -> None:
    (sealed / SEAL_FILE).unlink()
    with pytest.raises(SealProblem, match="no folder above it has a"):
        read_json(sealed / PLACES[0])
    (sealed / SEAL_FILE).write_text('{"format": "something else"}')
    with pytest.raises(SealProblem, match="no seal file of this version"):
        read_json(sealed / PLACES[0])


def test_a_rotation_leaves_nothing_under_the_old_key(
    sealed: Path, key: Path, tmp_path: Path
) -> None:
    before, old = open_seal(sealed), on_disk(sealed)
    second = tmp_path / "second.key"
    write_private(second, b"ef" * 32)
    reseal_workspace(sealed, key_file_secret(second))
    assert read_json(sealed / PLACES[0]) == DOCUMENT
    data = (sealed / PLACES[0]).read_bytes()
    with pytest.raises(SealProblem, match="does not hold"):
        before.open(sealed / PLACES[0], data)
    assert key_file_secret(key).key != key_file_secret(second).key
    with pytest.raises(SealProblem, match="not the key"):
        open_seal(sealed, key_file_secret(key))
    assert not set(_contents(old)) & set(_contents(on_disk(sealed)))


def _contents(data: bytes) -> list[bytes]:
    return [part[:40] for part in data.split(MAGIC)[1:]]


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("act", ["seal", "reseal", "unseal"])
def test_what_was_cut_off_goes_on(
    desk: Path, key: Path, monkeypatch: pytest.MonkeyPatch, act: str, step: int
) -> None:
    secret = key_file_secret(key)
    acts: dict[str, Callable[[], int]] = {
        "seal": lambda: seal_workspace(desk, secret),
        "reseal": lambda: reseal_workspace(desk),
        "unseal": lambda: unseal_workspace(desk),
    }
    if act != "seal":
        seal_workspace(desk, secret)
    written = []

    def cut(path: Path, data: bytes) -> None:
        if len(written) == step:
            raise KeyboardInterrupt
        written.append(path)
        write_private(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(workspace_sealing, "write_private", cut)
        with pytest.raises(KeyboardInterrupt):
            acts[act]()
    acts[act]()
    assert [read_json(desk / place) for place in PLACES] == [DOCUMENT] * len(PLACES)
    if act != "unseal":
        assert len(open_seal(desk).keys) == 1
        assert PLANTED.encode() not in on_disk(desk)


def test_no_key_in_a_representation(sealed: Path, key: Path) -> None:
    seal: Seal = open_seal(sealed)
    shown = repr(seal) + repr(key_file_secret(key))
    assert "ab" * 8 not in shown
    assert repr(seal.keys[0][1]) not in shown


def run(*arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(command(["desk"]), ["desk", *map(str, arguments), "--json"])
    if done.exception is not None:
        raise done.exception
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_the_command(desk: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.key"
    assert run("seal", desk, "--key-file", made)["sealed"] == len(PLACES) + 1
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    out = tmp_path / "handed-over.json"
    run("reveal", desk / PLACES[0], "--out", out)
    assert json.loads(out.read_bytes()) == DOCUMENT
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    run("rotate", desk, "--key-file", tmp_path / "next.key")
    os.unlink(made)
    assert read_json(desk / PLACES[0]) == DOCUMENT
    run("unseal", desk)
    assert PLANTED.encode() in on_disk(desk)
    with pytest.raises(CommandFailed, match="protects nothing"):
        run("seal", desk, "--key-file", desk / "keys" / "own.key")
