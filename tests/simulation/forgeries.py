"""Messages that every replica has to refuse, each wrong in one way only.

A liar makes them of real proofs at hand, so that all else in them is right. Whoever takes one up
breaks a promise, whether or not harm comes of it.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from consensus.messages import (
    Commit,
    Message,
    NewView,
    Position,
    PreparedCertificate,
    PrePrepare,
    Signed,
    ViewChange,
)
from consensus.wire import signing_digest
from ledger.certificate import Certificate
from ledger.proposal import propose
from tests.simulation.fake_suite import FAKE, key_of

if TYPE_CHECKING:
    from tests.simulation.byzantine_node import ByzantineNode

OUTSIDER = key_of(1_000)


def forgeries(liar: "ByzantineNode") -> list[Signed]:
    """What this liar can forge now."""
    core = liar.replica._core
    epoch, view = core.current.number, core.view + 1
    stable = core.stable_certificate
    messages: list[Message] = [ViewChange(epoch, 0, stable, ())]
    for bad in _bad_certificates(liar, stable):
        messages += [Position(epoch, view, True, bad), ViewChange(epoch, view, bad, ())]
    for state in core.states.values():
        if state.prepared is not None:
            messages += _bad_view_changes(liar, state.prepared)
    messages += _bad_new_views(liar)
    messages += _bad_pre_prepares(liar)
    signed = [liar.sign(message) for message in messages]
    commit = Commit(epoch, core.view, core.stable + 1, FAKE.hash(b"outsider"))
    signature = FAKE.sign(signing_digest(FAKE, liar.world.group, commit), OUTSIDER)
    return [*signed, Signed(commit, FAKE.address_of(OUTSIDER), signature)]


def _bad_certificates(liar: "ByzantineNode", stable: Certificate | None) -> list[Certificate]:
    """Of the stable block: a signer too few, one signer again and again, another header."""
    if stable is None:
        return []
    quorum = liar.chain.due(stable.number).validators.quorum
    signers, signatures = stable.signers, stable.signatures
    return [
        replace(stable, signers=signers[: quorum - 1], signatures=signatures[: quorum - 1]),
        replace(stable, signers=signers[:1] * quorum, signatures=signatures[:1] * quorum),
        replace(stable, header_hash=FAKE.hash(stable.header_hash)),
        replace(stable, number=stable.number + 1),
    ]


def _bad_view_changes(liar: "ByzantineNode", real: PreparedCertificate) -> list[Message]:
    """With a certificate that proves nothing, or with a good one in a wrong place."""
    core = liar.replica._core
    validators, stable = core.current.validators, core.stable_certificate
    primary = validators.primary(real.view)
    signatures = dict(zip(real.signers, real.signatures, strict=True))
    prepares = core.states[real.sequence].prepares
    voters = core.states[real.sequence].prepared_by(validators, real.view, real.digest)
    others = [signer for signer in voters if signer != primary]
    signatures |= {signer: prepares[signer].signature for signer in others}

    def by(*signers: bytes) -> PreparedCertificate:
        named = tuple(s for s in validators.members if s in signers)
        return replace(real, signers=named, signatures=tuple(signatures[s] for s in named))

    alone = [signer for signer in real.signers if signer != primary]
    bad = [
        by(primary, *alone[:-1]),
        by(*alone),
        replace(real, digest=FAKE.hash(real.digest)),
        replace(real, view=real.view + validators.n),
        replace(real, epoch=real.epoch + 1),
    ]
    if len(others) >= validators.quorum:
        bad.append(by(*others))
    epoch, view = real.epoch, real.view + validators.n + 1
    messages: list[Message] = [ViewChange(epoch, view, stable, (item,)) for item in bad]
    messages.append(ViewChange(epoch, view, stable, (real, real)))
    if real.view > 0:
        messages.append(ViewChange(epoch, real.view, stable, (real,)))
    if core.current.first_sequence > 1:
        messages.append(_of_the_epoch_before(liar, real))
    if real.sequence > liar.world.window_blocks or core.current.first_sequence > 1:
        messages.append(ViewChange(epoch, view, None, (real,)))
    return messages


def _of_the_epoch_before(liar: "ByzantineNode", real: PreparedCertificate) -> ViewChange:
    """What this epoch prepared, carried into the one before over that one's last block."""
    last = liar.replica._core.current.first_sequence - 1
    boundary = liar.chain.certificates[last - 1]
    return ViewChange(boundary.epoch, real.view + 1, boundary, (real,))


def _bad_new_views(liar: "ByzantineNode") -> list[Message]:
    """Of its own turn, on VIEW-CHANGE messages that are too few, repeated, forged or misplaced;
    and on good ones, out of turn."""
    core = liar.replica._core
    members, epoch = core.current.validators, core.current.number
    quorum, start = members.quorum, core.stable + 1
    turns = range(core.view + 1, core.view + members.n + 1)
    turn = next((v for v in turns if members.primary(v) == liar.address), None)
    if turn is None:
        return []
    own = liar.sign(ViewChange(epoch, turn, core.stable_certificate, ()))
    forged = [replace(own, sender=member) for member in members.members]
    lists = [(own,), (own,) * quorum, tuple(forged[:quorum])]
    messages: list[Message] = [NewView(epoch, turn, items, start, ()) for items in lists]
    for view in {signed.message.view for m in members.members for signed in _of(liar, m)}:
        real = tuple(core.view_changes.exactly(view))
        if members.primary(view) == liar.address:
            others = tuple(signed for signed in real if signed.sender != liar.address)
            mine = liar.sign(ViewChange(epoch, view, core.stable_certificate, ()))
            few = (mine, *others)[: quorum - 1]
            messages.append(NewView(epoch, view, few, start, ()))
            messages.append(NewView(epoch, view, (*few, mine), start, ()))
        elif len(real) >= quorum:
            messages.append(NewView(epoch, view, real[:quorum], start, ()))
            messages.append(NewView(epoch, turn, real[:quorum], start, ()))
    return messages


def _of(liar: "ByzantineNode", member: bytes) -> list[Signed]:
    return [s for s in liar.replica._core.view_changes._latest.values() if s.sender == member]


def _bad_pre_prepares(liar: "ByzantineNode") -> list[Message]:
    """In another's turn, and around a proposal for another place."""
    core = liar.replica._core
    members, epoch, sequence = core.current.validators, core.current.number, core.stable + 1
    messages: list[Message] = []
    for view in (core.view, core.view + 1):
        proposal = propose(
            FAKE,
            group=liar.world.group,
            epoch=epoch,
            sequence=sequence,
            origin_view=view,
            proposer=liar.address,
            timestamp_ms=liar.now_ms(),
            transactions=(),
        )
        place = sequence + (members.primary(view) == liar.address)
        messages.append(PrePrepare(epoch, view, place, proposal.digest, proposal=proposal))
    return messages
