"""Building the crate: with cargo missing, failing, too old or hanging, it says so and goes on."""

import json
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import build_native
from scripts.watched_command import CommandEnded, run_watched

RUSTC = "#!/bin/sh\necho 'release: 99.0.0'\n"


@pytest.fixture
def build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs the script beside these tools, without a crate; returns what it says."""
    monkeypatch.setattr(build_native, "RECORD", tmp_path / "record.json")
    monkeypatch.setattr(build_native, "WHEELS", tmp_path / "wheels")
    monkeypatch.setattr(build_native, "LOG", build_native.ROOT / "build" / "test-native.log")
    monkeypatch.setattr(build_native, "why_missing", lambda: "not built")
    monkeypatch.setattr(build_native, "_pip", lambda *_: None)
    monkeypatch.delenv("QUORATE_NATIVE", raising=False)

    def run(tools: dict[str, str], *arguments: str) -> str:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for tool, script in tools.items():
            (folder / tool).write_text(script)
            (folder / tool).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin-without-cargo")
        monkeypatch.setattr(sys, "argv", ["build_native.py", *arguments])
        assert build_native.main() == 0
        return capsys.readouterr().out

    return run


def test_without_cargo_it_says_what_to_do(build: Callable[..., str], tmp_path: Path) -> None:
    told = build({})
    for words in (
        "No native engine",
        "py-evm",
        "cargo is not on the PATH",
        "rustup",
        "make native",
    ):
        assert words in told
    assert not (tmp_path / "record.json").exists(), "cargo may come any day"


def test_a_cargo_that_fails_is_named(build: Callable[..., str]) -> None:
    told = build({"cargo": "#!/bin/sh\necho 'no toolchain' >&2\nexit 1\n", "rustc": RUSTC})
    assert "cargo does not run: no toolchain" in told


def test_an_old_compiler_is_named(build: Callable[..., str]) -> None:
    told = build(
        {"cargo": "#!/bin/sh\nexit 0\n", "rustc": "#!/bin/sh\necho 'release: 1.60.0-beta'\n"}
    )
    assert "rustc is 1.60, older than 1." in told


def test_a_registry_out_of_reach_is_tried_once(build: Callable[..., str], tmp_path: Path) -> None:
    tools = {
        "cargo": (
            f'#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "$*" >> {tmp_path}/asked\n'
            "echo 'error: failed to download' >&2\necho 'Caused by:' >&2\n"
            "echo '  no route to host' >&2\nexit 101\n"
        ),
        "rustc": RUSTC,
    }
    told = build(tools)
    assert "downloading: error: failed to download / no route to host" in told
    assert "make wheels" in told
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["fetch --locked --offline", "fetch --locked"]
    assert "An earlier attempt failed" in build(tools)
    assert (tmp_path / "asked").read_text().splitlines() == asked
    assert "An earlier attempt failed" not in build(tools, "--retry")
    assert len((tmp_path / "asked").read_text().splitlines()) == 2 * len(asked)


def test_the_switch_builds_nothing(
    build: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUORATE_NATIVE", "0")
    told = build({"cargo": f"#!/bin/sh\ntouch {tmp_path}/asked\n", "rustc": RUSTC})
    assert "QUORATE_NATIVE=0" in told
    assert not (tmp_path / "asked").exists()


def test_what_is_built_is_not_built_again(
    build: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    digest = build_native.sources_digest()
    record = {"digest": digest, "seconds": 1.0, "failed": None}
    (tmp_path / "record.json").write_text(json.dumps(record))
    monkeypatch.setattr(build_native, "why_missing", lambda: None)
    assert build({}) == ""
    (tmp_path / "record.json").write_text(json.dumps({**record, "digest": "of other sources"}))
    assert "built earlier stays in use" in build({})


def _watch(script: str, tmp_path: Path, seconds_max: float = 30) -> None:
    run_watched(
        ["/bin/sh", "-c", script],
        tmp_path,
        environment=os.environ,
        log=tmp_path / "log",
        activity="testing",
        seconds_max=seconds_max,
    )


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    # The child does not hold the pipe, or its end would show already in that `_watch` returns.
    script = f"sleep 300 >/dev/null 2>&1 & echo $! > {tmp_path}/pid; wait"
    started = time.monotonic()
    with pytest.raises(CommandEnded, match="not done after"):
        _watch(script, tmp_path, seconds_max=1)
    assert time.monotonic() - started < 20
    assert _ends(int((tmp_path / "pid").read_text()))


def _ends(pid: int) -> bool:
    """Awaits the end of a process that was killed: its pipe closes a moment before it is gone."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)


def test_the_whole_output_is_in_the_log(tmp_path: Path) -> None:
    with pytest.raises(CommandEnded, match=r"^error: this / that$"):
        _watch("echo begin; echo 'error: this'; echo that; exit 3", tmp_path)
    assert (tmp_path / "log").read_text() == "begin\nerror: this\nthat\n"
