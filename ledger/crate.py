"""Whether the optional Rust crate is built here, and for this version of the ledger.

An old build is as good as none: what crosses between Python and Rust has no names that would tell
of a difference, so a number does.
"""

from functools import cache

INTERFACE = 9
"""The `INTERFACE` of `native/src/lib.rs` that this code speaks; the two change together."""


@cache
def why_missing() -> str | None:
    """Why the crate cannot be used, for people; None where it can."""
    try:
        import quorate_native  # noqa: PLC0415  (asked for once, by whoever needs the answer)
    except ImportError as error:
        return f"the crate quorate_native is not built here ({error})"
    found = getattr(quorate_native, "INTERFACE", 0)
    if found != INTERFACE:
        return (
            f"the crate quorate_native was built for another version: expected interface "
            f"{INTERFACE}, found {found}"
        )
    return None
