"""Pure work done once for a whole simulated network instead of once for each node.

Encoding, decoding and signing digests depend on their arguments alone, verification on the epochs
that it asks for as well, so that remembering them changes nothing but the time that a run takes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from unittest import mock

from consensus import log_codec, verify, wire
from consensus.epochs import Epoch
from consensus.messages import Signed
from consensus.verify import UnknownEpoch
from consensus.wire import InvalidMessage
from ledger import certificate
from node import consensus_intake, vote_log

REMEMBERED_MAX = 20_000


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


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a message proves nothing, and against which epochs it was held."""

    signed: Signed
    reason: str
    epochs: dict[int, Epoch | None]


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """By the identity of messages, which they keep alive."""

    proven: dict[int, Signed] = field(default_factory=dict)
    refused: dict[int, _Refusal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _RememberingVerifier(verify.Verifier):
    """Looks at each message once for the whole network, good or bad."""

    known: _Verdicts

    def verify(self, signed: Signed) -> None:
        if id(signed) in self.known.proven and self.epochs(signed.message.epoch) is not None:
            return
        refusal = self.known.refused.get(id(signed))
        if refusal is None or any(
            self.epochs(number) != epoch for number, epoch in refusal.epochs.items()
        ):
            self._look(signed)
        else:
            raise InvalidMessage(refusal.reason)

    def _look(self, signed: Signed) -> None:
        asked: dict[int, Epoch | None] = {}

        def ask(number: int) -> Epoch | None:
            asked[number] = self.epochs(number)
            return asked[number]

        proven, refused = self.known.proven, self.known.refused
        if len(proven) + len(refused) >= REMEMBERED_MAX:
            proven.clear()
            refused.clear()
        try:
            verify.Verifier(self.suite, self.group, ask, self.window_blocks).verify(signed)
        except UnknownEpoch:
            raise
        except InvalidMessage as error:
            refused[id(signed)] = _Refusal(signed, str(error), asked)
            raise
        proven[id(signed)] = signed


@contextmanager
def remembering() -> Iterator[None]:
    """Inside, the network shares what is pure."""
    by_value = lru_cache(REMEMBERED_MAX)
    digest = by_value(wire.signing_digest)
    proof = by_value(certificate.encode_certificate)
    verifier = partial(_RememberingVerifier, known=_Verdicts())
    with (
        mock.patch.object(
            certificate, "checkpoint_digest", by_value(certificate.checkpoint_digest)
        ),
        mock.patch.object(verify, "signing_digest", digest),
        mock.patch.object(wire, "signing_digest", digest),
        mock.patch.object(wire, "encode_certificate", proof),
        mock.patch.object(log_codec, "encode_certificate", proof),
        mock.patch.object(wire, "encode_signed", _by_identity(wire.encode_signed)),
        mock.patch.object(vote_log, "encode_entry", by_value(vote_log.encode_entry)),
        mock.patch.object(consensus_intake, "decode_signed", by_value(wire.decode_signed)),
        mock.patch.object(consensus_intake, "Verifier", verifier),
    ):
        yield
