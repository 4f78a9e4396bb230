"""Estimates hold in contracts that forward gas, refund it, or live through an inner failure."""

import pytest

from client.rpc import Client, TransactionReverted
from ledger.values import address_from_hex, to_hex
from tests.rpc.local_network import ServedNode, account


def deploy(client: Client, runtime: bytes) -> str:
    """Init code that returns the runtime."""
    size = len(runtime)
    creation = bytes((0x60, size, 0x60, 0x0B, 0x5F, 0x39, 0x60, size, 0x5F, 0xF3, 0x00)) + runtime
    sent = client.send_transaction(account("author"), None, creation)
    return str(client.confirm(sent)["contractAddress"])


LOOP = bytes.fromhex("61012c5b6001900380600357505f545f5260205ff3")
"""Counts from 300 down to nothing, then returns slot 0."""


def caller(target: str) -> bytes:
    """Calls the target with all gas; stores 1 if that succeeded, 2 if it failed."""
    return (
        bytes.fromhex("5f5f5f5f5f73")
        + address_from_hex(target)
        + bytes.fromhex("5af1")  # call with all gas
        + bytes.fromhex("6002035f5500")  # sstore(0, 2 - success): 1 or 2
    )


@pytest.mark.parametrize("depth", [1, 3])
def test_an_estimate_reaches_the_innermost_frame(served: ServedNode, depth: int) -> None:
    client = served.client()
    target = deploy(client, LOOP)
    chain = []
    for _ in range(depth):
        target = deploy(client, caller(target))
        chain.append(target)
    message = {"from": account("author").address, "to": target}
    gas = client.estimate_gas(message)
    sent = client.send_transaction(account("author"), target, gas=gas)
    client.confirm(sent)
    assert [client.storage(contract, 0) for contract in chain] == [1] * depth


def test_an_estimate_covers_what_is_refunded_later(served: ServedNode) -> None:
    """Clearing a slot gives back gas only at the end."""
    client = served.client()
    toggle = deploy(client, bytes.fromhex("5f54155f5500"))
    for _ in range(2):
        gas = client.estimate_gas({"from": account("author").address, "to": toggle})
        client.confirm(client.send_transaction(account("author"), toggle, gas=gas))
    assert client.storage(toggle, 0) == 0


def test_what_fails_at_any_gas_has_no_estimate(served: ServedNode) -> None:
    client = served.client()
    reverting = deploy(client, bytes.fromhex("5f5ffd"))
    with pytest.raises(TransactionReverted, match="execution reverted"):
        client.estimate_gas({"to": reverting})
    with pytest.raises(TransactionReverted):
        client.call(reverting, b"")


def test_a_gas_limit_given_is_the_most(served: ServedNode) -> None:
    client = served.client()
    looping = deploy(client, LOOP)
    (failure,) = client.batch([("eth_estimateGas", [{"to": looping, "gas": hex(22_000)}])])
    assert "out of gas" in failure.message
    assert to_hex(bytes(32)) == to_hex(client.call(looping, b""))
