"""Each peer tried at its address with this node's certificate: who answers, and what it says.

While the node runs, a handshake alone: a second hello would look like a second node. While it is
down, the hello too, after which a peer names its membership version and opens the groups that it
shares with this node; so a genesis file that differs from the others' shows without a start.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cli.finding import Finding
from cli.finding_codes import Code
from ledger.genesis import Genesis, genesis_block
from node.config import ConfigurationError, NodeConfig, NodeFolder
from node.group_assembly import read_genesis
from node.membership import parse_host_port
from node.p2p.entrance import Entrance
from node.p2p.frames import Frame, Open
from node.p2p.limits import DEFAULT_LIMITS
from node.p2p.link import Link
from node.p2p.tls import client_context, peer_certificate, refusal_of
from node.p2p.trust import Refusal, RefusedPeer, Trust
from node.pki import NodeIdentity
from node.stages import Stages

LISTEN_S = 1.5
"""How long a peer may take to open its groups; it does so in its first frames."""
PEERS_AT_ONCE_MAX = 32

_REMEDIES = {
    Refusal.UNREACHABLE: "look whether that node runs, whether the address in node.toml is right, "
    "and whether a firewall is between",
    Refusal.HANDSHAKE_TIMEOUT: "look whether that node stands still, or something else listens",
    Refusal.OTHER_NODE: "correct the address in node.toml",
    Refusal.OWN_NODE: "correct the address in node.toml: it is this node's own",
    Refusal.PLAINTEXT: "correct the address in node.toml: no node listens there",
}
_OTHER_REMEDY = "compare certificates and membership documents of the two nodes"


@dataclass(frozen=True)
class Answer:
    """What a peer said: its membership version (0 if it was not asked), the groups it opened."""

    membership_version: int
    groups: frozenset[bytes]


def findings_of_peers(
    folder: NodeFolder,
    config: NodeConfig,
    identity: NodeIdentity,
    trust: Trust,
    *,
    is_down: bool,
) -> list[Finding]:
    """A finding for each peer, and what their answers say together."""
    addresses = {
        **{node: text for node, text in trust.membership.nodes.items() if node != config.node_id},
        **{peer.node: peer.address for peer in config.peer},
    }
    results = asyncio.run(_ask_all(addresses, identity, trust, is_down=is_down))
    answers = {peer: found for peer, found in results.items() if isinstance(found, Answer)}
    findings = [_of_peer(peer, addresses[peer], result) for peer, result in sorted(results.items())]
    if is_down:
        findings += _of_membership(trust.membership.version, answers)
        findings += _of_genesis(folder, config, answers)
    return findings


async def _ask_all(
    addresses: dict[str, str], identity: NodeIdentity, trust: Trust, *, is_down: bool
) -> dict[str, Answer | RefusedPeer]:
    places = asyncio.Semaphore(PEERS_AT_ONCE_MAX)

    async def ask(peer: str, address: str) -> Answer | RefusedPeer:
        async with places:
            try:
                host, port = parse_host_port(address)
                if is_down:
                    return await _greet(peer, host, port, identity, trust)
                return await _shake_hands(peer, host, port, identity, trust)
            except RefusedPeer as refusal:
                return refusal
            except ValueError as error:
                return RefusedPeer(Refusal.UNREACHABLE, str(error))

    found = await asyncio.gather(*(ask(*entry) for entry in addresses.items()))
    return dict(zip(addresses, found, strict=True))


async def _greet(peer: str, host: str, port: int, identity: NodeIdentity, trust: Trust) -> Answer:
    """As the node itself would connect. Raises RefusedPeer."""
    entrance = Entrance(
        identity,
        trust,
        secrets.token_bytes(16),
        DEFAULT_LIMITS,
        now=lambda: datetime.now(UTC),
        stages=Stages(),
    )
    link = await entrance.dial(peer, host, port)
    groups: set[bytes] = set()

    def on_frame(_: Link, frame: Frame) -> None:
        if isinstance(frame, Open) and frame.generation:
            groups.add(frame.group)

    version = link.peer.membership_version
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LISTEN_S):
            await link.run(on_frame)
    link.close("stopped")
    link.abandon()
    await link.wait_transport_closed()
    return Answer(version, frozenset(groups))


async def _shake_hands(
    peer: str, host: str, port: int, identity: NodeIdentity, trust: Trust
) -> Answer:
    """TLS only, and who it was. Raises RefusedPeer."""
    writer = None
    try:
        async with asyncio.timeout(DEFAULT_LIMITS.connect_timeout_s):
            _, writer = await asyncio.open_connection(
                host, port, ssl=client_context(identity, trust), server_hostname=""
            )
        found = trust.check_certificate(
            peer_certificate(writer.get_extra_info("ssl_object")), datetime.now(UTC)
        )
    except (OSError, EOFError) as error:
        raise refusal_of(error) from error
    finally:
        if writer is not None:
            writer.transport.abort()
    if found != peer:
        raise RefusedPeer(Refusal.OTHER_NODE, f"got {found!r}")
    return Answer(0, frozenset())


def _of_peer(peer: str, address: str, result: Answer | RefusedPeer) -> Finding:
    what = f"peer {peer}"
    if isinstance(result, Answer):
        return Finding(Code.PEER, what, True, f"answers at {address}")
    return Finding(
        Code.PEER,
        what,
        False,
        f"expected {peer} to answer at {address}, found {result.reason.value}: {result}",
        _REMEDIES.get(result.reason, _OTHER_REMEDY),
    )


def _of_membership(own: int, answers: dict[str, Answer]) -> Iterator[Finding]:
    newest = max((answer.membership_version for answer in answers.values()), default=0)
    if newest <= own:
        return
    holders = [peer for peer, found in answers.items() if found.membership_version == newest]
    yield Finding(
        Code.MEMBERSHIP_OLD,
        "membership document",
        False,
        f"expected version {newest}, as {', '.join(sorted(holders))} has it, found version {own}",
        "start the node: a peer hands the newer one over; or: quorate member publish NODE_DIR FILE",
    )


def _of_genesis(
    folder: NodeFolder, config: NodeConfig, answers: dict[str, Answer]
) -> Iterator[Finding]:
    opened = frozenset[bytes]().union(*(answer.groups for answer in answers.values()))
    for group in config.group:
        try:
            genesis = read_genesis(folder.group(group.name))
        except ConfigurationError:
            continue  # said already
        own = genesis_block(genesis).hash
        listed = _members(genesis) & set(answers)
        if not listed or own in opened:
            continue
        others = ", ".join(f"0x{found.hex()}" for found in sorted(opened)) or "none"
        yield Finding(
            Code.GENESIS_DIFFERS,
            f"genesis of {group.name}",
            False,
            f"expected {', '.join(sorted(listed))} to share group 0x{own.hex()}, found that they "
            f"share with this node: {others}",
            f"get genesis.json of {group.name} from two of them, compare, and copy it to "
            f"{folder.group(group.name).genesis}",
        )


def _members(genesis: Genesis) -> set[str]:
    return {e.node for e in genesis.validators} | {e.node for e in genesis.observers}
