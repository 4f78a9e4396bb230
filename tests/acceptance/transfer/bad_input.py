"""Bad input of every kind gets a clear error: what was expected, what came; never a traceback.

Transactions and calls over JSON-RPC; files, ports and folders through the command.
"""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, post, run_quorate, running_network, sign

FOREIGN_CHAIN = 1
OVERSIZED_BYTES = 200_000


def run(folder: Path) -> dict[str, Any]:
    """Every bad input once, then the network still works."""
    answers: dict[str, str] = {}
    with running_network(folder / "network") as network:
        answers |= {name: probe(network) for name, probe in RPC_PROBES.items()}
        answers["truncated keystore"] = _truncated_keystore(network)
        answers["missing file"] = _command_fails(
            "transfer", "declare", "--network", network.folder, "--as", "tax-officer",
            "--in", folder / "nowhere.json", mentions=("nowhere.json",),
        )  # fmt: skip
        answers["unknown account"] = _command_fails(
            "transfer", "show", "--network", network.folder, "--as", "nobody", "--id", "00" * 16,
            mentions=("nobody", "tax-officer"),
        )  # fmt: skip
        account = network.account("tax-officer")
        url = network.urls["tax-1"]
        raw = sign(account, network.file["groups"][0]["chain_id"], 0)
        assert "result" in _call(url, "eth_sendRawTransaction", raw), "good input is refused too"
    answers["port in use"] = _port_in_use(network)
    answers["half-written network folder"] = _half_written(network)
    answers["no such folder"] = _command_fails(
        "network", "status", folder / "nothing", mentions=("nothing", "network create")
    )
    answers["folder not empty"] = _command_fails(
        "network", "create", network.folder, mentions=(str(network.folder),)
    )
    usage = run_quorate("network", "fly", check=False)
    assert usage.returncode == 2, usage
    assert "Traceback" not in usage.stderr
    return answers


def _call(url: str, method: str, *parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = post(
        url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    )
    return answer


def _refused(network: Network, method: str, *parameters: Any, says: str) -> str:
    answer = _call(network.urls["tax-1"], method, *parameters)
    assert "error" in answer, f"{method} was accepted: {answer}"
    message = answer["error"]["message"]
    assert says.lower() in message.lower(), f"{method}: expected '{says}' in '{message}'"
    assert "Traceback" not in str(answer)
    return f"{answer['error']['code']}: {message}"


def _transaction(**fields: Any) -> Callable[[Network], str]:
    says = fields.pop("says")

    def probe(network: Network) -> str:
        chain_id = fields.get("chainId", network.file["groups"][0]["chain_id"])
        given = {name: value for name, value in fields.items() if name != "chainId"}
        raw = sign(network.account("tax-officer"), chain_id, 0, **given)
        return _refused(network, "eth_sendRawTransaction", raw, says=says)

    return probe


def _not_json(network: Network) -> str:
    answer = post(network.urls["tax-1"], b"{not json")
    assert answer["error"]["code"] == -32700, answer
    return f"{answer['error']['code']}: {answer['error']['message']}"


RPC_PROBES: dict[str, Callable[[Network], str]] = {
    "malformed RLP": lambda network: _refused(
        network, "eth_sendRawTransaction", "0xf8ff00", says="container"
    ),
    "trailing bytes": lambda network: _refused(
        network,
        "eth_sendRawTransaction",
        sign(network.account("tax-officer"), network.file["groups"][0]["chain_id"], 0) + "00",
        says="",
    ),
    "wrong chain id": _transaction(chainId=FOREIGN_CHAIN, says="chain"),
    "fee above zero": _transaction(maxFeePerGas=1, says="fee"),
    "oversized transaction": _transaction(
        data="0x" + "00" * OVERSIZED_BYTES, gas=9_000_000, says="bytes"
    ),
    "gas below the intrinsic cost": _transaction(gas=20_000, says="gas"),
    "unknown method": lambda network: _refused(network, "eth_flyAway", says="eth_flyAway"),
    "wrong parameter type": lambda network: _refused(
        network, "eth_getBlockByNumber", {"a": 1}, "yes", says="expected"
    ),
    "odd hex": lambda network: _refused(network, "eth_getBalance", "0x123", "latest", says=""),
    "not JSON": _not_json,
}


def _command_fails(*arguments: str | Path, mentions: tuple[str, ...]) -> str:
    done = run_quorate(*arguments, check=False)
    assert done.returncode == 1, f"expected exit code 1, got {done.returncode}: {done.stderr}"
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    for words in mentions:
        assert words in done.stderr, f"expected '{words}' in: {done.stderr}"
    return done.stderr.strip()


def _truncated_keystore(network: Network) -> str:
    copy = network.folder.with_name("truncated")
    shutil.copytree(network.folder, copy)
    entry = next(entry for entry in network.file["accounts"] if entry["name"] == "tax-officer")
    key_file = copy / entry["key_file"]
    key_file.write_bytes(key_file.read_bytes()[:50])
    return _command_fails(
        "transfer", "show", "--network", copy, "--as", "tax-officer", "--id", "00" * 16,
        mentions=(key_file.name,),
    )  # fmt: skip


def _port_in_use(network: Network) -> str:
    port = int(network.urls["tax-1"].rpartition(":")[2])
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        try:
            return _command_fails(
                "network", "up", network.folder, "--node", "tax-1", mentions=(str(port),)
            )
        finally:
            run_quorate("network", "down", network.folder)


def _half_written(network: Network) -> str:
    copy = network.folder.with_name("half")
    shutil.copytree(network.folder, copy)
    (copy / "network.json").unlink()
    said = _command_fails("network", "up", copy, mentions=("network.json",))
    whole = network.folder.with_name("half-node")
    shutil.copytree(network.folder, whole)
    entry = network.nodes[0]
    (whole / entry["dir"] / "node.toml").unlink()
    said_of_node = _command_fails("node", "run", whole / entry["dir"], mentions=("node.toml",))
    return f"{said} | {said_of_node}"
