"""`quorate doctor` finds each of an operator's usual mistakes, names what it saw and the way out.

Four departments. Each mistake is planted into one node's folder, running or stopped, and mended
again: before and after the doctor is content, in between it names the mistake by its code, says
what it expected and what it found, and what to do.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from ledger.chain import Chain
from ledger.genesis import load_genesis
from ledger.keyvalue import LevelDB
from ledger.pyevm import PyEvmEngine
from ledger.store import BlockStore
from node.config import NodeFolder
from node.pki import OrganisationCA
from tests.acceptance.harness import (
    QUORATE,
    ROOT,
    Network,
    eventually,
    is_running,
    quorate,
    rpc,
    run_quorate,
    running_network,
    sign,
)
from tests.fire.clocks import MODULE, Clock

PATIENT, OTHER = "audit-1", "market-1"
OFFICE, OTHER_OFFICE = "audit", "market"
STRANGER_UID = 54_321
CLOCK_MINUTES = 7
CONTENT_S_MAX = 120.0
COMMAND_S_MAX = 120


@dataclass
class Ward:
    """The network, the patient's folder, and room for what is kept meanwhile."""

    network: Network
    folder: Path
    node: NodeFolder
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    options: tuple[str, ...] = ()

    def look(self) -> dict[str, Any]:
        """The doctor's answer about the patient."""
        command = [QUORATE, "doctor", self.node.path, *self.options, "--json"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            env=self.environment,
            check=False,
        )
        assert done.stdout.startswith("{"), f"the doctor said only: {done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer["well"] == (done.returncode == 0), done
        return answer

    def wait_content(self, when: str) -> None:
        """Until the doctor has nothing to say; its complaints otherwise."""
        said: list[Any] = []

        def is_content() -> bool:
            answer = self.look()
            said[:] = [finding for finding in answer["findings"] if not finding["well"]]
            return bool(answer["well"])

        try:
            eventually(f"the doctor is content {when}", is_content, CONTENT_S_MAX, 1.0)
        except AssertionError as error:
            raise AssertionError(f"{error}: {said}") from error


@dataclass(frozen=True)
class Mistake:
    """How it is made (and mended on leaving), the code that is due, words that it must say."""

    name: str
    plant: Callable[[Ward], AbstractContextManager[Any]]
    code: str
    seen: tuple[str, ...]
    remedy: str
    is_down: bool = False


def run(folder: Path, *, only: str = "") -> dict[str, Any]:
    """Plant each mistake in turn; which code and sentence each one got.

    only: names of mistakes, or parts of them, with commas between; all if empty.
    """
    with running_network(folder / "network") as network:
        directory = next(n["dir"] for n in network.nodes if n["name"] == PATIENT)
        ward = Ward(network, folder, NodeFolder(network.folder / directory))
        ward.wait_content("at first")
        found = {}
        for mistake in MISTAKES:
            if any(part in mistake.name for part in only.split(",")):
                found[mistake.name] = _suffer(ward, mistake)
                print(f"{mistake.name}: {found[mistake.name]}", flush=True)
    assert only or len(found) >= 10
    return {"mistakes": len(found), "found": found}


def _suffer(ward: Ward, mistake: Mistake) -> str:
    with contextlib.ExitStack() as stack:
        if mistake.is_down:
            stack.enter_context(_down(ward))
        stack.enter_context(mistake.plant(ward))
        answer = ward.look()
        bad = [finding for finding in answer["findings"] if not finding["well"]]
        named = [finding for finding in bad if finding["code"] == mistake.code]
        assert named, f"{mistake.name}: expected {mistake.code}, found {bad}"
        finding = next((f for f in named if all(word in f["seen"] for word in mistake.seen)), None)
        assert finding, f"{mistake.name}: expected {mistake.seen} in the sentence, found {named}"
        assert mistake.remedy in finding["remedy"], f"{mistake.name}: no way out in {finding}"
    ward.wait_content(f"after {mistake.name}")
    return f"{finding['code']}: {finding['seen']} -> {finding['remedy']}"


# -- what an operator does to a node ------------------------------------------------------------


@contextmanager
def _down(ward: Ward, name: str = PATIENT) -> Iterator[None]:
    quorate("network", "down", ward.network.folder, "--node", name)
    try:
        yield
    finally:
        ward.network.up(name)


@contextmanager
def _kept(path: Path) -> Iterator[None]:
    """Whatever happens to a file or folder, it is as before afterwards."""
    aside = path.with_name(path.name + ".kept-aside")
    if path.is_dir():
        shutil.copytree(path, aside)
    else:
        shutil.copy2(path, aside)
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        aside.rename(path)


@contextmanager
def _mode(path: Path, mode: int) -> Iterator[None]:
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


@contextmanager
def _text(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    text = path.read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text, f"nothing to change in {path}"
    with _kept(path):
        path.write_text(changed, encoding="utf-8")
        yield


def _config(change: Callable[[str], str]) -> Callable[[Ward], AbstractContextManager[None]]:
    return lambda ward: _text(ward.node.config, change)


def _certificate(
    authority: Callable[[Ward], OrganisationCA], days_ago: int
) -> Callable[[Ward], AbstractContextManager[None]]:
    """A certificate for the patient, with a key of its own, as that authority issued it then."""

    @contextmanager
    def plant(ward: Ward) -> Iterator[None]:
        with _kept(ward.node.tls_certificate), _kept(ward.node.tls_key):
            certificate, key = ward.folder / "planted.crt", ward.folder / "planted.key"
            certificate.unlink(missing_ok=True)
            key.unlink(missing_ok=True)
            issued_at = datetime.now(UTC) - timedelta(days=days_ago)
            authority(ward).issue_identity(f"{OFFICE}/{PATIENT}", certificate, key, issued_at)
            shutil.copy2(certificate, ward.node.tls_certificate)
            shutil.copy2(key, ward.node.tls_key)
            yield

    return plant


def _own_authority(ward: Ward) -> OrganisationCA:
    return OrganisationCA.load(ward.network.folder / "organisations" / OFFICE)


def _strange_authority(_: Ward) -> OrganisationCA:
    return OrganisationCA.create(OFFICE, datetime.now(UTC) - timedelta(days=1))


@contextmanager
def _others_certificate(ward: Ward) -> Iterator[None]:
    other = _other(ward)
    with _kept(ward.node.tls_certificate), _kept(ward.node.tls_key):
        shutil.copy2(other.tls_certificate, ward.node.tls_certificate)
        shutil.copy2(other.tls_key, ward.node.tls_key)
        yield


@contextmanager
def _others_consensus_key(ward: Ward) -> Iterator[None]:
    own = _group(ward) / "consensus.key"
    others = _other(ward).group(own.parent.name).consensus_key
    with _kept(own):
        shutil.copy2(others, own)
        yield


def _other(ward: Ward) -> NodeFolder:
    directory = next(n["dir"] for n in ward.network.nodes if n["name"] == OTHER)
    return NodeFolder(ward.network.folder / directory)


@contextmanager
def _no_crate(ward: Ward) -> Iterator[None]:
    """The engine named, on a machine where the crate was never built."""
    empty = ward.folder / "no-crate" / "quorate_native"
    empty.mkdir(parents=True, exist_ok=True)
    (empty / "__init__.py").write_text('raise ImportError("not built here")\n', encoding="ascii")
    before = ward.environment.get("PYTHONPATH")
    ward.environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(empty.parent), before)))
    try:
        with _text(ward.node.config, lambda text: _set(text, "engine", "native")):
            yield
    finally:
        del ward.environment["PYTHONPATH"]
        if before is not None:
            ward.environment["PYTHONPATH"] = before


def _set(text: str, key: str, value: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith(f"{key} =")]
    return "\n".join([f'{key} = "{value}"', *lines]) + "\n"


@contextmanager
def _full_disk(ward: Ward) -> Iterator[None]:
    """The threshold above what is free: as good as the disk below it, and kinder to the machine."""
    free_mib = shutil.disk_usage(ward.node.path).free >> 20
    ward.options = ("--disk-free-mib-min", str(free_mib + 10_000))
    try:
        yield
    finally:
        ward.options = ()


@contextmanager
def _wrong_owner(ward: Ward) -> Iterator[None]:
    path = ward.node.membership
    before = path.stat()
    os.chown(path, STRANGER_UID, before.st_gid)
    try:
        yield
    finally:
        os.chown(path, before.st_uid, before.st_gid)


def _group(ward: Ward) -> Path:
    return ward.node.group(ward.network.file["groups"][0]["name"]).path


@contextmanager
def _wrong_clock(ward: Ward) -> Iterator[None]:
    """The node under a clock that is minutes ahead, until it took a proposal of another."""
    quorate("network", "down", ward.network.folder, "--node", PATIENT)
    clock = Clock(ward.folder / "clock")
    clock.set(CLOCK_MINUTES)
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, "node", "run", str(ward.node.path.resolve())],
        env={**os.environ, **clock.environment},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually("it has met others' proposals", lambda: _has_compared(ward), CONTENT_S_MAX)
        yield
    finally:
        process.terminate()
        process.wait(60)
        ward.network.up(PATIENT)
        eventually("the clock is forgotten", lambda: not _is_apart(ward), CONTENT_S_MAX)


def _has_compared(ward: Ward) -> bool:
    _transfer(ward, OTHER)
    return _is_apart(ward)


def _is_apart(ward: Ward) -> bool:
    apart_ms = ward.network.status(PATIENT)["clock"]["apart_ms"]
    return apart_ms is not None and abs(apart_ms) > 60_000 * (CLOCK_MINUTES - 1)


def _transfer(ward: Ward, node: str) -> None:
    account, url = ward.network.account("registrar"), ward.network.urls[node]
    nonce = int(rpc(url, "eth_getTransactionCount", account.address, "pending"), 16)
    rpc(url, "eth_sendRawTransaction", sign(account, int(rpc(url, "eth_chainId"), 16), nonce))
    time.sleep(0.3)


@contextmanager
def _no_quorum(ward: Ward) -> Iterator[None]:
    """In a group where all have voted: of whom this node heard no vote yet counts as missing."""
    height = ward.network.height(PATIENT)
    _transfer(ward, PATIENT)
    eventually("all voted", lambda: ward.network.height(PATIENT) > height, CONTENT_S_MAX)
    with _down(ward, OTHER), _down(ward, "data-1"):
        eventually("it notices", lambda: ward.network.status(PATIENT)["conditions"], CONTENT_S_MAX)
        yield


@contextmanager
def _power_cut(ward: Ward) -> Iterator[None]:
    pid = ward.network.pid(PATIENT)
    ward.network.kill(PATIENT)
    eventually("it is gone", lambda: not is_running(pid), 20)
    try:
        yield
    finally:
        ward.network.up(PATIENT)


@contextmanager
def _cut_vote_log(ward: Ward) -> Iterator[None]:
    wal = _group(ward) / "wal"
    with _kept(wal):
        for path in wal.iterdir():
            if path.name != "wal.end":
                os.truncate(path, path.stat().st_size // 2)
        yield


@contextmanager
def _no_vote_log(ward: Ward) -> Iterator[None]:
    wal = _group(ward) / "wal"
    with _kept(wal):
        for path in wal.iterdir():
            path.unlink()
        yield


@contextmanager
def _other_genesis(ward: Ward) -> Iterator[None]:
    with _kept(_group(ward) / "genesis.json"):
        _save_other_genesis(ward, _group(ward) / "genesis.json")
        yield


def _save_other_genesis(ward: Ward, path: Path) -> None:
    genesis = load_genesis(_group(ward) / "genesis.json")
    other = msgspec.structs.replace(genesis, timestamp_ms=genesis.timestamp_ms + 1, signatures=[])
    path.write_bytes(msgspec.json.encode(other))


@contextmanager
def _other_store(ward: Ward) -> Iterator[None]:
    database, document = _group(ward) / "db", ward.folder / "other-genesis.json"
    with _kept(database):
        shutil.rmtree(database)
        _save_other_genesis(ward, document)
        genesis = load_genesis(document)
        Chain(genesis, BlockStore(LevelDB(database), genesis.suite), PyEvmEngine()).close()
        yield


@contextmanager
def _old_document(ward: Ward) -> Iterator[None]:
    """The others moved on to another document while the patient was away."""
    draft, offices = ward.folder / "draft.json", ward.network.folder / "organisations"
    tax = ward.network.folder / next(n["dir"] for n in ward.network.nodes if n["name"] == "tax-1")
    quorate("member", "change", tax, "--out", draft, "--revoke", "data=abc123")
    for office in sorted(offices.iterdir()):
        key = office / "organisation.key"
        run_quorate("member", "sign", draft, "--key", key, "--against", tax)
    quorate("member", "publish", tax, draft)
    time.sleep(1)
    yield


@contextmanager
def _gone(path: Path) -> Iterator[None]:
    aside = path.with_name(path.name + ".elsewhere")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


def _peer_address(of: str, to: Callable[[Ward], str]) -> Callable[[Ward], Any]:
    """The address of one peer in node.toml, changed."""

    def plant(ward: Ward) -> AbstractContextManager[None]:
        address = next(n["p2p"] for n in ward.network.nodes if n["name"] == of)
        return _text(ward.node.config, lambda text: text.replace(f'"{address}"', f'"{to(ward)}"'))

    return plant


def _address_of_tax(ward: Ward) -> str:
    return str(next(n["p2p"] for n in ward.network.nodes if n["name"] == "tax-1"))


MISTAKES = (
    Mistake(
        "a key that others can read",
        lambda ward: _mode(_group(ward) / "consensus.key", 0o644),
        "key-mode",
        ("expected mode 600", "found 644"),
        "chmod 600",
    ),
    Mistake(
        "an expired certificate",
        _certificate(_own_authority, 400),
        "certificate",
        ("expected a valid certificate", "expired at"),
        "quorate member request",
    ),
    Mistake(
        "a certificate that expires soon",
        _certificate(_own_authority, 350),
        "certificate-expires",
        ("expected 30 days or more", "days left"),
        "quorate member request",
    ),
    Mistake(
        "another node's certificate",
        _others_certificate,
        "certificate-node",
        (f"expected a certificate of {OFFICE}/{PATIENT}", f"{OTHER_OFFICE}/{OTHER}"),
        "own certificate",
    ),
    Mistake(
        "a certificate of a wrong CA",
        _certificate(_strange_authority, 0),
        "certificate",
        ("expected a certificate", "from the CA of 'audit'"),
        "own CA",
    ),
    Mistake(
        "an unknown key in node.toml",
        _config(lambda text: "engin = 'auto'\n" + text),
        "configuration",
        ("engin",),
        "correct the line",
    ),
    Mistake(
        "RPC on a public address",
        _config(lambda text: text.replace("127.0.0.1", "0.0.0.0")),
        "rpc-address",
        ("expected [rpc] listen on loopback", "0.0.0.0"),
        "127.0.0.1",
    ),
    Mistake("an engine that is not built", _no_crate, "engine", ("expected the engine",), "auto"),
    Mistake("a disk that is nearly full", _full_disk, "disk", ("expected", "MiB free"), "room"),
    Mistake(
        "a file of another user", _wrong_owner, "owner", ("membership.json", "54321"), "chown -R"
    ),
    Mistake(
        "a folder without the right to write",
        lambda ward: _mode(_group(ward), 0o500),
        "read-only",
        ("read-only",),
        "chmod u+w",
    ),
    Mistake(
        "a peer's port that is closed",
        _peer_address(OTHER, lambda _: "127.0.0.1:9"),
        "peer",
        (f"expected {OTHER_OFFICE}/{OTHER}", "127.0.0.1:9", "unreachable"),
        "firewall",
    ),
    Mistake(
        "a peer's address that is another's",
        _peer_address(OTHER, _address_of_tax),
        "peer",
        (f"expected {OTHER_OFFICE}/{OTHER}", "other_node", "tax/tax-1"),
        "correct the address",
    ),
    Mistake(
        "a clock that is minutes off", _wrong_clock, "clock", ("ms are tolerated",), "time server"
    ),
    Mistake(
        "a quorum that is not there",
        _no_quorum,
        "group",
        ("cannot move", OTHER, "data-1"),
        "bring 1 of the missing back",
    ),
    Mistake(
        "a process that died", _power_cut, "process", ("expected the node", "found no"), "start it"
    ),
    Mistake(
        "a vote log that was cut",
        _cut_vote_log,
        "vote-log",
        ("expected this key's log", "shorter"),
        "never an older copy",
        is_down=True,
    ),
    Mistake(
        "a vote log that is missing",
        _no_vote_log,
        "vote-log",
        ("expected this key's log", "missing"),
        "put the log back",
        is_down=True,
    ),
    Mistake(
        "another network's genesis file",
        _other_genesis,
        "genesis-differs",
        ("expected", "to share group", "found"),
        "genesis.json",
        is_down=True,
    ),
    Mistake(
        "the store of another group",
        _other_store,
        "store-group",
        ("expected the chain of", "found the chain of"),
        "db",
        is_down=True,
    ),
    Mistake(
        "another node's consensus key",
        _others_consensus_key,
        "consensus-key",
        (f"expected the key of {OFFICE}/{PATIENT}", f"the key of {OTHER_OFFICE}/{OTHER}"),
        "do not start",
        is_down=True,
    ),
    Mistake(
        "a group's folder that is missing",
        lambda ward: _gone(_group(ward)),
        "group-folder",
        ("expected", "genesis.json", "found none"),
        "copy the group's folder back",
        is_down=True,
    ),
    Mistake(
        "no node.toml",
        lambda ward: _gone(ward.node.config),
        "configuration",
        ("cannot read", "node.toml"),
        "node.toml",
        is_down=True,
    ),
    Mistake(
        "an old membership document",
        _old_document,
        "membership-old",
        ("expected version 2", "found version 1"),
        "start the node",
        is_down=True,
    ),
)
