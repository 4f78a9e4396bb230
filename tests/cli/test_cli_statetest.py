"""`quorate evm statetest` as a shell runs it: lines, the last line, exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.native import is_available
from tests.ethereum.state_documents import document, ran, refused, state_test

GOOD = document(
    runs=state_test(ran(12, 2), ran(12, 2), data=["0x", "0x"]),
    waits=state_test(refused(), nonce="0x05"),
)
ENGINES = ["native", "py-evm"] if is_available() else ["py-evm"]


def statetest(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "evm", "statetest", *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def lines(done: subprocess.CompletedProcess[str]) -> tuple[list[dict[str, Any]], str]:
    *cases, last = done.stdout.splitlines()
    return [json.loads(line) for line in cases], last


@pytest.mark.parametrize("engine", ENGINES)
def test_a_line_for_each_case_and_the_count(engine: str, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(GOOD)
    (tmp_path / "notes.txt").write_text("no test", encoding="utf-8")
    done = statetest("--engine", engine, "--fork", "Cancun", "--json", tmp_path)
    cases, last = lines(done)
    assert (done.returncode, last) == (0, "3 passed, 0 failed"), done
    assert cases[1:] == [
        {
            "file": str(tmp_path / "good.json"),
            "name": name,
            "fork": "Cancun",
            "index": {"data": 0, "gas": 0, "value": 0},
            "pass": True,
            "error": None,
        }
        for name in ("runs", "waits")
    ]
    assert cases[0] == cases[1]
    assert done.stderr == ""


def test_what_fails_has_a_sentence_and_exit_code_1(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_bytes(document(wrong=state_test(ran(11, 1)), none={"post": {"Cancun": 1}}))
    (tmp_path / "cut.json").write_bytes(GOOD[:100])
    done = statetest("--engine", "py-evm", "--json", tmp_path)
    cases, last = lines(done)
    assert (done.returncode, last) == (1, "0 passed, 3 failed"), done
    assert [(case["name"], case["pass"]) for case in cases] == [
        (None, False),
        ("wrong", False),
        ("none", False),
    ]
    for case, words in zip(
        cases, ("JSON object of tests", "state root", "not a state"), strict=True
    ):
        assert words in case["error"]
    people = statetest("--engine", "py-evm", wrong).stdout.splitlines()
    assert people[-1] == "0 passed, 2 failed"
    assert people[0].startswith(f"{wrong} wrong data 0 gas 0 value 0: expected state root ")


def test_the_engine_is_named_once_where_nobody_chose(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(GOOD)
    done = statetest(tmp_path)
    assert (done.returncode, done.stdout) == (0, "3 passed, 0 failed\n"), done
    assert done.stderr.count(ENGINES[0]) == 1


def test_many_files_on_two_processes_are_in_order(tmp_path: Path) -> None:
    names = [f"{number:02}.json" for number in range(40)]
    for name in names:
        (tmp_path / name).write_bytes(GOOD)
    done = statetest("--engine", ENGINES[0], "--processes", "2", "--json", tmp_path)
    cases, last = lines(done)
    assert last == "120 passed, 0 failed"
    assert [Path(case["file"]).name for case in cases[::3]] == names


@pytest.mark.parametrize(
    "arguments", [("/no/such/path",), ("--fork", "London", "."), ("--engine", "evm", "."), ()]
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    done = statetest(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "Traceback" not in done.stderr


def test_a_folder_without_tests_is_wrong_usage(tmp_path: Path) -> None:
    done = statetest(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "none in" in done.stderr
