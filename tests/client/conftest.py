"""Fixtures of the client's tests."""

from collections.abc import Iterator

import pytest

from tests.rpc.local_network import LocalGroup, ServedNode, make_genesis


@pytest.fixture
def served() -> Iterator[ServedNode]:
    """A node with one group; each transaction makes a block."""
    node = ServedNode(LocalGroup(make_genesis()))
    yield node
    node.stop()
