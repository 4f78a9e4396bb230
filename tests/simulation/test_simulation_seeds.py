"""A few short seeds of the simulation in every test run; `make sim` runs as many as one likes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.world import World

SEQUENCES = 60
REPLAY = """
from tests.simulation.world import World
world = World(7, sequences=25)
world.run()
print(world.trace_hash)
"""


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_seed_keeps_agreement_and_converges(seed: int) -> None:
    world = World(seed, sequences=SEQUENCES)
    world.run()
    assert world.height >= SEQUENCES


def test_a_seed_replays_byte_for_byte_whatever_the_hash_seed() -> None:
    traces = {
        subprocess.run(
            [sys.executable, "-c", REPLAY],
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(traces) == 1
    assert len(traces.pop().strip()) == 32
