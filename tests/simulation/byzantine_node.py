"""A replica that lies: an honest one whose messages are altered on their way out.

It signs with its own key only; whatever else it sends is forged and has to be refused. Its lies
change in the course of a run, as the seed draws them.
"""

from collections import deque
from typing import TYPE_CHECKING

from msgspec.structs import replace

from consensus import wire
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Position,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Signed,
    ViewChange,
)
from ledger.certificate import Certificate
from ledger.proposal import Proposal, null_request, propose
from ledger.values import Address, Hash32
from tests.simulation.fake_suite import FAKE
from tests.simulation.forgeries import forgeries
from tests.simulation.model_chain import ModelChain
from tests.simulation.simulated_node import SimulatedNode

if TYPE_CHECKING:
    from tests.simulation.world import World

LIES = (
    "equivocation",
    "silence towards some",
    "forged votes",
    "replayed votes",
    "wrong checkpoints",
    "absurd views",
    "garbage certificates",
    "withheld proposals",
    "false NEW-VIEW lists",
    "forgotten locks",
    "votes for everything",
    "bad proposals",
    "repeated signers",
    "forged proofs",
)
LIES_OF_A_PRIMARY = ("equivocation", "bad proposals", "bad proposals", "withheld proposals")
OVERHEARD_COUNT = 200
FORGERIES_AT_A_TIME = 8


class ByzantineNode(SimulatedNode):
    """Tells a few kinds of lies at a time. With `fixed`, those from the beginning to the end."""

    is_honest = False

    def __init__(
        self, world: "World", number: int, chain: ModelChain, fixed: frozenset[str] | None
    ) -> None:
        super().__init__(world, number, chain)
        self.fixed = fixed
        self.lies: set[str] = set(fixed or ())
        self.overheard: deque[bytes] = deque(maxlen=OVERHEARD_COUNT)
        if fixed is None:
            self._change_lies()

    def _change_lies(self) -> None:
        random = self.world.random
        self.lies = set(random.sample(LIES, random.choice([1, 2, 3, 4])))
        self.world.after(random.randint(800, 2_500), self._change_lies)

    def start(self) -> None:
        super().start()
        self._every(300, self._make_trouble)

    def _tells(self, lie: str) -> bool:
        """Whether it lies that way now; if so, the lie is counted."""
        if lie not in self.lies:
            return False
        self.world.count(lie)
        return True

    # -- what it says unasked ---------------------------------------------------------------------

    def _make_trouble(self) -> None:
        random = self.world.random
        epoch, view = self.replica._core.current.number, self.replica._core.view
        height = self.chain.height
        stable = self.replica._core.stable_certificate
        if self._tells("absurd views"):
            absurd = random.choice([view + 1, view + 2, view + 7, 2**20, 2**62])
            self._say(ViewChange(epoch, absurd, stable, ()))
            self._say(Commit(epoch, absurd, height + 1, FAKE.hash(b"absurd")))
            self._say(Position(epoch, absurd, True, stable))
        if self._tells("forged votes"):
            victim = random.choice(self.world.nodes).address
            digest = FAKE.hash(b"forged")
            place = (epoch, view, height + random.randint(1, 3), digest)
            forged: list[Message] = [
                Prepare(*place),
                Commit(*place),
                Checkpoint(epoch, height + 1, digest),
                ViewChange(epoch, view + 1, stable, ()),
            ]
            if victim != self.address:
                signed = self.sign(random.choice(forged))
                self._send_forged(replace(signed, sender=victim))
        if self.overheard and self._tells("replayed votes"):
            for payload in random.sample(list(self.overheard), min(5, len(self.overheard))):
                self.send_payload(payload, None)
                self._dress_up(payload)
        if self._tells("false NEW-VIEW lists"):
            self._say(self._own_new_view(epoch, view))
        if self._tells("garbage certificates"):
            garbage = self._garbage(epoch, height + 5), self._garbage(epoch, height + 1)
            self._send_forged(self.sign(Position(epoch, view, True, garbage[0])))
            self._send_forged(self.sign(ViewChange(epoch, view + 1, garbage[1], ())))
        if self._tells("forged proofs"):
            found = forgeries(self)
            for signed in random.sample(found, min(FORGERIES_AT_A_TIME, len(found))):
                self._send_forged(signed)

    def _own_new_view(self, epoch: int, view: int) -> NewView:
        """A NEW-VIEW of its next turn as the primary, on nobody's VIEW-CHANGE but its own."""
        members = self.replica._core.current.validators
        turns = range(view + 1, view + members.n + 1)
        turn = next((v for v in turns if members.primary(v) == self.address), view + 1)
        change = self.sign(ViewChange(epoch, turn, self.replica._core.stable_certificate, ()))
        return NewView(epoch, turn, (change,) * members.quorum, self.chain.height + 1, ())

    def _dress_up(self, payload: bytes) -> None:
        """Another's vote as if it were of another view or epoch, under its old signature."""
        signed = wire.decode_signed(FAKE, payload)
        message = signed.message
        if isinstance(message, Prepare | Commit):
            other: Message = replace(message, view=message.view + 1)
            if self.world.random.random() < 0.5:
                other = replace(message, epoch=message.epoch + 1)
            self._send_forged(replace(signed, message=other))

    def _send_forged(self, signed: Signed) -> None:
        """What proves nothing: whoever takes it up is at fault."""
        payload = wire.encode_signed(signed)
        self.world.forged.add(payload)
        self.send_payload(payload, None)

    def _say(self, message: Message) -> None:
        self.send_payload(wire.encode_signed(self.sign(message)), None)

    def _garbage(self, epoch: int, number: int) -> Certificate:
        """A certificate of a block that is none: one signer, or signatures of something else."""
        members = self.replica._core.current.validators
        signature = self.sign(Prepare(epoch, 0, number, FAKE.hash(b"garbage"))).signature
        if self.world.random.random() < 0.5:
            return Certificate(epoch, number, FAKE.hash(b"x"), (self.address,), (signature,))
        signers = members.members[: members.quorum]
        return Certificate(epoch, number, FAKE.hash(b"x"), signers, (signature,) * len(signers))

    # -- what it makes of its own messages --------------------------------------------------------

    def send_consensus(self, signed: Signed, to: Address | None) -> None:
        for position, peer in enumerate(self.world.nodes):
            if peer is self or to not in (None, peer.address):
                continue
            for altered in self._altered(signed, position):
                payload = wire.encode_signed(altered)
                self.world.send(self, peer, lambda p, b=payload: p.on_payload(self, b))

    def on_payload(self, source: SimulatedNode, payload: bytes) -> None:
        if self.world.random.random() < 0.1:
            self.overheard.append(payload)
        super().on_payload(source, payload)

    def on_fetch(self, asker: SimulatedNode, digest: Hash32) -> None:
        if not self._tells("withheld proposals"):
            super().on_fetch(asker, digest)

    def choose_proposal(self, proposal: Proposal) -> Proposal:
        # Its turns are few and short: each of its proposals may bring it to a lie for primaries.
        if self.fixed is None and self.world.random.random() < 0.5:
            self.lies.add(self.world.random.choice(LIES_OF_A_PRIMARY))
        if not proposal.transactions or not self._tells("bad proposals"):
            return proposal
        transactions, time_ms = proposal.transactions, proposal.timestamp_ms
        match self.world.random.randint(0, 2):
            case 0:
                transactions = transactions[:1] * 2
            case 1:
                transactions = (b"x" * 1_000,)
            case _:
                time_ms += self.world.random.choice([-60_000, 60_000])
        return _changed(proposal, timestamp_ms=time_ms, transactions=transactions)

    def _altered(self, signed: Signed, position: int) -> list[Signed]:
        message = signed.message
        if position % 2 and self._tells("silence towards some"):
            return []
        if signed.sender != self.address:
            return [signed]
        match message:
            case PrePrepare():
                return self._altered_pre_prepare(signed, message, position)
            case Checkpoint() if self._tells("wrong checkpoints"):
                return [self.sign(replace(message, header_hash=FAKE.hash(message.header_hash)))]
            case NewView() if self._tells("false NEW-VIEW lists"):
                return [self.sign(replace(message, digests=self._nulls(message)))]
            case ViewChange() if self._tells("repeated signers"):
                return [self.sign(replace(message, prepared=self._forged(message)))]
            case ViewChange() if self._tells("forgotten locks"):
                return [self.sign(ViewChange(message.epoch, message.view, message.stable, ()))]
            case Prepare() if self._tells("votes for everything"):
                place = (message.epoch, message.view, message.sequence, message.digest)
                return [signed, self.sign(Commit(*place))]
            case _:
                return [signed]

    def _altered_pre_prepare(
        self, signed: Signed, message: PrePrepare, position: int
    ) -> list[Signed]:
        if self._tells("equivocation"):
            other = self.sign(self._other(message))
            # Another one to half of them, or to everyone the second one right after the first.
            return (
                [signed, other]
                if self.world.random.random() < 0.3
                else [other if position % 2 else signed]
            )
        if self._tells("withheld proposals"):
            place = (message.epoch, message.view, message.sequence, message.digest)
            bare = Signed(PrePrepare(*place), signed.sender, signed.signature)
            return [bare] if position % 3 else []
        if self._tells("votes for everything"):
            place = (message.epoch, message.view, message.sequence, message.digest)
            return [self.sign(Prepare(*place)), signed, self.sign(Commit(*place))]
        return [signed]

    def _nulls(self, message: NewView) -> tuple[Hash32, ...]:
        return tuple(
            null_request(
                FAKE,
                group=self.world.group,
                epoch=message.epoch,
                sequence=message.first_sequence + index,
            ).digest
            for index in range(len(message.digests))
        )

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
        other = _changed(
            body, timestamp_ms=body.timestamp_ms + 1, transactions=body.transactions[1:]
        )
        return PrePrepare(
            message.epoch, message.view, message.sequence, other.digest, proposal=other
        )


def _changed(body: Proposal, *, timestamp_ms: int, transactions: tuple[bytes, ...]) -> Proposal:
    return propose(
        FAKE,
        group=body.group,
        epoch=body.epoch,
        sequence=body.sequence,
        origin_view=body.origin_view,
        proposer=body.proposer,
        timestamp_ms=timestamp_ms,
        transactions=transactions,
    )
