"""Contracts of earlier releases: their certificates check; code of no release is refused."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from contracts.bindings.equity import Terms
from contracts.releases import Release, current, releases_of
from ledger.values import Hash32, keccak
from tests.planted_code import creation_of
from tests.workflows.conftest import case_file
from tests.workflows.small_network import CHAIN_ID, ROLES, SmallNetwork, account, address
from workflows.equity_transfer import apply, attest, declare
from workflows.equity_transfer.agreement import Agreement, load_agreement
from workflows.equity_transfer.certificate import check_certificate, make_certificate
from workflows.equity_transfer.deploy import (
    SetUpDesk,
    approve_rule,
    propose_agreement,
    sign_agreement,
)
from workflows.equity_transfer.deployment import Deployment
from workflows.equity_transfer.desk import Desk
from workflows.equity_transfer.ids import parse_id
from workflows.equity_transfer.released import UnknownContract, deployed_code, release_at

CIRCUIT = keccak(b"a circuit that nobody proves")
RELEASES = releases_of("equity_transfer")


@dataclass
class Town:
    """A group where the agreement binds and the rule is in force; contracts are planted."""

    network: SmallNetwork
    folder: Path
    agreement: Agreement

    def set_up(self, name: str) -> SetUpDesk:
        return SetUpDesk(self.network.client, account(name), self.folder / "set-up", 0)

    def plant(self, release: Release, *, flipped: int | None = None) -> Deployment:
        """A contract with a release's code, one byte of it changed if asked for."""
        terms = Terms(Hash32(self.network.chain.group), self.agreement.id, CIRCUIT, 1, 2)
        planned = Deployment(CHAIN_ID, address("nobody"), terms)
        code = bytearray(deployed_code(planned, release))
        if flipped is not None:
            code[flipped] ^= 1
        desk = self.set_up("author")
        step = f"plant-{release.version}-{flipped}"
        return replace(planned, address=desk.deploy(step, creation_of(bytes(code))))

    def desk(self, name: str, deployment: Deployment) -> Desk:
        return Desk(
            client=self.network.client,
            account=account(name),
            organisation=ROLES[name][0],
            workspace=self.folder / ROLES[name][0],
            agreement=self.agreement,
            deployment=deployment,
            lag_s_max=0,
        )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    network = SmallNetwork()
    made = Town(network, tmp_path_factory.mktemp("town"), load_agreement())
    signing = ("tax-admin", "market-admin")
    propose_agreement(made.set_up("author"), made.agreement, [address(name) for name in signing])
    for name in signing:
        sign_agreement(made.set_up(name), made.agreement)
    for name in (*signing, "data-admin"):
        approve_rule(made.set_up(name), CIRCUIT, made.agreement)
    yield made
    network.close()


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.label)
def test_a_certificate_says_which_release_it_is_about(town: Town, release: Release) -> None:
    deployment, case = town.plant(release), case_file("A07")
    officer = town.desk("tax-officer", deployment)
    attestation = parse_id(declare.declare(officer, case).id)
    attest.attest(officer, attestation)
    registrar = town.desk("registrar", deployment)
    applied = apply.apply(registrar, case, attestation, address("applicant"))
    genesis = town.network.genesis
    issued = make_certificate(registrar, genesis, parse_id(applied.id))
    evidence = check_certificate(issued, genesis)
    assert evidence.release == release
    assert evidence.release.is_current == (release == current("equity_transfer"))
    assert evidence.statement["status"]["application"] == "PENDING"
    assert evidence.statement["status"]["attestation"] == "AWAITING"


@pytest.mark.parametrize("flipped", [0, -1])
def test_code_or_terms_of_no_release_are_refused_and_the_known_ones_named(
    town: Town, flipped: int
) -> None:
    deployment = town.plant(RELEASES[-1], flipped=flipped)
    with pytest.raises(UnknownContract, match="equity_transfer 1, equity_transfer 2"):
        release_at(town.network.client, deployment)
