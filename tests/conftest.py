"""Settings and fixtures that all tests share. Machines are noisy: no test is held to a deadline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.workflows.small_network import SmallNetwork

settings.register_profile("quorate", deadline=None, print_blob=True)
settings.load_profile("quorate")


@pytest.fixture(scope="module")
def network() -> Iterator[SmallNetwork]:
    """One node of a group that makes a block of each transaction; a folder may have another."""
    # Who needs no network need not wait for the node's modules.
    from tests.workflows.small_network import SmallNetwork

    made = SmallNetwork()
    yield made
    made.close()
