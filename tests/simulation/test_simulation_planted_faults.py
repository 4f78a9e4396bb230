"""The checkers can fail: each planted fault is found."""

import pytest

from tests.simulation.planted_faults import FAULTS, PlantedFault

SEEDS = 150


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_planted_fault_is_found(fault: PlantedFault) -> None:
    assert fault.find(SEEDS) is not None, f"{SEEDS} seeds did not find: {fault.name}"
