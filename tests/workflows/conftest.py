"""A founded group (agreement, key, rule and contract in place) and desks for its accounts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ledger.values import Hash32
from tests.workflows.small_network import ROLES, SmallNetwork, account, address
from workflows.equity_transfer import (
    apply,
    attest,
    confirm,
    declare,
    details,
    handover,
    prove,
    verify,
)
from workflows.equity_transfer.agreement import Agreement, load_agreement
from workflows.equity_transfer.deploy import (
    SetUpDesk,
    approve_key,
    approve_rule,
    deploy_contract,
    propose_agreement,
    register_envelope_key,
    register_key,
    sign_agreement,
)
from workflows.equity_transfer.deployment import Deployment
from workflows.equity_transfer.desk import Desk
from workflows.equity_transfer.ids import parse_id
from zkp.circuits import equity_v1
from zkp.keys import CircuitKey, load_test_key

ROOT = Path(__file__).parents[2]
APPROVAL_NUMBER = "京市监核〔2026〕1号"
CASES = ROOT / "tests" / "vectors" / "tax"


@pytest.fixture(scope="session")
def equity_key() -> CircuitKey:
    return load_test_key(equity_v1.build(), ROOT / "build" / "keys")


def case_file(name: str, **changes: Any) -> bytes:
    """A published case, some of its facts changed."""
    facts = json.loads((CASES / f"{name}.json").read_text())
    return json.dumps({**facts, **changes}).encode()


@dataclass
class Office:
    """A founded group with a desk for each account."""

    network: SmallNetwork
    folder: Path
    key: CircuitKey
    agreement: Agreement = field(default_factory=load_agreement)

    def __post_init__(self) -> None:
        self.deployment = self._found()
        register_envelope_key(
            self.set_up("tax-admin"), details.ensure_envelope_key(self.desk("tax-officer"))
        )

    def set_up(self, name: str) -> SetUpDesk:
        return SetUpDesk(self.network.client, account(name), self.folder / "set-up", 0)

    def sign(self) -> None:
        """Both bureaus sign the agreement."""
        signatories = [address("tax-admin"), address("market-admin")]
        propose_agreement(self.set_up("tax-admin"), self.agreement, signatories)
        assert not sign_agreement(self.set_up("tax-admin"), self.agreement)
        assert sign_agreement(self.set_up("market-admin"), self.agreement)

    def _found(self) -> Deployment:
        circuit = Hash32(self.key.circuit_id)
        self.sign()
        author = self.set_up("author")
        vkey = self.key.proving.verifying
        key = register_key(author, circuit, vkey, test_only=self.key.test_only)
        for admin in ("tax-admin", "market-admin", "data-admin"):
            key_done = approve_key(self.set_up(admin), circuit, key)
            rule_done = approve_rule(self.set_up(admin), circuit, self.agreement)
        assert key_done
        assert rule_done
        return deploy_contract(author, self.agreement, circuit, self.folder / "deployment.json")

    def desk(self, name: str) -> Desk:
        organisation = ROLES[name][0]
        return Desk(
            client=self.network.client,
            account=account(name),
            organisation=organisation,
            workspace=self.folder / organisation,
            agreement=self.agreement,
            deployment=self.deployment,
            proving_key=self.key.zkey_path,
            lag_s_max=0,
        )

    # The way of one transfer, as far as a test needs it

    def attested(self, case: bytes) -> bytes:
        """The id of a case declared, attested and countersigned."""
        attestation = parse_id(declare.declare(self.desk("tax-officer"), case).id)
        attest.attest(self.desk("tax-officer"), attestation)
        attest.countersign(self.desk("tax-reviewer"), attestation)
        return attestation

    def applied(self, case: bytes, attestation: bytes) -> bytes:
        """The id of an application for a case, both openings in the applicant's hands."""
        prover = address("applicant")
        done = apply.apply(self.desk("registrar"), case, attestation, prover)
        transfer = parse_id(done.id)
        for organisation, item, side in (
            ("tax", attestation, "tax"),
            ("market", transfer, "market"),
        ):
            folder = self.folder / organisation / "transfers" / item.hex()
            data = (folder / f"opening.{side}.json").read_bytes()
            handover.import_opening(self.desk("applicant"), data)
        return transfer

    def verified(self, case: bytes) -> tuple[bytes, bytes]:
        """Attestation and transfer of a case that the contract has verified."""
        attestation = self.attested(case)
        transfer = self.applied(case, attestation)
        prove.prove(self.desk("applicant"), transfer)
        assert verify.verify(self.desk("applicant"), transfer).code is None
        return attestation, transfer


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory, equity_key: CircuitKey) -> Iterator[Office]:
    network = SmallNetwork()
    yield Office(network, tmp_path_factory.mktemp("offices"), equity_key)
    network.close()


@pytest.fixture(scope="session")
def registered(office: Office) -> tuple[bytes, bytes]:
    """Attestation and transfer of A07 with irregular amounts, after the whole way."""
    attestation, transfer = office.verified(irregular_case())
    assert confirm.confirm(office.desk("registrar"), transfer).status == "REGISTERED"
    sent = details.send_details(office.desk("registrar"), transfer, APPROVAL_NUMBER)
    assert sent.status == "SENT"
    details.accept_details(office.desk("tax-officer"), transfer)
    return attestation, transfer


def irregular_case() -> bytes:
    """A07 with amounts that no other number equals by chance."""
    amounts = {
        "price_fen": 9_876_543_219,
        "cost_basis_fen": 5_432_198_767,
        "reasonable_fees_fen": 1_029_384_757,
        "gain_fen": None,
        "taxable_income_fen": None,
        "tax_due_fen": None,
        "capital_fen": 3_141_592_653,
        "total_fen": 8_979_323_846,
    }
    return case_file("A07", **amounts)
