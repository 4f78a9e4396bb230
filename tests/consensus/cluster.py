"""A few replicas in lock step: messages wait until they are told to go, time until it is told to.

Logs are lists of encoded entries, execution is a hash and immediate. The smallest driver there is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from consensus import effects as fx
from consensus import events as ev
from consensus.config import ReplicaConfig
from consensus.epochs import Epoch
from consensus.log_codec import decode_entry, encode_entry
from consensus.messages import Checkpoint, Message, NewView, PrePrepare, Signed
from consensus.replica import Replica
from consensus.verify import InvalidMessage, Verifier
from consensus.wire import decode_signed, encode_signed, signing_digest
from ledger.certificate import Certificate
from ledger.proposal import Proposal, null_request, propose
from ledger.validators import ValidatorSet
from ledger.values import ZERO_HASH, Address, Hash32
from tests.simulation.fake_suite import FAKE, key_of

GROUP = FAKE.hash(b"a group of tests")


@dataclass
class Node:
    """One replica with its disk: `log` and `stored` survive a crash."""

    name: str
    key: bytes
    replica: Replica
    log: list[bytes] = field(default_factory=list)
    stored: list[tuple[Proposal, Certificate]] = field(default_factory=list)
    trace: list[fx.Effect] = field(default_factory=list)
    is_up: bool = True
    may_vote: bool = True
    is_cut_at_next_sync: bool = False

    @property
    def address(self) -> Address:
        return FAKE.address_of(self.key)

    @property
    def height(self) -> int:
        return len(self.stored)


class Cluster:
    """n replicas r0, r1, … in the order of their addresses: r0 is the primary of view 0."""

    def __init__(self, n: int, *, spare: int = 0, **limits: int) -> None:
        self._limits = {
            "window_blocks": 4,
            "view_ticks": 10,
            "execution_ticks_max": 2,
            "resend_ticks": 3,
            "lag_ticks": 3,
            **limits,
        }
        keys = sorted((key_of(i + 1) for i in range(n)), key=FAKE.address_of)
        keys += [key_of(100 + i) for i in range(spare)]
        self.nodes = {f"r{i}": Node(f"r{i}", key, self._new(key)) for i, key in enumerate(keys)}
        self.by_address = {node.address: node for node in self.nodes.values()}
        validators = ValidatorSet.of(FAKE.address_of(key) for key in keys[:n])
        self.epochs = [Epoch(0, 1, validators)]
        self.queue: list[tuple[str, str, Signed]] = []
        self.labels: dict[Hash32, str] = {}
        self.cut: set[tuple[str, str]] = set()
        self.headers: dict[tuple[str, int], Hash32] = {}
        self.verifier = Verifier(
            FAKE,
            GROUP,
            lambda number: next((e for e in self.epochs if e.number == number), None),
            self._limits["window_blocks"],
        )

    def _new(self, key: bytes) -> Replica:
        address = FAKE.address_of(key)
        return Replica(ReplicaConfig(suite=FAKE, group=GROUP, address=address, **self._limits))

    # -- life -------------------------------------------------------------------------------------

    def start_all(self) -> None:
        for name in self.nodes:
            self.start(name)

    def start(self, name: str, *, may_vote: bool | None = None) -> None:
        node = self.nodes[name]
        node.is_up = True
        may_vote = node.may_vote if may_vote is None else may_vote
        address = FAKE.address_of(node.key)
        config = ReplicaConfig(
            suite=FAKE, group=GROUP, address=address, may_vote=may_vote, **self._limits
        )
        node.replica = Replica(config)
        proposal, stable = node.stored[-1] if node.stored else (None, None)
        digest = proposal.digest if proposal else ZERO_HASH
        entries = tuple(decode_entry(FAKE, data) for data in node.log)
        self.step(name, ev.Started(stable, digest, self.epochs_after(node.height), entries))

    def crash(self, name: str) -> None:
        self.nodes[name].is_up = False
        self.queue = [item for item in self.queue if item[0] != name]

    def epochs_after(self, number: int) -> tuple[Epoch, ...]:
        high = number + self._limits["window_blocks"] + 1
        known = [e for e in self.epochs if e.first_sequence <= high]
        at = max(i for i, e in enumerate(known) if e.first_sequence <= number + 1)
        return tuple(known[at : at + 2])

    # -- the driver -------------------------------------------------------------------------------

    def step(self, name: str, event: ev.Event) -> list[fx.Effect]:
        """All effects of an event and of what follows from it at once; they are carried out."""
        node = self.nodes[name]
        pending = [event]
        effects: list[fx.Effect] = []
        while pending:
            own: list[ev.Event] = []
            for effect in node.replica.step(pending.pop(0)):
                if node.is_cut_at_next_sync and isinstance(effect, fx.Persist):
                    # Torn: the record is incomplete, so nothing that depends on it ever left.
                    node.is_cut_at_next_sync = False
                    self.crash(name)
                    return effects
                effects.append(effect)
                own += self._carry_out(node, effect)
            pending[:0] = own
        node.trace += effects
        return effects

    def _carry_out(self, node: Node, effect: fx.Effect) -> list[ev.Event]:
        match effect:
            case fx.Persist(entries):
                node.log += [encode_entry(entry) for entry in entries]
            case fx.Compact(entries):
                node.log = [encode_entry(entry) for entry in entries]
            case fx.Broadcast(message):
                signed = self.sign(node.name, message)
                self._send(node, signed, None)
                return [ev.OwnSigned(signed)]
            case fx.Resend(signed, to):
                self._send(node, signed, to)
            case fx.Execute(proposal):
                header = self.header_of(node.name, proposal)
                return [ev.Executed(proposal.sequence, proposal.digest, header)]
            case fx.Stable(certificate) if certificate.number == node.height + 1:
                proposals = {p.sequence: p for p in node.replica.open_proposals()}
                node.stored.append((proposals[certificate.number], certificate))
                return [self._stored(node, certificate.number)]
            case fx.FetchBatch(_, digest):
                for peer in self.nodes.values():
                    body = peer.replica.batch(digest)
                    if body is not None and self._reach(peer, node):
                        return [ev.BatchReceived(body)]
            case fx.Synchronise():
                return self._synchronise(node)
            case _:
                pass
        return []

    def header_of(self, name: str, proposal: Proposal) -> Hash32:
        other = self.headers.get((name, proposal.sequence))
        return other if other is not None else FAKE.hash(b"header" + proposal.digest)

    def _stored(self, node: Node, number: int) -> ev.Stored:
        proposal, certificate = node.stored[number - 1]
        return ev.Stored(
            certificate, proposal.digest, self.epochs_after(certificate.number), 1, False
        )

    def _synchronise(self, node: Node) -> list[ev.Event]:
        best = max(
            (peer for peer in self.nodes.values() if self._reach(peer, node)),
            key=lambda peer: peer.height,
            default=node,
        )
        if best.height <= node.height:
            return []
        height = node.height
        node.stored = list(best.stored)
        return [self._stored(node, number) for number in range(height + 1, node.height + 1)]

    def _reach(self, source: Node, to: Node) -> bool:
        is_linked = (source.name, to.name) not in self.cut
        return source is not to and source.is_up and to.is_up and is_linked

    # -- messages ---------------------------------------------------------------------------------

    def sign(self, name: str, message: Message) -> Signed:
        node = self.nodes[name]
        self.name_digests(message)
        digest = signing_digest(FAKE, GROUP, message)
        return Signed(message, node.address, FAKE.sign(digest, node.key))

    def _send(self, node: Node, signed: Signed, to: Address | None) -> None:
        for peer in self.nodes.values():
            if to in (None, peer.address) and self._reach(node, peer):
                self.queue.append((node.name, peer.name, signed))

    def deliver(
        self, wanted: Callable[[str, str, Signed], bool] = lambda source, to, signed: True
    ) -> int:
        """Deliver the waiting messages that are wanted, and what they bring about, in order."""
        count = 0
        while True:
            at = next((i for i, item in enumerate(self.queue) if wanted(*item)), None)
            if at is None:
                return count
            _, to, signed = self.queue.pop(at)
            if self.nodes[to].is_up:
                self.receive(to, signed)
            count += 1

    def receive(self, to: str, signed: Signed) -> list[fx.Effect]:
        """What a driver does with a frame: decode, verify, step."""
        again = decode_signed(FAKE, encode_signed(signed))
        try:
            self.verifier.verify(again)
        except InvalidMessage:
            return []
        return self.step(to, ev.Received(again))

    def propose(self, name: str, *transactions: str) -> Proposal:
        """The driver of a primary fills its slot."""
        slot = self.nodes[name].replica.proposal_slot()
        assert slot is not None, f"{name} may not propose now"
        body = self.proposal(name, slot.sequence, slot.view, *transactions, epoch=slot.epoch)
        self.step(name, ev.Propose(body))
        return body

    def proposal(
        self, name: str, sequence: int, view: int, *transactions: str, epoch: int = 0
    ) -> Proposal:
        body = propose(
            FAKE,
            group=GROUP,
            epoch=epoch,
            sequence=sequence,
            origin_view=view,
            proposer=self.nodes[name].address,
            timestamp_ms=1_000 * sequence,
            transactions=tuple(text.encode() for text in transactions),
        )
        self.labels[body.digest] = "+".join(transactions) or "empty"
        return body

    def pre_prepare(self, name: str, body: Proposal, view: int) -> Signed:
        """A PRE-PREPARE under a replica's key that its own code did not send."""
        place = (body.epoch, view, body.sequence, body.digest)
        return self.sign(name, PrePrepare(*place, proposal=body))

    def tick(self, count: int, *names: str) -> None:
        for _ in range(count):
            for name in names or self.nodes:
                if self.nodes[name].is_up:
                    self.step(name, ev.Tick())

    def commit_one(self, *transactions: str) -> None:
        """One block in the normal case, everywhere."""
        primary = next(n for n, node in self.nodes.items() if node.replica.proposal_slot())
        self.propose(primary, *transactions)
        self.deliver()

    # -- telling ----------------------------------------------------------------------------------

    def name_digests(self, message: Message) -> None:
        if isinstance(message, PrePrepare) and message.proposal is None:
            return
        if isinstance(message, NewView):
            for index, digest in enumerate(message.digests):
                sequence = message.first_sequence + index
                null = null_request(FAKE, group=GROUP, epoch=message.epoch, sequence=sequence)
                if null.digest == digest:
                    self.labels[digest] = "null"

    def label(self, digest: Hash32) -> str:
        return self.labels.get(digest, digest.hex()[:6])

    def chain(self, name: str) -> list[str]:
        """Labels of a node's stored blocks."""
        return [self.label(proposal.digest) for proposal, _ in self.nodes[name].stored]

    def with_other_header(self, signed: Signed, sender: str) -> Signed:
        """A CHECKPOINT for another header."""
        assert isinstance(signed.message, Checkpoint)
        return self.sign(sender, replace(signed.message, header_hash=FAKE.hash(b"other")))
