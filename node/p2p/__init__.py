"""The peer-to-peer network between nodes: mutual TLS 1.3, groups, priorities, credit.

What a node sees of it is `PeerNetwork`:

    network = PeerNetwork(identity, membership, suite, ("0.0.0.0", 30300))
    await network.start()
    network.register(genesis_hash, handler, is_member)
    network.send("tax/tax-1", genesis_hash, Channel.CONSENSUS, payload)
    blocks = await network.request("tax/tax-1", genesis_hash, "blocks", payload, timeout_s=5)

It moves bytes between authenticated nodes and knows nothing of consensus, blocks or transactions.

**Who gets in.** A node's certificate names its node id. The handshake is TLS 1.3 with certificates
on both sides; a stranger's CA, an expired certificate, an older TLS or plain text end there. Then
the certificate must come from the CA of the very organisation that the node id names, not be
revoked, and the node must stand in the membership document (`trust`). There is no other mode. Each
refusal is logged with its reason and counted by it (`Counters.refused`). A newer membership
document, or an organisation's revocation list, takes effect on living connections, and nodes hand
both on to their peers.

**One connection a pair.** It carries all groups, and its hello names none. Both sides dial; of two
connections made at once, the one dialled by the lower node id stays. A lost peer is dialled again
after a growing, capped, jittered delay.

**Groups.** Every frame names its group by genesis hash. A frame of a group that this node does not
carry, or from a node that is no member of it, is dropped and counted, never answered, and no
reason to disconnect. OPEN frames tell members, and nobody else, that this node is ready.

**Order and isolation.** A message is cut into small parts. CONSENSUS goes ahead of GOSSIP ahead of
BULK; in a class, groups take turns part by part. In each lane of each group a peer has credit: the
bytes that it may have sent and this node not yet read. A slow handler stops its own lane and no
other. Order is kept within a lane.

**Faults.** A peer that breaks the framing (lengths, offsets, credit) is disconnected with the
reason in the log. A queue that is full refuses what is new, and `send` says so. A connection that
ends loses its queues: the layers above send again when `on_connect` or `on_open` tells them.
"""

from node.p2p.counters import Counters
from node.p2p.frames import Channel
from node.p2p.groups import Handler, MembersPredicate
from node.p2p.limits import DEFAULT_LIMITS, Limits
from node.p2p.network import PeerNetwork, PeerState
from node.p2p.requests import Outcome, RefusedRequest, RequestFailed, ServeRequest
from node.p2p.trust import Refusal

__all__ = [
    "DEFAULT_LIMITS",
    "Channel",
    "Counters",
    "Handler",
    "Limits",
    "MembersPredicate",
    "Outcome",
    "PeerNetwork",
    "PeerState",
    "Refusal",
    "RefusedRequest",
    "RequestFailed",
    "ServeRequest",
]
