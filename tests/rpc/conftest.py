"""Fixtures of the RPC tests: a served group, and the contract that they deploy."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rpc.local_network import LocalGroup, ServedNode, make_genesis

COUNTBOOK = Path(__file__).parents[1] / "vectors" / "solidity" / "Countbook.json"


@pytest.fixture
def served() -> Iterator[ServedNode]:
    """A node with two groups; each transaction makes a block."""
    main = LocalGroup(make_genesis())
    other = LocalGroup(make_genesis(name="other", chain_id=7_700_322))
    node = ServedNode(main, other)
    yield node
    node.stop()


@pytest.fixture(scope="session")
def countbook() -> dict[str, Any]:
    """A contract compiled by solc: `{abi, bytecode}`."""
    compiled: dict[str, Any] = json.loads(COUNTBOOK.read_text())
    return compiled
