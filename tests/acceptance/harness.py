"""What acceptance scripts share: the `quorate` command as a user runs it, and bare JSON-RPC.

Black box on purpose: nothing of the node is imported here.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from cli.network.ports import taken_port

ROOT = Path(__file__).resolve().parents[2]
QUORATE = Path(sys.executable).parent / "quorate"
COMMAND_TIMEOUT_S = 300
RPC_TIMEOUT_S = 10
NETWORK_PORTS = 8
PORT_FIRST, PORT_LAST, PORT_STEP = 18_700, 32_700, 20  # below what systems give to outgoing calls


class Refused(AssertionError):
    """The command or the node answered with an error; `text` is what it said."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def run_quorate(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command; with `check`, a failure raises what it wrote to standard error."""
    done = subprocess.run(
        [QUORATE, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if check and done.returncode != 0:
        raise Refused(f"quorate {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done


def quorate(*arguments: str | Path) -> Any:
    """Run the command with `--json` and return its object."""
    return json.loads(run_quorate(*arguments, "--json").stdout)


def rpc(url: str, method: str, *parameters: Any) -> Any:
    """One JSON-RPC call; an error answer raises `Refused`."""
    answer = post(url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)})
    if "error" in answer:
        raise Refused(f"{method}: {answer['error']}")
    return answer["result"]


def post(url: str, body: Any) -> Any:
    """Post any JSON value (or raw bytes) and return the JSON answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=RPC_TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def fetch(url: str, path: str) -> str:
    """The text of a plain page of a node, such as `/metrics`."""
    with urllib.request.urlopen(url + path, timeout=RPC_TIMEOUT_S) as answer:
        text: str = answer.read().decode()
    return text


def eventually(what: str, probe: Callable[[], Any], timeout_s: float, pause_s: float = 0.1) -> Any:
    """Ask until the answer is true; a node that does not answer yet counts as no."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            answer = probe()
        except (OSError, Refused, ValueError):
            answer = None
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(pause_s)


def is_running(pid: int) -> bool:
    """Whether the process is there and has not ended: a zombie only waits for its parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


class Network:
    """A network's folder, and what a black-box test asks of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = json.loads((folder / "network.json").read_text(encoding="utf-8"))
        self.nodes: list[dict[str, Any]] = self.file["nodes"]
        self.urls = {node["name"]: node["rpc"] for node in self.nodes}

    def pid(self, node: str) -> int:
        """The process of a node."""
        entry = next(entry for entry in self.nodes if entry["name"] == node)
        return int((self.folder / entry["pid_file"]).read_text(encoding="ascii"))

    def kill(self, node: str) -> None:
        """End a node's process as a power cut would end it."""
        os.kill(self.pid(node), signal.SIGKILL)

    def up(self, node: str | None = None) -> None:
        """Start what is down."""
        run_quorate("network", "up", self.folder, *(["--node", node] if node else []))

    def status(self, node: str) -> dict[str, Any]:
        """The first group's entry in a node's status."""
        group: dict[str, Any] = rpc(self.urls[node], "quorate_status")["groups"][0]
        return group

    def height(self, node: str) -> int:
        """The number of the last stable block."""
        return int(rpc(self.urls[node], "eth_blockNumber"), 16)

    def block_hash(self, node: str, number: int) -> str:
        """A block's hash as that node has it."""
        return str(rpc(self.urls[node], "eth_getBlockByNumber", hex(number), False)["hash"])

    def account(self, name: str) -> LocalAccount:
        """The account with its key, opened with the password that stands beside it."""
        entry = next(entry for entry in self.file["accounts"] if entry["name"] == name)
        key_file = self.folder / entry["key_file"]
        password = (key_file.parent / (key_file.name + ".password")).read_text(encoding="utf-8")
        account: LocalAccount = Account.from_key(
            Account.decrypt(key_file.read_text(encoding="utf-8"), password)
        )
        return account


def sign(account: LocalAccount, chain_id: int, nonce: int, **fields: Any) -> str:
    """A signed transaction as hex, fees zero; by default a transfer of nothing to oneself."""
    transaction = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "to": account.address,
        "value": 0,
        "data": "0x",
        "gas": 100_000,
        "maxFeePerGas": 0,
        "maxPriorityFeePerGas": 0,
        **fields,
    }
    raw: bytes = account.sign_transaction(transaction).raw_transaction
    return "0x" + bytes(raw).hex()


def free_base_port(count: int = NETWORK_PORTS) -> int:
    """A run of `count` ports for a network, drawn by chance: several may be made at a time."""
    bases = list(range(PORT_FIRST, PORT_LAST, PORT_STEP))
    random.shuffle(bases)
    for base in bases:
        if taken_port("127.0.0.1", range(base, base + count)) is None:
            return base
    raise OSError(f"no {count} free ports in a row between {PORT_FIRST} and {PORT_LAST}")


@contextmanager
def running_network(
    folder: Path, config: str = "four-departments", ports: int = NETWORK_PORTS
) -> Iterator[Network]:
    """A fresh network, up; whatever happens, nothing of it runs afterwards."""
    base_port = free_base_port(ports)
    run_quorate("network", "create", folder, "--config", config, "--base-port", str(base_port))
    try:
        run_quorate("network", "up", folder)
        yield Network(folder)
    finally:
        run_quorate("network", "down", folder)
