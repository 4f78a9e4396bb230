"""A few seeds of the simulation in every test run; `make sim` runs as many as one likes."""

import pytest

from tests.simulation.world import World


@pytest.mark.parametrize("seed", range(1, 31))
def test_a_seed_keeps_agreement_and_converges(seed: int) -> None:
    World(seed).run()


def test_a_seed_replays_to_the_same_run() -> None:
    runs = []
    for _ in range(2):
        world = World(7)
        world.run()
        headers = [block.header_hash for block in world.nodes[0].chain.blocks]
        runs.append((world.now_ms, headers, [alarm.message for _, alarm in world.alarms]))
    assert runs[0] == runs[1]
