"""Runs `quorate bench network` for acceptance scripts, and shortens its answer to figures."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from tests.acceptance.harness import QUORATE, Refused, free_base_port

END_S_MAX = 60


def bench_network(folder: Path, timeout_s: float, *options: str) -> dict[str, Any]:
    """The outcome of a run in `folder`. One that takes too long is ended with all its nodes."""
    command = [QUORATE, "bench", "network", "--dir", folder, "--json"]
    child = subprocess.Popen(
        [*map(str, command), "--base-port", str(free_base_port()), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, errors = child.communicate(timeout=timeout_s)
    except BaseException:
        child.send_signal(signal.SIGTERM)  # it stops its nodes; killed, it could not
        child.communicate(timeout=END_S_MAX)
        raise
    if child.returncode != 0:
        last = errors.decode().strip().splitlines()[-1:]
        raise Refused(f"quorate bench network {' '.join(options)}: {last}")
    outcome: dict[str, Any] = msgspec.json.decode(out)
    return outcome


def mean_us(outcome: dict[str, Any], part: str = "profile_us") -> dict[str, float]:
    """Microseconds of processor time per transaction and node by stage (or `threads_us`)."""
    nodes = outcome["nodes"]
    return {
        name: round(sum(node[part][name] for node in nodes) / len(nodes), 1)
        for name in nodes[0][part]
    }


def figures(outcome: dict[str, Any]) -> dict[str, Any]:
    """What a report needs of a run."""
    load, machine = outcome["load"], outcome["machine"]
    profile = mean_us(outcome)
    return {
        "engine": outcome["plan"]["engine"],
        "stopped": outcome["stopped"],
        "transactions": load["transactions"],
        "tps": round(outcome["tps"]),
        "finality_ms": {name: round(value) for name, value in load["finality"].items()},
        "blocks": load["blocks"],
        "profile_us_per_transaction_and_node": profile | {"all": round(sum(profile.values()), 1)},
        "threads_us_per_transaction_and_node": mean_us(outcome, "threads_us"),
        "generator_us_per_transaction": round(outcome["generator_us"], 1),
        "memory_mib_peak": round(max(node["memory"]["peak"] for node in outcome["nodes"]) / 2**20),
        "disk_bytes_per_transaction_and_node": round(outcome["disk_bytes_per_transaction"]),
        "processors": machine["processors"],
        "processors_busy_elsewhere": round(machine["busy_elsewhere"], 2),
    }
