"""The doctor's codes: what each is about, and the usual way out. The reference page is made of it.

The sentence of a finding is more exact than the way out that stands here.
"""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """For programs; a code never changes its meaning."""

    CONFIGURATION = "configuration"
    RPC_ADDRESS = "rpc-address"
    ENGINE = "engine"
    KEY_MODE = "key-mode"
    OWNER = "owner"
    READ_ONLY = "read-only"
    DISK = "disk"
    PROCESS = "process"
    MEMBERSHIP = "membership"
    MEMBERSHIP_OLD = "membership-old"
    CERTIFICATE = "certificate"
    CERTIFICATE_NODE = "certificate-node"
    CERTIFICATE_EXPIRES = "certificate-expires"
    AUTHORITY_EXPIRES = "authority-expires"
    GROUP_FOLDER = "group-folder"
    GENESIS = "genesis"
    GENESIS_DIFFERS = "genesis-differs"
    CONSENSUS_KEY = "consensus-key"
    VOTE_LOG = "vote-log"
    STORE = "store"
    STORE_GROUP = "store-group"
    STORE_KEY = "store-key"
    CLOCK = "clock"
    PEER = "peer"
    NODE = "node"
    PEERS = "peers"
    GROUP = "group"


EXPLAINED: Mapping[Code, tuple[str, str]] = {
    Code.CONFIGURATION: (
        "`node.toml` is missing, not TOML, names a key that does not exist, or gives one a value "
        "that cannot be.",
        "Correct the line that the sentence names.",
    ),
    Code.RPC_ADDRESS: (
        "RPC would listen where others reach it without TLS.",
        "Listen on 127.0.0.1; for others there is `tls_listen`.",
    ),
    Code.ENGINE: (
        "`node.toml` asks for an engine that is not built on this machine.",
        'Build or install the native crate, or set `engine = "auto"`.',
    ),
    Code.KEY_MODE: (
        "A key file can be read or written by others than its owner.",
        "`chmod 600` on it. Who may have read it in the meantime? If anyone: a new key.",
    ),
    Code.OWNER: (
        "Something in the folder belongs to another user than the folder, as after a command that "
        "was run as root.",
        "`chown -R` to the folder's owner; run commands as that user.",
    ),
    Code.READ_ONLY: (
        "The node cannot write where it must.",
        "Mount the disk writable, give the owner the right to write.",
    ),
    Code.DISK: (
        "The disk is nearly full. A node that cannot write stops.",
        "Make room, or carry the folder to a larger disk while the node is stopped.",
    ),
    Code.PROCESS: (
        "The pid file names a process that is gone: the node ended without saying so.",
        "Read its last words in `logs/console.log` and `logs/node.log`, then start it.",
    ),
    Code.MEMBERSHIP: (
        "The membership document or a revocation list beside it cannot be used.",
        "Copy the document from another node's folder.",
    ),
    Code.MEMBERSHIP_OLD: (
        "A peer has a newer membership document.",
        "Start the node: a peer hands it over. If none will: `quorate member publish`.",
    ),
    Code.CERTIFICATE: (
        "Peers would refuse this node's certificate: expired, not valid yet, revoked, of a CA that "
        "the network does not know; or it does not fit the key.",
        "`quorate member request`, `issue`, `install`.",
    ),
    Code.CERTIFICATE_NODE: (
        "The certificate names another node than `node.toml`.",
        "Put this node's own certificate in place.",
    ),
    Code.CERTIFICATE_EXPIRES: (
        "The certificate runs out in less than 30 days.",
        "Renew it: `quorate member request`, `issue`, `install`; no restart is needed.",
    ),
    Code.AUTHORITY_EXPIRES: (
        "An organisation's CA runs out in less than 90 days.",
        "The organisation makes a new CA, and all sign it in.",
    ),
    Code.GROUP_FOLDER: (
        "`node.toml` lists a group whose folder or genesis file is not there.",
        "Copy the folder back, or take the group out of `node.toml`.",
    ),
    Code.GENESIS: (
        "The genesis file is damaged, or of a group of another name.",
        "Copy it from another member and compare the hash with theirs.",
    ),
    Code.GENESIS_DIFFERS: (
        "The other members carry a group of that name with another genesis.",
        "Ask two of them for their genesis file and compare.",
    ),
    Code.CONSENSUS_KEY: (
        "The consensus key cannot be read, or genesis gives it to another node: two nodes with one "
        "key lose their vote.",
        "Put this node's own key in place; never copy one.",
    ),
    Code.VOTE_LOG: (
        "The log of what this node promised is missing, cut, damaged, or of another group or key.",
        "If it lies elsewhere, put it back. If it is lost, the node follows without a vote until "
        "the group admits a new key.",
    ),
    Code.STORE: (
        "The store is damaged, or open in another process.",
        "Move the folder `db` away: the node fetches all from peers.",
    ),
    Code.STORE_GROUP: (
        "The store holds another group's chain.",
        "Put the right folder in place, or move `db` away.",
    ),
    Code.STORE_KEY: (
        "What the node keeps is encrypted and its key is missing or another one, or `node.toml` "
        "names a key and the files are not encrypted.",
        "Put the key file back that the folder was encrypted under; `quorate store encrypt` on the "
        "stopped node, if it never was or a conversion was cut off.",
    ),
    Code.CLOCK: (
        "This machine's clock and the others' are apart, or it is behind its own latest block.",
        "Have all nodes follow one time server.",
    ),
    Code.PEER: (
        "A peer cannot be reached at its address, another node answers there, or it refuses this "
        "node.",
        "Correct the address in `node.toml`, open the port, look whether the peer runs.",
    ),
    Code.NODE: ("The node does not answer over RPC.", "Start it."),
    Code.PEERS: (
        "The running node lacks connections.",
        "Look whether the peers run, and at the network between.",
    ),
    Code.GROUP: (
        "The running group's own condition: who is missing, why it cannot move, why this node does "
        "not vote. With a quorum missing it says how many must come back.",
        "As the sentence says, which the node makes itself.",
    ),
}
"""What the code means, and the usual way out."""

assert set(EXPLAINED) == set(Code)
