"""What an operator reads when a snapshot cannot be written or taken over."""

from pathlib import Path

import pytest

from cli.failure import CommandFailed
from cli.network.create import create_network
from cli.network.manifest import find_manifest
from cli.snapshot import export, import_

MANIFEST = find_manifest("four-departments")
HASH = "0x" + "ab" * 32


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshot") / "network"
    create_network(MANIFEST, folder, 21_400, lambda _: None)
    return folder / "nodes" / "tax-1"


def test_a_group_without_blocks_has_nothing_to_export(node: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="block 0 is in the genesis file"):
        export(node, tmp_path / "snapshot")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_overwritten(node: Path, tmp_path: Path) -> None:
    (tmp_path / "snapshot").write_text("mine")
    with pytest.raises(CommandFailed, match="is there already"):
        export(node, tmp_path / "snapshot")
    assert (tmp_path / "snapshot").read_text() == "mine"


def test_an_import_needs_somebody_to_trust(node: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="--trust NUMBER:HASH"):
        import_(node, tmp_path / "snapshot")


@pytest.mark.parametrize("trust", ["", "7", "7:", "x:" + HASH, "7:0xab", f"-1:{HASH}", f"²:{HASH}"])
def test_a_malformed_trust_is_said(node: Path, tmp_path: Path, trust: str) -> None:
    with pytest.raises(CommandFailed, match="expected NUMBER:HASH"):
        import_(node, tmp_path / "snapshot", trust=trust)


def test_another_file_is_no_snapshot(node: Path, tmp_path: Path) -> None:
    (tmp_path / "snapshot").write_bytes(b"PK\x03\x04" * 100)
    with pytest.raises(CommandFailed, match="not a snapshot of this format"):
        import_(node, tmp_path / "snapshot", trust=f"7:{HASH}")


def test_a_group_that_the_node_does_not_carry(node: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="carries no group 'police'"):
        import_(node, tmp_path / "snapshot", trust=f"7:{HASH}", group="police")
