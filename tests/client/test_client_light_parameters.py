"""A light client learns voted parameters from the epochs' links; each header vouches for them."""

from typing import Any

import pytest

from client.light import InvalidAnswer, LightClient
from client.rpc import Client
from contracts.bindings import accounts as gate
from ledger.parameters import Parameters
from tests.rpc.local_network import ServedNode, enact

GAS_LIMIT = 6_500_000


class LyingClient(Client):
    """Tells other parameters than the node does."""

    def __init__(self, url: str, lie: Any) -> None:
        super().__init__(url)
        self._lie = lie

    def epoch_proof(self, start: int, end: int) -> list[dict[str, Any]]:
        proof = list(super().epoch_proof(start, end))
        for link in proof:
            self._lie(link)
        return proof


@pytest.fixture
def voted(served: ServedNode) -> int:
    """The first block under a gas limit that the organisations voted for."""
    calls = [("tax-admin", gate.propose_parameter("gas_limit", GAS_LIMIT))]
    calls += [(f"{name}-admin", gate.vote(1)) for name in ("market", "data")]
    return enact(served, calls)


def test_each_header_comes_with_the_parameters_of_its_epoch(served: ServedNode, voted: int) -> None:
    light = LightClient(served.genesis, served.client())
    before = Parameters(chain_id=1).gas_limit
    told = [light.header(number) for number in (voted - 1, voted)]
    assert [one.epoch.parameters.gas_limit for one in told] == [before, GAS_LIMIT]
    assert [one.header.gas_limit for one in told] == [before, GAS_LIMIT]
    assert light.parameters.gas_limit == GAS_LIMIT
    assert told[0].epoch.validators == told[1].epoch.validators
    [link] = served.client().epoch_proof(1, 1)
    assert link["next_parameters"]["gas_limit"] == GAS_LIMIT


def other_limit(link: dict[str, Any]) -> None:
    link["next_parameters"]["gas_limit"] += 1


def no_change(link: dict[str, Any]) -> None:
    link["next_parameters"] = None


def no_parameters(link: dict[str, Any]) -> None:
    link["next_parameters"] = {"chain_id": 5, "unheard_of": 1}


@pytest.mark.parametrize(
    ("lie", "what"),
    [(other_limit, "parameters"), (no_change, "validators"), (no_parameters, "form")],
)
def test_other_parameters_than_the_headers_name_are_refused(
    served: ServedNode, voted: int, lie: Any, what: str
) -> None:
    light = LightClient(served.genesis, LyingClient(served.url, lie))
    with pytest.raises(InvalidAnswer) as refusal:
        light.head()
    assert refusal.value.what == what
