"""`verify` and the light client across a recovery: the link holds, both branches are told."""

from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from client.light import InvalidAnswer, LightClient
from explorer import render_verification, verify
from explorer.values import Verification
from ledger.block import decode_block, encode_block
from ledger.recovery import RecoveredValidator, Recovery, recovery_of, sign_recovery
from ledger.suite import STANDARD
from ledger.values import to_hex
from tests.explorer.equity_scene import LyingClient
from tests.rpc.local_network import LocalGroup, ServedNode, address, make_genesis, signer

LAST = 3
"""Block H."""


def certificate(group: LocalGroup, **changes: Any) -> Recovery:
    members = [RecoveredValidator(address("tax-node"), "tax/node1")]
    for name in ("market", "data", "audit"):
        members.append(RecoveredValidator(address(f"{name}-new"), f"{name}/node2"))
    fields = {
        "number": LAST,
        "block_hash": group.chain.header(LAST).hash,
        "epoch": 7,
        "counter": 1,
        "members": members,
    }
    recovery = recovery_of(group.group_id, **(fields | changes))
    for name in ("tax", "market", "data"):
        recovery = sign_recovery(group.genesis, recovery, signer(f"{name}-recovery"))
    return recovery


@pytest.fixture
def branches() -> Iterator[tuple[ServedNode, ServedNode]]:
    """One node on the new branch, which was cut back by two blocks, and one on the old."""
    genesis = make_genesis()
    new, old = LocalGroup(genesis), LocalGroup(genesis)
    for _ in range(LAST + 2):
        new.mine()
        number = new.chain.head.number
        block = decode_block(STANDARD, encode_block(new.chain.block(number)))
        old.chain.import_block(block, new.chain.certificate(number))
    new.chain.adopt(certificate(new), may_cut=True)
    new.validators |= {signer(f"{n}-new").address: signer(f"{n}-new") for n in
                       ("market", "data", "audit")}  # fmt: skip
    for _ in range(4):
        new.mine()
    nodes = ServedNode(new), ServedNode(old)
    yield nodes
    for node in nodes:
        node.stop()


def check(*nodes: ServedNode) -> Verification:
    return verify([node.client() for node in nodes], nodes[0].genesis)


def text(found: Verification, lang: str) -> str:
    console = Console(width=250)
    with console.capture() as shown:
        console.print(render_verification(found, lang))
    return shown.get()


def test_verify_holds_and_reports_the_recovery_with_the_old_branch(branches) -> None:
    new, old = branches
    found = check(new)
    assert found.problems == ()
    (recovery,) = found.recoveries
    assert (recovery.number, recovery.epoch, recovery.counter) == (LAST, 7, 1)
    assert recovery.organisations == ("data", "market", "tax")
    assert recovery.nodes == tuple(m.node for m in new.group.chain.recoveries[0].members)
    lost = [old.group.chain.header(number) for number in (LAST + 1, LAST + 2)]
    assert [(block.number, block.hash) for block in recovery.void] == [
        (header.number, to_hex(header.hash)) for header in lost
    ]
    assert {block.signers for block in recovery.void} == {3}
    for lang, word in (("en", "recovery certificates"), ("zh", "恢复证书")):
        shown = text(found, lang)
        assert word in shown
        assert to_hex(lost[0].hash) in shown


def test_nodes_of_both_branches_are_told_apart_from_a_fork(branches) -> None:
    for nodes in (branches, branches[::-1]):
        found = check(*nodes)
        (problem,) = found.problems
        assert (problem.what, problem.block) == ("branch", LAST + 1)
        assert "recovery certificate 1 of data, market, tax begins after block 3" in problem.message
        assert len(found.recoveries) == 1


def test_a_light_client_refuses_the_old_branch_once_it_knows_the_certificate(branches) -> None:
    new, old = branches
    light = LightClient(new.genesis, new.client())
    assert light.header(LAST + 1).epoch.recovery is not None
    assert light.header(LAST).epoch.number == 0
    old_answer = old.client().block_certificate(LAST + 1)
    with pytest.raises(InvalidAnswer, match="is of the old branch") as caught:
        light.verify_certified(old_answer, LAST + 1)
    assert caught.value.what == "branch"
    assert light.verify_void(old_answer).header.number == LAST + 1
    apart = LightClient(new.genesis, old.client())
    assert apart.head().header.number == LAST + 2


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda entry: entry.update(recovery=None), "validators"),
        (
            lambda entry: entry.update(
                recovery=entry["recovery"][:-8] + "abcdef" + entry["recovery"][-2:]
            ),
            "recovery",
        ),
        (lambda entry: entry.update(recovery="0xc0"), "form"),
    ],
)
def test_a_link_without_the_organisations_is_none(branches, change, what) -> None:
    lying = LyingClient(branches[0].url)

    def lie(answer: Any) -> Any:
        change(answer[0])
        return answer

    lying.lies["quorate_getEpochProof"] = lie
    with pytest.raises(InvalidAnswer) as caught:
        LightClient(branches[0].genesis, lying).header(LAST + 1)
    assert caught.value.what == what
