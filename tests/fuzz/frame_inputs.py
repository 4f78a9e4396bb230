"""What a hostile peer sends next: whole, damaged and lying frames, drawn from a seeded generator.

Most keep to the framing, so that they get past the first check and the connection lives; some break
it on purpose. The same seed draws the same choices; what it damages also depends on what was heard.
"""

from collections.abc import Mapping, Sequence
from random import Random

from ledger.codec import encode
from node.p2p import requests as lanes
from node.p2p.frames import (
    GROUP_BYTES,
    PREFIX_BYTES,
    Credit,
    Hello,
    Lane,
    MembershipDocument,
    Open,
    Ping,
    Pong,
    RevocationDocument,
    encode_data,
    encode_frame,
)
from node.peer_groups import METHOD
from node.requests import BatchRequest, BlocksRequest, EnvelopeDelivery, HeaderRequest
from node.requests import encode_request as encode_group_request
from tests.fuzz.consensus_subjects import subjects as consensus_subjects
from tests.fuzz.ledger_subjects import HASH, raw_transactions
from tests.fuzz.mutate import of_bytes, of_json, of_rlp

CHUNK_BYTES_MAX = 16_384
METHODS = (METHOD, METHOD, METHOD, "tell", "x" * 64)
_ODD = (0, 1, 255, 2**16, 2**24, 2**31, 2**32 - 1)
_LIVE = 0.985
"""So much of what is drawn keeps the connection: making one anew costs more than sending."""


class FrameInputs:
    """Draws inputs. `document` is the network's membership document, `crl` one organisation's."""

    def __init__(self, seed: int, document: bytes, crl: bytes) -> None:
        self._random = Random(seed)
        self._document, self._crl = document, crl
        requests = (
            BlocksRequest(1, 64),
            BatchRequest(HASH),
            EnvelopeDelivery("tax", b"sealed"),
            HeaderRequest(1, HASH),
        )
        asked = [encode_group_request(request) for request in requests]
        consensus = [bytes(sample) for sample in consensus_subjects()[0].samples]
        self._samples: Mapping[Lane, Sequence[bytes]] = {
            Lane.CONSENSUS: consensus,
            Lane.GOSSIP: [encode(raw_transactions()), encode([])],
            Lane.BULK: [*consensus, b""],
            Lane.REQUEST: [
                lanes.encode_request(lanes.Request(number, METHOD, payload))
                for number, payload in enumerate(asked)
            ],
            Lane.RESPONSE: [
                lanes.encode_response(lanes.Response(7, status, asked[0]))
                for status in lanes.Status
            ],
        }

    def hello(self) -> bytes | None:
        """None for a proper hello; now and then other bytes in its place."""
        if self._random.random() < _LIVE:
            return None
        whole = encode_frame(Hello(self._random.randbytes(16), self._random.choice(_ODD)))
        return self._random.choice((whole + whole, of_bytes(self._random, (whole,)), b"GET / \r\n"))

    def draw(
        self, generations: Mapping[bytes, int], heard: Mapping[Lane, Sequence[bytes]]
    ) -> bytes:
        """Bytes of one or more frames."""
        random = self._random
        if not generations or random.random() > _LIVE:
            return self._broken(generations)
        group = random.choice(sorted(generations))
        return random.choice((self._message, self._message, self._message, self._control))(
            group, generations[group], heard
        )

    def _message(
        self, group: bytes, generation: int, heard: Mapping[Lane, Sequence[bytes]]
    ) -> bytes:
        """A message in proper frames whose contents are damaged, or come out of place."""
        random = self._random
        lane = random.choice(tuple(Lane))
        known = [*self._samples[lane], *heard[lane], *heard[lane]]
        damage = random.choice((of_bytes, of_rlp, None))
        if lane is Lane.REQUEST and random.random() < 0.5:
            message = self._request(known)
        elif damage is None:
            message = random.choice(known)
        else:
            message = damage(random, [sample for sample in known if sample] or [b"\xc0"])
        return framed(group, lane, generation, message)

    def _request(self, known: Sequence[bytes]) -> bytes:
        random = self._random
        method = random.choice(METHODS)
        payload = of_rlp(random, [sample[10:] or b"\xc0" for sample in known])
        return lanes.encode_request(lanes.Request(random.choice(_ODD), method, payload))

    def _control(
        self, group: bytes, generation: int, heard: Mapping[Lane, Sequence[bytes]]
    ) -> bytes:
        """A frame in good form that lies: other groups and generations, credit, documents."""
        random = self._random
        number = random.choice(_ODD)
        other = random.choice((bytes(GROUP_BYTES), random.randbytes(GROUP_BYTES), group[::-1]))
        lane = random.choice(tuple(Lane))
        choices = (
            lambda: encode_frame(Ping(number)) * random.choice((1, 1, 500)),
            lambda: encode_frame(Pong(number)),
            lambda: encode_frame(Open(other, number, random.random() < 0.5)),
            lambda: encode_frame(Open(group, random.choice((0, 1, 2, number)), True)),
            lambda: encode_frame(Credit(other, lane, generation, number)),
            lambda: encode_frame(Credit(group, lane, random.choice((generation, number)), 1)),
            lambda: framed(other, lane, generation, random.randbytes(900)),
            lambda: framed(group, lane, number, random.randbytes(900)),
            lambda: framed(group, lane, generation, b""),
        )
        return random.choice(choices)()

    def _broken(self, generations: Mapping[bytes, int]) -> bytes:
        """What costs the connection."""
        random = self._random
        group = next(iter(generations), bytes(GROUP_BYTES))
        generation, number = generations.get(group, 1), random.choice(_ODD)
        lane = random.choice(tuple(Lane))
        data = framed(group, lane, generation, b"message")
        choices = (
            lambda: encode_frame(MembershipDocument(of_json(random, (self._document,)))),
            lambda: encode_frame(RevocationDocument(random.randbytes(32), self._crl)),
            lambda: encode_frame(
                RevocationDocument(bytes(32), of_bytes(random, (self._crl,))[: 1 << 16] or b"x")
            ),
            lambda: encode_frame(Hello(random.randbytes(16), number)),
            lambda: encode_frame(Credit(group, lane, generation, number)),
            lambda: encode_data(group, lane, generation, offset=number, total=number, part=b""),
            lambda: encode_data(group, lane, generation, offset=0, total=number, part=b"part"),
            lambda: of_bytes(random, (data,)),
            lambda: number.to_bytes(4) + bytes([random.randrange(256)]) + data[PREFIX_BYTES:],
            lambda: random.randbytes(random.randrange(1, 5_000)),
        )
        return random.choice(choices)()


def framed(group: bytes, lane: Lane, generation: int, message: bytes) -> bytes:
    """A whole message in frames as an honest sender cuts it."""
    return b"".join(
        encode_data(
            group,
            lane,
            generation,
            offset=offset,
            total=len(message),
            part=message[offset : offset + CHUNK_BYTES_MAX],
        )
        for offset in range(0, max(1, len(message)), CHUNK_BYTES_MAX)
    )
