"""A link that is flooded leaves the rest of the node its turns."""

import asyncio
from itertools import pairwise
from typing import Any

from node.p2p.frames import Pong, encode_frame
from node.p2p.limits import DEFAULT_LIMITS
from node.p2p.link import Link
from node.stages import Stages

FRAMES = 4_000
FRAMES_A_TURN_MAX = 200


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
