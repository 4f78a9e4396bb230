"""Which release of the transfer contracts stands at a deployment's address, by its code there.

A contract of an earlier release keeps working, and its certificates keep checking; of code that
this build does not know nothing is said.
"""

from client.rpc import Client
from contracts.releases import Release, current, labels_of, releases_of
from contracts.storage import value_slot
from ledger.values import Hash32, checksum_address, keccak
from workflows.equity_transfer.deployment import Deployment

CONTRACT_OF = {"equity_v1": "equity_transfer", "equity_v2": "equity_holdings"}
"""The contract of a statement."""


class UnknownContract(ValueError):
    """A contract that is no release of ours under these terms; the message says what to do."""


def contract_name(deployment: Deployment) -> str:
    """The contract that a deployment is of."""
    return CONTRACT_OF["equity_v1" if deployment.registered is None else "equity_v2"]


def deployed_code(deployment: Deployment, release: Release) -> bytes:
    """The code that stands on chain if this release was deployed with the deployment's terms."""
    terms, registered = deployment.terms, deployment.registered
    values: dict[str, bytes] = {
        "genesis_hash": terms.genesis_hash,
        "agreement": terms.agreement,
        "circuit": terms.circuit,
        "tax_organisation": terms.tax_organisation.to_bytes(32, "big"),
        "market_organisation": terms.market_organisation.to_bytes(32, "big"),
    }
    if registered is not None:
        values |= {"registry": registered.registry.rjust(32, b"\0"), "entry": registered.entry}
    return release.deployed(values)


def current_code(deployment: Deployment) -> bytes:
    """The code that this build leaves at the address."""
    return deployed_code(deployment, current(contract_name(deployment)))


def release_with_hash(deployment: Deployment, code_hash: Hash32) -> Release:
    """The release whose code under the deployment's terms has this hash.

    Raises `UnknownContract`.
    """
    name = contract_name(deployment)
    for release in reversed(releases_of(name)):
        if keccak(deployed_code(deployment, release)) == code_hash:
            return release
    raise UnknownContract(
        f"what stands at {checksum_address(deployment.address)} is not the equity transfer "
        f"contract under these terms, in none of the releases that this program knows "
        f"({labels_of(name)}); take the program that made it, or a later one"
    )


def release_at(client: Client, deployment: Deployment) -> Release:
    """The release that stands on chain now, as the node says. Raises `UnknownContract`."""
    code = client.code(checksum_address(deployment.address))
    return release_with_hash(deployment, keccak(code))


def status_slots(release: Release, transfer: bytes, attestation: bytes) -> list[int]:
    """Where the two statuses and the application's attestation stand, in this order: attestation,
    application, attestation that the application names."""
    module = "transfers." if release.contract == "equity_holdings" else ""
    application = value_slot(release.slots[f"{module}applications"], transfer)
    attested = value_slot(release.slots[f"{module}attestations"], attestation)
    return [attested, application, application + 2]
