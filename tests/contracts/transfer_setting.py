"""A group in which equity transfers can happen: agreement signed, key and rule in force.

The circuit is a stand-in with the four public inputs of `equity_v1`, bound and otherwise free: a
proof of it holds for exactly the inputs that it was made for, and takes no time to make.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Generic, Self, TypeVar

from contracts.bindings import agreements, keys
from contracts.bindings.contract import Call, Event
from contracts.bindings.equity import (
    ApplicationStatus,
    AttestationStatus,
    EquityContract,
    EquityTransfer,
    PublicInputs,
    Terms,
    compute_context,
    transfer_deploy_data,
)
from ledger.values import Hash32, keccak
from tests.contracts.contract_group import CHAIN_ID, MARKET, TAX, Group, address, new_group
from tests.contracts.test_contracts_keys import approve
from zkp.builder import Builder, Circuit
from zkp.groth16.keys import Proof, ProvingKey
from zkp.groth16.prove import prove
from zkp.groth16.setup import setup

GENESIS = keccak(b"genesis")
AGREEMENT = keccak(b"rule file")
CIRCUIT = keccak(b"stand-in circuit")
RULE, RATE_BPS = 1, 2000
C_TAX, C_REG = 1001, 2002
ATTESTATION, REPLACEMENT, TRANSFER, OTHER_TRANSFER = (
    bytes([i]) * 16 for i in (0xA1, 0xA2, 0xB1, 0xB2)
)
TERMS = Terms(GENESIS, AGREEMENT, CIRCUIT, TAX, MARKET)
JUNK = Proof((1, 2), ((0, 0), (0, 0)), (1, 2))


@cache
def stand_in() -> tuple[Circuit, ProvingKey]:
    builder = Builder("stand_in")
    signals = {name: builder.public(name) for name in ("c_tax", "c_reg", "rule", "ctx")}
    for name, signal in signals.items():
        builder.multiply(signal, signal, f"{name}_bound")
    circuit = builder.build()
    return circuit, setup(circuit.system)


@cache
def proof_of(inputs: PublicInputs) -> Proof:
    circuit, key = stand_in()
    witness = circuit.assign(
        {"c_tax": inputs.c_tax, "c_reg": inputs.c_reg, "rule": inputs.rule, "ctx": inputs.ctx}
    )
    return prove(key, witness)[0]


EquityT = TypeVar("EquityT", bound=EquityContract)


@dataclass
class EquitySetting(Generic[EquityT]):
    """A group with one of the equity contracts, and what is done alike with each of them."""

    group: Group
    equity: EquityT

    def copy(self) -> Self:
        return replace(self, group=self.group.copy())

    def apply(self, transfer: bytes = TRANSFER, attestation: bytes = ATTESTATION) -> None:
        call = self.equity.apply(transfer, attestation, C_REG, address("applicant"))
        self.do("registrar", call)

    def do(self, sender: str, call: Call) -> list[Event]:
        return self.group.events(sender, call, self.equity.contract)

    def attestation_status(self, attestation: bytes = ATTESTATION) -> AttestationStatus:
        status: AttestationStatus = self.group.ask(self.equity.attestation(attestation)).status
        return status

    def application_status(self, transfer: bytes = TRANSFER) -> ApplicationStatus:
        status: ApplicationStatus = self.group.ask(self.equity.application(transfer)).status
        return status

    def storage_root(self) -> Hash32:
        account = self.group.state.account(self.equity.address)
        assert account is not None
        root: Hash32 = account.storage_root
        return root


class Setting(EquitySetting[EquityTransfer]):
    def statement(
        self, transfer: bytes = TRANSFER, attestation: bytes = ATTESTATION
    ) -> PublicInputs:
        """What an honest prover computes by itself."""
        ctx = compute_context(CHAIN_ID, self.equity.address, TERMS, transfer, attestation)
        return PublicInputs(C_TAX, C_REG, RULE << 16 | RATE_BPS, ctx)

    def attest(self, attestation: bytes = ATTESTATION, commitment: int = C_TAX) -> None:
        self.do("tax-officer", self.equity.attest(attestation, commitment, RULE))

    def countersign(self, attestation: bytes = ATTESTATION) -> None:
        self.do("tax-reviewer", self.equity.countersign(attestation, C_TAX, RULE))

    def verify(self, transfer: bytes = TRANSFER, proof: Proof | None = None) -> list[Event]:
        proof = proof or proof_of(self.statement(transfer))
        return self.do("applicant", self.equity.verify(transfer, proof))


def sign_agreement(group: Group) -> None:
    signatories = (address("tax-admin"), address("market-admin"))
    group.do("author", agreements.propose(AGREEMENT, signatories))
    for sender in ("tax-admin", "market-admin"):
        group.do(sender, agreements.sign(AGREEMENT))


def deployed(group: Group, terms: Terms = TERMS) -> EquityTransfer:
    where = group.do("author", transfer_deploy_data(terms)).contract_address
    assert where is not None
    return EquityTransfer(where)


@cache
def _prepared() -> Setting:
    group = new_group()
    sign_agreement(group)
    key = stand_in()[1].verifying
    group.do("author", keys.register(CIRCUIT, key, test_only=True))
    approve(group, keys.approve_key(keys.key_id(CIRCUIT, key, test_only=True)))
    approve(group, keys.approve_rule(CIRCUIT, RULE, RATE_BPS))
    return Setting(group, deployed(group))


def new_setting() -> Setting:
    return _prepared().copy()
