"""Addresses and hashes as somebody typed them; what is none is refused by its option's name."""

from cli.failure import CommandFailed
from ledger.values import Address, Hash32, InvalidValue, address_from_hex, hash_from_hex


def typed_address(option: str, text: str) -> Address:
    """Raises CommandFailed."""
    try:
        return address_from_hex(text)
    except InvalidValue as error:
        raise CommandFailed(f"{option}: {error}") from None


def typed_hash(option: str, text: str) -> Hash32:
    """Raises CommandFailed."""
    try:
        return hash_from_hex(text)
    except InvalidValue as error:
        raise CommandFailed(f"{option}: {error}") from None
