"""A replica that lies: an honest one whose messages are altered on their way out.

It signs with its own key only. Which lies it tells is drawn from the seed.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Signed,
    ViewChange,
)
from ledger.proposal import null_request, propose
from ledger.values import Address
from tests.simulation.fake_suite import FAKE
from tests.simulation.model_chain import ModelChain
from tests.simulation.simulated_node import SimulatedNode

if TYPE_CHECKING:
    from tests.simulation.world import World

LIES = (
    "silent",
    "mute-some",
    "equivocate",
    "vote-twice",
    "absurd-views",
    "forget",
    "wrong-header",
    "false-list",
    "repeat-signer",
)


class ByzantineNode(SimulatedNode):
    """Tells one kind of lie, or several."""

    is_honest = False

    def __init__(self, world: "World", number: int, chain: ModelChain, lies: set[str]) -> None:
        super().__init__(world, number, chain)
        self.lies = lies

    def send_consensus(self, signed: Signed, to: Address | None) -> None:
        for position, peer in enumerate(self.world.nodes):
            if peer is self or to not in (None, peer.address):
                continue
            for altered in self._altered(signed, position):
                self.world.send(self, peer, lambda p, s=altered: p.on_consensus(s))

    def on_consensus(self, signed: Signed) -> None:
        message = signed.message
        if "vote-twice" in self.lies and isinstance(message, PrePrepare | Prepare):
            place = (message.epoch, message.view, message.sequence, message.digest)
            for vote in (Prepare(*place), Commit(*place)):
                super().send_consensus(self.sign(vote), signed.sender)
        super().on_consensus(signed)

    def _altered(self, signed: Signed, position: int) -> list[Signed]:
        message, random = signed.message, self.world.random
        if "silent" in self.lies:
            return []
        if "mute-some" in self.lies and position % 2:
            return []
        if signed.sender != self.address:
            return [signed]
        if "equivocate" in self.lies and isinstance(message, PrePrepare) and position % 2:
            return [self.sign(self._other(message))]
        if "wrong-header" in self.lies and isinstance(message, Checkpoint):
            return [self.sign(replace(message, header_hash=FAKE.hash(message.header_hash)))]
        if "false-list" in self.lies and isinstance(message, NewView):
            nulls = (
                null_request(
                    FAKE,
                    group=self.world.group,
                    epoch=message.epoch,
                    sequence=message.first_sequence + index,
                ).digest
                for index in range(len(message.digests))
            )
            return [self.sign(replace(message, digests=tuple(nulls)))]
        if "repeat-signer" in self.lies and isinstance(message, ViewChange):
            return [self.sign(replace(message, prepared=self._forged(message)))]
        if "forget" in self.lies and isinstance(message, ViewChange):
            return [self.sign(ViewChange(message.epoch, message.view, message.stable, ()))]
        found: list[Signed] = [signed]
        if "absurd-views" in self.lies and random.random() < 0.1:
            view = random.choice([1, 2, 3, 7, 2**20, 2**62])
            absurd: list[Message] = [
                ViewChange(message.epoch, view, self.replica._core.stable_certificate, ()),
                Commit(message.epoch, view, self.chain.height + 1, FAKE.hash(b"absurd")),
            ]
            found.extend(self.sign(lie) for lie in absurd)
        return found

    def _forged(self, message: ViewChange) -> tuple[PreparedCertificate, ...]:
        """Null requests prepared by a quorum that is this one replica, again and again."""
        validators = self.replica._core.current.validators
        view = message.view - 1
        while view >= 0 and validators.primary(view) != self.address:
            view -= 1
        if view < 0:
            return message.prepared
        forged = []
        for offset in range(1, self.world.window_blocks + 1):
            sequence = message.stable_number + offset
            null = null_request(
                FAKE, group=self.world.group, epoch=message.epoch, sequence=sequence
            )
            place = (message.epoch, view, sequence, null.digest)
            signature = self.sign(PrePrepare(*place)).signature
            count = validators.quorum
            forged.append(
                PreparedCertificate(*place, (self.address,) * count, (signature,) * count)
            )
        return tuple(forged)

    def _other(self, message: PrePrepare) -> PrePrepare:
        body = message.proposal
        if body is None or body.is_null or body.origin_view != message.view:
            return message
        other = propose(
            FAKE,
            group=body.group,
            epoch=body.epoch,
            sequence=body.sequence,
            origin_view=body.origin_view,
            proposer=body.proposer,
            timestamp_ms=body.timestamp_ms + 1,
            transactions=body.transactions[1:],
        )
        return PrePrepare(
            message.epoch, message.view, message.sequence, other.digest, proposal=other
        )
