# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Evidence of another group: a receipt under its certificate, checked against an anchor
@notice An anchor is a validator set of another group, under a name of this group's own choosing. A
        threshold of organisations puts it in force; from then on each set vouches for the one that
        follows, and anybody may bring the certified block that says so. Nothing else of the other
        group is known here. A set that has left is believed for as long as the anchor allows.
@license Apache-2.0
"""

from evidence import certified
from evidence import reader
from evidence import receipt
from system import gate

implements: reader.Reader

GRACE_S_MAX: constant(uint256) = 31_536_000
# How far back a former set is looked for.
FORMER_MAX: constant(uint256) = 16

struct Anchor:
    group: bytes32  # hash of the other group's block 0, which its validators sign; zero: no anchor
    grace_s: uint256
    first: uint256
    last: uint256

# A validator set of the other group, by the hash that its records bind, and since when.
struct Link:
    epoch: uint256
    first_block: uint256
    validators_hash: bytes32
    left_at: uint256  # when this contract learned of the set that follows; 0: it has not

event AnchorApproved:
    anchor: indexed(bytes32)
    subject: indexed(bytes32)
    organisation: uint256
    sender: indexed(address)

event AnchorInForce:
    anchor: indexed(bytes32)
    epoch: uint256
    first_block: uint256
    validators_hash: bytes32

event AnchorMoved:
    anchor: indexed(bytes32)
    epoch: uint256
    first_block: uint256
    validators_hash: bytes32
    sender: indexed(address)

event AnchorEnded:
    anchor: indexed(bytes32)

anchors: public(HashMap[bytes32, Anchor])
links: public(HashMap[bytes32, HashMap[uint256, Link]])
# Under which name a group is anchored: under one only, or one receipt would count twice.
anchor_of: public(HashMap[bytes32, bytes32])
# How often an anchor came in force or ended: an approval counts for what it was given in.
rounds: public(HashMap[bytes32, uint256])
# Bit i: organisation i approves this subject.
approvals: public(HashMap[bytes32, uint256])


@external
def approve_anchor(
    anchor: bytes32,
    group: bytes32,
    epoch: uint256,
    first_block: uint256,
    validators_hash: bytes32,
    grace_s: uint256,
):
    """
    @notice An author or admin approves for its organisation that a validator set of another group
            is believed. Enough approvals of the very same values put it in force, in the
            place of what the name stood for: so it is set anew after a recovery in the other group.
    @param anchor A name of this group's own choosing; it should say nothing about the other group.
    @param grace_s How long a set is believed about its own blocks after the next one has followed.
    """
    assert anchor != empty(bytes32) and group != empty(bytes32), "anchor or group is zero"
    assert validators_hash != empty(bytes32), "validators' hash is zero"
    assert grace_s <= GRACE_S_MAX, "grace is above a year"
    known: bytes32 = self.anchor_of[group]
    assert known == empty(bytes32) or known == anchor, "group is anchored by another name"
    subject: bytes32 = keccak256(
        abi_encode(
            convert("anchor", Bytes[8]),
            anchor,
            self.rounds[anchor],
            group,
            epoch,
            first_block,
            validators_hash,
            grace_s,
        )
    )
    if not self._approve(anchor, subject):
        return
    place: uint256 = self.anchors[anchor].last + 1
    self._clear(anchor)
    self.anchor_of[group] = anchor
    self.anchors[anchor] = Anchor(group=group, grace_s=grace_s, first=place, last=place)
    self.links[anchor][place] = Link(
        epoch=epoch, first_block=first_block, validators_hash=validators_hash, left_at=0
    )
    log AnchorInForce(
        anchor=anchor, epoch=epoch, first_block=first_block, validators_hash=validators_hash
    )


@external
def approve_end(anchor: bytes32):
    """
    @notice An author or admin approves for its organisation that nothing is believed under a name any more.
    """
    assert self.anchors[anchor].group != empty(bytes32), "no such anchor"
    subject: bytes32 = keccak256(
        abi_encode(convert("end", Bytes[8]), anchor, self.rounds[anchor])
    )
    if self._approve(anchor, subject):
        self._clear(anchor)
        log AnchorEnded(anchor=anchor)


@external
def advance(anchor: bytes32, boundary: reader.Certified):
    """
    @notice Takes the last block that a set certified: its record names the set that follows. The
            block is proof enough, so whoever may send brings it.
    """
    found: certified.Block = empty(certified.Block)
    place: uint256 = 0
    found, place = self._certified(anchor, boundary)
    assert place == self.anchors[anchor].last, "a later set is known"
    assert found.following_hash != found.validators_hash, "the same validators follow"
    self.links[anchor][place].left_at = block.timestamp
    self.links[anchor][place + 1] = Link(
        epoch=found.epoch + 1,
        first_block=found.number + 1,
        validators_hash=found.following_hash,
        left_at=0,
    )
    self.anchors[anchor].last = place + 1
    log AnchorMoved(
        anchor=anchor,
        epoch=found.epoch + 1,
        first_block=found.number + 1,
        validators_hash=found.following_hash,
        sender=msg.sender,
    )


@external
@view
def read(anchor: bytes32, evidence: reader.Evidence, position: uint256) -> reader.Proven:
    """
    @notice A log of a receipt of another group; reverts with the reason unless it is proven. Which
            contract there may emit what, and whether evidence counts once, is the caller's to say.
    @param position Which of the receipt's logs, from 0.
    """
    found: certified.Block = empty(certified.Block)
    place: uint256 = 0
    found, place = self._certified(anchor, evidence.certified)
    start: uint256 = receipt.find(found.receipts_root, evidence)
    entry: receipt.Log = receipt.log_at(evidence.leaf, start, position)
    return reader.Proven(
        id=keccak256(abi_encode(found.hash, evidence.index, position)),
        number=found.number,
        timestamp=found.timestamp,
        emitter=entry.emitter,
        topics=entry.topics,
        data_hash=entry.data_hash,
    )


@internal
@view
def _certified(anchor: bytes32, given: reader.Certified) -> (certified.Block, uint256):
    """The block, certified by the set that was due for it, and that set's place."""
    terms: Anchor = self.anchors[anchor]
    assert terms.group != empty(bytes32), "no such anchor"
    found: certified.Block = certified.parse(given, terms.group)
    place: uint256 = self._place(anchor, terms, found.number)
    due: Link = self.links[anchor][place]
    assert found.validators_hash == due.validators_hash, "another set is due for this block"
    assert found.epoch >= due.epoch, "block is of an earlier epoch than its set"
    if place != terms.last:
        assert found.epoch < self.links[anchor][place + 1].epoch, "block is of a later epoch"
        assert block.timestamp <= due.left_at + terms.grace_s, "the set that signed has left"
    certified.check_signatures(given, found)
    return found, place


@internal
@view
def _place(anchor: bytes32, terms: Anchor, number: uint256) -> uint256:
    """The place of the set that is due for a block: the latest that begins at it or below."""
    place: uint256 = terms.last
    for step: uint256 in range(FORMER_MAX):
        if number >= self.links[anchor][place].first_block:
            return place
        assert place > terms.first, "block is older than the anchor"
        place -= 1
    raise "block is older than the sets that are kept"


@internal
def _clear(anchor: bytes32):
    self.anchor_of[self.anchors[anchor].group] = empty(bytes32)
    self.anchors[anchor].group = empty(bytes32)
    self.rounds[anchor] += 1


@internal
def _approve(anchor: bytes32, subject: bytes32) -> bool:
    """Whether the approval is the one that was still needed."""
    organisation: uint256 = gate.organisation_of_author(msg.sender)
    assert self.approvals[subject] & (1 << organisation) == 0, "organisation has approved"
    self.approvals[subject] |= 1 << organisation
    log AnchorApproved(
        anchor=anchor, subject=subject, organisation=organisation, sender=msg.sender
    )
    weight: uint256 = 0
    for number: uint256 in range(1, 256):
        if self.approvals[subject] >> number & 1 == 1:
            weight += gate.weight_of(number)
    return weight >= gate.threshold()
