"""`quorate agreement`: which rule file is meant, who stops what, who lets it go on."""

from pathlib import Path
from typing import Any

import pytest

from cli.failure import CommandFailed
from contracts.bindings.equity import Terms
from ledger.values import Address, Hash32, keccak
from tests.cli.small_folder import make_folder, run
from tests.workflows.small_network import SmallNetwork
from workflows.equity_transfer.agreement import load_agreement, shipped_agreements
from workflows.equity_transfer.deploy import SetUpRefused
from workflows.equity_transfer.deployment import Deployment, RegisteredCircuit, save_deployment
from workflows.equity_transfer.suspension import InvalidReason

V2 = ("--statement", "equity_v2")


@pytest.fixture(scope="module")
def folder(network: SmallNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(network, tmp_path_factory.mktemp("agreements"))


def agreement(folder: Path, act: str, who: str, *more: str | Path) -> Any:
    return run(folder, "agreement", act, *more, "--as", who)


@pytest.fixture(scope="module")
def signed(folder: Path) -> Path:
    """The rule file of equity_v2, in force."""
    agreement(folder, "propose", "author", *V2)
    assert agreement(folder, "sign", "tax-admin", *V2)["active"] is False
    assert agreement(folder, "sign", "market-admin", *V2)["active"] is True
    return folder


def test_every_answer_names_statement_and_file(signed: Path) -> None:
    shown = agreement(signed, "show", "author", *V2)
    assert (shown["statement"], shown["status"]) == ("equity_v2", "ACTIVE")
    assert shown["file"] == "agreement_holdings.toml (shipped)"
    assert shown["parties"] == shown["signed"] == ["tax", "market"]
    other = agreement(signed, "show", "author")
    assert (other["statement"], other["status"]) == ("equity_v1", "UNKNOWN")
    by_path = agreement(signed, "show", "author", shipped_agreements["equity_v2"])
    assert (by_path["id"], by_path["status"]) == (shown["id"], "ACTIVE")
    text = run(signed, "agreement", "show", *V2, "--as", "author", as_json=False)
    assert "equity_v2" in text
    assert "共享合约" in text


def test_a_file_of_another_statement_and_an_unknown_one_are_refused(signed: Path) -> None:
    first = shipped_agreements["equity_v1"]
    with pytest.raises(CommandFailed, match="is a rule file for equity_v1, --statement says"):
        agreement(signed, "show", "author", first, *V2)
    with pytest.raises(CommandFailed, match=r"no statement 'equity_v3'.*equity_v1, equity_v2"):
        agreement(signed, "show", "author", "--statement", "equity_v3")
    broken = signed / "broken.toml"
    broken.write_text("format = 2\n")
    with pytest.raises(CommandFailed, match=r"broken\.toml: agreement: expected format = 1"):
        agreement(signed, "show", "author", broken)


def test_a_party_proposes_without_the_others_keys(
    network: SmallNetwork, tmp_path: Path, signed: Path
) -> None:
    away = ("market-admin", "tax-admin", "data-admin", "audit-admin")
    home = make_folder(network, tmp_path, without_keys=away)
    proposed = agreement(home, "propose", "author")
    assert proposed["signatories"] == ["tax-admin", "market-admin"]
    assert agreement(home, "show", "author")["status"] == "PROPOSED"


def test_who_suspends_resumes_and_nobody_else(signed: Path, network: SmallNetwork) -> None:
    why = ("--reason", "leak 2026-3")
    stopped = agreement(signed, "suspend", "market-admin", *V2, *why)
    assert (stopped["status"], stopped["suspended_by"]) == ("SUSPENDED", "market")
    head = network.client.block_number()
    assert agreement(signed, "suspend", "market-admin", *V2, *why) == stopped
    with pytest.raises(SetUpRefused, match="market has suspended the agreement already"):
        agreement(signed, "suspend", "tax-admin", *V2, *why)
    with pytest.raises(SetUpRefused, match="market suspended the agreement, and only that party"):
        agreement(signed, "resume", "tax-admin", *V2)
    with pytest.raises(SetUpRefused, match="suspended; the party that stopped it"):
        agreement(signed, "sign", "tax-admin", *V2)
    for act, more in (("suspend", why), ("resume", ())):
        with pytest.raises(SetUpRefused, match="no signatory"):
            agreement(signed, act, "data-admin", *V2, *more)
    assert network.client.block_number() == head
    assert agreement(signed, "resume", "market-admin", *V2)["status"] == "ACTIVE"
    text = run(signed, "agreement", "resume", *V2, "--as", "market-admin", as_json=False)
    assert "已恢复" in text
    assert network.client.block_number() == head + 1
    again = agreement(signed, "suspend", "market-admin", *V2, "--reason", "核查中")
    assert again["status"] == "SUSPENDED"
    assert agreement(signed, "resume", "market-admin", *V2)["suspended_by"] is None


def test_reasons_have_room_for_32_bytes(signed: Path) -> None:
    for reason in ("", "x" * 33, "核" * 11):
        with pytest.raises(InvalidReason, match=r"1 to 32 bytes.*got"):
            agreement(signed, "suspend", "tax-admin", *V2, "--reason", reason)


def test_what_was_never_in_force_is_not_stopped(signed: Path, tmp_path: Path) -> None:
    text = shipped_agreements["equity_v1"].read_text(encoding="utf-8")
    other = tmp_path / "other.toml"
    other.write_text(text + "\n# another\n", encoding="utf-8")
    for act, more in (("suspend", ("--reason", "x")), ("resume", ())):
        with pytest.raises(SetUpRefused, match="nobody has proposed this rule file"):
            agreement(signed, act, "tax-admin", other, *more)
    agreement(signed, "propose", "author", other)
    with pytest.raises(SetUpRefused, match="not every party has signed"):
        agreement(signed, "suspend", "tax-admin", other, "--reason", "x")
    with pytest.raises(SetUpRefused, match="never in force"):
        agreement(signed, "resume", "tax-admin", other)


def test_a_rule_version_is_approved_and_ended_by_enough(
    signed: Path, network: SmallNetwork
) -> None:
    _deployed(signed, network)

    def rule(act: str, who: str) -> Any:
        return run(signed, "agreement", "rule", act, *V2, "--as", who)["state"]

    with pytest.raises(SetUpRefused, match="there is nothing to end"):
        rule("end", "tax-admin")
    admins = ("tax-admin", "market-admin", "data-admin")
    assert [rule("approve", who) for who in admins] == ["not in force", "not in force", "in force"]
    assert rule("show", "author") == "in force"
    head = network.client.block_number()
    assert rule("approve", "tax-admin") == "in force"
    assert network.client.block_number() == head
    assert [rule("end", who) for who in admins[:2]] == ["in force", "in force"]
    assert rule("end", "tax-admin") == "in force"
    assert network.client.block_number() == head + 2
    words = ("agreement", "rule", "end", *V2, "--as", "data-admin")
    text = run(signed, *words, as_json=False)
    assert "Ended 已终止" in text
    assert rule("end", "audit-admin") == "ended"
    with pytest.raises(CommandFailed, match="rule version 1 has ended and stays so"):
        rule("approve", "audit-admin")


def _deployed(folder: Path, network: SmallNetwork) -> None:
    """A contract's file, so that nobody builds a circuit to learn its id."""
    terms = Terms(
        genesis_hash=Hash32(network.chain.group),
        agreement=load_agreement(shipped_agreements["equity_v2"]).id,
        circuit=keccak(b"circuit"),
        tax_organisation=1,
        market_organisation=2,
    )
    registered = RegisteredCircuit(Address(bytes([1]) * 20), keccak(b"entry"))
    where = Deployment(network.genesis.chain_id, Address(bytes([2]) * 20), terms, registered)
    save_deployment(folder / "groups" / "equity" / "equity-transfer.json", where)
