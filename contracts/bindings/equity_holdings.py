"""The equity transfer contract with holdings: what it has beside the state machines of the other.

Statement `equity_v2`: an attestation names the seller's lots, and a verification consumes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from contracts.bindings.contract import Call, Query
from contracts.bindings.equity import EquityContract, Terms
from contracts.bindings.keys import proof_arguments
from contracts.compiler import deploy_data
from ledger.values import Address, Hash32
from zkp.groth16.keys import Proof

SOURCE = "equity/equity_holdings.vy"
LOTS_MAX = 8
INPUTS = 13


class LotStatus(IntEnum):
    """Life of a lot; AWAITING lacks the second officer. The numbers are an attestation's."""

    ABSENT = 0
    AWAITING = 1
    ACTIVE = 2
    CONSUMED = 3
    WITHDRAWN = 5


@dataclass(frozen=True)
class HoldingTerms:
    """What the constructor fixes: the terms of a transfer, and who verifies its proofs.

    The circuit of the terms is the constraint system of the registry's entry.
    """

    terms: Terms
    registry: Address
    entry: Hash32


@dataclass(frozen=True)
class Lot:
    """A lot on chain. Empty ids are 16 zero bytes, nobody is the address zero.

    `source` is the transfer that left it, `transfer` the one that consumed it.
    """

    status: LotStatus
    officer: Address
    countersigner: Address
    source: bytes
    transfer: bytes


@dataclass(frozen=True)
class HoldingInputs:
    """The statement's public inputs without `rest`, which the proof brings; eight lots, 0 for none.

    The verifier's order is c_tax, c_reg, rule, ctx, the lots, rest.
    """

    c_tax: int
    c_reg: int
    rule: int
    ctx: int
    lots: tuple[int, ...]


def holdings_deploy_data(terms: HoldingTerms) -> bytes:
    """Data of the transaction that deploys the contract. The entry must be active by then."""
    return deploy_data(
        SOURCE,
        terms.terms.genesis_hash,
        terms.terms.agreement,
        terms.registry,
        terms.entry,
        terms.terms.tax_organisation,
        terms.terms.market_organisation,
    )


@dataclass(frozen=True)
class EquityHoldings(EquityContract):
    """A deployed contract of statement `equity_v2`."""

    source: ClassVar[str] = SOURCE

    def attest_lot(self, lot: int) -> Call:
        """By a member of the tax bureau."""
        return self.contract.call("attest_lot", lot)

    def countersign_lot(self, lot: int) -> Call:
        """By another member of the tax bureau."""
        return self.contract.call("countersign_lot", lot)

    def withdraw_lot(self, lot: int) -> Call:
        """By a member of the tax bureau, of a lot that no sale has drawn on."""
        return self.contract.call("withdraw_lot", lot)

    def attest(self, attestation: bytes, commitment: int, rule: int, lots: Sequence[int]) -> Call:
        """By a member of the tax bureau, naming 1 to 8 lots."""
        return self.contract.call("attest", attestation, commitment, rule, list(lots))

    def countersign(
        self, attestation: bytes, commitment: int, rule: int, lots: Sequence[int]
    ) -> Call:
        """By another member of the tax bureau, naming the same values and lots."""
        return self.contract.call("countersign", attestation, commitment, rule, list(lots))

    def correct(
        self,
        attestation: bytes,
        replacement: bytes,
        commitment: int,
        rule: int,
        lots: Sequence[int],
    ) -> Call:
        """By a member of the tax bureau; the replacement awaits its countersignature."""
        values = (attestation, replacement, commitment, rule, list(lots))
        return self.contract.call("correct", *values)

    def verify(self, transfer: bytes, rest: int, proof: Proof) -> Call:
        """By the prover that the application names; `rest` is what the proof says remains."""
        return self.contract.call("verify", transfer, rest, *proof_arguments(proof))

    def lot(self, lot: int) -> Query[Lot]:
        """A lot by its commitment; its status is ABSENT if there is none."""
        query = self.contract.query("lots", lot)
        return query.then(lambda fields: Lot(**{**fields, "status": LotStatus(fields["status"])}))

    def lots_of(self, attestation: bytes) -> Query[tuple[int, ...]]:
        """The lots that an attestation names, none if it is absent."""
        return self.contract.query("lots_of", attestation).then(tuple)

    def rest_of(self, transfer: bytes) -> Query[int]:
        """The lot that a verified transfer left, 0 before."""
        return self.contract.query("rests", transfer)

    def public_inputs(self, transfer: bytes) -> Query[HoldingInputs]:
        """The inputs that `verify` would use now; 0 where something is missing."""
        return self.contract.query("public_inputs", transfer).then(_inputs)


def _inputs(words: Sequence[int]) -> HoldingInputs:
    c_tax, c_reg, rule, ctx, *lots = words
    return HoldingInputs(c_tax, c_reg, rule, ctx, tuple(lots))
