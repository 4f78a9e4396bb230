"""A certificate tried out in memory, before it is put in place: would the peers take it?

The very contexts and checks that connections go through, with this node on both ends.
"""

from __future__ import annotations

import ssl
from datetime import datetime

from node.p2p.tls import client_context, refusal_of, server_context
from node.p2p.trust import Trust
from node.pki import NodeIdentity

_TURNS_MAX = 10
"""A handshake takes two turns of each side; more means that it does not end."""


def rehearse(identity: NodeIdentity, trust: Trust, now: datetime) -> None:
    """Raises RefusedPeer with the reason that a peer with the same trust would have at `now`."""
    trust.check_certificate(identity.certificate, now)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        server = server_context(identity, trust).wrap_bio(to_server, to_client, server_side=True)
        client = client_context(identity, trust).wrap_bio(to_client, to_server)
        waiting = [client, server]
        for _ in range(_TURNS_MAX):
            waiting = [side for side in waiting if not _advance(side)]
            if not waiting:
                return
    except ssl.SSLError as error:
        raise refusal_of(error) from error
    raise refusal_of(ssl.SSLError("the handshake does not end"))


def _advance(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
