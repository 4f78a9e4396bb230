"""Ten ways to cheat at an equity transfer, each tried for real and refused at its layer.

Every attempt is the strongest of its kind: proofs are valid ones for something else, or moved by
the algebra that Groth16 allows. What is refused leaves the records as they were, but for the
refusal itself.
"""

import dataclasses
import json
import secrets
from dataclasses import dataclass

from eth_account import Account

from cli.progress import Progress
from client.rpc import RpcFailure
from contracts.bindings.equity import compute_context
from ledger.values import Address, Hash32, address_from_hex
from scripts.transfer_story import Officers, applied, attested
from workflows.equity_transfer.amend import refund
from workflows.equity_transfer.desk import (
    application_of,
    attestation_of,
    market_opening,
    rule_in_force,
    tax_opening,
)
from workflows.equity_transfer.prove import proof_path, prove
from workflows.equity_transfer.refusal import Refusal
from workflows.equity_transfer.verify import verify
from zkp.backend import prove as groth16_prove
from zkp.circuits.equity_v1 import Statement, assign, build
from zkp.groth16 import Proof
from zkp.groth16.rerandomise import rerandomise
from zkp.snarkjs.texts import decode_proof, encode_proof
from zkp.snarkjs.zkey import decode_zkey


@dataclass(frozen=True)
class Cheat:
    """One attempt: what it was, the layer that refused it, the code it answered with."""

    name: str
    layer: str
    code: str


class CheatSucceeded(AssertionError):
    """Something that must be refused was not."""


def try_all(
    officers: Officers, case: bytes, foreign_proof: bytes, progress: Progress
) -> list[Cheat]:
    """Every cheat in turn; `foreign_proof` is a proof that the contract accepted elsewhere."""
    attempts = _Attempts(officers, case, foreign_proof)
    cheats = []
    for attempt in (
        attempts.bit_flipped,
        attempts.other_amounts,
        attempts.used_attestation,
        attempts.other_contract,
        attempts.other_genesis,
        attempts.refunded,
        attempts.no_attestation,
        attempts.other_price_at_the_prover,
        attempts.other_price_on_chain,
        attempts.stranger,
    ):
        cheat = attempt()
        progress(f"{cheat.name}: refused by the {cheat.layer}, {cheat.code}")
        cheats.append(cheat)
    return cheats


class _Attempts:
    def __init__(self, officers: Officers, case: bytes, foreign_proof: bytes) -> None:
        self._officers = officers
        self._case = case
        self._foreign_proof = foreign_proof
        assert officers.applicant.proving_key is not None
        self._key = decode_zkey(officers.applicant.proving_key.read_bytes())
        self._attestation, _ = attested(officers, case)
        self._transfer, _ = applied(officers, case, self._attestation)
        prove(officers.applicant, self._transfer)
        self._proof = proof_path(officers.applicant, self._transfer).read_bytes()
        self._second, _ = attested(officers, case)
        self._second_transfer, _ = applied(officers, case, self._second)

    def _refused(self, name: str, transfer: bytes, proof: bytes, expected: str) -> Cheat:
        """Send a proof; the contract must refuse it with this code and change nothing else."""
        applicant = self._officers.applicant
        application = application_of(applicant, transfer)
        attestation = attestation_of(applicant, application.attestation)
        outcome = verify(applicant, transfer, proof)
        if outcome.code != expected:
            raise CheatSucceeded(f"{name}: expected {expected}, got {outcome}")
        after = application_of(applicant, transfer)
        if attestation_of(applicant, application.attestation) != attestation:
            raise CheatSucceeded(f"{name}: the attestation changed")
        if after.refusals != application.refusals + 1:
            raise CheatSucceeded(f"{name}: the refusal was not recorded")
        kept = dataclasses.replace(application, refusals=after.refusals, status=after.status)
        if after != kept:
            raise CheatSucceeded(f"{name}: the application changed: {application} to {after}")
        return Cheat(name, "contract", outcome.code)

    def bit_flipped(self) -> Cheat:
        """The right proof with one bit of one coordinate changed."""
        document = json.loads(self._proof)
        document["pi_a"][0] = str(int(document["pi_a"][0]) ^ 1)
        flipped = json.dumps(document).encode()
        return self._refused("proof altered in one bit", self._transfer, flipped, "E_PROOF")

    def other_amounts(self) -> Cheat:
        """A proof that the contract accepted for another deal."""
        return self._refused(
            "proof for other amounts", self._transfer, self._foreign_proof, "E_PROOF"
        )

    def used_attestation(self) -> Cheat:
        """The honest proof passes; moved by its algebra it is tried on a second application."""
        outcome = verify(self._officers.applicant, self._transfer, self._proof)
        if outcome.code is not None:
            raise CheatSucceeded(f"the honest proof was refused: {outcome}")
        again, _ = applied(self._officers, self._case, self._attestation)
        moved = rerandomise(self._key.verifying, decode_proof(self._proof))
        return self._refused(
            "re-randomised proof of a used attestation", again, _text(moved), "E_USED"
        )

    def other_contract(self) -> Cheat:
        """A true proof for the same records under another contract."""
        elsewhere = address_from_hex("0x" + secrets.token_hex(20))
        proof = self._proof_for(elsewhere, None)
        return self._refused("proof for another contract", self._second_transfer, proof, "E_PROOF")

    def other_genesis(self) -> Cheat:
        """A true proof for the same records on another ledger."""
        proof = self._proof_for(None, Hash32(secrets.token_bytes(32)))
        return self._refused("proof for another genesis", self._second_transfer, proof, "E_PROOF")

    def _proof_for(self, contract: Address | None, genesis: Hash32 | None) -> bytes:
        applicant = self._officers.applicant
        deployment = applicant.deployment
        tax = tax_opening(applicant, self._second)
        market = market_opening(applicant, self._second_transfer)
        terms = deployment.terms
        if genesis is not None:
            terms = dataclasses.replace(terms, genesis_hash=genesis)
        ctx = compute_context(
            deployment.chain_id, contract or deployment.address, terms, market.id, tax.id
        )
        rule = rule_in_force(applicant, tax.financials.rule_id)
        statement = Statement(tax.commitment, market.commitment, rule, ctx)
        witness = assign(statement, tax.record, salt_tax=tax.salt, salt_reg=market.salt)
        proof, _ = groth16_prove(self._key, witness, system=build().system)
        return _text(proof)

    def refunded(self) -> Cheat:
        """The tax was paid back after it was attested."""
        refund(self._officers.officer, self._second)
        return self._refused("refunded tax", self._second_transfer, self._foreign_proof, "E_STATUS")

    def no_attestation(self) -> Cheat:
        """An application under an attestation that nobody made."""
        transfer, _ = applied(self._officers, self._case, secrets.token_bytes(16))
        return self._refused("no attestation", transfer, self._proof, "E_NOT_ATTESTED")

    def other_price_at_the_prover(self) -> Cheat:
        """The registrar was told another price: the prover names it before anything is sent."""
        self._third, _ = attested(self._officers, self._case)
        self._third_transfer, _ = applied(
            self._officers, _with_other_price(self._case), self._third
        )
        try:
            prove(self._officers.applicant, self._third_transfer)
        except Refusal as refusal:
            return Cheat("application with another price, proven", "prover", str(refusal.code))
        raise CheatSucceeded("two prices were proven to be equal")

    def other_price_on_chain(self) -> Cheat:
        """The same, with the honest deal's proof sent all the same."""
        return self._refused(
            "application with another price, sent", self._third_transfer, self._proof, "E_PROOF"
        )

    def stranger(self) -> Cheat:
        """An account that no organisation admitted."""
        client = self._officers.applicant.client
        account = Account.create()
        try:
            client.send_transaction(account, to=account.address, data=b"", gas=100_000)
        except RpcFailure as failure:
            return Cheat("sender not on the whitelist", "pool", str(failure.reason))
        raise CheatSucceeded("a stranger's transaction was taken")


def _text(proof: Proof) -> bytes:
    return encode_proof(proof).encode()


def _with_other_price(case: bytes) -> bytes:
    document = json.loads(case)
    field = "declared_price_fen" if document.get("declared_price_fen") else "price_fen"
    document[field] = int(document[field]) + 100
    return json.dumps(document, ensure_ascii=False).encode()
