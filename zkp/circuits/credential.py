"""Statement `credential`: who holds a signed credential meets conditions, and shows one attribute.

Public signals, in order: nullifier and shown (outputs), then the conditions of `Conditions`. The
credential is signed off chain by an issuer whose key stands in a registry; the circuit checks the
signature, so nobody learns which issuer it was or which credential. Only who knows the secret
behind `holder` can prove; the nullifier follows from that secret, which the issuer never sees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from zkp.babyjubjub import Point
from zkp.builder import Builder, Circuit
from zkp.eddsa import Signature, check_public_key, sign
from zkp.expressions import Expression, Uint, constant
from zkp.gadgets.compare import at_most
from zkp.gadgets.eddsa import SignatureSignals, verify_signature
from zkp.gadgets.merkle import PathSignals, merkle_root
from zkp.gadgets.multiplexer import choose
from zkp.gadgets.nullifier import nullifier as nullifier_gadget
from zkp.gadgets.poseidon import poseidon as poseidon_gadget
from zkp.gadgets.ranges import decompose, in_bits
from zkp.merkle import Path
from zkp.poseidon import poseidon

NAME = "credential"
DEPTH = 10
ATTRIBUTES = 4
DAY_BITS, BAND_BITS = 20, 8


def _tag(name: str) -> int:
    return int.from_bytes(f"quorate credential v1 {name}".encode(), "big")


CREDENTIAL_TAG, HOLDER_TAG, ISSUER_TAG = _tag("RECORD"), _tag("HOLDER"), _tag("ISSUER")


@dataclass(frozen=True)
class Credential:
    """What an issuer signs.

    `holder` is `holder_mark` of the holder's secret; `born` and `valid_until` are days since
    1900-01-01, below 2^20; `band` is an income band below 2^8; `tax_clear` is 0 or 1; `attributes`
    are four field elements, of which a proof shows one.
    """

    holder: int
    born: int
    band: int
    tax_clear: int
    valid_until: int
    attributes: tuple[int, int, int, int]


class Conditions(NamedTuple):
    """The public inputs, in the verifier's order.

    `issuers` is the registry's root, `scope` what the nullifier is for, `ctx` what the proof is
    bound to (a hash of contract and transaction). Demanded are: valid on the day `today`, born on
    `born_by` at the latest, a band from `band_low` to `band_high`, and, where `needs_tax_clear` is
    1, that taxes are clear. `attribute` is the index of the one to be shown.
    """

    issuers: int
    scope: int
    ctx: int
    today: int
    born_by: int
    band_low: int
    band_high: int
    needs_tax_clear: int
    attribute: int


def holder_mark(secret: int) -> int:
    """What the issuer is told of a holder's secret (a random number of 248 bits)."""
    return poseidon(HOLDER_TAG, secret)


def credential_hash(credential: Credential) -> int:
    """The message that is signed."""
    return poseidon(CREDENTIAL_TAG, *_values(credential))


def issue(private_key: bytes, credential: Credential) -> Signature:
    """An issuer's signature of a credential."""
    return sign(private_key, credential_hash(credential))


def issuer_leaf(public: Point) -> int:
    """A key's leaf in the registry. `InvalidPoint` for one outside the prime-order subgroup."""
    return poseidon(ISSUER_TAG, *check_public_key(public))


class Holding(NamedTuple):
    """What a holder keeps: credential, secret, and the issuer's signature, key and path."""

    credential: Credential
    secret: int
    signature: Signature
    issuer: Point
    path: Path


def inputs(conditions: Conditions, holding: Holding) -> dict[str, int]:
    """The circuit's inputs by name."""
    (r8, s), depth = holding.signature, len(holding.path.siblings)
    privates = (*_values(holding.credential)[1:], holding.secret, *holding.issuer, *r8, s)
    values = (*conditions, *privates, holding.path.index, *holding.path.siblings)
    return dict(zip(build(depth).inputs, values, strict=True))


@cache
def build(depth: int = DEPTH) -> Circuit:
    """The circuit for registries of up to 2^depth issuers; another depth is another circuit."""
    builder = Builder(f"{NAME}_{depth}")
    mark, shown = builder.output("nullifier"), builder.output("shown")
    public = {name: builder.public(name) for name in Conditions._fields}
    own = {name: builder.private(name) for name in ("born", "band", "tax_clear", "valid_until")}
    attributes = [builder.private(f"attribute{index}") for index in range(ATTRIBUTES)]
    secret = builder.private("secret")
    key = (builder.private("issuer_x"), builder.private("issuer_y"))
    signature = SignatureSignals(*(builder.private(name) for name in ("r8_x", "r8_y", "s")))
    place = builder.private("place")
    siblings = [builder.private(f"sibling{level}") for level in range(depth)]

    holder = poseidon_gadget(builder, [constant(HOLDER_TAG), secret], "holder")
    record = [constant(CREDENTIAL_TAG), holder, *own.values(), *attributes]
    signed = poseidon_gadget(builder, record, "record")
    verify_signature(builder, key, signed, signature, "signature")
    digits = decompose(builder, place, depth, "place", f"expected a place below 2^{depth}")
    leaf = poseidon_gadget(builder, [constant(ISSUER_TAG), *key], "issuer")
    found = merkle_root(builder, leaf, PathSignals(digits, siblings), "registry")
    message = "expected the issuer's key to be in the registry of this root"
    builder.equal(found, public["issuers"], "issuers", message)
    _lay_conditions(builder, public, own)
    chosen = choose(builder, public["attribute"], attributes, "attribute")
    builder.expose(shown, chosen, "expected the attribute that was asked for")
    value = nullifier_gadget(builder, public["scope"], secret, "mark")
    builder.expose(mark, value, "expected the nullifier of the holder's secret in this scope")
    builder.multiply(public["ctx"], public["ctx"], "ctx_bound")
    return builder.build()


def _lay_conditions(
    builder: Builder, public: Mapping[str, Expression], own: Mapping[str, Expression]
) -> None:
    """Age, band, taxes and validity, each as its own rule."""
    with builder.scope("condition"):
        born, until = _bounded(builder, own, ("born", "valid_until"), DAY_BITS)
        born_by, today = _bounded(builder, public, ("born_by", "today"), DAY_BITS)
        low, high = _bounded(builder, public, ("band_low", "band_high"), BAND_BITS)
        (band,) = _bounded(builder, own, ("band",), BAND_BITS)
        (clear,) = decompose(builder, own["tax_clear"], 1, "tax_clear", "expected 0 or 1")
        needs = decompose(builder, public["needs_tax_clear"], 1, "needs", "expected 0 or 1")[0]
        at_most(builder, born, born_by, "age", "expected a holder of at least the age asked for")
        at_most(builder, today, until, "valid", "expected a credential that is still valid")
        at_most(builder, low, band, "band_from", "expected an income band not below the range")
        at_most(builder, band, high, "band_to", "expected an income band not above the range")
        message = "expected taxes to be clear"
        builder.constrain(needs, clear.negated(), 0, "taxes", message)


def _bounded(
    builder: Builder, signals: Mapping[str, Expression], names: Sequence[str], bits: int
) -> list[Uint]:
    return [in_bits(builder, signals[name], bits, name) for name in names]


def _values(credential: Credential) -> tuple[int, ...]:
    own = credential
    return (own.holder, own.born, own.band, own.tax_clear, own.valid_until, *own.attributes)
