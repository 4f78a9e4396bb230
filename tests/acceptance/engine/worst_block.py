"""The worst blocks that the gas limit admits take less than block_execution_ms_max on both engines.

Each load of `benchmarks/gas_per_ms.py` is measured briefly. Then the slowest loads of py-evm, which
owes nothing to the crate, those of the native engine, and those named below whatever their speed
fill a block on both: py-evm's to the limit of a group that it may run in, the native engine's to
the limit of a group that runs nothing slower. Milliseconds are the processor's, of both cores.
"""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.gas_per_ms import CHAIN_ID, measure, run_load
from ledger.parameters import GAS_PER_MS, Parameters, gas_limit
from node.engines import NATIVE, PY_EVM, engine_named

SLOWEST_COUNT = 4
NAMED = ("ecpairing 4", "modexp 256/256", "SSTORE kept", "memory to 512 KiB", "KECCAK256 64 KiB")
"""One of each kind: pairings, large numbers, storage, memory, hashing."""
ENGINES = (PY_EVM, NATIVE)


def run(folder: Path) -> dict[str, Any]:
    """Full blocks on both engines, and the speeds that the limits rest on."""
    del folder
    bound_ms = Parameters(chain_id=CHAIN_ID).block_execution_ms_max
    limits = {name: gas_limit(bound_ms, name) for name in ENGINES}
    assert Parameters(chain_id=CHAIN_ID).gas_limit == limits[PY_EVM]
    speeds = {figure["load"]: figure["gas_per_ms"] for figure in measure(engines=ENGINES)}
    slowest = {name: sorted(speeds, key=lambda load: speeds[load][name]) for name in ENGINES}
    chosen = [*slowest[PY_EVM][:SLOWEST_COUNT], *slowest[NATIVE][:SLOWEST_COUNT], *NAMED]
    blocks = {
        load: {name: round(run_load(engine_named(name), load, limits[name])[1]) for name in ENGINES}
        for load in dict.fromkeys(chosen)
    }
    _show(blocks, limits)
    for load, by_engine in blocks.items():
        for name, milliseconds in by_engine.items():
            assert milliseconds <= bound_ms, f"{name}: a block of {load!r} took {milliseconds} ms"
    for name in ENGINES:
        least = speeds[slowest[name][0]][name]
        assert least >= GAS_PER_MS[name], f"{name}: {slowest[name][0]!r} does {least:.0f} gas a ms"
    return {
        "block_execution_ms_max": bound_ms,
        "gas_limits": limits,
        "slowest_gas_per_ms": {
            name: {slowest[name][0]: round(speeds[slowest[name][0]][name])} for name in ENGINES
        },
        "block_ms": blocks,
    }


def _show(blocks: dict[str, dict[str, int]], limits: dict[str, int]) -> None:
    table = Table(title="ms of the processor for a full block")
    table.add_column("load")
    for name, limit in limits.items():
        table.add_column(f"{name}, {limit:,} gas", justify="right")
    for load, by_engine in blocks.items():
        table.add_row(load, *(f"{by_engine[name]:,}" for name in limits))
    Console().print(table)
