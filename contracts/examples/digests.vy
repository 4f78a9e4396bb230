# pragma version ==0.4.3
# Digests of records by name. Who may write them is on the contract's own list, which authors of the
# organisation that deployed it keep; everybody in the group may read.

from system import method_list

initializes: method_list

exports: method_list.__interface__

event Recorded:
    name: indexed(bytes32)
    digest: bytes32
    sender: indexed(address)

digests: public(HashMap[bytes32, bytes32])


@deploy
def __init__():
    method_list.__init__()


@external
def record(name: bytes32, digest: bytes32):
    method_list.check()
    self.digests[name] = digest
    log Recorded(name=name, digest=digest, sender=msg.sender)
