"""The published cases through four processes, as the demonstration carries them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account

import explorer
from cli.desks import LocalNetwork
from client.rpc import RpcFailure
from contracts.releases import current
from scripts.transfer_story import Carried, Officers
from tests.acceptance.harness import ROOT, Network, fetch, quorate, run_quorate
from workflows.equity_transfer.certificate import (
    InvalidEvidence,
    check_certificate,
    make_certificate,
)
from workflows.equity_transfer.desk import application_of, tax_opening
from workflows.equity_transfer.ids import parse_id

# One worker runs them all, and starts one network.
pytestmark = pytest.mark.xdist_group("network")

CASES = {path.stem: path for path in sorted((ROOT / "tests" / "vectors" / "tax").glob("A*.json"))}
EXPECTED = {name: json.loads(path.read_bytes())["expect"] for name, path in CASES.items()}
CARRIED = [name for name, expected in EXPECTED.items() if expected != "compute_only"]
STEPS = [
    "Attested",
    "Countersigned",
    "Applied",
    "Verified",
    "Registered",
    "EnvelopeSent",
    "EnvelopeAccepted",
]


Carry = Callable[[Path], Carried]


@pytest.mark.parametrize("name", CARRIED)
def test_a_published_case(
    name: str, carried: Carry, officers: Officers, local: LocalNetwork
) -> None:
    document = json.loads(CASES[name].read_bytes())
    found = carried(CASES[name])
    if EXPECTED[name] != "register":
        assert f"refuse:{found.code}" == EXPECTED[name]
        assert found.attested_tx is None
        return
    assert (found.status, found.code) == ("REGISTERED", None)
    assert found.id is not None
    # The audit office asks its own node and believes only what follows from the genesis file.
    source = explorer.Source(local.client("audit"), local.genesis)
    traced = explorer.trace(source, found.id)
    assert traced.verified
    assert [step.step for step in traced.steps if step.step in STEPS] == STEPS
    attestation = application_of(officers.officer, parse_id(found.id)).attestation
    paid = tax_opening(officers.officer, attestation).financials.paid
    assert paid == document["tax_due_fen"]


def test_a_certificate_is_checked_by_the_command(
    carried: Carry, officers: Officers, local: LocalNetwork, tmp_path: Path
) -> None:
    transfer = carried(CASES["A07"]).id
    assert transfer is not None
    made = make_certificate(officers.applicant, local.genesis, parse_id(transfer))
    file = tmp_path / "certificate.json"
    file.write_bytes(made)
    checked = quorate("transfer", "check", file, "--genesis", local.genesis_file)
    assert checked["statement"]["status"]["application"] == "REGISTERED"
    assert checked["contract"] == {"release": current("equity_transfer").label, "is_current": True}
    with pytest.raises(InvalidEvidence):
        check_certificate(made.replace(b"REGISTERED", b"REVOKED", 1), local.genesis)


def test_a_stranger_is_refused_and_counted(network: Network, local: LocalNetwork) -> None:
    stranger = Account.create()
    with pytest.raises(RpcFailure, match="role"):
        local.client("data").send_transaction(stranger, to=stranger.address, gas=100_000)
    counted = [
        line
        for line in fetch(network.urls["data-1"], "/metrics").splitlines()
        if line.startswith("quorate_transactions_refused_total") and "NO_PERMISSION" in line
    ]
    assert [line.rpartition(" ")[2] for line in counted] == ["1.0"]


def test_every_node_has_every_block_and_all_of_it_is_proven(
    network: Network, officers: Officers
) -> None:
    before = [network.height(name) for name in network.urls]
    found = quorate("explorer", "verify", "--network", network.folder)
    assert found["ok"], found["problems"]
    assert found["checked"]["transactions"] > 0
    # The nodes go on meanwhile, each for itself: the last one asked may be some blocks further.
    checked = found["checked"]["blocks"]
    assert sum(height + 1 for height in before) <= checked
    assert checked <= len(network.nodes) * (found["end"] + 1)
    heights = {name: network.height(name) for name in network.urls}
    lowest = min(heights.values())
    assert len({network.block_hash(name, lowest) for name in network.urls}) == 1


def test_a_wrong_account_is_told_so(network: Network, officers: Officers) -> None:
    done = run_quorate(
        "transfer", "declare", "--network", network.folder, "--as", "registrar",
        "--in", CASES["A07"], check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "'tax'" in done.stderr
    assert "Traceback" not in done.stderr
