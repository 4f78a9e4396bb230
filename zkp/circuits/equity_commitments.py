"""What the two bureaus commit to in an equity transfer, and the commitments themselves.

The core is the deal, known to both; the financials are the tax bureau's alone. Each commitment is
a tagged Poseidon hash with a salt of its own; nothing of it can be found by trying values.
"""

import secrets
from dataclasses import astuple, dataclass

from zkp.poseidon import poseidon

SALT_BITS = 248
AMOUNT_BITS = 64
RATE_BITS = 16


def _tag(name: str) -> int:
    return int.from_bytes(f"quorate equity_v1 {name}".encode(), "big")


CORE_TAG, FINANCIAL_TAG = _tag("CORE"), _tag("FIN")
TAX_TAG, REGISTRY_TAG = _tag("TAX"), _tag("REG")

# How the tax bureau disposed of the declared price.
AS_FILED, ASSESSED, JUSTIFIED_LOW_PRICE = 0, 1, 2


@dataclass(frozen=True)
class EquityCore:
    """The deal: identities and digest as field elements, amounts in fen (below 2^64)."""

    company: int
    transferor: int
    transferee: int
    capital: int
    total: int
    price: int
    contract_digest: int


@dataclass(frozen=True)
class EquityFinancials:
    """The tax side: amounts in fen (below 2^64).

    `other` is income beside the price, `assessed` the office's figure (0 unless `disposition` is
    ASSESSED), `net_share` the share of net assets (0: not examined), `rule_id` the tax rule.
    """

    other: int
    assessed: int
    disposition: int
    net_share: int
    basis: int
    fees: int
    relief: int
    paid: int
    rule_id: int


@dataclass(frozen=True)
class EquityRecord:
    """All that the tax bureau attests of one transfer."""

    core: EquityCore
    financials: EquityFinancials


def core_hash(core: EquityCore) -> int:
    """K, the same for both bureaus if and only if they saw the same deal."""
    return poseidon(CORE_TAG, *astuple(core))


def financial_hash(financials: EquityFinancials) -> int:
    """F, the tax bureau's figures."""
    return poseidon(FINANCIAL_TAG, *astuple(financials))


def commit_tax(core: int, financial: int, salt: int) -> int:
    """C_tax of the hashes K and F."""
    return poseidon(TAX_TAG, core, financial, salt)


def commit_reg(core: int, salt: int) -> int:
    """C_reg of the hash K."""
    return poseidon(REGISTRY_TAG, core, salt)


def commit_record(record: EquityRecord, salt: int) -> int:
    """C_tax of a whole record."""
    return commit_tax(core_hash(record.core), financial_hash(record.financials), salt)


def commit_application(core: EquityCore, salt: int) -> int:
    """C_reg of the deal that the market-regulation bureau was shown."""
    return commit_reg(core_hash(core), salt)


def fresh_salt() -> int:
    """A salt from the system's randomness; each commitment needs one of its own."""
    return secrets.randbits(SALT_BITS)


def rule_word(rule_id: int, rate_bps: int) -> int:
    """The public input `rule`: rule and rate (in 1/10,000) of the version attested."""
    assert 0 <= rate_bps < 1 << RATE_BITS, f"rate of {rate_bps} bps: expected at most 65,535"
    return (rule_id << RATE_BITS) + rate_bps
