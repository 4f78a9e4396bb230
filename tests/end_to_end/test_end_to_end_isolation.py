"""A node outside a group learns nothing of it: all that it hears, stores, logs and answers is kept
and searched. The last test has a member leak, and must see it."""

import json
import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ledger.genesis import genesis_block, load_genesis
from node.membership import MEMBERSHIP_BYTES_MAX
from node.p2p.frames import PREFIX_BYTES, Frame, decode_body, decode_prefix
from node.p2p.limits import DEFAULT_LIMITS
from tests.acceptance.harness import (
    ROOT,
    Network,
    eventually,
    free_base_port,
    quorate,
    rpc,
    run_quorate,
    sign,
)

pytestmark = [pytest.mark.xdist_group("isolation"), pytest.mark.timeout(900)]

HIDDEN, MEMBERS, OUTSIDER = "silent-harbour", ("tax", "market", "data", "customs"), "audit-1"
WAIT_S = 90.0
ATTEMPTS = 3
"""Two answers may differ because a block came in between; never as often as this."""
MANIFEST = "\n".join(
    [
        *(f'[[org]]\nname = "{name}"' for name in (*MEMBERS, "audit")),
        *(f'[[node]]\nname = "{name}-1"\norg = "{name}"' for name in (*MEMBERS, "audit")),
        '[[group]]\nname = "open"',
        f"validators = {[f'{name}-1' for name in MEMBERS]}",
        f'observers = ["{OUTSIDER}"]',
        *(
            f'[[account]]\nname = "{name}-admin"\norg = "{name}"\nrole = "admin"'
            for name in (*MEMBERS, "audit")
        ),
        '[[account]]\nname = "officer"\norg = "tax"\nrole = "member"',
        "[consensus]\nheartbeat_ms = 2000",
    ]
)


@dataclass
class Scene:
    """A network with a group that the outsider is in, and one that it is not."""

    network: Network
    recorded: Path
    open_id: bytes
    open_hash: str
    traces: Mapping[str, bytes]
    """What must not occur, by what it is; found as bytes, and as hex or decimal text."""
    hidden_hash: str
    hidden_raw: str

    @property
    def folder(self) -> Path:
        return self.network.folder / "nodes" / OUTSIDER

    def heard(self) -> bytes:
        """All that peers sent to the outsider, one connection after the other."""
        return b"".join(path.read_bytes() for path in sorted(self.recorded.iterdir()))

    def kept(self) -> bytes:
        """All that the outsider has on its disk, its log included."""
        return b"\n".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def found_in(self, data: bytes) -> list[str]:
        """Which traces of the hidden group occur."""
        folded = data.lower()
        return [
            what
            for what, trace in self.traces.items()
            if trace in data or trace.hex().encode() in folded
        ]


def _send(network: Network, group: str, account: str, data: str) -> tuple[str, str]:
    """A transaction, executed: its hash and its raw bytes, as hex."""
    url = network.urls["tax-1"] + f"/groups/{group}"
    chain_id = int(rpc(url, "eth_chainId"), 16)
    signer = network.account(account)
    nonce = int(rpc(url, "eth_getTransactionCount", signer.address, "pending"), 16)
    raw = sign(signer, chain_id, nonce, data=data)
    sent = rpc(url, "eth_sendRawTransaction", raw)
    eventually("executed", lambda: rpc(url, "eth_getTransactionReceipt", sent), WAIT_S)
    return sent, raw


def _start(folder: Path, *options: str | Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.end_to_end.odd_node", "node", "run", folder, *options]
    return subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("isolation")
    manifest, folder, recorded = home / "five.toml", home / "network", home / "recorded"
    manifest.write_text(MANIFEST.replace("'", '"'), encoding="utf-8")
    base = str(free_base_port(10))
    quorate("network", "create", folder, "--config", manifest, "--base-port", base)
    outsider = _start(folder / "nodes" / OUTSIDER, "--record", recorded)
    try:
        eventually("the outsider runs", (folder / "nodes" / OUTSIDER / "node.pid").is_file, WAIT_S)
        run_quorate("network", "up", folder)
        yield _play(folder, recorded)
    finally:
        run_quorate("network", "down", folder, check=False)
        outsider.kill()
        outsider.wait()


def _play(folder: Path, recorded: Path) -> Scene:
    """Found the hidden group while all run, and have something happen in it."""
    nodes = ",".join(f"{name}-1" for name in MEMBERS)
    quorate("group", "create", "--network", folder, "--name", HIDDEN, "--validators", nodes)
    marker = secrets.token_bytes(32)
    quorate("account", "create", "--network", folder, "--group", HIDDEN,
            "--org", "tax", "--role", "member", "--name", "quiet")  # fmt: skip
    network = Network(folder)
    hidden_hash, raw = _send(network, HIDDEN, "quiet", "0x" + marker.hex())
    genesis = load_genesis(folder / "groups" / HIDDEN / "genesis.json")
    hidden = network.urls["tax-1"] + f"/groups/{HIDDEN}"
    head = rpc(hidden, "eth_getBlockByNumber", "latest", False)
    # After it something in the group of both, so that all before it has been heard.
    open_hash, _ = _send(network, "open", "officer", "0x" + secrets.token_hex(32))
    own = network.urls[OUTSIDER]
    eventually("heard", lambda: rpc(own, "eth_getTransactionReceipt", open_hash), WAIT_S)
    traces = {
        "name": HIDDEN.encode(),
        "identity": bytes(genesis_block(genesis).hash),
        "chain id": genesis.chain_id.to_bytes(6),
        "chain id in decimal": str(genesis.chain_id).encode(),
        "chain id in hex": hex(genesis.chain_id).encode(),
        "calldata": marker,
        "transaction": bytes.fromhex(hidden_hash[2:]),
        "sender": bytes.fromhex(network.account("quiet").address[2:]),
        "block": bytes.fromhex(head["hash"][2:]),
        "state": bytes.fromhex(head["stateRoot"][2:]),
        "header's record": bytes.fromhex(head["extraData"][2:]),
    }
    opened = load_genesis(folder / "groups" / "open" / "genesis.json")
    return Scene(
        network, recorded, bytes(genesis_block(opened).hash), open_hash, traces, hidden_hash, raw
    )


def _frames(stream: bytes) -> Iterator[Frame]:
    place = 0
    while place + PREFIX_BYTES <= len(stream):
        kind, size = decode_prefix(
            stream[place : place + PREFIX_BYTES],
            chunk_bytes_max=DEFAULT_LIMITS.chunk_bytes_max,
            document_bytes_max=MEMBERSHIP_BYTES_MAX,
        )
        place += PREFIX_BYTES
        if place + size > len(stream):
            return
        yield decode_body(kind, stream[place : place + size])
        place += size


def _raw_answer(url: str, body: Any) -> tuple[int, bytes]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _call(method: str, *parameters: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}


def _methods(scene: Scene) -> list[str]:
    described = rpc(scene.network.urls[OUTSIDER], "rpc.discover")
    return [method["name"] for method in described["methods"]]


def _lookups(scene: Scene) -> list[str]:
    """Methods that look something up; others compute on what they are given."""
    found = [name for name in _methods(scene) if "_get" in name or "_trace" in name]
    assert len(found) > 20
    return found


def test_the_recorder_hears_what_the_outsider_may_hear(scene: Scene) -> None:
    assert scene.open_id in scene.heard()
    assert bytes.fromhex(scene.open_hash[2:]) in scene.kept()
    assert len(_methods(scene)) > 50


def test_no_frame_of_the_group_reaches_it(scene: Scene) -> None:
    frames = [frame for path in scene.recorded.iterdir() for frame in _frames(path.read_bytes())]
    groups = {frame.group for frame in frames if hasattr(frame, "group")}
    assert groups == {scene.open_id}
    assert len(frames) > 100
    assert scene.found_in(scene.heard()) == []


def test_nothing_of_the_group_is_on_its_disk_or_in_its_log(scene: Scene) -> None:
    assert scene.found_in(scene.kept()) == []


def test_no_answer_of_its_own_rpc_tells_of_the_group(scene: Scene) -> None:
    url, block = scene.network.urls[OUTSIDER], {"fromBlock": "0x0", "toBlock": "latest"}
    nobody = "0x" + "00" * 20
    shapes: list[list[Any]] = [
        [], ["latest"], ["0x1"], ["latest", True], ["0x1", False], [0, 99], [block], [nobody],
        [nobody, "latest"], [nobody, [], "latest"], [nobody, "0x0", "latest"],
        [{"to": nobody}, "latest"], ["0x2", "latest", []], ["tax", "0x01"],
    ]  # fmt: skip
    answers = [
        _raw_answer(url, _call(method, *shape))[1]
        for method, shape in product(_methods(scene), shapes)
    ]
    answered = sum(b'"result"' in answer for answer in answers)
    assert answered > 50, "the shapes fit the methods"
    for path in ("/metrics", "/healthz", "/readyz"):
        with urllib.request.urlopen(url + path, timeout=30) as page:
            answers.append(page.read())
    assert scene.found_in(b"\n".join(answers)) == []


def test_who_asks_for_the_group_by_name_or_hash_gets_what_nonsense_gets(scene: Scene) -> None:
    url, never = scene.network.urls[OUTSIDER], "never-was-here"
    for method in _methods(scene):
        hidden = _raw_answer(f"{url}/groups/{HIDDEN}", _call(method))
        assert hidden == _raw_answer(f"{url}/groups/{never}", _call(method))
        assert hidden[0] == 404
    for what in ("transaction", "block", "identity", "state"):
        known = scene.traces[what].hex()
        # Read as a number, a leading zero is refused with words of its own.
        nonsense = known[0] + secrets.token_hex(32)[1:]
        for method, more in product(_lookups(scene), ([], [True], ["latest"])):
            assert any(
                _answer_about(url, method, known, more)
                == _answer_about(url, method, nonsense, more)
                for _ in range(ATTEMPTS)
            ), method


def _answer_about(url: str, method: str, what: str, more: list[Any]) -> tuple[int, bytes]:
    """The answer without what was asked about, which errors repeat."""
    status, answer = _raw_answer(url, _call(method, "0x" + what, *more))
    return status, answer.replace(what.encode(), b"")


def test_a_transaction_of_the_group_is_refused_as_one_of_no_group(scene: Scene) -> None:
    """What the refusal says is this group's own chain id, and the one that the caller gave."""
    _, answer = _raw_answer(
        scene.network.urls[OUTSIDER], _call("eth_sendRawTransaction", scene.hidden_raw)
    )
    assert b'"error"' in answer
    assert set(scene.found_in(answer)) <= {"chain id in decimal", "chain id in hex", "chain id"}
    assert scene.hidden_hash.encode() not in answer


def test_the_searches_find_each_trace(scene: Scene) -> None:
    for what, trace in scene.traces.items():
        assert what in scene.found_in(b"some " + trace + b" bytes")
        assert what in scene.found_in(b'{"x": "0x' + trace.hex().upper().encode() + b'"}')


def test_a_member_that_leaks_is_found(scene: Scene) -> None:
    """The last one, for it spoils the scene: a member counts everybody among the members."""
    run_quorate("network", "down", scene.network.folder, "--node", "tax-1")
    leaking = _start(scene.network.folder / "nodes" / "tax-1", "--leak")
    try:
        eventually("the leak is found", lambda: "identity" in scene.found_in(scene.heard()), WAIT_S)
    finally:
        leaking.terminate()
        leaking.wait()
