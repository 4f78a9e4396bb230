"""A node for tests that lies to its peers: run as `python -m tests.fire.byzantine node run FOLDER`.

The product's node with another way of sending: as a primary it proposes two different batches, and
with every vote come huge views, certificates of nothing, and votes under other members' names.
"""

import itertools

from msgspec.structs import replace

from cli.main import main
from consensus.messages import Commit, Message, Position, Prepare, PrePrepare, Signed, ViewChange
from consensus.wire import encode_signed
from ledger.certificate import Certificate
from ledger.proposal import Proposal, propose
from ledger.suite import STANDARD
from ledger.values import Address, Hash32, keccak
from node.group import GroupDriver
from node.group_network import Channel

HUGE_VIEWS = (2**20, 2**40, 2**62)
EVERY = 5
"""Unasked lies come with every fifth message, so that honest traffic still gets through."""
NOTHING = Hash32(keccak(b"a block that nobody made"))

_count = itertools.count()


def _lying_send(driver: GroupDriver, signed: Signed, to: Address | None) -> None:
    """In the place of `GroupDriver._send`."""
    peers = sorted(driver._network.connected())
    receiver = None if to is None else driver._setup.members.node_of(to)
    for place, peer in enumerate(peers):
        if receiver not in (None, peer):
            continue
        told = _told(driver, signed) if place % 2 else signed
        driver._network.send(peer, Channel.CONSENSUS, encode_signed(told))
    if next(_count) % EVERY == 0:
        for lie in _unasked(driver):
            for peer in peers:
                driver._network.send(peer, Channel.CONSENSUS, encode_signed(lie))


def _told(driver: GroupDriver, signed: Signed) -> Signed:
    """What every other peer hears: another batch, or a vote for nothing."""
    message = signed.message
    if signed.sender != driver._setup.signer.address:
        return signed
    if isinstance(message, PrePrepare) and message.proposal is not None:
        body = message.proposal
        if body.is_null or body.origin_view != message.view:
            return signed
        other = _other(body)
        place = (message.epoch, message.view, message.sequence, other.digest)
        return driver._sign(PrePrepare(*place, proposal=other))
    if isinstance(message, Prepare | Commit):
        return driver._sign(replace(message, digest=NOTHING))
    return signed


def _other(body: Proposal) -> Proposal:
    return propose(
        STANDARD,
        group=body.group,
        epoch=body.epoch,
        sequence=body.sequence,
        origin_view=body.origin_view,
        proposer=body.proposer,
        timestamp_ms=body.timestamp_ms + 1,
        transactions=body.transactions[1:],
    )


def _unasked(driver: GroupDriver) -> list[Signed]:
    status = driver._replica.status()
    own, members = driver._setup.signer.address, status.validators
    huge = HUGE_VIEWS[next(_count) % len(HUGE_VIEWS)]
    signature = driver._setup.signer.sign(NOTHING)
    signers = members[: status.quorum]
    number = status.stable + 5
    forged = Certificate(status.epoch, number, NOTHING, signers, (signature,) * len(signers))
    said: list[Message] = [
        ViewChange(status.epoch, huge, forged, ()),
        Commit(status.epoch, huge, number, NOTHING),
        Position(status.epoch, huge, True, forged),
    ]
    lies = [driver._sign(message) for message in said]
    victim = next(member for member in members if member != own)
    stolen = driver._sign(Prepare(status.epoch, status.view, status.stable + 1, NOTHING))
    return [*lies, replace(stolen, sender=victim)]


if __name__ == "__main__":
    GroupDriver._send = _lying_send  # type: ignore[method-assign]
    main()
