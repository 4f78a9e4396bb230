"""What a native node's start brings in: a killed validator is away for as long as that takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.network.create import create_network
from cli.network.manifest import find_manifest
from ledger.native import is_available

ONLY_A_FALLBACK_NEEDS = {"eth", "eth_abi", "py_ecc", "pydantic", "trie", "vyper", "web3"}

A_START = """
import sys
from pathlib import Path
import cli.main
import cli.node
from ledger.genesis import genesis_block
from node.config import NodeFolder
from node.engines import engine_named
from node.group_assembly import read_genesis

engine_named("native")
genesis_block(read_genesis(NodeFolder(Path(sys.argv[1])).group("equity")))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.skipif(not is_available(), reason="the crate is not built")
def test_a_native_node_starts_without_what_the_fallback_needs(tmp_path: Path) -> None:
    network = tmp_path / "network"
    create_network(find_manifest("four-departments"), network, 28_100, lambda _: None)
    ran = subprocess.run(
        [sys.executable, "-c", A_START, network / "nodes" / "tax-1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert not ONLY_A_FALLBACK_NEEDS & set(ran.stdout.split())
