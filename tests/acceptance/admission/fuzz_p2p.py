"""A peer with a valid certificate sends damaged and lying frames: the group goes on, no node grows.

Four departments. One of them is stopped, and in its place, with its certificate, a seeded fuzzer
speaks to each of the other three: no crash, memory bounded, every transaction in a block in time.
"""

import collections
import time
from pathlib import Path
from typing import Any

from node.config import NodeFolder
from node.pki import NodeIdentity, OrganisationCA
from tests.acceptance.harness import Network, fetch, quorate, running_network
from tests.acceptance.vital_signs import MIB, VitalSigns, metric, show
from tests.fuzz.frame_inputs import FrameInputs
from tests.fuzz.hostile_peer import HostilePeer, PeerGone

HOSTILE = "audit-1"
BLOCK_S_MAX = 10.0
GROWTH_BYTES_MAX = 256 * MIB
"""What the windows and queues of one peer may hold, and what Python keeps besides."""
PAUSE_S = 0.02
LAST_INPUTS = 400


def run(folder: Path, *, seconds: float = 600, seed: int = 1) -> dict[str, Any]:
    """Fuzz for `seconds`; how much was sent, and the watched nodes' figures."""
    with running_network(folder / "network") as network:
        others = [name for name in network.urls if name != HOSTILE]
        inputs = FrameInputs(seed, *_documents(network, folder))
        quorate("network", "down", network.folder, "--node", HOSTILE)
        with VitalSigns(
            network, others, block_s_max=BLOCK_S_MAX, growth_bytes_max=GROWTH_BYTES_MAX
        ) as signs:
            sent = _attack(network, others, inputs, seconds, signs, folder / "last-inputs.txt")
        figures = {"seed": seed, "seconds": seconds, **sent, **signs.check()}
        pages = [fetch(network.urls[name], "/metrics") for name in others]
        figures["frames_dropped"] = sum(metric(p, "quorate_frames_dropped_total") for p in pages)
        network.up(HOSTILE)
    show(figures)
    assert figures["frames_dropped"] > 0
    assert figures["connections"] > len(others)
    return figures


def _documents(network: Network, folder: Path) -> tuple[bytes, bytes]:
    office, crl = network.folder / "organisations" / "audit", folder / "audit.crl"
    from datetime import UTC, datetime

    authority = OrganisationCA.load(office)
    crl.write_bytes(authority.crl(datetime.now(UTC)))
    return node_folder(network, HOSTILE).membership.read_bytes(), crl.read_bytes()


def _attack(
    network: Network,
    others: list[str],
    inputs: FrameInputs,
    seconds: float,
    signs: VitalSigns,
    record: Path,
) -> dict[str, Any]:
    """Speak to one node after the other, with a new connection whenever one ends."""
    identity, last = identity_of(network, HOSTILE), collections.deque[str](maxlen=LAST_INPUTS)
    peers: dict[str, HostilePeer] = {}
    farewells: collections.Counter[str] = collections.Counter()
    messages = sent_bytes = connections = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not signs.has_failed:
        for name in others:
            try:
                peer = peers.get(name)
                if peer is None:
                    connections += 1
                    peer = peers[name] = HostilePeer(
                        p2p_address(network, name), identity, inputs.hello()
                    )
                    peer.wait_open()
                data = inputs.draw(peer.generations, peer.heard)
                last.append(f"{name} {data[:2_000].hex()}")
                peer.send(data)
                messages, sent_bytes = messages + 1, sent_bytes + len(data)
            except PeerGone as gone:
                farewells[str(gone)[:60]] += 1
                if (ended := peers.pop(name, None)) is not None:
                    ended.close()
                time.sleep(PAUSE_S)
    for peer in peers.values():
        peer.close()
    record.write_text("\n".join(last), encoding="ascii")
    return {
        "inputs": messages,
        "mib": round(sent_bytes / MIB, 1),
        "connections": connections,
        "farewells": dict(farewells.most_common(12)),
    }


def node_folder(network: Network, name: str) -> NodeFolder:
    """The folder of a node."""
    directory = next(node["dir"] for node in network.nodes if node["name"] == name)
    return NodeFolder(network.folder / directory)


def p2p_address(network: Network, name: str) -> tuple[str, int]:
    """Where a node listens for peers."""
    host, _, port = next(n["p2p"] for n in network.nodes if n["name"] == name).rpartition(":")
    return host, int(port)


def identity_of(network: Network, name: str) -> NodeIdentity:
    """A node's certificate and key."""
    folder = node_folder(network, name)
    return NodeIdentity.load(folder.tls_certificate, folder.tls_key)
