"""Where a local network's folder keeps what its organisations found a group with.

On one machine all stand beside each other; where organisations do not trust each other's machines,
each signs on its own (`quorate group sign`).
"""

from pathlib import Path

from cli.failure import CommandFailed
from cli.group.plan import PlannedOrganisation
from cli.member.files import load_organisation_signer
from ledger.genesis import Genesis, sign_genesis
from ledger.suite import STANDARD, KeySigner
from ledger.values import to_hex
from node.founding import sign_founding
from node.keyfile import load_private_key
from node.membership import Membership
from workflows.equity_transfer import envelope

RECOVERY_KEY = "recovery.key"


def organisation_folder(network: Path, name: str) -> Path:
    """The organisation's own folder: authority, membership key, recovery key."""
    return network / "organisations" / name


def envelope_key(network: Path, name: str) -> Path:
    """The private key that opens the organisation's envelopes."""
    return network / "desks" / name / "keys" / "envelope.key"


def planned_organisation(
    network: Path, name: str, label: str = "", weight: int = 1
) -> PlannedOrganisation:
    """The public parts that the organisation gives to a group. Raises CommandFailed."""
    recovery = _recovery_signer(network, name)
    public = envelope.public_key_of(envelope.load_private_key(envelope_key(network, name)))
    return PlannedOrganisation(name, to_hex(recovery.address), to_hex(public), label, weight)


def sign_as_organisation(
    network: Path, name: str, genesis: Genesis, membership: Membership
) -> Genesis:
    """Both of an organisation's signatures: by its recovery key, and by its membership key."""
    genesis = sign_genesis(genesis, name, _recovery_signer(network, name))
    signer = load_organisation_signer(organisation_folder(network, name))
    return sign_founding(genesis, membership, signer)


def _recovery_signer(network: Path, name: str) -> KeySigner:
    path = organisation_folder(network, name) / RECOVERY_KEY
    if not path.is_file():
        raise CommandFailed(
            f"{path}: the recovery key of '{name}' is not in this folder; found the group by "
            "`quorate group create PLAN` and `quorate group sign` where the keys are"
        )
    return KeySigner(STANDARD, load_private_key(path))
