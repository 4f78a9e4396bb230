"""What `quorate bench network` refuses before it starts anything, and how it says so."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.bench import plan
from cli.bench.nodes import manifest_text
from cli.bench.plan import Plan, check_disk, check_ports, parse_rate
from cli.failure import CommandFailed
from cli.network.manifest import load_manifest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"transactions": 0}, "--transactions 0: expected 1 to"),
        ({"senders": 5_000}, "--senders 5000: expected 1 to"),
        ({"rate": 0}, "--rate 0: expected 1 to"),
        ({"transactions": 2_000_000, "senders": 1}, "give more --senders"),
    ],
)
def test_options_that_make_no_run(options: dict[str, int], said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        Plan(engine="py-evm", **options).checked()


def test_a_native_run_without_the_crate_says_how_to_build_it(monkeypatch) -> None:
    monkeypatch.setattr(plan, "why_not_native", lambda: "the crate is not there; run maturin")
    with pytest.raises(CommandFailed, match=r"run maturin\. Or give --engine py-evm"):
        Plan(engine="native").checked()
    Plan(engine="py-evm").checked()


def test_a_rate_is_a_number_or_max() -> None:
    assert parse_rate("max") is None
    assert parse_rate("500") == 500
    with pytest.raises(CommandFailed, match="or max"):
        parse_rate("fast")


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandFailed, match=f"port {port} is not free"):
            check_ports(port)
    with pytest.raises(CommandFailed, match="--base-port 65535"):
        check_ports(65_535)


def test_a_disk_without_room_is_refused(tmp_path: Path, monkeypatch) -> None:
    check_disk(tmp_path, 1)
    monkeypatch.setattr(plan, "BYTES_SPARE", 1 << 60)
    with pytest.raises(CommandFailed, match="give another --dir"):
        check_disk(tmp_path, 1)


def test_the_manifest_is_one_that_networks_are_made_of(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(manifest_text("py-evm"), encoding="utf-8")
    manifest = load_manifest(path)
    assert len(manifest.node) == len(manifest.group[0].validators) == plan.NODES
    assert {node.engine for node in manifest.node} == {"py-evm"}


def test_the_command_says_in_one_sentence_what_is_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "bench", "network", "--rate", "fast"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 1
    assert done.stderr == "quorate: --rate fast: expected transactions a second, or max\n"
    assert not list(tmp_path.iterdir())
