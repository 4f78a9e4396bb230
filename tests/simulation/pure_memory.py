"""Pure work done once for a whole simulated network instead of once for each node.

Encoding, decoding, signing digests and successful verification depend on their arguments alone, so
that remembering them changes nothing but the time that a run takes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from consensus import log_codec, verify, wire
from consensus.messages import Signed
from node import consensus_intake, vote_log

REMEMBERED_MAX = 20_000


def _by_last(work: Callable[..., Any]) -> Callable[..., Any]:
    """Remembers by the last argument: those before it are the same for all of a network."""
    known: dict[Any, Any] = {}

    def remembering(*arguments: Any) -> Any:
        value = arguments[-1]
        found = known.get(value)
        if found is None:
            if len(known) >= REMEMBERED_MAX:
                known.clear()
            found = known[value] = work(*arguments)
        return found

    return remembering


def _by_identity(work: Callable[[Signed], bytes]) -> Callable[[Signed], bytes]:
    """For messages: equal ones may differ, as a proposal's body is no part of equality."""
    known: dict[int, tuple[Signed, bytes]] = {}

    def remembering(signed: Signed) -> bytes:
        found = known.get(id(signed))
        if found is None:
            if len(known) >= REMEMBERED_MAX:
                known.clear()
            found = known[id(signed)] = signed, work(signed)
        return found[1]

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

    digest = _by_last(wire.signing_digest)
    certificate = _by_last(wire.encode_certificate)
    with (
        mock.patch.object(verify, "signing_digest", digest),
        mock.patch.object(wire, "signing_digest", digest),
        mock.patch.object(wire, "encode_certificate", certificate),
        mock.patch.object(log_codec, "encode_certificate", certificate),
        mock.patch.object(wire, "encode_signed", _by_identity(wire.encode_signed)),
        mock.patch.object(vote_log, "encode_entry", _by_last(vote_log.encode_entry)),
        mock.patch.object(consensus_intake, "decode_signed", _by_last(wire.decode_signed)),
        mock.patch.object(consensus_intake, "Verifier", Remembering),
    ):
        yield
