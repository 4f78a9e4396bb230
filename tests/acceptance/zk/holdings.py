"""A holding is sold in two sales, the second from what the first left; no fen of cost counts twice.

Four departments, every step by the command. A third sale of the same lots is attested and proven
while they stand: when its proof comes they are consumed, and the contract refuses it with an alarm.
The regulator then follows every lot from its own node: attested or left once, consumed once.
"""

import json
from pathlib import Path
from typing import Any

from cli.desks import LocalNetwork
from contracts.bindings.contract import Event, log_from_rpc
from tests.acceptance.harness import ROOT, Network, quorate, rpc, run_quorate, running_network

CASE = ROOT / "tests" / "vectors" / "tax" / "A07.json"
KEYS = ROOT / "build" / "keys"
OBSERVER = "audit-1"
HELD_FEN, COST_FEN, FIRST_FEN = 900_000, 1_000_001, 299_999
STEPS = ("Attested", "Countersigned", "Applied", "Verified", "Registered")


def run(folder: Path) -> dict[str, Any]:
    """Both sales and the one too many; then what the regulator sees."""
    with running_network(folder / "network") as network:
        prepare = ("transfer", "prepare", "--network", network.folder, "--keys", KEYS)
        run_quorate(*prepare, "--statement", "equity_v2")
        first, again, second = (
            _case(folder, name, capital)
            for name, capital in (
                ("first", FIRST_FEN),
                ("again", HELD_FEN),
                ("second", HELD_FEN - FIRST_FEN),
            )
        )
        lots = [_lot(network, first, 400_000, 444_445), _lot(network, first, 500_000, 555_556)]
        sold, twice = _proven(network, first), _proven(network, again)
        assert _verify(network, sold) is None
        refused = _verify(network, twice)
        assert refused == "E_LOT_USED", f"a holding was sold twice: {refused}"
        last = _proven(network, second)
        assert _verify(network, last) is None
        for transfer in (sold, last):
            _step(network, "confirm", "registrar", "--id", transfer)
        figures = _by_the_bureau(network, sold, last)
        figures |= _by_the_regulator(network, lots, sold, twice, last)
    return figures


# The bureaus


def _case(folder: Path, name: str, capital: int) -> Path:
    """A sale by one seller; who buys and how much is each sale's own."""
    document = json.loads(CASE.read_text(encoding="utf-8"))
    results = ("gain_fen", "taxable_income_fen", "tax_due_fen", "cost_basis_fen")
    document |= dict.fromkeys(results)
    document |= {"capital_fen": capital, "total_fen": 1_000_000, "transferee": name}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _step(network: Network, step: str, account: str, *more: str | Path) -> Any:
    return quorate("transfer", step, "--network", network.folder, "--as", account, *more)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _lot(network: Network, case: Path, capital: int, basis: int) -> str:
    amounts = ("--capital", _yuan(capital), "--basis", _yuan(basis))
    lot = str(_step(network, "lot", "tax-officer", "--in", case, *amounts)["id"])
    signed = _step(network, "lot-countersign", "tax-reviewer", "--lot", lot)
    assert signed["status"] == "ACTIVE", signed
    return lot


def _proven(network: Network, case: Path) -> str:
    """A transfer up to its proof."""
    declared = _step(network, "declare", "tax-officer", "--in", case)["id"]
    _step(network, "attest", "tax-officer", "--id", declared)
    _step(network, "countersign", "tax-reviewer", "--id", declared)
    transfer = str(_step(network, "apply", "registrar", "--id", declared, "--in", case)["id"])
    _step(network, "prove", "applicant", "--id", transfer)
    return transfer


def _verify(network: Network, transfer: str) -> str | None:
    """The contract's code where it refuses."""
    done = run_quorate(
        "transfer", "verify", "--network", network.folder, "--as", "applicant",
        "--id", transfer, "--json", check=False,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["code"] is None else 1), done.stderr
    code: str | None = answer["code"]
    assert answer["status"] == ("VERIFIED" if code is None else "PENDING"), answer
    return code


def _by_the_bureau(network: Network, sold: str, last: str) -> dict[str, Any]:
    """By its openings, every fen of cost was counted once, and nothing remains."""
    used = COST_FEN * FIRST_FEN // HELD_FEN
    for transfer, basis in ((sold, used), (last, COST_FEN - used)):
        found = _step(network, "show", "tax-officer", "--id", transfer)
        opened = _step(network, "open", "tax-officer", "--id", found["attestation"])["openings"]
        assert opened[0]["content"]["financials"]["basis"] == str(basis), opened
    *_, rest = _step(network, "holdings", "tax-officer", "--id", last)["lots"]
    assert (int(rest["capital"]), int(rest["basis"])) == (0, 0), rest
    return {"cost_fen": COST_FEN, "first_sale_fen": used, "last_sale_fen": COST_FEN - used}


# The regulator


def _by_the_regulator(
    network: Network, lots: list[str], sold: str, twice: str, last: str
) -> dict[str, Any]:
    """From the auditor's own node: who consumed what, and that nobody consumed it twice."""
    first = _step(network, "holdings", "auditor", "--id", sold)["lots"]
    second = _step(network, "holdings", "auditor", "--id", last)["lots"]
    assert all(lot["capital"] is None and lot["basis"] is None for lot in first + second)
    assert {lot["lot"] for lot in first[:2]} == set(lots)
    assert [lot["consumed_by"] for lot in first] == [sold, sold, last]
    assert first[2]["lot"] == second[0]["lot"], "the second sale does not draw on the rest"
    assert (second[1]["status"], second[1]["source"]) == ("ACTIVE", last)
    shown = _step(network, "show", "auditor", "--id", twice)
    assert shown["refusals"] == ["E_LOT_USED"], shown
    events = _events(network)
    came: list[int] = []
    for name in ("LotCountersigned", "LotLeft"):
        came += [event.arguments["lot"] for event in events if event.name == name]
    gone = [event.arguments["lot"] for event in events if event.name == "LotConsumed"]
    assert len(came) == len(set(came)) == 4, "a lot came twice"
    assert len(gone) == len(set(gone)) == 3, "a lot was consumed twice"
    assert set(gone) < set(came), "a lot was consumed that nobody attested"
    genesis = network.folder / network.file["groups"][0]["genesis"]
    for transfer in (sold, last):
        traced = quorate(
            "explorer", "trace", transfer, "--rpc", network.urls[OBSERVER], "--genesis", genesis
        )
        assert traced["verified"], traced
        own = [step["step"] for step in traced["steps"] if step["step"] in STEPS]
        assert tuple(own) == STEPS, own
    # What the first sale left leads to both sales.
    found = quorate(
        "explorer", "trace", first[2]["lot"], "--rpc", network.urls[OBSERVER], "--genesis", genesis
    )
    assert found["verified"], found
    seen = [step["step"] for step in found["steps"]]
    assert seen.count("Verified") == 2, seen
    assert seen.count("LotConsumed") == len(gone), seen
    return {"lots": len(came), "consumed": len(gone), "refused": shown["refusals"]}


def _events(network: Network) -> list[Event]:
    """Every event of the contract, as the auditor's node has them."""
    contract = LocalNetwork(network.folder).desk("auditor").deployment.contract
    address = "0x" + contract.address.hex()
    asked = {"address": address, "fromBlock": "0x0", "toBlock": "latest"}
    entries = rpc(network.urls[OBSERVER], "eth_getLogs", asked)
    return contract.contract.decode_events(log_from_rpc(entry) for entry in entries)
