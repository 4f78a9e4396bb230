"""Pure work done once for a whole simulated network instead of once for each node.

Decoding, signing digests and successful verification depend on their arguments alone, so that
remembering them changes nothing but the time that a run takes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from consensus import verify, wire
from consensus.messages import Signed
from node import consensus_intake

REMEMBERED_MAX = 20_000


def _remembered(work: Callable[..., Any], key: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, Any] = {}

    def remembering(*arguments: Any) -> Any:
        place = key(*arguments)
        if place not in known:
            if len(known) >= REMEMBERED_MAX:
                known.clear()
            known[place] = work(*arguments)
        return known[place]

    return remembering


@contextmanager
def remembering() -> Iterator[None]:
    """Inside, the network shares what is pure."""
    proven: dict[int, Signed] = {}

    class Remembering(verify.Verifier):
        def verify(self, signed: Signed) -> None:
            if id(signed) in proven and self.epochs(signed.message.epoch) is not None:
                return
            super().verify(signed)
            if len(proven) >= REMEMBERED_MAX:
                proven.clear()
            proven[id(signed)] = signed

    digest = _remembered(verify.signing_digest, lambda suite, group, message: (group, message))
    decode = _remembered(consensus_intake.decode_signed, lambda suite, payload: payload)
    with (
        mock.patch.object(verify, "signing_digest", digest),
        mock.patch.object(wire, "signing_digest", digest),
        mock.patch.object(consensus_intake, "decode_signed", decode),
        mock.patch.object(consensus_intake, "Verifier", Remembering),
    ):
        yield
