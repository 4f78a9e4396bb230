"""`quorate bench network`, small: all figures are there, and nothing is left behind."""

import signal
import subprocess
from pathlib import Path

import pytest

from node.engines import installed_engines
from node.stages import STAGES
from tests.acceptance.harness import QUORATE, free_base_port
from tests.acceptance.network_bench import bench_network, mean_us

RUN_S_MAX = 280


def _nodes_in(folder: Path) -> list[int]:
    """Processes of nodes whose folder lies below `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "run" in command and any(part.startswith(str(folder)) for part in command):
            found.append(int(entry.name))
    return found


def test_a_short_run_tells_everything(tmp_path: Path) -> None:
    short = ("--transactions", "200", "--senders", "40", "--rate", "100", "--stop-one")
    outcome = bench_network(tmp_path, RUN_S_MAX, *short, "--engine", installed_engines()[0])
    load = outcome["load"]
    assert len(outcome["nodes"]) == len(load["last_certificate_s"]) == 3
    assert outcome["stopped"] not in {node["name"] for node in outcome["nodes"]}
    assert load["transactions"] == 200
    assert outcome["tps"] == pytest.approx(200 / load["run_s"])
    finality = load["finality"]
    assert 0 < finality["p50_ms"] <= finality["p95_ms"] <= finality["max_ms"]
    assert load["timeline"][-1][1] == 200
    profile = mean_us(outcome)
    assert profile.keys() == {*STAGES, "other"}
    for stage in ("rpc", "decode", "recover", "pool", "consensus", "execute", "store", "p2p"):
        assert profile[stage] > 0, stage
    for node in outcome["nodes"]:
        assert node["memory"]["peak"] >= node["memory"]["end"] > 0
        assert node["disk_bytes"]["store"] > 0
    assert not list(tmp_path.iterdir())
    assert not _nodes_in(tmp_path)


def test_an_interrupted_run_ends_its_nodes(tmp_path: Path) -> None:
    command = [QUORATE, "bench", "network", "--dir", tmp_path, "--engine", "py-evm"]
    many = ["--transactions", "20000", "--base-port", str(free_base_port())]
    with subprocess.Popen([*map(str, command), *many], stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "validators run" in line:
                break
        assert len(_nodes_in(tmp_path)) == 4
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
    assert child.returncode == 130
    assert not _nodes_in(tmp_path)
    assert not list(tmp_path.iterdir())
