"""Fixtures of the client's tests."""

from collections.abc import Iterator

import pytest

from contracts.bindings import accounts as gate
from tests.rpc.local_network import (
    CHAIN_ID,
    ORGANISATIONS,
    LocalGroup,
    ServedNode,
    enact,
    make_genesis,
    signer,
)


@pytest.fixture
def served() -> Iterator[ServedNode]:
    """A node with one group; each transaction makes a block."""
    node = ServedNode(LocalGroup(make_genesis()))
    yield node
    node.stop()


@pytest.fixture
def two_epochs(served: ServedNode) -> int:
    """A fifth validator joins by vote; answers the first block of epoch 1."""
    key = signer("audit-node2")
    digest = gate.ready_digest(CHAIN_ID, ORGANISATIONS.index("audit") + 1, "node2", key.address)
    calls = [
        ("audit-admin", gate.admit_node("node2")),
        ("audit-admin", gate.ready(key.address, "node2", key.sign(digest))),
    ]
    kind = gate.ProposalKind.ADD_VALIDATOR
    calls.append(("audit-admin", gate.propose_validator(kind, key.address)))
    calls += [(f"{name}-admin", gate.vote(1)) for name in ("tax", "market")]
    return enact(served, calls)
