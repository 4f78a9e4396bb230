"""The command as a shell runs it: exit codes, JSON on standard output, sentences on the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cli import main

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
SNARKJS = VECTORS / "snarkjs"


def quorate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def test_version_for_people_and_machines() -> None:
    assert quorate("version").stdout.startswith("quorate ")
    answer = json.loads(quorate("version", "--json").stdout)
    assert set(answer) == {"version", "engine", "engines", "zk_backend", "native_missing"}
    assert answer["engine"] == answer["engines"][0]
    assert "py-evm" in answer["engines"]
    assert ("native" in answer["engines"]) == (answer["native_missing"] is None)


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("network", "fly"), ("transfer", "attest"), ("zk", "verify", "-x")]
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    done = quorate(*arguments)
    assert done.returncode == 2, done
    assert "Usage" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_is_exit_code_1_and_a_sentence(tmp_path: Path) -> None:
    done = quorate("network", "status", tmp_path / "nowhere", "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("quorate: ")
    assert "network create" in done.stderr


def test_a_nodes_unreachable_address_is_named() -> None:
    done = quorate("explorer", "status", "--rpc", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr


def test_zk_verify_tells_valid_from_other(tmp_path: Path) -> None:
    files = ["--vkey", SNARKJS / "m500.vkey.json", "--proof", SNARKJS / "m500.proof.json"]
    public = SNARKJS / "m500.public.json"
    done = quorate("zk", "verify", *files, "--public", public, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"valid": True})
    signals = json.loads(public.read_text(encoding="utf-8"))
    signals[0] = str(int(signals[0]) + 1)
    (tmp_path / "other.json").write_text(json.dumps(signals), encoding="utf-8")
    done = quorate("zk", "verify", *files, "--public", tmp_path / "other.json", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"valid": False})


def test_contract_compile_names_line_and_column(tmp_path: Path) -> None:
    source = tmp_path / "wrong.vy"
    source.write_text("@external\ndef f() -> uint256:\n    return b\n", encoding="utf-8")
    done = quorate("contract", "compile", source)
    assert done.returncode == 1
    assert "wrong.vy" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_shipped_agreement_is_well_formed() -> None:
    answer = json.loads(quorate("agreement", "check", "--json").stdout)
    assert (answer["rule"], answer["rate_bps"]) == (1, 2000)
    assert len(answer["id"]) == 66


def test_a_terminal_without_chinese_shows_the_rest() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "evm", "--help"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done
    assert b"statetest" in done.stdout


def test_who_interrupts_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def long() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "command", lambda _: app)
    monkeypatch.setattr(sys, "argv", ["quorate"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "quorate: interrupted\n"
