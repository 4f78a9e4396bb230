"""Four departments as four processes, made and started by the command; one network for all tests.

It is up when a test gets it, and nothing of it runs after the last one, whatever happened.
"""

import os
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from cli.desks import LocalNetwork
from cli.preparation import prepare
from scripts.transfer_story import Carried, Officers, carry
from tests.acceptance.harness import (
    ROOT,
    Network,
    free_base_port,
    is_running,
    quorate,
    run_quorate,
)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A fresh network of the shipped manifest, up."""
    folder = tmp_path_factory.mktemp("end-to-end") / "network"
    made = quorate("network", "create", folder, "--base-port", str(free_base_port()))
    assert made["nodes"] == ["tax-1", "market-1", "data-1", "audit-1"]
    pids: list[int] = []
    try:
        assert quorate("network", "up", folder)["started"] == made["nodes"]
        running = Network(folder)
        pids += [running.pid(node) for node in running.urls]
        assert len(set(pids)) == 4
        yield running
    finally:
        down = run_quorate("network", "down", folder, check=False)
        left = [pid for pid in pids if is_running(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert down.returncode == 0, down.stderr
    assert not left, f"processes {left} outlived `network down`"


@pytest.fixture(scope="session")
def local(network: Network) -> LocalNetwork:
    """The network with agreement, key, rule and contract in place."""
    found = LocalNetwork(network.folder)
    prepare(found, ROOT / "build" / "keys", lambda _: None)
    return found


@pytest.fixture(scope="session")
def officers(local: LocalNetwork) -> Officers:
    """Everybody whose act a transfer needs."""
    return Officers.of(local)


@pytest.fixture(scope="session")
def carried(officers: Officers) -> Callable[[Path], Carried]:
    """Carries a case file as far as the rules let it go; each file once."""

    @cache
    def carry_once(path: Path) -> Carried:
        return carry(officers, path.read_bytes(), lambda _: None)

    return carry_once
