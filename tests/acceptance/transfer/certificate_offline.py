"""A certificate is checked elsewhere, with no network, from the genesis file; altered it fails.

Every byte of it is flipped in turn. Then each value in it is changed and the document sealed anew
with its right digest, as a forger would: what it says must follow from what a quorum signed.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.desks import LocalNetwork
from ledger.genesis import Genesis, load_genesis
from ledger.values import keccak
from scripts.transfer_story import Officers, carry
from tests.acceptance.harness import (
    COMMAND_TIMEOUT_S,
    QUORATE,
    ROOT,
    quorate,
    run_quorate,
    running_network,
)
from workflows.equity_transfer.certificate import InvalidEvidence, check_certificate

CASE = ROOT / "tests" / "vectors" / "tax" / "A09.json"
KEYS = ROOT / "build" / "keys"
ALONE = ("unshare", "--net")
FLIPS_S_MAX = 240
TRIAL_FLIPS = 100
COMMAND_FLIPS = 5


def run(folder: Path) -> dict[str, Any]:
    """Export, take the network down, check in another folder, then alter."""
    with running_network(folder / "network") as network:
        run_quorate("transfer", "prepare", "--network", network.folder, "--keys", KEYS)
        officers = Officers.of(LocalNetwork(network.folder))
        carried = carry(officers, CASE.read_bytes(), lambda _: None)
        assert carried.id is not None
        exported = folder / "certificate.json"
        quorate(
            "transfer", "certificate", carried.id, "--network", network.folder,
            "--as", "applicant", "--out", exported,
        )  # fmt: skip
    states = quorate("network", "status", network.folder)["nodes"]
    assert not any(state["alive"] for state in states), states
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    shutil.move(exported, elsewhere)
    shutil.copyfile(
        network.folder / network.file["groups"][0]["genesis"], elsewhere / "genesis.json"
    )
    # Whatever else a check might read is not where it was.
    network.folder.rename(folder / "put away")
    data = (elsewhere / "certificate.json").read_bytes()
    isolation = _checked_by_command(elsewhere, carried.id, data)
    genesis = load_genesis(elsewhere / "genesis.json")
    check_certificate(data, genesis)
    return {
        "bytes": len(data),
        "network_while_checking": isolation,
        "flips": _every_byte(data, genesis),
        "forgeries_refused": _forgeries(data, genesis),
        "another_genesis_refused": _another_genesis(folder, data),
    }


def _check(folder: Path, certificate: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder with two files, an empty home, and no network where that is given."""
    return subprocess.run(
        [*_alone(), QUORATE, "transfer", "check", certificate, "--genesis", "genesis.json",
         "--json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )  # fmt: skip


def _alone() -> tuple[str, ...]:
    """The words that run a command without any network, where this machine lets us."""
    if shutil.which(ALONE[0]) is None:
        return ()
    tried = subprocess.run([*ALONE, "true"], capture_output=True, check=False)
    return ALONE if tried.returncode == 0 else ()


def _checked_by_command(folder: Path, transfer: str, data: bytes) -> str:
    checked = _check(folder, "certificate.json")
    assert checked.returncode == 0, checked.stderr
    answer = json.loads(checked.stdout)
    assert answer["valid"], answer
    assert answer["statement"]["subject"]["transfer"] == transfer
    assert answer["statement"]["status"]["application"] == "REGISTERED"
    assert any("不替代税收完税证明" in line for line in answer["statement"]["notice"])
    for place in range(COMMAND_FLIPS):
        altered = bytearray(data)
        altered[len(data) * place // COMMAND_FLIPS + 7] ^= 1
        (folder / "altered.json").write_bytes(altered)
        refused = _check(folder, "altered.json")
        assert refused.returncode == 1, f"altered in one byte and accepted: {refused.stdout}"
        assert "Traceback" not in refused.stderr, refused.stderr
    return "none: a network namespace of its own" if _alone() else "not used"


def _accepts(data: bytes, genesis: Genesis) -> bool:
    try:
        check_certificate(data, genesis)
    except InvalidEvidence:
        return False
    return True


def _every_byte(data: bytes, genesis: Genesis) -> dict[str, int]:
    """Each byte with one bit changed; only every n-th where this machine is too slow for all."""
    started = time.monotonic()
    tried = 0
    for place in range(0, len(data), max(1, len(data) // TRIAL_FLIPS)):
        _flip(data, place, genesis)
        tried += 1
    flip_s = (time.monotonic() - started) / tried
    stride = 1 + int(flip_s * len(data) / FLIPS_S_MAX)
    places = range(0, len(data), stride)
    for place in places:
        _flip(data, place, genesis)
    for size in range(0, len(data), len(data) // TRIAL_FLIPS):
        assert not _accepts(data[:size], genesis), f"its first {size} bytes are accepted"
    assert not _accepts(data + b"\n", genesis)
    return {"bytes_flipped": len(places), "of": len(data), "accepted": 0}


def _flip(data: bytes, place: int, genesis: Genesis) -> None:
    altered = bytearray(data)
    altered[place] ^= 1 << place % 8
    assert not _accepts(bytes(altered), genesis), f"byte {place} may be altered"


# Forgeries


def _sealed(document: dict[str, Any]) -> bytes:
    """The document with the digest that its content has, as the format asks for."""
    body = {name: document[name] for name in ("format", "statement", "evidence")}
    digest = keccak(_canonical(body))
    named = {"id": "0x" + digest[:16].hex(), "digest": "0x" + digest.hex()}
    return _canonical(body | named) + b"\n"


def _canonical(document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def _forgeries(data: bytes, genesis: Genesis) -> dict[str, int]:
    assert _sealed(json.loads(data)) == data, "the seal is not made as this script makes it"
    counts = {"statement": 0, "evidence": 0}
    for part in counts:
        for place, forged in _changed(json.loads(data), (part,)):
            assert not _accepts(_sealed(forged), genesis), f"{'.'.join(map(str, place))} is free"
            counts[part] += 1
    assert min(counts.values()) > 50, counts
    return counts


def _changed(
    document: dict[str, Any], way: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """The document with one value below `way` altered, for each value and some ways to alter it."""
    holder: Any = document
    for step in way[:-1]:
        holder = holder[step]
    value = holder[way[-1]]
    if isinstance(value, dict):
        value["unknown"] = 1
        yield (*way, "unknown"), document
        del value["unknown"]
    if isinstance(value, dict | list):
        for step in list(value) if isinstance(value, dict) else range(len(value)):
            yield from _changed(document, (*way, step))
        return
    for other in _others(value):
        holder[way[-1]] = other
        yield way, document
    holder[way[-1]] = value


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if value is None:
        return ["x"]
    assert isinstance(value, str)
    if not value.startswith("0x"):
        return [value + "x"]
    places = {2, len(value) // 2, len(value) - 1} if len(value) > 2 else set()
    swapped = [
        value[:place] + f"{int(value[place], 16) ^ 1:x}" + value[place + 1 :]
        for place in sorted(places)
    ]
    return [*swapped, value + "00"]


def _another_genesis(folder: Path, data: bytes) -> bool:
    run_quorate("network", "create", folder / "other")
    (path,) = (folder / "other" / "groups").glob("*/genesis.json")
    assert not _accepts(data, load_genesis(path)), "another ledger's genesis vouches for it"
    return True
