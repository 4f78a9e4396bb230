"""A few short seeds of the simulation in every test run; `make sim` runs as many as one likes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.checkers import (
    CATCH_UP_MS_MAX,
    PROGRESS_MS_MAX,
    CatchUpChecker,
    ProgressChecker,
    Violation,
)
from tests.simulation.world import World

SEQUENCES = 60
# Nearly all of its blocks are left to the healed phase, and its epochs all begin with two primaries
# that do not lead: many waits, none of them long.
SLOW_SEED = 21_941
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


def test_many_epochs_with_faulty_primaries_are_no_standstill() -> None:
    world = World(SLOW_SEED)
    world.run()
    assert 0 < world.progress.wait_ms_max < PROGRESS_MS_MAX


def test_a_healed_network_in_which_nothing_arrives_is_a_violation() -> None:
    world = World(1, sequences=25)
    heal = world.faults.heal

    def heal_and_cut() -> None:
        heal()
        world.faults.delays_ms = lambda *_: []  # type: ignore[method-assign]

    world.faults.heal = heal_and_cut  # type: ignore[method-assign]
    with pytest.raises(Violation, match="healed, and no block for"):
        world.run()
    assert world.now_ms < 2 * PROGRESS_MS_MAX + 60_000


def test_waits_count_from_the_healing_to_the_end_of_the_load() -> None:
    progress = ProgressChecker()
    progress.check(10 * PROGRESS_MS_MAX)
    progress.begin(1_000)
    progress.check(1_000 + PROGRESS_MS_MAX)
    progress.on_block(9_000)
    progress.check(9_000 + PROGRESS_MS_MAX)
    with pytest.raises(Violation, match=str(PROGRESS_MS_MAX + 1)):
        progress.check(9_001 + PROGRESS_MS_MAX)
    progress.end()
    progress.check(10 * PROGRESS_MS_MAX)
    assert progress.wait_ms_max == 8_000


def test_a_replica_stands_still_only_while_nobody_has_more() -> None:
    checker = CatchUpChecker()
    checker.check("node1", 5, 5, 0)
    checker.check("node1", 5, 5, 10 * CATCH_UP_MS_MAX)
    checker.check("node1", 5, 6, 11 * CATCH_UP_MS_MAX)
    with pytest.raises(Violation, match=f"node1 stands at block 5 for {CATCH_UP_MS_MAX + 1} ms"):
        checker.check("node1", 5, 7, 11 * CATCH_UP_MS_MAX + 1)
    checker.check("node1", 6, 7, 11 * CATCH_UP_MS_MAX + 2)
    checker.check("node1", 6, 7, 12 * CATCH_UP_MS_MAX)
    assert checker.lag_ms_max == CATCH_UP_MS_MAX + 1
