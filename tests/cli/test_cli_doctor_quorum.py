"""What the doctor says of a group whose validators are missing: working, or unable to move."""

from typing import Any

import pytest

from cli import doctor
from cli.checks import running
from cli.failure import CommandFailed

NAMES = [f"node-{number}" for number in range(1, 8)]


CONDITION = {
    "kind": "standstill",
    "en": "cannot move from block 12",
    "zh": "链停在区块 12",
    "remedy_en": "bring 1 of the missing back",
    "remedy_zh": "恢复其中 1 个节点",
}


def _status(
    missing: list[str], conditions: list[dict[str, str]], apart_ms: int | None = None
) -> dict[str, Any]:
    group = {
        "name": "equity",
        "stable": {"number": 12, "hash": "0x00"},
        "view": 3,
        "primary": NAMES[3],
        "quorum": 5,
        "validators": NAMES,
        "missing": [{"node": name, "since_ms": 4_200} for name in missing],
        "asking": ["node-7"],
        "clock": {"tolerance_ms": 5_000, "apart_ms": apart_ms, "from": "node-2"},
        "conditions": conditions,
    }
    return {
        "node": NAMES[0],
        "version": "0",
        "engine": "py-evm",
        "peers": [],
        "groups": [group],
    }


def _said(
    monkeypatch: pytest.MonkeyPatch,
    missing: list[str],
    conditions: list[dict[str, str]],
    apart_ms: int | None = None,
) -> str:
    class Answering:
        def status(self) -> dict[str, Any]:
            return _status(missing, conditions, apart_ms)

    monkeypatch.setattr(running, "reach", lambda url: Answering())
    with pytest.raises(CommandFailed) as failure:
        doctor.doctor(
            folder=None, rpc="http://127.0.0.1:1", deep=False, disk_free_mib_min=1, as_json=True
        )
    return str(failure.value)


def test_the_nodes_own_sentence_says_in_both_languages_that_the_group_cannot_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = _said(monkeypatch, NAMES[4:], [CONDITION])
    assert said == "group equity: cannot move from block 12 链停在区块 12"


def test_at_the_quorum_it_moves_and_the_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _said(monkeypatch, NAMES[5:], [])
    assert "cannot move" not in said
    assert "missing: node-6 for 4 s, node-7 for 4 s, waiting for a later view: node-7" in said


def test_clocks_that_are_apart_are_told_before_the_tolerance_is_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = _said(monkeypatch, [], [], -3_000)
    assert said == "clock in equity: node-2 is -3000 ms from this node, 5000 ms are tolerated"
