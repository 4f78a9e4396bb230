"""One run from nothing: network, nodes, load generator, measuring, and everything ended again."""

import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cli.bench.job import Job, Load
from cli.bench.nodes import Nodes, make_network, new_workload
from cli.bench.outcome import Machine, NodeOutcome, Outcome
from cli.bench.plan import Plan
from cli.bench.profile import Spent, profile, spent
from cli.bench.usage import PARTS, MemoryWatch, folder_bytes, machine_busy_s
from cli.bench.workload import Workload
from cli.failure import CommandFailed
from cli.network.folder import NetworkFile
from cli.progress import Progress

POLL_S = 0.2
END_S_MAX = 120.0


def run(plan: Plan, folder: Path, progress: Progress) -> Outcome:
    """Run `plan` in the empty `folder`; the caller removes it. Raises CommandFailed."""
    workload = new_workload(plan)
    network = make_network(folder, plan, workload, progress)
    nodes = Nodes(folder / "network", network)
    try:
        nodes.start()
        progress(f"{len(nodes.running)} validators run on {plan.engine}")
        stopped = nodes.stop_backup() if plan.stop_one else None
        if stopped is not None:
            progress(f"{stopped} is stopped")
        return _measure(plan, folder, _job(plan, folder, workload, network, nodes), nodes, stopped)
    finally:
        nodes.stop_all()


def _job(plan: Plan, folder: Path, workload: Workload, network: NetworkFile, nodes: Nodes) -> Job:
    both = ("http", "websocket")
    return Job(
        workload=workload,
        chain_id=network.groups[0].chain_id,
        urls={node.name: node.rpc for node in nodes.running},
        transports=both if plan.transport == "both" else (plan.transport,),
        rate=plan.rate,
        result=str(folder / "load.json"),
    )


def _measure(plan: Plan, folder: Path, job: Job, nodes: Nodes, stopped: str | None) -> Outcome:
    names = [node.name for node in nodes.running]
    with _Generator(folder, job, nodes) as generator:
        before = _look(nodes)
        with MemoryWatch({name: nodes.pid(name) for name in names}) as memory:
            generator.pass_on("final")
        after = _look(nodes)
        load = generator.finish()
    count = load.transactions
    ours_s = load.generator_cpu_s + sum(
        after.spent[name].whole_s - before.spent[name].whole_s for name in names
    )
    busy_s, passed_s = after.busy_s - before.busy_s, after.at_s - before.at_s
    found = tuple(
        NodeOutcome(
            name,
            *profile(before.spent[name], after.spent[name], count),
            memory.of(name, load.started_s),
            {part: size - before.disk[name][part] for part, size in after.disk[name].items()},
        )
        for name in names
    )
    return Outcome(
        plan=plan,
        stopped=stopped,
        tps=count / load.run_s,
        load=load,
        nodes=found,
        disk_bytes_per_transaction=sum(sum(node.disk_bytes.values()) for node in found)
        / len(found)
        / count,
        generator_us=load.generator_cpu_s / count * 1e6,
        machine=Machine(os.cpu_count() or 1, max(0.0, busy_s - ours_s) / passed_s),
    )


@dataclass(frozen=True)
class _Look:
    """All running nodes at one moment."""

    spent: dict[str, Spent]
    disk: dict[str, dict[str, int]]
    busy_s: float
    at_s: float


def _look(nodes: Nodes) -> _Look:
    return _Look(
        {node.name: spent(node.rpc) for node in nodes.running},
        {node.name: _disk_bytes(nodes, node.name) for node in nodes.running},
        machine_busy_s(),
        time.monotonic(),
    )


def _disk_bytes(nodes: Nodes, name: str) -> dict[str, int]:
    group = next((nodes.data_folder(name) / "groups").iterdir())
    sizes = {}
    for part, entry in PARTS.items():
        path = group / entry
        sizes[part] = path.stat().st_size if path.is_file() else folder_bytes(path)
    return sizes


class _Generator:
    """The load generator's process: signed when entered, gone when left."""

    def __init__(self, folder: Path, job: Job, nodes: Nodes) -> None:
        self._job_file = folder / "job.json"
        self._job_file.write_bytes(msgspec.json.encode(job))
        self._result = Path(job.result)
        self._errors = folder / "generator.log"
        self._nodes = nodes

    def __enter__(self) -> "_Generator":
        with self._errors.open("wb") as errors:
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "cli.bench.generator", str(self._job_file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._said = self._child.stdout
        try:
            self._wait("ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait(END_S_MAX)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def pass_on(self, word: str) -> None:
        """Let it go on until it says `word`. Raises CommandFailed."""
        self._go()
        self._wait(word)

    def finish(self) -> Load:
        """Let it end; what it saw. Raises CommandFailed."""
        self._go()
        if self._child.wait(END_S_MAX) != 0:
            raise CommandFailed(f"the load did not come through: {self._last_words()}")
        return msgspec.json.decode(self._result.read_bytes(), type=Load)

    def _go(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(b"go\n")
        self._child.stdin.flush()

    def _wait(self, word: str) -> None:
        assert self._said is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._said, selectors.EVENT_READ)
            while not selector.select(POLL_S):
                self._nodes.check()
        said = self._said.readline().decode().strip()
        if said != word:
            raise CommandFailed(f"the load did not come through: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self._errors.read_text(encoding="utf-8").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"
