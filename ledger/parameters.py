"""The parameters that a group's replicas must share: every record binds their hash.

Names carry their units. Genesis gives all of them; those in `VOTED` change by vote, at an epoch's
first block. How a node is run (paths, addresses, logs) is no part of them.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ledger.codec import InvalidEncoding, encode
from ledger.suite import Suite
from ledger.values import Hash32

PARAMETERS_TAG = b"quorate/parameters/3"
"""Counts up with the rules behind the names: 2 brought the precompiles of ours, 3 the parameters by
vote. Whoever knows other rules computes another block 0, so it stays outside instead of disagreeing
later."""
CHAIN_ID_MAX = 2**48 - 1
FORKS = ("cancun",)

GAS_PER_MS = {"py-evm": 400, "native": 10_000}
"""Gas that an engine spends in a millisecond of its worst work, by the engine's name.

`benchmarks/gas_per_ms.py` measures it. On two shared cores py-evm's worst load is a contract that
calls itself, at 800 to 900 gas a ms, and at 440 in an hour when the machine was slow; then single
cheap opcodes. The native engine's is groth16_verify, at 17,000 to 26,000 by its inputs. The rest is
margin; the native engine needs it, because a state that does not fit into memory adds reads from
disk, which the benchmark has not. The curve precompiles and blake2f come in fast forms; py-evm's
own would be slower than any opcode."""


GAS_LIMIT_MAX = 10_000_000_000
"""Beyond any machine. Not derived from the speed above: that may be measured anew, and a group
that was founded before has to load all the same."""


PARAMETERS_BYTES_MAX = 4_096
"""Of their encoding as JSON."""


class VotedParameter(NamedTuple):
    """A parameter that changes by vote: its number in the accounts contract, and what the contract
    takes for it. Narrower than what genesis may say: nobody can vote a running group dead."""

    number: int
    least: int
    most: int


VOTED: Mapping[str, VotedParameter] = {
    "gas_limit": VotedParameter(1, 5_000_000, 2_000_000_000),
    "block_execution_ms_max": VotedParameter(2, 1_000, 600_000),
    "heartbeat_ms": VotedParameter(3, 500, 3_600_000),
    "clock_tolerance_ms": VotedParameter(4, 1_000, 600_000),
    "view_timeout_ms": VotedParameter(5, 1_000, 600_000),
    "view_timeout_ms_max": VotedParameter(6, 10_000, 3_600_000),
    "transaction_bytes_max": VotedParameter(7, 65_536, 4 * 1024 * 1024),
    "batch_transactions_max": VotedParameter(8, 16, 16_384),
    "batch_bytes_max": VotedParameter(9, 262_144, 7 * 1024 * 1024),
}
"""The contract's own table (`accounts.vy`); a test compares them. The chain id, W, the fork and the
suite are a group's identity or the engines' and never change by vote."""


NUMBERS: Mapping[str, int] = {
    **{name: voted.number for name, voted in VOTED.items()},
    "protocol_version": 10,
    "features": 11,
}
"""All that the contract holds; the last two change by an upgrade, which is voted for a height."""
UPGRADE_VALUE_MAX = 2**32 - 1


class InvalidParameters(ValueError):
    """Parameters out of their bounds; the message names the field and the bound."""


def gas_limit(block_execution_ms_max: int, slowest_engine: str = "py-evm") -> int:
    """The block gas limit that keeps that engine's worst block under the bound."""
    return block_execution_ms_max * GAS_PER_MS[slowest_engine]


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of them, with defaults for everything but the chain id. `validated` checks bounds."""

    chain_id: int
    window_blocks: int = 16
    fork: str = "cancun"
    suite: str = "standard"
    block_execution_ms_max: int = 20_000
    gas_limit: int = gas_limit(20_000)
    heartbeat_ms: int = 10_000
    clock_tolerance_ms: int = 5_000
    view_timeout_ms: int = 4_000
    view_timeout_ms_max: int = 60_000
    transaction_bytes_max: int = 131_072
    batch_transactions_max: int = 1_000
    batch_bytes_max: int = 2 * 1024 * 1024
    protocol_version: int = 1
    features: int = 0

    def validated(self) -> "Parameters":
        """These parameters; raises InvalidParameters with the first one out of bounds."""
        bounds = {
            "chain_id": (1, CHAIN_ID_MAX),
            "window_blocks": (1, 1024),
            "block_execution_ms_max": (1_000, 3_600_000),
            "gas_limit": (1_000_000, GAS_LIMIT_MAX),
            "heartbeat_ms": (100, 3_600_000),
            "clock_tolerance_ms": (100, 600_000),
            "view_timeout_ms": (100, self.view_timeout_ms_max),
            "view_timeout_ms_max": (100, 3_600_000),
            "transaction_bytes_max": (1_024, self.batch_bytes_max),
            "batch_transactions_max": (1, 16_384),
            "batch_bytes_max": (4_096, 7 * 1024 * 1024),
            "protocol_version": (1, UPGRADE_VALUE_MAX),
            "features": (0, UPGRADE_VALUE_MAX),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise InvalidParameters(f"{name}: expected {least} to {most}, got {value}")
        if self.fork not in FORKS:
            raise InvalidParameters(f"fork: expected one of {', '.join(FORKS)}, got {self.fork!r}")
        return self

    def with_voted(self, voted: Mapping[str, int]) -> "Parameters":
        """These with the voted values in their place.

        Of values that no group may have, which a contract that keeps its bounds never holds, none
        is taken: the answer is the same on every replica, and is never an error.
        """
        try:
            return msgspec.structs.replace(self, **voted).validated()
        except InvalidParameters:
            return self

    def hash(self, suite: Suite) -> Hash32:
        """What records bind: the hash of the RLP of a tag and [name, value] in the order above."""
        fields = [[name.encode(), _bytes(getattr(self, name))] for name in self.__struct_fields__]
        return suite.hash(encode([PARAMETERS_TAG, fields]))


def encode_parameters(parameters: Parameters) -> bytes:
    """As JSON, in the order of the fields."""
    return msgspec.json.encode(parameters, order="deterministic")


def decode_parameters(data: bytes) -> Parameters:
    """The parameters that `data` encodes; raises InvalidEncoding."""
    if len(data) > PARAMETERS_BYTES_MAX:
        raise InvalidEncoding(f"expected at most {PARAMETERS_BYTES_MAX} bytes, got {len(data)}")
    try:
        return msgspec.json.decode(data, type=Parameters).validated()
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidParameters) as error:
        raise InvalidEncoding(f"parameters: {error}") from error


def _bytes(value: int | str) -> bytes | int:
    return value.encode() if isinstance(value, str) else value
