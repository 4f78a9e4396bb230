"""Which rules a build knows, and which a group has switched on: protocol version and features.

Both are parameters of a block, voted for a height. Ledger code that does something new asks
`is_on` (or compares `parameters.protocol_version`) for the block at hand, and nothing else. Version
1 is all that there is so far; no feature has needed a switch of its own yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.parameters import Parameters

PROTOCOL_VERSION = 1
"""What this build speaks; it speaks all below as well."""

FEATURES: Mapping[str, int] = {}
"""Names of the features that this build knows, with their bits."""


@dataclass(frozen=True, slots=True)
class Build:
    """What a build knows: the highest protocol version, and features as bits."""

    protocol_version: int
    features: int

    def lacks(self, parameters: Parameters) -> str | None:
        """What a block under these parameters needs and the build has not; None if nothing."""
        if parameters.protocol_version > self.protocol_version:
            return f"protocol version {parameters.protocol_version}"
        unknown = parameters.features & ~self.features
        if unknown:
            bits = (str(bit) for bit in range(unknown.bit_length()) if unknown >> bit & 1)
            return f"protocol feature {', '.join(bits)}"
        return None


PRESENT = Build(PROTOCOL_VERSION, sum(1 << bit for bit in FEATURES.values()))


def is_on(parameters: Parameters, feature: str) -> bool:
    """Whether a feature of `FEATURES` is on in a block that has these parameters."""
    return bool(parameters.features >> FEATURES[feature] & 1)


class BuildTooOld(Exception):
    """A block that this build cannot execute: it must stop before it, having harmed nothing."""

    def __init__(self, number: int, build: Build, needed: str) -> None:
        super().__init__(
            f"block {number} needs {needed}, this build speaks version {build.protocol_version}: "
            "install a newer build and start again; keys, votes and blocks stay as they are"
        )
        self.number = number
        self.build = build
        self.needed = needed
