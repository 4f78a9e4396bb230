"""Reading: what is shown, what is verified, what is marked when it does not hold."""

import io
from typing import Any

import pytest
from rich.console import Console

from explorer import (
    NotFound,
    Source,
    account,
    block,
    blocks,
    contract,
    render_account,
    render_block,
    render_blocks,
    render_contract,
    render_status,
    render_transaction,
    render_verification,
    status,
    transaction,
    verify,
)
from explorer.labels import _EN, _ZH
from ledger.gate import GATE_CONTRACT
from ledger.values import to_hex
from tests.explorer.equity_scene import AGREEMENT, LyingClient, Scene
from tests.rpc.local_network import address


@pytest.fixture
def source(scene: Scene) -> Source:
    return Source(scene.served.client(), scene.served.genesis)


def shown(renderable: Any) -> str:
    console = Console(width=300, file=io.StringIO(), record=True)
    console.print(renderable)
    return console.export_text()


def test_status(scene: Scene, source: Source) -> None:
    found = status(source)
    assert found.verified
    (group,) = found.groups
    assert group.stable_number == scene.served.group.chain.head.number
    assert found.connected == ("market/node1",)
    assert found.disconnected == ("data/node1",)
    assert not status(Source(scene.served.client())).verified
    assert "node1" in shown(render_status(found, "zh"))


def test_blocks_are_verified_whole(scene: Scene, source: Source) -> None:
    head = scene.served.group.chain.head.number
    found = blocks(source, count=3)
    assert [entry.number for entry in found] == [head, head - 1, head - 2]
    assert all(entry.verified for entry in found)
    assert all(len(entry.signers) == 3 for entry in found)
    assert blocks(source, count=100)[-1].number == 0
    assert blocks(source, count=100)[-1].verified
    one = block(source, head)
    assert one.transactions == (scene.sent["accept"],)
    assert one.proposer.node is not None
    assert one.hash in shown(render_block(one, "en"))
    assert str(head) in shown(render_blocks(found, "zh"))
    with pytest.raises(NotFound, match="not stable"):
        block(source, head + 1)


def test_an_altered_block_is_marked(scene: Scene, lying: LyingClient) -> None:
    lying.lies["eth_getBlockByNumber"] = lambda b: {**b, "gasUsed": "0x0"}
    found = block(Source(lying, scene.served.genesis), 2)
    assert not found.verified
    assert "gas_used" in str(found.problem)
    assert "核验失败" in shown(render_block(found, "zh"))
    unchecked = block(Source(lying), 2)
    assert (unchecked.verified, unchecked.problem) == (False, None)


def test_a_transaction_with_its_events(scene: Scene, source: Source) -> None:
    found = transaction(source, scene.sent["apply"])
    assert found.verified
    assert found.status == "executed"
    assert found.method == "apply"
    assert found.sender is not None
    assert found.sender.organisation == "market"
    (event,) = found.events
    assert event.name == "Applied"
    assert event.arguments["data_type"] == "application"
    text = shown(render_transaction(found, "zh", source.organisation_labels("zh")))
    assert "市场监管局" in text
    with pytest.raises(NotFound, match="no transaction"):
        transaction(source, "0x" + "11" * 32)


def test_an_altered_transaction_is_marked(scene: Scene, lying: LyingClient) -> None:
    source = Source(lying, scene.served.genesis)

    def failed(receipt: dict[str, Any]) -> dict[str, Any]:
        return {**receipt, "status": "0x0"}

    def silent(receipt: dict[str, Any]) -> dict[str, Any]:
        return {**receipt, "logs": []}

    for lies in (
        {"eth_getTransactionReceipt": failed},
        {"eth_getTransactionReceipt": silent},
        {"eth_getTransactionByHash": lambda t: {**t, "from": "0x" + "11" * 20}},
        {"eth_getTransactionByHash": lambda t: {**t, "transactionIndex": "0x3"}},
        {"eth_getTransactionByHash": lambda t: {**t, "value": "0x3"}},
    ):
        lying.lies = lies
        found = transaction(source, scene.sent["apply"])
        assert not found.verified, lies
        assert found.problem


def test_accounts_are_proven(scene: Scene, source: Source) -> None:
    found = account(source, address("registrar"))
    assert found.verified
    assert found.organisation == "market"
    assert found.roles == ("member",)
    assert not found.is_contract
    assert found.nonce > 0
    assert account(source, address("registrar"), number=0).nonce == 0
    assert "市场监管局" in shown(render_account(found, "zh", source.organisation_labels("zh")))
    unchecked = account(Source(scene.served.client()), address("registrar"))
    assert (unchecked.nonce, unchecked.organisation) == (found.nonce, "market")
    assert not unchecked.verified


def test_a_contract_says_what_it_is(scene: Scene, source: Source) -> None:
    found = contract(source, scene.contract)
    assert found.verified
    assert found.kind == "equity transfer"
    assert found.facts["agreement"] == to_hex(AGREEMENT)
    assert found.facts["tax_organisation"] == "tax"
    assert contract(source, GATE_CONTRACT).kind == "accounts"
    assert "equity transfer" in shown(render_contract(found, "en"))
    with pytest.raises(NotFound, match="no contract"):
        contract(source, address("registrar"))


def test_altered_code_is_marked(scene: Scene, lying: LyingClient) -> None:
    lying.lies["eth_getCode"] = lambda code: code[:-2] + "00"
    found = contract(Source(lying, scene.served.genesis), scene.contract)
    assert not found.verified
    assert "code" in str(found.problem)


def test_a_nodes_words_are_no_markup(scene: Scene, lying: LyingClient) -> None:
    lying.lies["quorate_status"] = lambda s: {**s, "node": "[red]\x1b[2Jnode[/red]"}
    text = shown(render_status(status(Source(lying)), "en"))
    assert "[red]\ufffd[2Jnode[/red]" in text


def test_a_verification_is_shown(scene: Scene, lying: LyingClient) -> None:
    head_ms = scene.served.group.chain.head.record.timestamp_ms
    good = verify(scene.served.client(), scene.served.genesis, start=1, end=2, now_ms=head_ms)
    assert "全部一致" in shown(render_verification(good, "zh"))
    lying.lies["eth_getLogs"] = lambda _: []
    bad = verify(lying, scene.served.genesis, start=1, end=2, now_ms=head_ms)
    text = shown(render_verification(bad, "en"))
    assert "problems found" in text
    assert "eth_getLogs gave 0" in text


def test_both_languages_name_the_same_steps() -> None:
    steps = {key for key in _ZH if key[0].isupper()}
    assert steps == {key for key in _EN if key[0].isupper()}
