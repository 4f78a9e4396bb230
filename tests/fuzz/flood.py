"""A peer that floods: `python -m tests.fuzz.flood KIND SECONDS ADDRESS CERTIFICATE KEY`.

A process of its own, as fast as the node takes it. A connection that the node ends is made anew.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from ledger.codec import encode
from node.p2p import requests as lanes
from node.p2p.frames import GROUP_BYTES, Lane, Open, Ping, encode_data, encode_frame
from node.peer_groups import METHOD
from node.pki import NodeIdentity
from node.requests import BlocksRequest
from node.requests import encode_request as encode_group_request
from tests.fuzz.frame_inputs import framed
from tests.fuzz.hostile_peer import HostilePeer, PeerGone
from tests.fuzz.ledger_subjects import raw_transactions

_FRAMES = 200
_PAUSE_S = 0.02
_RANDOM = Random(1)


def _pings(_: HostilePeer) -> bytes:
    return encode_frame(Ping(7)) * (10 * _FRAMES)


def _unknown_group(_: HostilePeer) -> bytes:
    return framed(bytes(GROUP_BYTES), Lane.BULK, 1, bytes(16_384)) * 20


def _stale(peer: HostilePeer) -> bytes:
    return framed(_group(peer), Lane.CONSENSUS, 2**31, b"old") * _FRAMES


def _opens(peer: HostilePeer) -> bytes:
    return encode_frame(Open(_group(peer), 1, wants_reply=True)) * _FRAMES


def _consensus(peer: HostilePeer) -> bytes:
    """What the node itself said, back to it: well formed, and each with a signature to check."""
    group = _group(peer)
    messages = list(peer.heard[Lane.CONSENSUS]) or [b"\xc0"]
    return b"".join(
        framed(group, Lane.CONSENSUS, peer.generations[group], _RANDOM.choice(messages))
        for _ in range(_FRAMES)
    )


def _gossip(peer: HostilePeer) -> bytes:
    group, raws = _group(peer), list(raw_transactions())
    return framed(group, Lane.GOSSIP, peer.generations[group], encode(raws)) * _FRAMES


def _requests(peer: HostilePeer) -> bytes:
    group = _group(peer)
    asked = encode_group_request(BlocksRequest(1, 64))
    message = lanes.encode_request(lanes.Request(_RANDOM.randrange(2**32), METHOD, asked))
    return framed(group, Lane.REQUEST, peer.generations[group], message) * _FRAMES


def _broken(peer: HostilePeer) -> bytes:
    return encode_data(_group(peer), Lane.GOSSIP, 1, offset=9, total=2, part=b"")


def _group(peer: HostilePeer) -> bytes:
    return next(iter(peer.generations), bytes(GROUP_BYTES))


KINDS: dict[str, Callable[[HostilePeer], bytes]] = {
    "pings": _pings,
    "unknown-group": _unknown_group,
    "stale": _stale,
    "opens": _opens,
    "consensus": _consensus,
    "gossip": _gossip,
    "requests": _requests,
    "broken": _broken,
}


def flood(
    kind: str, address: tuple[str, int], identity: NodeIdentity, seconds: float
) -> dict[str, int]:
    """Bytes sent and connections made."""
    peer: HostilePeer | None = None
    sent_bytes = connections = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if peer is None:
                connections += 1
                peer = HostilePeer(address, identity)
                peer.wait_open()
            data = KINDS[kind](peer)
            peer.send(data)
            sent_bytes += len(data)
        except PeerGone:
            if peer is not None:
                peer.close()
            peer = None
            time.sleep(_PAUSE_S)
    return {"sent_kib": sent_bytes >> 10, "connections": connections}


def main() -> None:
    """The figures as JSON on standard output."""
    kind, seconds, address, certificate, key = sys.argv[1:]
    host, _, port = address.rpartition(":")
    identity = NodeIdentity.load(Path(certificate), Path(key))
    print(json.dumps(flood(kind, (host, int(port)), identity, float(seconds))))


if __name__ == "__main__":
    main()
