"""`quorate zk ceremony` over a small group: what people and machines are shown, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from eth_account import Account
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import command
from ledger.genesis import save_genesis
from tests.ceremony_keys import SYSTEM, powers_file
from tests.workflows.small_network import SmallNetwork, account
from workflows.ceremony.files import InvalidContent
from workflows.workspace import write_private
from zkp.ceremony.key_file import decode_key
from zkp.r1cs import encode_r1cs

APP = command(["zk"])
NAMES = ("author", "tax-officer", "registrar")


@pytest.fixture(scope="module")
def folder(network: SmallNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A genesis file, keystores of few rounds, and the three files of an opening."""
    made = tmp_path_factory.mktemp("ceremony")
    save_genesis(network.genesis, made / "genesis.json")
    (made / "c.r1cs").write_bytes(encode_r1cs(SYSTEM))
    (made / "c.ptau").write_bytes(powers_file())
    for name in NAMES:
        keystore = Account.encrypt(account(name).key, "password", kdf="pbkdf2", iterations=1)
        write_private(made / f"{name}.json", json.dumps(keystore).encode())
        write_private(made / f"{name}.json.password", b"password")
    return made


def invoke(network: SmallNetwork, folder: Path, act: str, *more: str | Path) -> Result:
    where = ("--files", folder / "shared", "--rpc", network.client.url, "--group", "equity")
    return CliRunner().invoke(APP, ["zk", "ceremony", act, *map(str, (*where, *more))])


def told(done: Result) -> Any:
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


def key_of(folder: Path, name: str) -> tuple[str, Path]:
    return "--key-file", folder / f"{name}.json"


def opening(folder: Path) -> tuple[str | Path, ...]:
    files = {"--circuit": "c.r1cs", "--ptau": "c.ptau"}
    named = [part for option, name in files.items() for part in (option, folder / name)]
    who = [part for name in NAMES[1:] for part in ("--participant", account(name).address)]
    return *named, *who, *key_of(folder, "author")


def test_a_ceremony_by_commands(network: SmallNetwork, folder: Path) -> None:
    started = told(invoke(network, folder, "start", *opening(folder), "--exponent", "10", "--json"))
    assert started["participants"] == [account(name).address for name in NAMES[1:]]
    with pytest.raises(CommandFailed, match="started here already"):
        told(invoke(network, folder, "start", *opening(folder), "--json"))
    text = folder / "dice.txt"
    text.write_text("3 1 4 1 5")
    first = told(
        invoke(
            network, folder, "contribute", *key_of(folder, "tax-officer"), "--text-file", text,
            "--json",
        )
    )  # fmt: skip
    assert (first["place"], first["new"]) == (1, True)
    shown = invoke(network, folder, "status").stdout
    for words in ("已贡献", "轮到", "信标"):
        assert words in shown
    found = told(invoke(network, folder, "status", "--json"))
    assert [entry["presence"] for entry in found["participants"]] == ["contributed", "next"]
    assert [entry["organisation"] for entry in found["participants"]] == ["tax", "market"]
    verified = told(
        invoke(
            network, folder, "verify", "--genesis", folder / "genesis.json", "--out",
            folder / "out.zkey", "--json",
        )
    )  # fmt: skip
    assert (verified["valid"], verified["finished"]) == (True, False)
    assert [entry["name"] for entry in verified["contributions"]] == ["tax"]
    assert decode_key((folder / "out.zkey").read_bytes()).history.contributions
    people = invoke(network, folder, "verify", "--genesis", folder / "genesis.json").stdout
    for words in ("有效", "未完成"):
        assert words in people
    objected = told(invoke(network, folder, "object", *key_of(folder, "registrar"), "--json"))
    assert objected["taken_back"] is False
    path = folder / "shared" / f"{first['key']}.zkey"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InvalidContent, match="not what the name says"):
        told(invoke(network, folder, "verify", "--genesis", folder / "genesis.json", "--json"))


@pytest.mark.parametrize(
    ("act", "words"),
    [("contribute", "--key-file FILE"), ("verify", "--genesis FILE"), ("finish", "--as ACCOUNT")],
)
def test_who_acts_must_be_said(network: SmallNetwork, folder: Path, act: str, words: str) -> None:
    at = ("--at", account("author").address)
    done = invoke(network, folder, act, *at)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
