"""A trace of system calls shows a sync between each vote's write and its send, for every kind.

One of four validators runs under strace and under load, through a view change that it leads. The
votes are read from the bytes that it sent, the log is rebuilt from its writes as a power cut would
leave it. Two builds with a planted fault (no sync at all; a sync that is not awaited) are told from
the right one by the same check.
"""

import shutil
from pathlib import Path
from typing import Any

from consensus.messages import Checkpoint, Commit, Prepare, PrePrepare
from ledger.genesis import genesis_block
from ledger.suite import STANDARD
from node.config import NodeFolder
from node.group_assembly import read_genesis
from node.keyfile import load_private_key
from tests.acceptance.harness import Network, eventually
from tests.fire.books import blocks_alike
from tests.fire.ground import GROUP, make_ground
from tests.fire.load import Load
from tests.fire.processes import Processes, processes_of
from tests.fire.sent_bytes import SentBytes, secrets_of
from tests.fire.synced_log import SyncedLog
from tests.fire.syscalls import COMMAND, calls
from tests.fire.traced import KEY_LOG, PLANT, PLANTS
from tests.fire.vote_order import VOTES, Finding, VoteOrder

RATES = {"native": 50, "py-evm": 10}
BLOCKS_EACH_VIEW = 8
STEP_S_MAX = 120
PAUSES_MAX = 8
OFTEN_SENT = {kind.__name__ for kind in (PrePrepare, Prepare, Commit, Checkpoint)}
SYNC_TAKES_US = 20_000
"""So much longer a sync takes for the traced node, as on a slow disk."""
CALLS = "openat,pwrite64,ftruncate,fsync,unlink,sendto,sendmsg,write,writev"


def run(
    folder: Path,
    *,
    engine: str = "native",
    base_port: int | None = None,
    plants: tuple[str, ...] = PLANTS,
) -> dict[str, Any]:
    """The right build, then each planted one; all with the same check."""
    if shutil.which("strace") is None:
        return {"skipped": "needs strace: apt-get install strace"}
    figures, found = _trace(folder / "right", engine, base_port, None)
    print(figures, flush=True)
    unseen = {kind.__name__ for kind in VOTES} - found.sent.keys()
    assert not unseen, f"no {', '.join(unseen)} left: this trace shows nothing of them"
    assert not found.early, f"{dict(found.early)} left too early, such as {found.examples[:3]}"
    caught: dict[str, Any] = {}
    for plant in plants:
        caught[plant], planted = _trace(folder / plant, engine, base_port, plant)
        print(plant, caught[plant], planted.examples[:1], flush=True)
        # A vote that is sent once may happen to leave late; without a sync none is ever in time.
        due = found.sent.keys() if plant == "unsynced" else OFTEN_SENT
        missed = due - planted.early.keys()
        assert not missed, f"the build '{plant}' is not caught with its {', '.join(missed)}"
    return {**figures, "planted": caught}


def _trace(
    folder: Path, engine: str, base_port: int | None, plant: str | None
) -> tuple[dict[str, Any], Finding]:
    folder.mkdir()
    ground = make_ground(folder, engine=engine, base_port=base_port)
    network, trace, keys = ground.network, folder / "trace", folder / "tls.keys"
    # The primary of view 1, so that the first view change makes it send a NEW-VIEW.
    traced = sorted(network.nodes, key=lambda node: bytes.fromhex(node["address"][2:]))[1]["name"]
    with processes_of(network) as processes:
        node = NodeFolder(processes.folder(traced).resolve())
        processes.prefix[traced] = (
            *(*COMMAND, "-o", str(trace), "-e", f"trace={CALLS}"),
            *("-e", f"inject=fsync:delay_exit={SYNC_TAKES_US}"),
        )
        processes.module[traced] = "tests.fire.traced"
        planted = {} if plant is None else {PLANT: plant}
        processes.environment[traced] = {KEY_LOG: str(keys.resolve()), **planted}
        own = STANDARD.address_of(load_private_key(node.group(GROUP).consensus_key))
        group = genesis_block(read_genesis(node.group(GROUP))).hash
        log = SyncedLog(node.group(GROUP).wal, group, own)
        processes.start_all()
        load = Load(ground, RATES[engine])
        load.start()
        pauses = _make_primary(processes, traced)
        load.stop()
        compared = blocks_alike(network)
        processes.end_all()
    order = VoteOrder(log, SentBytes(secrets_of(keys)), own)
    rpc_address = network.urls[traced].removeprefix("http://")
    for call in calls(trace):
        if f"[{rpc_address}->" not in call.subject:
            order.take(call)
    found = order.finding()
    trace.unlink()
    return {
        "votes": dict(found.sent),
        "left_too_early": dict(found.early),
        "writes_of_the_log": log.writes,
        "syncs_of_the_log": log.syncs,
        "connections_read": order.sent.connections,
        "primaries_paused": pauses,
        "blocks_compared": compared,
    }, found


def _make_primary(processes: Processes, traced: str) -> int:
    """Blocks under the first primary, then others are paused until the traced one leads; pauses."""
    network = processes.network
    _more_blocks(network, traced)
    for pauses in range(PAUSES_MAX):
        status = network.status(traced)
        primary = status["primary"]
        if primary == traced and status["view"] > 0:
            _more_blocks(network, traced)
            return pauses
        processes.pause(primary)
        eventually(
            f"{traced} takes up a view after {status['view']}",
            lambda old=status["view"]: _is_active_after(network, traced, old),
            STEP_S_MAX,
        )
        processes.resume(primary)
    raise AssertionError(f"{traced} did not become primary in {PAUSES_MAX} view changes")


def _is_active_after(network: Network, name: str, view: int) -> bool:
    status = network.status(name)
    return bool(status["view"] > view and status["view_active"])


def _more_blocks(network: Network, name: str) -> None:
    height = network.height(name) + BLOCKS_EACH_VIEW
    eventually(f"{name} has block {height}", lambda: network.height(name) >= height, STEP_S_MAX)
