"""A handshake that fails leaves nothing for the garbage collector, which looks seldom in a node.

A TLS connection holds a quarter of a megabyte; whoever besieges the door makes thousands.
"""

import asyncio
import gc
import socket
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator
from dataclasses import replace

import pytest

TAX, MARKET = "tax/tax-1", "market/market-1"
STRANGERS = 20


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _left() -> int:
    return sum(1 for thing in gc.get_objects() if isinstance(thing, SSLProtocol))


async def _gone() -> bool:
    """The transports' last callbacks come a few turns later."""
    for _ in range(50):
        if _left() == 0:
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n\r\n", None])
async def test_strangers_that_fail_leave_nothing(consortium, quick_limits, no_collector, sent):
    """Whoever closes, whoever speaks something else, whoever says nothing for too long."""
    limits = replace(quick_limits, handshake_timeout_s=0.2 if sent is None else 5)
    tax = await consortium.start(TAX, limits=limits)
    for _ in range(STRANGERS):
        stranger = socket.create_connection(tax.address, source_address=("127.0.0.2", 0))
        if sent:
            stranger.sendall(sent)
        if sent == b"":
            stranger.close()
        await asyncio.sleep(0.02)
        if sent:
            stranger.close()
        if sent is None:
            consortium.raw.append(stranger)
    reason = {b"": "closed", None: "handshake_timeout"}.get(sent, "plaintext")
    await tax.metrics.refused.reaches(reason, STRANGERS)
    assert await _gone(), f"{_left()} of {STRANGERS} failed connections still hold their memory"


async def test_a_peer_that_cannot_be_dialled_leaves_nothing(consortium, no_collector):
    async def hang_up(_: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    tax = await consortium.start(TAX)
    tax.set_address(MARKET, "{}:{}".format(*server.sockets[0].getsockname()))
    await tax.metrics.refused.reaches("closed", STRANGERS)
    await tax.stop()
    server.close()
    assert await _gone(), f"{_left()} failed connections still hold their memory"
