"""After a decision: execute in sequence, sign the header, collect certificates (rule 3)."""

from consensus.core import Core
from consensus.effects import (
    AlarmKind,
    Broadcast,
    CompareHeaders,
    Execute,
    FetchBatch,
    Stable,
    Synchronise,
)
from consensus.entries import CheckpointEntry
from consensus.events import Executed
from consensus.messages import Checkpoint, Signed
from consensus.sequence_state import SequenceState
from ledger.certificate import Certificate
from ledger.values import Address, Hash32


class Execution:
    """Has proposals executed and blocks stored, one after the other."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def execute_next(self) -> None:
        state = self._core.states.get(self._core.executed + 1)
        if (
            self._core.halted
            or self._core.executing is not None
            or state is None
            or state.decided is None
        ):
            return
        body = self._core.body(state.sequence, state.decided)
        if body is None:
            self._core.emit(FetchBatch(state.sequence, state.decided))
            return
        self._core.executing = state.sequence
        self._core.emit(Execute(body))

    def on_executed(self, event: Executed) -> None:
        if event.sequence != self._core.executing:
            return  # catching up went beyond it
        state = self._core.states[event.sequence]
        assert state.decided == event.digest
        own = state.own_checkpoint
        if own is not None and own.header_hash != event.header_hash:
            self._core.halt(
                f"block {event.sequence} came to header {event.header_hash.hex()}, but this node "
                f"signed {own.header_hash.hex()}: its engine or its state is damaged; remove the "
                "store and let it catch up, or look for a difference of versions"
            )
            return
        self._core.executing = None
        self._core.executed = event.sequence
        state.header_hash = event.header_hash
        if self._core.is_voter and own is None:
            body = self._core.body(state.sequence, event.digest)
            assert body is not None
            checkpoint = Checkpoint(self._core.current.number, event.sequence, event.header_hash)
            state.own_checkpoint = checkpoint
            self._core.persist_batch(state, body)
            self._core.persist(CheckpointEntry(checkpoint, event.digest))
            self._core.emit(Broadcast(checkpoint))
        self._compare(event.sequence)
        self.certify_next()
        self.execute_next()

    def on_checkpoint(self, signed: Signed, message: Checkpoint) -> None:
        stable = self._core.stable_certificate
        if stable is not None and message.number == stable.number:
            self._compare_late(signed, message, stable)
        if (
            not self._core.stable < message.number <= self._core.number_max
            or not self._core.is_in_epoch(message.number)
        ):
            return
        said = self._core.checkpoints.said(message.number, signed.sender)
        if said is None:
            self.count_checkpoint(signed, message)
        elif said != message.header_hash:
            self._core.alarm(
                AlarmKind.EQUIVOCATION,
                message.number,
                f"0x{signed.sender.hex()} signed two headers of block {message.number}",
            )

    def count_checkpoint(self, signed: Signed, message: Checkpoint) -> None:
        validators = self._core.current.validators
        certificate = self._core.checkpoints.keep(signed, validators)
        if certificate is not None:
            self.learn(certificate)
        self._compare(message.number)

    def _compare_late(self, signed: Signed, message: Checkpoint, stable: Certificate) -> None:
        """A vote that came after its block was stored may still show a mismatch."""
        if message.header_hash != stable.header_hash:
            self._ask_to_compare(
                message.number, stable.header_hash, message.header_hash, (signed.sender,)
            )
            self._core.alarm(
                AlarmKind.CHECKPOINTS_DIFFER,
                message.number,
                f"0x{signed.sender.hex()} came to header {message.header_hash.hex()} of block "
                f"{message.number}, a quorum to {stable.header_hash.hex()}: compare the blocks' "
                "fields, their engines and versions",
            )

    def _compare(self, number: int) -> None:
        """Name the sides of a mismatch: from the first differing signature on."""
        if not self._core.checkpoints.is_disputed(number):
            return
        sides = self._core.checkpoints.sides(number)
        state = self._core.states.get(number)
        if state is not None and state.header_hash is not None:
            for header, senders in sorted(sides.items()):
                if header != state.header_hash:
                    self._ask_to_compare(number, state.header_hash, header, tuple(senders))
        told = "; ".join(
            f"{header.hex()} by {', '.join('0x' + sender.hex() for sender in senders)}"
            for header, senders in sorted(sides.items())
        )
        self._core.alarm(
            AlarmKind.CHECKPOINTS_DIFFER,
            number,
            f"replicas came to different headers of block {number}: {told}; compare the blocks' "
            "fields, their engines and versions",
        )
        if self._core.checkpoints.is_hopeless(number, self._core.current.validators):
            self._core.alarm(
                AlarmKind.NO_CERTIFICATE,
                number,
                f"no header of block {number} can reach a quorum: {told}; compare the blocks' "
                "fields, and open a recovery epoch",
            )

    def _ask_to_compare(
        self, number: int, ours: Hash32, theirs: Hash32, signers: tuple[Address, ...]
    ) -> None:
        """Once for each block: which field is it?"""
        if number not in self._core.compared:
            self._core.compared.add(number)
            others = tuple(s for s in signers if s != self._core.config.address)
            self._core.emit(CompareHeaders(number, ours, theirs, others))

    def learn(self, certificate: Certificate) -> None:
        """Take note of a verified certificate."""
        if certificate.number <= self._core.stable:
            return
        if self._core.current.voids(certificate.epoch, certificate.number):
            return  # the old set's word above a recovery epoch's beginning
        following = self._core.next_epoch
        if following is not None and following.voids(certificate.epoch, certificate.number):
            return
        is_higher = (
            self._core.checkpoints.highest is None
            or self._core.checkpoints.highest.number < certificate.number
        )
        self._core.checkpoints.learn(certificate, self._core.number_max)
        state = self._core.states.get(certificate.number)
        if state is not None and not self.agrees(state, certificate):
            return
        if is_higher:
            self._core.waited = 0  # the others make progress: nothing to complain of
            if certificate.number > self._core.stable + self._core.config.window_blocks:
                self._core.emit(Synchronise(certificate))
        self.certify_next()

    def agrees(self, state: SequenceState, certificate: Certificate) -> bool:
        signed = state.own_checkpoint.header_hash if state.own_checkpoint else state.header_hash
        if signed is None or signed == certificate.header_hash:
            return True
        number, theirs = certificate.number, certificate.header_hash
        self._ask_to_compare(number, signed, theirs, certificate.signers)
        signers = ", ".join("0x" + signer.hex() for signer in certificate.signers)
        self._core.halt(
            f"block {certificate.number} is certified with header {certificate.header_hash.hex()} "
            f"by {signers}; this node came to {signed.hex()}: compare the blocks' fields"
        )
        return False

    def certify_next(self) -> None:
        """Have the block after the stable one stored, once it is executed and certified."""
        number = self._core.stable + 1
        certificate = self._core.checkpoints.certificate(number)
        if self._core.halted or self._core.executed < number or certificate is None:
            return
        if self._core.storing == number or not self.agrees(self._core.states[number], certificate):
            return
        self._core.storing = number
        self._core.emit(Stable(certificate))
