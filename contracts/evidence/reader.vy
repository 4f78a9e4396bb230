# pragma version ==0.4.3
# What a contract needs that lets evidence of another group count: the form of evidence, what it
# proves, and the question to the contract that holds the anchors. Has no storage.

HEADER_BYTES_MAX: constant(uint256) = 700
RECORD_BYTES_MAX: constant(uint256) = 256
VALIDATORS_BYTES_MAX: constant(uint256) = 2_716  # 128 validators
SIGNATURES_BYTES_MAX: constant(uint256) = 5_676  # 86 of them: index, r, s, v each
NODE_BYTES_MAX: constant(uint256) = 532
NODES_MAX: constant(uint256) = 8
LEAF_BYTES_MAX: constant(uint256) = 8_192
TOPICS_MAX: constant(uint256) = 4

# A header under a quorum's signatures. Record and header as RLP; the validators as the RLP that the
# record's hash of them is of; signatures of 66 bytes in ascending order of the validator.
struct Certified:
    header: Bytes[HEADER_BYTES_MAX]
    record: Bytes[RECORD_BYTES_MAX]
    validators: Bytes[VALIDATORS_BYTES_MAX]
    signatures: Bytes[SIGNATURES_BYTES_MAX]

# A receipt in that block: the nodes from the receipts root to the leaf that holds it.
struct Evidence:
    certified: Certified
    index: uint256
    nodes: DynArray[Bytes[NODE_BYTES_MAX], NODES_MAX]
    leaf: Bytes[LEAF_BYTES_MAX]

# One log of it. `id` is the same whoever collected the signatures: to be used once by who wants that.
struct Proven:
    id: bytes32
    number: uint256
    timestamp: uint256
    emitter: address
    topics: DynArray[bytes32, TOPICS_MAX]
    data_hash: bytes32

interface Reader:
    def read(anchor: bytes32, evidence: Evidence, position: uint256) -> Proven: view


@internal
@view
def proven(
    at: address, anchor: bytes32, evidence: Evidence, position: uint256
) -> Proven:
    """Log `position` of the receipt; reverts with the reason unless all of it is proven."""
    return staticcall Reader(at).read(anchor, evidence, position)
