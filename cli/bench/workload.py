"""The transfers of a run: whose they are, to whom they go, and how they are signed.

The senders' keys come from one seed, so that they need no keystores; they are worth nothing outside
the network that was made for the run.
"""

import random
from collections.abc import Iterator

import msgspec
from coincurve import PrivateKey

from contracts.compiler import compile_source
from contracts.storage import address_key, value_slot
from contracts.system_alloc import AllocatedContract
from ledger.codec import Encodable, encode
from ledger.values import Address, Hash32, keccak

TOKEN = Address(bytes.fromhex("70" * 20))
"""Where the token stands at genesis."""
SOURCE = "benchmark/token.vy"
BALANCE = 10**12
AMOUNT = 1
GAS = 40_000
"""Limit of one transfer between holders, which takes some 34,000."""
TRANSFER = keccak(b"transfer(address,uint256)")[:4]
TYPE_2 = b"\x02"


class Workload(msgspec.Struct, frozen=True):
    """Transfers of one unit from each sender in turn to another sender drawn by chance."""

    seed: str
    senders: int
    transactions: int


class Transfer(msgspec.Struct, frozen=True):
    """A signed transfer; `sender` is the sender's place, not its address."""

    sender: int
    hash: Hash32
    raw: bytes


def sender_keys(workload: Workload) -> list[PrivateKey]:
    """The senders' keys, in the order of their places."""
    seed = workload.seed.encode()
    return [PrivateKey(keccak(seed + place.to_bytes(8))) for place in range(workload.senders)]


def address_of(key: PrivateKey) -> Address:
    """The account of a key."""
    return Address(keccak(key.public_key.format(compressed=False)[1:])[12:])


def token(holders: list[Address]) -> AllocatedContract:
    """The token as genesis holds it, every holder with the same balance."""
    compiled = compile_source(SOURCE)
    slot = compiled.layout["balanceOf"].slot
    storage = {value_slot(slot, address_key(holder)): BALANCE for holder in holders}
    return AllocatedContract(compiled.runtime, storage)


def signed_transfers(workload: Workload, chain_id: int) -> Iterator[Transfer]:
    """All transfers in the order in which they are to be sent: each sender's nonces ascend."""
    keys = sender_keys(workload)
    addresses = [address_of(key) for key in keys]
    chance = random.Random(workload.seed)  # noqa: S311 - whom to pay, not a secret
    for count in range(workload.transactions):
        nonce, place = divmod(count, workload.senders)
        receiver = addresses[chance.randrange(workload.senders)]
        raw = _sign(keys[place], chain_id, nonce, receiver)
        yield Transfer(place, keccak(raw), raw)


def _sign(key: PrivateKey, chain_id: int, nonce: int, receiver: Address) -> bytes:
    data = TRANSFER + receiver.rjust(32, b"\0") + AMOUNT.to_bytes(32)
    body: list[Encodable] = [chain_id, nonce, 0, 0, GAS, TOKEN, 0, data, []]
    made = key.sign_recoverable(keccak(TYPE_2 + encode(body)), hasher=None)
    body += [made[64], int.from_bytes(made[:32]), int.from_bytes(made[32:64])]
    return TYPE_2 + encode(body)
