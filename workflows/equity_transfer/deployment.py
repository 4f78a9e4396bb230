"""Where a group's equity transfer contract stands and what it was deployed with: a public file.

Nothing in it is trusted for a proof: the prover compares it with the contract on chain.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.bindings.equity import EquityTransfer, Terms, compute_context
from contracts.bindings.equity_holdings import EquityHoldings
from ledger.values import (
    Address,
    Hash32,
    InvalidValue,
    address_from_hex,
    checksum_address,
    hash_from_hex,
    to_hex,
)
from workflows.workspace import read_json, write_private_json

_FORMAT = "quorate equity deployment 1"
_FORMAT_OF_HOLDINGS = "quorate equity deployment 2"


class InvalidDeployment(ValueError):
    """A deployment file that does not name a contract."""


@dataclass(frozen=True)
class RegisteredCircuit:
    """A circuit in a registry of circuits: where a contract with holdings has proofs checked."""

    registry: Address
    entry: Hash32


@dataclass(frozen=True)
class Deployment:
    """One deployed contract; `terms` are its constructor's arguments.

    `registered` is None for the contract without holdings.
    """

    chain_id: int
    address: Address
    terms: Terms
    registered: RegisteredCircuit | None = None

    @property
    def contract(self) -> EquityTransfer | EquityHoldings:
        """The contract's binding."""
        return EquityTransfer(self.address) if self.registered is None else self.holdings

    @property
    def holdings(self) -> EquityHoldings:
        """The binding of a contract with holdings."""
        assert self.registered is not None, "asked of a contract with holdings alone"
        return EquityHoldings(self.address)

    def context(self, transfer: bytes, attestation: bytes) -> int:
        """The statement's `ctx` for one transfer under this contract."""
        return compute_context(self.chain_id, self.address, self.terms, transfer, attestation)


def save_deployment(path: Path, deployment: Deployment) -> None:
    """Write the deployment as JSON."""
    terms, registered = deployment.terms, deployment.registered
    more = {}
    if registered is not None:
        more = {
            "registry": checksum_address(registered.registry),
            "entry": to_hex(registered.entry),
        }
    write_private_json(
        path,
        {
            "format": _FORMAT if registered is None else _FORMAT_OF_HOLDINGS,
            "chain_id": deployment.chain_id,
            "contract": checksum_address(deployment.address),
            "genesis_hash": to_hex(terms.genesis_hash),
            "agreement": to_hex(terms.agreement),
            "circuit": to_hex(terms.circuit),
            "tax_organisation": terms.tax_organisation,
            "market_organisation": terms.market_organisation,
            **more,
        },
    )


def load_deployment(path: Path) -> Deployment:
    """Read what `save_deployment` wrote. Raises `InvalidDeployment`."""
    return decode_deployment(read_json(path))


def decode_deployment(document: dict[str, Any]) -> Deployment:
    """A deployment from its JSON document. Raises `InvalidDeployment`."""
    form = document.get("format")
    if form not in (_FORMAT, _FORMAT_OF_HOLDINGS):
        raise InvalidDeployment(f"deployment: expected the form {_FORMAT!r}; deploy anew")
    try:
        return Deployment(
            chain_id=_number(document["chain_id"]),
            address=address_from_hex(document["contract"]),
            terms=Terms(
                genesis_hash=hash_from_hex(document["genesis_hash"]),
                agreement=hash_from_hex(document["agreement"]),
                circuit=hash_from_hex(document["circuit"]),
                tax_organisation=_number(document["tax_organisation"]),
                market_organisation=_number(document["market_organisation"]),
            ),
            registered=None if form == _FORMAT else _registered(document),
        )
    except (KeyError, InvalidValue) as error:
        raise InvalidDeployment(f"deployment: {error}; deploy anew") from None


def _registered(document: dict[str, Any]) -> RegisteredCircuit:
    return RegisteredCircuit(
        address_from_hex(document["registry"]), hash_from_hex(document["entry"])
    )


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidDeployment("deployment: expected a number above zero; deploy anew")
    return value
