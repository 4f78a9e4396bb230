"""The nodes of a run: made, started and, whatever happens, stopped by their process ids."""

import secrets
import subprocess
import time
from pathlib import Path

from cli.bench.plan import Plan
from cli.bench.workload import TOKEN as TOKEN_ADDRESS
from cli.bench.workload import Workload, address_of, sender_keys, token
from cli.failure import CommandFailed
from cli.network import process
from cli.network.create import Additions, create_network
from cli.network.folder import NetworkFile, Node, load_network
from cli.network.supervise import POLL_S, UP_TIMEOUT_S, has_first_block
from cli.progress import Progress
from client.rpc import Client
from contracts.roles import role_named
from contracts.system_alloc import AccountEntry

ORGANISATIONS = ("tax", "market", "data", "audit")
GROUP = "bench"
STOP_S_MAX = 20.0


def manifest_text(engine: str) -> str:
    """Four departments with a validator each, as the shipped manifest has them, on one engine."""
    lines = ['name = "bench"']
    for name in ORGANISATIONS:
        lines += ["[[org]]", f'name = "{name}"']
        lines += ["[[node]]", f'name = "{name}-1"', f'org = "{name}"', f'engine = "{engine}"']
    validators = ", ".join(f'"{name}-1"' for name in ORGANISATIONS)
    lines += ["[[group]]", f'name = "{GROUP}"', f"validators = [{validators}]"]
    lines += ["[[account]]", 'name = "author"', f'org = "{ORGANISATIONS[0]}"', 'role = "author"']
    lines += ["[consensus]", f'slowest_engine = "{engine}"']
    return "\n".join(lines) + "\n"


def new_workload(plan: Plan) -> Workload:
    """The plan's transfers under a fresh seed."""
    return Workload(secrets.token_hex(16), plan.senders, plan.transactions)


def make_network(folder: Path, plan: Plan, workload: Workload, progress: Progress) -> NetworkFile:
    """A fresh network in `folder`/network; the senders are members, the token is at genesis."""
    manifest = folder / "bench.toml"
    manifest.write_text(manifest_text(plan.engine), encoding="utf-8")
    addresses = [address_of(key) for key in sender_keys(workload)]
    member = role_named("member")
    accounts = tuple(
        AccountEntry(address, ORGANISATIONS[place % len(ORGANISATIONS)], member)
        for place, address in enumerate(addresses)
    )
    additions = Additions(accounts, {TOKEN_ADDRESS: token(addresses)})
    create_network(manifest, folder / "network", plan.base_port, progress, additions)
    return load_network(folder / "network")


class Nodes:
    """The nodes' processes: `start` them, `stop` one, and always `stop_all`."""

    def __init__(self, folder: Path, network: NetworkFile) -> None:
        self._folder = folder
        self._network = network
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def running(self) -> list[Node]:
        """The nodes that run, in the order of the network's file."""
        return [node for node in self._network.nodes if node.name in self._running]

    def pid(self, name: str) -> int:
        """A running node's process."""
        return self._running[name].pid

    def data_folder(self, name: str) -> Path:
        """Where a node keeps everything."""
        return self._folder / self._network.node(name).dir

    def start(self) -> None:
        """Start all and wait until block 1 is stable everywhere. Raises CommandFailed."""
        for node in self._network.nodes:
            self._running[node.name] = process.start(self._folder / node.dir)
        deadline = time.monotonic() + UP_TIMEOUT_S
        waiting = list(self._network.nodes)
        while waiting:
            self.check()
            waiting = [node for node in waiting if not has_first_block(self._network, node)]
            if waiting and time.monotonic() > deadline:
                names = ", ".join(node.name for node in waiting)
                raise CommandFailed(f"block 1 is not stable on {names}; see the logs with --keep")
            time.sleep(POLL_S if waiting else 0)

    def check(self) -> None:
        """Raises CommandFailed if a node ended by itself."""
        for name, child in self._running.items():
            if child.poll() is not None:
                words = process.last_words(self.data_folder(name))
                raise CommandFailed(f"{name} ended with code {child.returncode}: {words}")

    def stop_backup(self) -> str:
        """Stop one validator that is not the primary; its name."""
        status = Client(self._network.nodes[0].rpc).status()
        primary = status["groups"][0]["primary"]
        name = next(
            node.name
            for node in reversed(self._network.nodes)
            if primary not in (node.name, node.node_id, node.address)
        )
        self._end(name)
        return name

    def stop_all(self) -> None:
        """Ask all to end, then make them."""
        for child in self._running.values():
            child.terminate()
        for name in list(self._running):
            self._end(name)

    def _end(self, name: str) -> None:
        child = self._running.pop(name)
        child.terminate()
        try:
            child.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
