"""What the explorer says of contracts of ours, of any release, and of code that is not ours."""

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from contracts.releases import Release, releases_of
from explorer import Source, contract, render_contract
from explorer.values import ContractView
from ledger.values import Address, address_from_hex, to_hex
from tests.planted_code import creation_of
from tests.rpc.local_network import LocalGroup, ServedNode, account, make_genesis

REGISTRY = bytes([9]) * 20


@pytest.fixture(scope="module")
def served() -> Iterator[ServedNode]:
    made = ServedNode(LocalGroup(make_genesis(trusting=True)))
    yield made
    made.stop()


def plant(served: ServedNode, code: bytes) -> Address:
    client = served.client()
    sent = client.send_transaction(account("author"), None, creation_of(code))
    return address_from_hex(client.confirm(sent)["contractAddress"])


def words_for(release: Release) -> dict[str, bytes]:
    words = {name: bytes([place]) * 32 for place, name in enumerate(release.immutables, 1)}
    words |= {"tax_organisation": bytes(31) + b"\1", "market_organisation": bytes(31) + b"\2"}
    if "registry" in release.immutables:
        words["registry"] = REGISTRY.rjust(32, b"\0")
    return words


def seen(served: ServedNode, code: bytes) -> ContractView:
    return contract(Source(served.client(), served.genesis), plant(served, code))


def shown(view: ContractView, lang: str) -> str:
    console = Console(width=300, file=io.StringIO(), record=True)
    console.print(render_contract(view, lang))
    return console.export_text()


def test_a_contract_with_holdings_says_what_it_is(served: ServedNode) -> None:
    release = releases_of("equity_holdings")[-1]
    words = words_for(release)
    view = seen(served, release.deployed(words))
    assert view.verified
    assert (view.kind, view.release, view.is_current) == (
        "equity transfer with holdings",
        release.label,
        True,
    )
    assert view.facts["tax_organisation"] == "tax"
    assert view.facts["registry"] == to_hex(REGISTRY)
    assert view.facts["entry"] == to_hex(words["entry"])
    assert "持股存证" in shown(view, "zh")
    assert "equity transfer with holdings" in shown(view, "en")


def test_a_contract_of_an_earlier_release_is_known_as_such(served: ServedNode) -> None:
    first = releases_of("equity_transfer")[0]
    words = words_for(first)
    view = seen(served, first.deployed(words))
    assert (view.kind, view.release, view.is_current) == (
        "equity transfer",
        "equity_transfer 1",
        False,
    )
    assert view.facts["agreement"] == to_hex(words["agreement"])
    assert "equity_transfer 1, earlier" in shown(view, "en")
    assert "早于本程序" in shown(view, "zh")


def test_other_code_is_called_unknown(served: ServedNode) -> None:
    first = releases_of("equity_transfer")[0]
    code = first.deployed(words_for(first))
    view = seen(served, code[:-1])
    assert (view.kind, view.release, view.is_current, view.facts) == (None, None, None, {})
    assert "code of no release" in shown(view, "en")
    assert "未知代码" in shown(view, "zh")
