"""`quorate explorer verify` on a network's folder: what holds, and what it says if not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.failure import CommandFailed
from contracts.bindings import agreements
from ledger.values import keccak
from tests.cli.small_folder import make_folder, run
from tests.workflows.small_network import SmallNetwork, account, address, clock_of_today


@pytest.fixture(params=["today", "2023"])
def network(request: pytest.FixtureRequest) -> Iterator[SmallNetwork]:
    made = SmallNetwork(clock=clock_of_today) if request.param == "today" else SmallNetwork()
    signatories = [address("tax-admin"), address("market-admin")]
    call = agreements.propose(keccak(request.param.encode()), signatories)
    client = made.client
    client.confirm(client.send_transaction(account("author"), "0x" + call.to.hex(), call.data))
    yield made
    made.close()


def test_a_fresh_group_holds_and_an_old_head_is_named(
    network: SmallNetwork, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = make_folder(network, tmp_path)
    one = ("explorer", "verify", "--rpc", network.client.url)
    if "today" in request.node.name:
        assert run(folder, *one)["ok"] is True
        return
    with pytest.raises(CommandFailed, match=r"1 problem.*block 1: stale: the head is \d+ s old"):
        run(folder, *one)
