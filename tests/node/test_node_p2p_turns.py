"""A link that is flooded, and a door that is besieged, leave the rest of the node its turns."""

import asyncio
import socket
from dataclasses import replace
from itertools import pairwise
from typing import Any

from structlog.testing import capture_logs

from node.p2p.frames import Pong, encode_frame
from node.p2p.limits import DEFAULT_LIMITS
from node.p2p.link import Link
from node.rare_lines import LINES_AT_ONCE_MAX
from node.stages import Stages

FRAMES = 4_000
FRAMES_A_TURN_MAX = 200
STRANGERS = 400
STRANGERS_A_TURN_MAX = 64


class _Deaf:
    """A writer that nobody listens to, and its transport."""

    @property
    def transport(self) -> "_Deaf":
        return self

    def set_write_buffer_limits(self, high: int) -> None:
        assert high > 0

    def is_closing(self) -> bool:
        return True


async def test_small_frames_that_came_at_once_are_not_handled_at_once() -> None:
    reader: Any = asyncio.StreamReader(limit=1 << 20)
    reader.feed_data(encode_frame(Pong(1)) * FRAMES)
    writer: Any = _Deaf()
    certificate: Any = None
    streams = (reader, writer)
    link = Link("a/a-1", certificate, streams, DEFAULT_LIMITS, dialled=True, stages=Stages())
    handled = 0
    seen = [0]

    def on_frame(*_: object) -> None:
        nonlocal handled
        handled += 1
        if handled == FRAMES:
            link.close("done")

    running = asyncio.create_task(link.run(on_frame))
    while not running.done():
        await asyncio.sleep(0)
        seen.append(handled)
    assert handled == FRAMES
    assert max(after - before for before, after in pairwise(seen)) <= FRAMES_A_TURN_MAX


async def test_strangers_that_came_at_once_are_not_turned_away_at_once(consortium, quick_limits):
    limits = replace(quick_limits, handshakes_count_max=0)
    tax = await consortium.start("tax/tax-1", limits=limits)
    # Blocking on purpose: the kernel takes them all in before the node has its next turn.
    strangers = [
        socket.create_connection(tax.address, source_address=("127.0.0.2", 0))
        for _ in range(STRANGERS)
    ]
    seen = [0]
    with capture_logs() as logs:
        while seen[-1] < STRANGERS:
            await asyncio.sleep(0)
            seen.append(tax.metrics.refused["too_many"])
    told = [entry for entry in logs if entry["event"] == "p2p.refused"]
    assert 0 < len(told) <= LINES_AT_ONCE_MAX, "a siege is counted, and told of in part"
    assert max(after - before for before, after in pairwise(seen)) <= STRANGERS_A_TURN_MAX
    for stranger in strangers:
        stranger.close()
