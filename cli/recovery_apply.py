"""One node is made to follow a recovery certificate, or its operator reads why it must not.

A node that is down is done at once, its store cut back where it must be. One that runs is checked
over RPC, gets the file and SIGHUP, and is asked whether it follows.
"""

import os
import signal
import time
from pathlib import Path

import msgspec

from cli.failure import CommandFailed
from cli.group_status import group_status
from cli.network.process import running_pid
from cli.stopped_node import carried_group, stopped_node
from client.rpc import Client
from ledger.chain import Chain
from ledger.genesis import Genesis, genesis_block
from ledger.recovery import (
    InvalidRecovery,
    Recovery,
    admit,
    check_epoch,
    check_hash,
    decode_recovery,
    verify_recovery,
)
from ledger.store import BlockStore
from ledger.values import Hash32, from_hex
from node.config import GroupFolder, NodeConfig, NodeFolder, load_node_config
from node.engines import engine_named
from node.group_assembly import read_genesis
from node.recovery_folder import place_recovery, reason_of
from node.sealing import GroupSeals, group_seals, open_database

FOLLOW_TIMEOUT_S = 30.0
POLL_S = 0.1


class Applied(msgspec.Struct, frozen=True):
    """What became of it: whether anything changed, the node's last block, and what is void."""

    node: str
    number: int
    epoch: int
    counter: int
    changed: bool
    void: tuple[int, ...]
    running: bool

    @property
    def sentence(self) -> str:
        """The same for people."""
        if not self.changed:
            return f"{self.node} follows this certificate already"
        text = f"{self.node} follows the certificate: epoch {self.epoch} begins after block "
        text += f"{self.number}"
        if self.void:
            text += (
                f"; its blocks {self.void[0]} to {self.void[-1]} are void, their transactions "
                "return to the pool"
            )
        return text if self.running else text + ". Start the node now"


def apply_to_node(folder: Path, recovery: Recovery, group: str | None) -> Applied:
    """Raises InvalidRecovery for a certificate that the node must not follow, CommandFailed."""
    home = NodeFolder(folder)
    config = load_node_config(home)
    name = carried_group(folder, config, group)
    place = home.group(name)
    genesis = read_genesis(place)
    verify_recovery(genesis, genesis_block(genesis).hash, recovery)
    pid = running_pid(home.pid_file)
    if pid is not None:
        client = Client(f"http://{config.rpc.listen}", name)
        return _tell(place, client, pid, recovery, config.node_id)
    with stopped_node(folder):
        seals = group_seals(home, config, genesis_block(genesis).hash)
        return _adopt(place, genesis, config, recovery, seals)


def _adopt(
    place: GroupFolder, genesis: Genesis, config: NodeConfig, recovery: Recovery, seals: GroupSeals
) -> Applied:
    database = open_database(place.database, seals)
    try:
        chain = Chain(genesis, BlockStore(database, genesis.suite), engine_named(config.engine))
        changed = chain.adopt(recovery, may_cut=True)
        void = tuple(
            block.number for block in chain.void_blocks() if block.counter == recovery.counter
        )
    finally:
        database.close()
    shown = void if changed else ()
    return _applied(config.node_id, recovery, changed=changed, void=shown, running=False)


def _tell(place: GroupFolder, client: Client, pid: int, recovery: Recovery, node: str) -> Applied:
    if _is_new(client, recovery):
        path = place_recovery(place, recovery)
        os.kill(pid, signal.SIGHUP)
        _wait(client, path, recovery)
        return _applied(node, recovery, changed=True, void=(), running=True)
    return _applied(node, recovery, changed=False, void=(), running=True)


def _is_new(client: Client, recovery: Recovery) -> bool:
    """Whether the node does not follow it yet; raises what the node would refuse it for."""
    known = followed_by(client)
    head = client.block_number()
    if admit(known, recovery, head=head) == tuple(known):
        return False
    check_epoch(recovery, int(group_status(client, client.group)["epoch"]))
    if recovery.number <= head:
        held = client.block_certificate(recovery.number)["hash"]
        check_hash(recovery, Hash32(from_hex(held, size=32)))
    if recovery.number < head:
        raise CommandFailed(
            f"this node holds blocks {recovery.number + 1} to {head} of the old branch, which the "
            "certificate makes void: stop the node, apply the certificate, start it again"
        )
    return True


def _wait(client: Client, path: Path, recovery: Recovery) -> None:
    deadline = time.monotonic() + FOLLOW_TIMEOUT_S
    while recovery.statement not in {entry.statement for entry in followed_by(client)}:
        reason = reason_of(path)
        if reason is not None:
            raise InvalidRecovery(reason)
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"the node does not follow the certificate after {FOLLOW_TIMEOUT_S:.0f} s; its log "
                "says why (recovery.refused, recovery.waits), or start the node anew"
            )
        time.sleep(POLL_S)


def followed_by(client: Client) -> list[Recovery]:
    """The certificates that a running node follows, by its own word."""
    return [decode_recovery(from_hex(entry["certificate"])) for entry in client.recoveries()]


def _applied(
    node: str, recovery: Recovery, *, changed: bool, void: tuple[int, ...], running: bool
) -> Applied:
    return Applied(node, recovery.number, recovery.epoch, recovery.counter, changed, void, running)
