"""The nodes as processes that a test may kill, pause, start and trace; always ended at the end.

Signals go to process ids that this test started, never to a name.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.harness import ROOT, Network, eventually

END_S_MAX = 30
UP_S_MAX = 180
SAID_CHARACTERS = 600


class Processes:
    """A network's nodes by name. `prefix` and `environment` wrap a node's command."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.prefix: dict[str, Sequence[str]] = {}
        self.environment: dict[str, Mapping[str, str]] = {}
        self.module: dict[str, str] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def running(self) -> list[str]:
        """Names of the nodes whose processes live."""
        return [name for name, child in self._children.items() if child.poll() is None]

    def folder(self, name: str) -> Path:
        """A node's folder."""
        entry = next(entry for entry in self.network.nodes if entry["name"] == name)
        return self.network.folder / str(entry["dir"])

    def start(self, name: str) -> None:
        """Start one node; what it prints goes to its console log."""
        assert name not in self.running, f"{name} runs already"
        module = self.module.get(name, "cli.main")
        command = [*self.prefix.get(name, ()), sys.executable, "-m", module, "node", "run"]
        console = self._console(name)
        console.parent.mkdir(exist_ok=True)
        with console.open("ab") as output:
            self._children[name] = subprocess.Popen(
                [*command, str(self.folder(name).resolve())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment.get(name, {})},
                start_new_session=True,
            )

    def start_all(self) -> None:
        """Start what does not run, and wait until every node has block 1."""
        for name in self.network.urls:
            if name not in self.running:
                self.start(name)
        for name in self.network.urls:
            eventually(f"{name} has block 1", lambda n=name: self._has_block(n), UP_S_MAX)

    def _has_block(self, name: str) -> bool:
        child = self._children[name]
        assert child.poll() is None, f"{name} ended with code {child.returncode}: {self.said(name)}"
        return self.network.height(name) > 0

    def said(self, name: str) -> str:
        """The end of what a node printed."""
        return self._console(name).read_text(errors="replace")[-SAID_CHARACTERS:].strip()

    def _console(self, name: str) -> Path:
        return self.network.folder / "consoles" / f"{name}.log"

    def kill(self, name: str) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self._children[name].kill()
        self._children[name].wait(END_S_MAX)

    def kill_all(self) -> None:
        """Kill every node before waiting for any."""
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            child.wait(END_S_MAX)

    def stop(self, name: str) -> None:
        """Ask it to end; one that does not is killed and complained of."""
        self._children[name].terminate()
        try:
            self._children[name].wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill(name)
            raise AssertionError(f"{name} did not end within {END_S_MAX} s") from None

    def pause(self, name: str) -> None:
        """Stop it where it is; its connections stay open."""
        self._children[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused one go on."""
        self._children[name].send_signal(signal.SIGCONT)

    def end_all(self) -> None:
        """Kill what still runs, whatever its state."""
        for child in self._children.values():
            if child.poll() is None:
                # A wrapper (a tracer) and its node are one session of their own.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait(END_S_MAX)


@contextmanager
def processes_of(network: Network) -> Iterator[Processes]:
    """The processes, none started; whatever happens, none runs afterwards."""
    processes = Processes(network)
    try:
        yield processes
    finally:
        processes.end_all()
