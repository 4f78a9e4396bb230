"""An organisation's own folder: its CA, and the key that signs membership documents."""

from datetime import datetime
from pathlib import Path

from cli.failure import CommandFailed
from cli.member.files import ORGANISATION_KEY
from ledger.suite import STANDARD, KeySigner
from node.keyfile import load_private_key, save_private_key
from node.pki import OrganisationCA


def save_organisation(folder: Path, authority: OrganisationCA, now: datetime) -> KeySigner:
    """Write the CA and, if there is none yet, the membership key; answers its signer.

    Raises CommandFailed rather than touch another CA.
    """
    if (folder / "ca.key").exists() or (folder / "ca.crt").exists():
        raise CommandFailed(
            f"{folder}: expected a folder without a CA, found one; name another folder, for a CA "
            "that is overwritten is lost"
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority.save(folder, now)
    path = folder / ORGANISATION_KEY
    if not path.exists():
        save_private_key(path, STANDARD.new_private_key())
    return KeySigner(STANDARD, load_private_key(path))
