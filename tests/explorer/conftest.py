"""Fixtures of the explorer's tests: one transfer played once, read by all."""

from collections.abc import Iterator

import pytest

from tests.explorer.equity_scene import LyingClient, Scene, play
from tests.rpc.local_network import LocalGroup, ServedNode, make_genesis


@pytest.fixture(scope="session")
def scene() -> Iterator[Scene]:
    served = ServedNode(LocalGroup(make_genesis(trusting=True)))
    yield play(served)
    served.stop()


@pytest.fixture
def lying(scene: Scene) -> LyingClient:
    return LyingClient(scene.served.url)
