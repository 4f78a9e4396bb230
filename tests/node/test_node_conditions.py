"""What an operator is told of a group that stands still and of a node without a vote."""

from dataclasses import replace

import pytest

from consensus.status import LeavingReason, ReplicaStatus
from ledger.values import Address
from node.conditions import Place, find_conditions
from node.header_comparison import HeaderMismatch
from node.upgrades import Lack

A, B, C, D = (Address(bytes([number]) * 20) for number in range(1, 5))
NAMES = {A: "a", B: "b", C: "c", D: "d"}
WELL = ReplicaStatus(
    epoch=0,
    view=3,
    is_active=True,
    is_voter=True,
    primary=B,
    stable=12,
    executed=12,
    quorum=3,
    validators=(A, B, C, D),
    missing=(),
    missing_ticks=(),
    stalled_ticks=0,
    is_catching_up=False,
    leaving_reason=None,
    leavers=(),
    leaving_ticks=0,
    unheard=(),
    is_quorum_heard=True,
    is_hopeless=False,
    retired=False,
    halted=None,
)
HERE = Place(A, 100, None, None, True)


def told(status: ReplicaStatus, place: Place = HERE) -> dict[str, tuple[str, str]]:
    found = find_conditions(status, place, NAMES.__getitem__)
    return {condition.kind: (condition.en, condition.zh) for condition in found}


def test_of_a_group_that_works_nothing_is_said() -> None:
    assert told(WELL) == {}
    one_missing = replace(WELL, missing=(B,), missing_ticks=(70,), unheard=(B,))
    assert told(one_missing) == {}


def test_a_group_that_can_not_move_says_so_in_one_sentence() -> None:
    status = replace(WELL, missing=(B,), missing_ticks=(70,), unheard=(B, C), is_quorum_heard=False)
    en, zh = told(status)["standstill"]
    assert en == (
        "cannot move from block 12: 2 of 4 validators vote and 3 are needed; missing: b for 7 s, c"
    )
    assert zh == "链停在区块 12：4 个验证节点中只有 2 个投票，需要 3 个；缺席：b（7 秒）, c"
    assert "b, c not heard" in told(status)["no-quorum-heard"][0]


def test_an_own_vote_that_is_gone_counts_as_missing() -> None:
    status = replace(WELL, is_voter=False, missing=(B,), missing_ticks=(70,))
    assert "2 of 4 validators vote" in told(status)["standstill"][0]


def test_headers_that_differ_without_a_quorum_name_the_way_out() -> None:
    assert "none can reach a quorum" in told(replace(WELL, is_hopeless=True))["no-certificate"][0]


@pytest.mark.parametrize(
    ("status", "place", "kind"),
    [
        (replace(WELL, retired=True, is_voter=False), HERE, "retired"),
        (WELL, replace(HERE, log_lost="no log in /x"), "log-lost"),
        (replace(WELL, validators=(B, C, D)), HERE, "not-listed"),
        (WELL, replace(HERE, halted="its engine differs"), "halted"),
    ],
)
def test_why_a_node_does_not_vote(status: ReplicaStatus, place: Place, kind: str) -> None:
    assert list(told(status, place)) == [kind]


def test_an_observer_is_not_told_that_it_has_no_vote() -> None:
    status = replace(WELL, validators=(B, C, D), is_voter=False)
    assert told(status, replace(HERE, is_validator_key=False)) == {}


def test_who_left_alone_is_told_from_a_view_change_of_many() -> None:
    alone = replace(
        WELL,
        view=4,
        is_active=False,
        leaving_reason=LeavingReason.REQUEST,
        leaving_ticks=55,
        leavers=(A,),
    )
    en, zh = told(alone)["waits-alone"]
    assert en.startswith(
        "waits for view 4 since 5 s and votes for nothing until then: it left alone"
    )
    assert "一笔交易等待过久" in zh
    en, _ = told(replace(alone, leavers=(A, C)))["view-change"]
    assert en.endswith("2 ask for it (a, c), 3 are needed")


def test_every_reason_to_leave_has_its_chinese() -> None:
    for reason in LeavingReason:
        left = replace(WELL, view=4, is_active=False, leaving_reason=reason, leavers=(A, B))
        assert told(left)["view-change"][1]


def test_a_header_that_differs_is_told_with_its_field_until_its_block_is_stable() -> None:
    mismatch = HeaderMismatch(13, "tax-1", "gas_used", 0, 21_000)
    en, zh = told(WELL, replace(HERE, mismatch=mismatch))["headers-differ"]
    assert en == "block 13: gas_used is 0 here and 21000 at tax-1"
    assert zh == "区块 13：gas_used 在本节点为 0，在 tax-1 为 21000"
    assert told(replace(WELL, stable=13), replace(HERE, mismatch=mismatch)) == {}


def test_a_build_that_is_too_old_is_warned_ahead_and_then_says_why_it_stopped() -> None:
    lack = Lack(20, "protocol version 2", 1, "block 20 needs protocol version 2")
    en, zh = told(WELL, replace(HERE, lack=lack))["upgrade-due"]
    assert en == (
        "will stop before block 20, 8 blocks from now: it needs protocol version 2, this build "
        "speaks version 1"
    )
    assert (
        zh == "将停在区块 20 之前（还有 8 个区块）：该区块需要协议版本 2，本程序只支持到协议版本 1"
    )
    stopped = told(replace(WELL, stable=19), replace(HERE, lack=lack, halted=lack.reason))
    assert list(stopped) == ["build-too-old"]
    en, zh = stopped["build-too-old"]
    assert en.startswith("stopped before block 20: it needs protocol version 2")
    assert "已停在区块 20 之前" in zh
    other = told(WELL, replace(HERE, lack=lack, halted="the disk is gone"))
    assert list(other) == ["halted", "upgrade-due"]
