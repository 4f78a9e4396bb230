"""Two validators native, two on py-evm: one ledger, whatever the transactions do."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.native import is_available
from tests.acceptance.harness import Network, quorate, run_quorate, running_network
from tests.native.network_load import Load, compare_blocks
from tests.native.programs import PRECOMPILES

pytestmark = [
    pytest.mark.skipif(not is_available(), reason="quorate_native is not built"),
    pytest.mark.xdist_group("mixed"),
]

ENGINES = {"tax-1": "native", "market-1": "py-evm", "data-1": "native", "audit-1": "py-evm"}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder = tmp_path_factory.mktemp("mixed") / "network"
    with running_network(folder, "mixed-engines") as network:
        yield network


def test_each_node_names_its_engine(mixed: Network) -> None:
    assert {node["name"]: node["engine"] for node in mixed.nodes} == ENGINES
    states = quorate("network", "status", mixed.folder)["nodes"]
    assert {state["name"]: state["engine"] for state in states} == ENGINES
    assert {state["name"]: state["status"]["engine"] for state in states} == ENGINES
    assert {state["status"]["zk_backend"] for state in states} == {"native"}


def test_equal_headers_and_receipts_at_every_height(mixed: Network) -> None:
    load = Load(mixed, seed=31)
    load.start()
    for _ in range(6):
        load.round(creations=8, calls=40)
        load.settle()
    counts = compare_blocks(mixed, load.asker)
    assert counts["transactions"] == len(load.hashes)
    assert counts["succeeded"] >= len(load.hashes) // 2, counts
    assert counts["creations"] >= 20, counts
    assert counts["reverts"] >= 10, counts
    assert counts["logs"] >= 50, counts
    asked = {int(name.split()[1], 16) for name in counts if name.startswith("precompile ")}
    assert asked == {int.from_bytes(address) for address in PRECOMPILES}, counts
    assert counts["precompiles refused"] > 0 < counts["precompiles answered"], counts


def _without_the_crate(folder: Path) -> dict[str, str]:
    """An environment in which the crate cannot be imported."""
    folder.mkdir()
    (folder / "quorate_native.py").write_text("raise ImportError('taken away')\n")
    return {**os.environ, "PYTHONPATH": str(folder)}


def _node_run(network: Network, name: str, environment: dict[str, str]) -> str:
    """What a node that does not start says last."""
    entry = next(node for node in network.nodes if node["name"] == name)
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "node", "run", network.folder / entry["dir"]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def test_a_crate_that_went_missing(mixed: Network, tmp_path: Path) -> None:
    without = _without_the_crate(tmp_path / "path")
    run_quorate("network", "down", mixed.folder, "--node", "tax-1")
    told = _node_run(mixed, "tax-1", without)
    for words in ("'native'", "taken away", "make install", 'engine = "auto"'):
        assert words in told
    # As it says: the same node goes on with what is there, and the network's file knows.
    settings = mixed.folder / "nodes" / "tax-1" / "node.toml"
    asks = settings.read_text(encoding="utf-8")
    settings.write_text(asks.replace('engine = "native"', 'engine = "auto"'), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "cli.main", "network", "up", mixed.folder, "--node", "tax-1"],
        env=without,
        check=True,
        timeout=120,
        capture_output=True,
    )
    written = json.loads((mixed.folder / "network.json").read_text(encoding="utf-8"))
    assert {node["name"]: node["engine"] for node in written["nodes"]} == {
        **ENGINES,
        "tax-1": "py-evm",
    }
    # It has just started and hears nobody yet, which the doctor says by its exit code.
    done = run_quorate("doctor", mixed.folder / "nodes" / "tax-1", "--json", check=False)
    found = json.loads(done.stdout)
    (engine,) = [finding for finding in found["findings"] if finding["what"] == "engine in use"]
    assert "py-evm" in engine["seen"]
    assert "taken away" in engine["remedy"]
    logged = (mixed.folder / "nodes" / "tax-1" / "logs" / "console.log").read_text(encoding="utf-8")
    assert logged.count("without_native_engine") == 1
