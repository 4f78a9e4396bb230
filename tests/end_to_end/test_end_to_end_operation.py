"""What an operator does with a network: look at it, stop a node and bring it back."""

import pytest

from tests.acceptance.harness import Network, eventually, quorate, run_quorate

pytestmark = pytest.mark.xdist_group("network")

CATCH_UP_S = 60


def test_status_tells_of_every_node(network: Network) -> None:
    states = quorate("network", "status", network.folder)["nodes"]
    assert [state["name"] for state in states] == list(network.urls)
    for state in states:
        assert state["alive"]
        (group,) = state["status"]["groups"]
        assert group["stable"]["number"] >= 1
        assert group["quorum"] == 3
        assert all(peer["connected"] for peer in state["status"]["peers"])


def test_the_doctor_finds_a_node_well(network: Network) -> None:
    entry = network.nodes[0]
    found = quorate("doctor", network.folder / entry["dir"])
    assert found["well"], found
    assert {"certificate", "disk", "node", "peers"} <= {f["what"] for f in found["findings"]}
    # A busy machine may keep a validator silent for seconds, which the doctor then rightly says.
    eventually(
        "audit-1 hears every validator",
        lambda: quorate("doctor", "--rpc", network.urls["audit-1"])["well"],
        CATCH_UP_S,
    )


def test_up_again_starts_nothing(network: Network) -> None:
    before = [network.pid(node) for node in network.urls]
    assert quorate("network", "up", network.folder)["started"] == []
    assert [network.pid(node) for node in network.urls] == before


def test_a_node_that_was_down_is_missed_and_comes_back(network: Network) -> None:
    away = network.nodes[-1]["name"]
    assert quorate("network", "down", network.folder, "--node", away)["stopped"] == [away]
    try:
        ill = run_quorate("doctor", network.folder / network.nodes[-1]["dir"], check=False)
        assert ill.returncode == 1
        assert "Traceback" not in ill.stderr
        alive = {
            state["name"]: state["alive"]
            for state in quorate("network", "status", network.folder)["nodes"]
        }
        assert alive == {name: name != away for name in network.urls}
    finally:
        run_quorate("network", "up", network.folder, "--node", away)
    target = max(network.height(name) for name in network.urls if name != away)
    eventually("it catches up", lambda: network.height(away) >= target, CATCH_UP_S)
    assert network.block_hash(away, target) == network.block_hash("tax-1", target)
