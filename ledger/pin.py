"""A block whose hash somebody knows from elsewhere: what a forged branch cannot have."""

from dataclasses import dataclass

from ledger.values import Hash32, InvalidValue, hash_from_hex

NUMBER_DIGITS_MAX = 18


@dataclass(frozen=True)
class Pin:
    """A block's number and its hash."""

    number: int
    block_hash: Hash32


def parse_pin(text: str) -> Pin:
    """The pin that `NUMBER:HASH` writes; raises InvalidValue."""
    number, separator, block_hash = text.partition(":")
    is_number = number.isascii() and number.isdigit() and len(number) <= NUMBER_DIGITS_MAX
    if not separator or not is_number:
        raise InvalidValue(f"expected NUMBER:HASH, a block and its hash, got {text!r:.100}")
    return Pin(int(number), hash_from_hex(block_hash))
