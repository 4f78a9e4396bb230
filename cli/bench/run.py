"""One run from nothing: network, nodes, load generator, measuring, and everything ended again."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from cli.bench.job import Job, Load
from cli.bench.nodes import Nodes, make_network, new_workload
from cli.bench.outcome import Machine, NodeOutcome, Outcome
from cli.bench.plan import Plan
from cli.bench.profile import profile, spent
from cli.bench.usage import PARTS, MemoryWatch, folder_bytes, machine_busy_s
from cli.bench.workload import Workload
from cli.failure import CommandFailed
from cli.network.create import Progress
from cli.network.folder import NetworkFile

POLL_S = 0.2
END_S_MAX = 10.0


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
    with _Generator(folder, job, nodes) as generator:
        names = [node.name for node in nodes.running]
        disk = {name: _disk_bytes(nodes, name) for name in names}
        before = {node.name: spent(node.rpc) for node in nodes.running}
        busy_s, start_s = machine_busy_s(), time.monotonic()
        with MemoryWatch({name: nodes.pid(name) for name in names}) as memory:
            load = generator.go()
        busy_s, passed_s = machine_busy_s() - busy_s, time.monotonic() - start_s
        after = {node.name: spent(node.rpc) for node in nodes.running}
    count = load.transactions
    ours_s = load.generator_cpu_s + sum(
        sum(after[name].values()) - sum(before[name].values()) for name in names
    )
    found = tuple(
        NodeOutcome(
            name,
            profile(before[name], after[name], count),
            memory.of(name),
            {part: size - disk[name][part] for part, size in _disk_bytes(nodes, name).items()},
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
                text=True,
            )
        assert self._child.stdout is not None
        if self._child.stdout.readline().strip() != "ready":
            self.__exit__()
            raise CommandFailed(f"the load generator did not start: {self._last_words()}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait(END_S_MAX)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def go(self) -> Load:
        """Start the clock; what was seen when all is final. Raises CommandFailed."""
        assert self._child.stdin is not None
        self._child.stdin.write("go\n")
        self._child.stdin.flush()
        while self._child.poll() is None:
            self._nodes.check()
            time.sleep(POLL_S)
        if self._child.returncode != 0:
            raise CommandFailed(f"the load did not come through: {self._last_words()}")
        return msgspec.json.decode(self._result.read_bytes(), type=Load)

    def _last_words(self) -> str:
        lines = self._errors.read_text(encoding="utf-8").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"
