"""A group in which equity transfers with holdings can happen: agreement, circuit and rule in force.

The circuit is a stand-in with the thirteen public inputs of `equity_v2`, bound and otherwise free:
a proof of it holds for exactly the inputs that it was made for, and takes no time to make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from contracts.bindings import keys
from contracts.bindings.circuits import NO_CEREMONY, CircuitRegistry, Draft
from contracts.bindings.contract import Event
from contracts.bindings.equity import (
    AlarmCode,
    ApplicationStatus,
    Terms,
    compute_context,
)
from contracts.bindings.equity_holdings import (
    EquityHoldings,
    HoldingTerms,
    LotStatus,
    holdings_deploy_data,
)
from ledger.values import Hash32, keccak
from node.engines import engine_named, installed_engines
from tests.contracts.circuit_setting import SOURCE_HASH, activate, new_registry
from tests.contracts.contract_group import CHAIN_ID, MARKET, TAX, address, new_group
from tests.contracts.test_contracts_keys import approve
from tests.contracts.transfer_setting import (
    AGREEMENT,
    ATTESTATION,
    C_REG,
    C_TAX,
    GENESIS,
    RATE_BPS,
    RULE,
    TRANSFER,
    EquitySetting,
    sign_agreement,
)
from zkp.builder import Builder, Circuit
from zkp.groth16.keys import Proof, ProvingKey, VerifyingKey
from zkp.groth16.prove import prove
from zkp.groth16.setup import setup

LOT, OTHER_LOT, THIRD_LOT, REST, LAST_REST = 3001, 3002, 3003, 4001, 4002
DEPLOY_GAS = 5_000_000
NAMES = ("c_tax", "c_reg", "rule", "ctx", *(f"lot{i}" for i in range(8)), "rest")


@cache
def stand_in() -> tuple[Circuit, ProvingKey]:
    builder = Builder("stand_in")
    signals = {name: builder.public(name) for name in NAMES}
    for name, signal in signals.items():
        builder.multiply(signal, signal, f"{name}_bound")
    circuit = builder.build()
    return circuit, setup(circuit.system)


@cache
def proof_of(signals: tuple[int, ...]) -> Proof:
    circuit, key = stand_in()
    return prove(key, circuit.assign(dict(zip(NAMES, signals, strict=True))))[0]


def draft_of(key: VerifyingKey, system: Hash32, name: str = "equity_v2") -> Draft:
    """What an author lays down of a circuit for holdings."""
    return Draft(name, SOURCE_HASH, system, NO_CEREMONY, key)


@dataclass
class Setting(EquitySetting[EquityHoldings]):
    terms: HoldingTerms

    def statement(
        self,
        transfer: bytes = TRANSFER,
        lots: Sequence[int] = (LOT,),
        rest: int = REST,
        attestation: bytes = ATTESTATION,
    ) -> tuple[int, ...]:
        """What an honest prover computes by itself."""
        where, terms = self.equity.address, self.terms.terms
        ctx = compute_context(CHAIN_ID, where, terms, transfer, attestation)
        padded = (*lots, *[0] * (8 - len(lots)))
        return (C_TAX, C_REG, RULE << 16 | RATE_BPS, ctx, *padded, rest)

    def attest_lots(self, *lots: int) -> None:
        for lot in lots:
            self.do("tax-officer", self.equity.attest_lot(lot))
            self.do("tax-reviewer", self.equity.countersign_lot(lot))

    def attest(self, lots: Sequence[int] = (LOT,), attestation: bytes = ATTESTATION) -> None:
        self.do("tax-officer", self.equity.attest(attestation, C_TAX, RULE, lots))
        self.do("tax-reviewer", self.equity.countersign(attestation, C_TAX, RULE, lots))

    def verify(
        self, signals: tuple[int, ...], transfer: bytes = TRANSFER, proof: Proof | None = None
    ) -> list[Event]:
        proof = proof or proof_of(signals)
        return self.do("applicant", self.equity.verify(transfer, signals[-1], proof))

    def sell(self, lots: Sequence[int], rest: int, transfer: bytes, attestation: bytes) -> None:
        """A sale from attestation to verification."""
        self.attest(lots, attestation)
        self.apply(transfer, attestation)
        self.verify(self.statement(transfer, lots, rest, attestation), transfer)
        assert self.application_status(transfer) is ApplicationStatus.VERIFIED

    def refusal(
        self,
        signals: tuple[int, ...],
        proof: Proof | None = None,
        transfer: bytes = TRANSFER,
    ) -> AlarmCode:
        """Verifies, expects a refusal, and checks that it is recorded, announced and harmless."""
        application = self.group.ask(self.equity.application(transfer))
        lots = self.group.ask(self.equity.lots_of(application.attestation))
        before = self._standing(application.attestation, (*lots, signals[-1]))
        [alarm] = self.verify(signals, transfer, proof)
        stored = self.group.ask(self.equity.refusal(transfer, application.refusals))
        assert (alarm.name, alarm.arguments["code"]) == ("Alarm", stored.code)
        assert alarm.arguments["refusals"] == application.refusals + 1
        assert alarm.arguments["sender"] == stored.sender == address("applicant")
        assert self._standing(application.attestation, (*lots, signals[-1])) == before
        code: AlarmCode = stored.code
        return code

    def _standing(self, attestation: bytes, lots: Sequence[int]) -> list[object]:
        asked = [self.equity.attestation(attestation), *map(self.equity.lot, lots)]
        return [self.group.ask(query) for query in asked]

    def lot_status(self, lot: int = LOT) -> LotStatus:
        status: LotStatus = self.group.ask(self.equity.lot(lot)).status
        return status


def set_up(key: VerifyingKey, system: Hash32) -> Setting:
    """A group whose registry has this circuit, and a contract that relies on it."""
    group = new_group()
    group.engine = engine_named(installed_engines()[0])
    sign_agreement(group)
    registry: CircuitRegistry = new_registry(group)
    entry = activate(group, registry, draft_of(key, system))
    approve(group, keys.approve_rule(system, RULE, RATE_BPS))
    terms = HoldingTerms(Terms(GENESIS, AGREEMENT, system, TAX, MARKET), registry.address, entry)
    receipt = group.send("author", holdings_deploy_data(terms), gas=DEPLOY_GAS).receipt
    assert receipt is not None
    assert receipt.contract_address is not None
    return Setting(group, EquityHoldings(receipt.contract_address), terms)


@cache
def prepared() -> Setting:
    """To be copied by who changes its group."""
    return set_up(stand_in()[1].verifying, keccak(b"stand-in circuit"))
