"""A ceremony's history from a node: as one's own node tells it, or proven from genesis.

Either way the logs must add up to the contract's digest, so that none was left out. Proven, that
digest and the contract's code stand under a certified state root.
"""

from dataclasses import dataclass
from typing import Any

from client.light import LightClient
from client.rpc import Client
from contracts.bindings.ceremony import CeremonyContract, Record, digest_slot, is_ceremony
from contracts.bindings.contract import InvalidResult
from contracts.releases import labels_of
from ledger.logs import LOG_RANGE_BLOCKS_MAX
from ledger.values import Address, Hash32, InvalidValue, checksum_address, hash_from_hex, keccak

_ATTEMPTS_MAX = 5
_NO_CEREMONY = (
    "{where}: no ceremony's contract stands there that this program knows ({known}); look at the "
    "address, or take the program that started the ceremony"
)


class InvalidRecord(Exception):
    """What a node tells of a ceremony does not add up, or no ceremony stands there."""


@dataclass(frozen=True)
class Reading:
    """The history at a block, and that block's time in seconds since 1970."""

    record: Record
    block: int
    timestamp: int


def read_record(client: Client, address: Address) -> Reading:
    """The history as one's own node tells it. Raises InvalidRecord."""
    contract = CeremonyContract(address)
    where = checksum_address(address)
    for _ in range(_ATTEMPTS_MAX):
        head = client.block()
        assert head is not None, "every node has a last block"
        number = int(head["number"], 16)
        if not is_ceremony(keccak(client.code(where, number))):
            raise InvalidRecord(_NO_CEREMONY.format(where=where, known=labels_of("ceremony")))
        start = contract.start_block()
        first = start.decode(client.call(where, start.data))
        digest = contract.contract.query("digest")
        told = digest.decode(client.call(where, digest.data))
        record = _replayed(client, contract, first, number)
        if record.digest == told:
            return Reading(record, number, int(head["timestamp"], 16))
        # Something was recorded between the questions: ask again.
    raise InvalidRecord(f"{where}: the node's logs do not add up to the contract's digest")


def prove_record(light: LightClient, address: Address) -> Reading:
    """The history, believing nobody but genesis. Raises InvalidRecord and InvalidAnswer."""
    contract = CeremonyContract(address)
    where = checksum_address(address)
    head = light.head()
    number = head.header.number
    proven = light.account(address, (digest_slot(),), number)
    if not is_ceremony(proven.account.code_hash):
        raise InvalidRecord(_NO_CEREMONY.format(where=where, known=labels_of("ceremony")))
    start = contract.start_block()
    # Told wrongly, logs are missing and the digest does not come out.
    first = start.decode(light.client.call(where, start.data))
    record = _replayed(light.client, contract, first, number)
    if int.from_bytes(record.digest) != proven.storage[digest_slot()]:
        raise InvalidRecord(
            f"{where}: the node's logs do not add up to what the contract's proven state says; "
            "ask another node"
        )
    return Reading(record, number, head.header.timestamp)


def beacon_hash(client: Client, height: int) -> Hash32:
    """The hash of the beacon's block as one's own node has it."""
    block = client.block(height)
    if block is None:
        raise InvalidRecord(f"block {height}, the beacon, is not there yet")
    return hash_from_hex(block["hash"])


def _replayed(client: Client, contract: CeremonyContract, first: int, last: int) -> Record:
    where = checksum_address(contract.address)
    entries: list[dict[str, Any]] = []
    for start in range(first, last + 1, LOG_RANGE_BLOCKS_MAX):
        end = min(last, start + LOG_RANGE_BLOCKS_MAX - 1)
        entries += client.logs(from_block=start, to_block=end, address=where)
    try:
        return contract.replay(entries)
    except (InvalidResult, InvalidValue, KeyError, TypeError, ValueError) as error:
        raise InvalidRecord(f"{where}: the node's logs are none of a ceremony: {error}") from None
