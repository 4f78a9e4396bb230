# pragma version ==0.4.3
# Lets a registration of an equity transfer in another group count here, once: whoever brings its
# evidence need not be trusted. Which contract of the other group is meant is fixed when this one is
# deployed; the other group itself is known only by the name of an anchor.

from evidence import reader

event Accepted:
    id: indexed(bytes32)
    registered_at: uint256
    sender: indexed(address)

EVIDENCE: public(immutable(address))
ANCHOR: public(immutable(bytes32))
EMITTER: public(immutable(address))
TOPIC: public(immutable(bytes32))

# When the registration was made, by the evidence's id; 0: not accepted.
accepted: public(HashMap[bytes32, uint256])


@deploy
def __init__(evidence: address, anchor: bytes32, emitter: address, event_topic: bytes32):
    EVIDENCE = evidence
    ANCHOR = anchor
    EMITTER = emitter
    TOPIC = event_topic


@external
def accept(evidence: reader.Evidence, position: uint256):
    found: reader.Proven = reader.proven(EVIDENCE, ANCHOR, evidence, position)
    assert found.emitter == EMITTER, "log is of another contract"
    assert len(found.topics) > 0 and found.topics[0] == TOPIC, "log is another event"
    assert self.accepted[found.id] == 0, "registration has been accepted"
    self.accepted[found.id] = found.timestamp
    log Accepted(id=found.id, registered_at=found.timestamp, sender=msg.sender)
