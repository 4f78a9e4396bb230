"""Where a store keeps what: one byte for each kind of entry, and what follows it in the key.

Block numbers and epochs are eight bytes, so that keys of a kind ascend as the numbers do.
"""

FORMAT_KEY = b"m/format"
HEAD_KEY = b"m/head"
RECOVERIES_KEY = b"m/recoveries"
SEALED_KEY = b"m/sealed"
"""Under which key the values are sealed; never seen through a sealed store."""

# By block number.
HEADER = b"H"
PROPOSAL = b"P"
CERTIFICATE = b"C"
OUTCOME = b"R"
BLOOM = b"l"
VALIDATORS = b"v"
PARAMETERS = b"p"

# By epoch.
EPOCH = b"e"

# By block hash, by transaction hash.
BY_HASH = b"h"
INCLUDED = b"t"
DROPPED = b"d"

# By address, by address and slot, by hash.
ACCOUNT = b"a"
SLOT = b"s"
CODE = b"k"
NODE = b"n"

# By a recovery certificate's counter and block number.
VOID = b"x"


def number_key(number: int) -> bytes:
    """A block number, epoch or counter within a key."""
    return number.to_bytes(8)
