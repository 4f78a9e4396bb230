"""A production group comes to its contract with holdings: each party's act by its own command.

The circuit is a stand-in with the public inputs of `equity_v2`; what a ceremony proves is tested
where its key is read (test_workflows_statement_key.py).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import transfer_founding
from cli.failure import CommandFailed
from cli.preparation import STATEMENTS
from contracts.bindings.accounts import holder_digest
from contracts.bindings.circuits import CircuitRegistry, Draft
from contracts.releases import current, release_of
from contracts.system_alloc import AccountEntry
from ledger.gate import Role
from ledger.values import Hash32, address_from_hex, keccak, to_hex
from tests.cli.small_folder import ORGANISATIONS, make_folder, run
from tests.contracts.holdings_setting import stand_in
from tests.workflows.small_network import SmallNetwork, account, address, small_genesis
from workflows.equity_transfer.deploy import SetUpDesk, SetUpRefused
from workflows.equity_transfer.deployment import load_deployment
from workflows.equity_transfer.register_circuit import propose_circuit
from workflows.equity_transfer.statement_key import StatementKey
from zkp.builder import Circuit
from zkp.groth16.setup import setup
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.zkey import encode_zkey

POSTS = {
    "system": Role.SYSTEM_ADMINISTRATOR,
    "security": Role.SECURITY_ADMINISTRATOR,
    "audit": Role.AUDIT_ADMINISTRATOR,
}
STAFF = {
    **{f"{org}-{post}": (org, role) for org in ORGANISATIONS for post, role in POSTS.items()},
    **{f"{org}-author": (org, Role.AUTHOR) for org in ORGANISATIONS},
}
V2 = ("--statement", "equity_v2")
NOBODY = "0x" + "11" * 20


def build() -> Circuit:
    """In the place of `equity_v2`: as many public inputs, and no time to make."""
    return stand_in()[0]


def circuit() -> Hash32:
    return Hash32(circuit_id(encode_r1cs(build().system)))


@pytest.fixture(scope="module")
def network() -> Iterator[SmallNetwork]:
    accounts = [
        AccountEntry(
            address(name),
            org,
            role,
            bytes(32) if role is Role.AUTHOR else holder_digest("equity", name),
        )
        for name, (org, role) in STAFF.items()
    ]
    made = SmallNetwork(small_genesis(accounts=accounts, production=True))
    yield made
    made.close()


@pytest.fixture
def folder(network: SmallNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(STATEMENTS, "equity_v2", build)

    def of_a_ceremony(*_: Any, statement: str, circuit: Hash32, **__: Any) -> StatementKey:
        transcript = keccak(b"transcript")
        return StatementKey(statement, circuit, stand_in()[1].verifying, transcript)

    monkeypatch.setattr(transfer_founding, "ceremony_key", of_a_ceremony)
    return make_folder(network, tmp_path, roles=STAFF)


def desk(network: SmallNetwork, folder: Path, name: str) -> SetUpDesk:
    return SetUpDesk(network.client, account(name), folder / "notes", 0)


def test_from_a_ceremonys_key_to_a_contract_that_others_adopt(
    network: SmallNetwork, folder: Path
) -> None:
    def transfer(act: str, who: str, *more: str | Path) -> Any:
        return run(folder, "transfer", *act.split(), *more, "--as", who)

    def deploy(*more: str | Path) -> Any:
        return transfer("deploy", "data-author", *V2, *more)

    def refused(words: str, *more: str | Path) -> None:
        before = network.client.block_number()
        with pytest.raises(SetUpRefused, match=words):
            deploy(*more)
        assert network.client.block_number() == before

    # the agreement, by the administrators who sign in production
    refused("is UNKNOWN, and a contract stands under one that every party has signed")
    proposed = run(folder, "agreement", "propose", *V2, "--as", "data-author")
    assert proposed["signatories"] == ["tax-security", "market-security"]
    for who in proposed["signatories"]:
        run(folder, "agreement", "sign", *V2, "--as", who)

    # the circuit, by authors: administrators of production reach system contracts alone
    with pytest.raises(CommandFailed, match="needs a registry of circuits: give --registry"):
        deploy()
    refused("no registry of circuits that this program knows", "--registry", NOBODY)
    deployed = run(folder, "zk", "registry", "deploy", "--as", "data-author")
    at = ("--registry", deployed["contract"])
    refused("has no circuit of equity_v2", *at)
    refused("is not in the registry", *at, "--entry", "0x" + "22" * 32)
    ceremony = (*V2, *at, "--files", folder, "--at", NOBODY)
    with pytest.raises(SetUpRefused, match="no such circuit is laid down"):
        transfer("circuit approve", "tax-author", *ceremony)
    laid_down = transfer("circuit lay-down", "data-author", *ceremony)
    assert laid_down["circuit"] == to_hex(circuit())
    entry = laid_down["entry"]
    refused(f"{entry} is laid down and not active yet", *at)
    approved = [
        transfer("circuit approve", f"{org}-author", *ceremony) for org in ("data", "tax", "market")
    ]
    assert [one["in_force"] for one in approved] == [False, False, True]
    assert {one["entry"] for one in approved} == {entry}

    # the rule, by security administrators
    refused("rule version 1 at 2000 basis points is not in force", *at)
    for org in ("tax", "market", "data"):
        rule = run(folder, "agreement", "rule", "approve", *V2, "--as", f"{org}-security")
    assert rule["state"] == "in force"

    # keys that are not the one in force, and entries that cannot be relied on
    (folder / "other.zkey").write_bytes(encode_zkey(setup(build().system)))
    refused("is another key than the one in force", *at, "--zkey", folder / "other.zkey")
    (folder / "no.zkey").write_bytes(b"zkey")
    refused("is no proving key", *at, "--zkey", folder / "no.zkey")
    registry = CircuitRegistry(address_from_hex(deployed["contract"]))
    other = Draft("total_16", keccak(b"s"), keccak(b"r"), keccak(b"t"), stand_in()[1].verifying)
    strange = to_hex(propose_circuit(desk(network, folder, "data-author"), registry, other))
    refused("is of another circuit: 'total_16'", *at, "--entry", strange)

    # the contract
    right = folder / "right.zkey"
    right.write_bytes(encode_zkey(stand_in()[1]))
    made = deploy(*at, "--zkey", right)
    assert made["entry"] == entry
    assert deploy(*at) == made
    code = network.client.code(made["contract"])
    assert release_of(code) == current("equity_holdings")
    home = folder / "groups" / "equity"
    assert (home / "equity_v2.zkey").read_bytes() == right.read_bytes()

    # another party, with its own folder
    party = make_folder(network, folder / "registrar", roles=STAFF)
    who = ("--as", "market-author", "--at", made["contract"])
    with pytest.raises(SetUpRefused, match=r"stands equity_holdings 1; equity_v1 needs one of"):
        run(party, "transfer", "adopt", *who)
    with pytest.raises(SetUpRefused, match="stands nothing"):
        run(party, "transfer", "adopt", "--as", "market-author", "--at", NOBODY, *V2)
    adopted = run(party, "transfer", "adopt", *who, *V2)
    assert (adopted["contract"], adopted["release"]) == (made["contract"], "equity_holdings 1")
    place = Path("groups") / "equity" / "equity-transfer.json"
    assert load_deployment(party / place) == load_deployment(folder / place)
    assert (party / "groups" / "equity" / "agreement.toml").is_file()

    # a circuit that organisations retired carries no new contract
    for org in ("data", "tax", "market"):
        words = ("zk", "registry", "retire", entry, "--at", deployed["contract"])
        run(folder, *words, "--as", f"{org}-author")
    refused("is retired for good", *at)


def test_options_of_the_other_statement_are_refused(folder: Path) -> None:
    first = ("--statement", "equity_v1", "--as", "data-author", "--registry", NOBODY)
    with pytest.raises(CommandFailed, match="--registry belongs to equity_v2"):
        run(folder, "transfer", "circuit", "lay-down", *first, "--files", folder)
    words = ("--statement", "equity_v9", "--as", "data-author", "--registry", NOBODY)
    with pytest.raises(CommandFailed, match="no statement 'equity_v9'"):
        run(folder, "transfer", "circuit", "approve", *words, "--files", folder)


def test_the_contract_without_holdings_comes_the_same_way(
    network: SmallNetwork, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STATEMENTS, "equity_v1", build)
    first = ("--statement", "equity_v1")
    ceremony = (*first, "--files", folder, "--at", NOBODY)

    def transfer(act: str, who: str, *more: str | Path) -> Any:
        return run(folder, "transfer", *act.split(), *more, "--as", who)

    run(folder, "agreement", "propose", *first, "--as", "data-author")
    for org in ("tax", "market"):
        run(folder, "agreement", "sign", *first, "--as", f"{org}-security")
    with pytest.raises(SetUpRefused, match=r"no key for equity_v1 .* is in force in this group"):
        transfer("deploy", "data-author", *first)
    with pytest.raises(SetUpRefused, match="no such key is registered"):
        transfer("circuit approve", "tax-security", *ceremony)
    laid_down = transfer("circuit lay-down", "data-author", *ceremony)
    approved = [
        transfer("circuit approve", f"{org}-security", *ceremony)
        for org in ("tax", "market", "data")
    ]
    assert [one["in_force"] for one in approved] == [False, False, True]
    assert {one["key"] for one in approved} == {laid_down["key"]}
    for org in ("tax", "market", "data"):
        run(folder, "agreement", "rule", "approve", *first, "--as", f"{org}-security")
    with pytest.raises(CommandFailed, match="--entry belongs to equity_v2"):
        transfer("deploy", "data-author", *first, "--entry", "0x" + "22" * 32)
    right = folder / "right.zkey"
    right.write_bytes(encode_zkey(stand_in()[1]))
    made = transfer("deploy", "data-author", *first, "--zkey", right)
    assert "entry" not in made
    assert release_of(network.client.code(made["contract"])) == current("equity_transfer")
    party = make_folder(network, folder / "registrar", roles=STAFF)
    who = ("--as", "market-author", "--at", made["contract"])
    assert run(party, "transfer", "adopt", *who, *first)["release"] == "equity_transfer 2"
