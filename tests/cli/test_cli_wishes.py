"""What `quorate governance propose` takes and refuses before any node is asked; its warnings."""

from typing import Any

import pytest

from cli.failure import CommandFailed
from cli.parameters import FIXED, check_value, objection_to_gas
from cli.proposals import KIND_LABELS, Wish, proposal_words
from cli.wishes import SYSTEM_CONTRACTS, Asked, wish_of
from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind
from ledger.gate import SYSTEM_CONTRACTS as STANDING
from ledger.parameters import VOTED, Parameters
from ledger.values import keccak, to_hex

NOWHERE: Any = None
CARRIER = "0x" + "11" * 20


class Desk:
    """What a desk answers here: a contract's code."""

    def __init__(self, code: bytes) -> None:
        self.client = self
        self._code = code

    def code(self, address: str) -> bytes:
        assert address == CARRIER
        return self._code


def asked(kind: str, subject: str = "", value: str = "", at: int = 0, role: str = "") -> Asked:
    return Asked(kind, subject, value, at, role, "", "")


def test_a_parameter_is_proposed_by_its_name() -> None:
    wish = wish_of(NOWHERE, NOWHERE, asked("set-parameter", "gas_limit", "9000000"))
    assert wish == Wish(ProposalKind.SET_PARAMETER, parameter="gas_limit", value=9_000_000)
    assert wish.call == accounts.propose_parameter("gas_limit", 9_000_000)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (asked("set-parameter", "gas_limit"), "a value belongs to set-parameter"),
        (asked("set-parameter", "gas_limit", "9e6"), "expected a number without a unit"),
        (asked("set-parameter", "gas_limit", "5"), "expected 5,000,000 to 2,000,000,000, got 5"),
        (asked("set-parameter", "window_blocks", "8"), "fixed at genesis and no vote changes it"),
        (asked("set-parameter", "blocks", "8"), "'blocks' is no parameter; these change by vote"),
        (asked("upgrade-protocol", "2"), "--at belongs to replace-code and upgrade-protocol"),
        (asked("lift", "somebody", at=5), "--at belongs to replace-code and upgrade-protocol"),
        (asked("lift", "somebody", "5"), "a value belongs to set-parameter and replace-code"),
        (asked("lift"), "every proposal but cancel-upgrade says what it is about"),
        (asked("cancel-upgrade", "this"), "every proposal but cancel-upgrade says"),
        (asked("appoint", "somebody"), "--role belongs to an appointment"),
        (asked("elect", "somebody"), "'elect' is no kind of proposal; there are: add-validator"),
        (asked("replace-code", "tokens", CARRIER, 9), "takes one of accounts, agreements"),
        (asked("replace-code", "keys", "there", 9), "which `quorate contract deploy` gives"),
    ],
)
def test_what_is_no_proposal_is_refused_with_the_reason(given: Asked, words: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        wish_of(NOWHERE, NOWHERE, given)
    assert words in str(caught.value)


def test_code_is_named_by_the_contract_that_carries_it() -> None:
    desk: Any = Desk(b"code")
    wish = wish_of(NOWHERE, desk, asked("replace-code", "agreements", CARRIER, 70))
    assert (wish.subject, wish.code_hash, wish.at) == (
        SYSTEM_CONTRACTS["agreements"],
        keccak(b"code"),
        70,
    )
    empty: Any = Desk(b"")
    with pytest.raises(CommandFailed, match="has no code: deploy the new code first"):
        wish_of(NOWHERE, empty, asked("replace-code", "agreements", CARRIER, 70))
    assert set(SYSTEM_CONTRACTS.values()) == set(STANDING)


def test_every_parameter_is_votable_or_has_a_reason() -> None:
    upgraded = {"protocol_version", "features"}
    assert set(VOTED) | set(FIXED) | upgraded == set(Parameters.__struct_fields__)
    for name in FIXED:
        with pytest.raises(CommandFailed, match=f"{name} is fixed at genesis"):
            check_value(name, 1)


@pytest.mark.parametrize(
    ("gas_limit", "engines", "fits"),
    [
        (200_000_000, ["native", "native"], True),
        (200_000_001, ["native", "native"], False),
        (8_000_000, ["native", "py-evm"], True),
        (8_000_001, ["native", "py-evm"], False),
        (8_000_001, ["native", "auto"], False),
    ],
)
def test_a_gas_limit_is_held_against_the_slowest_engine(
    gas_limit: int, engines: list[str], fits: bool
) -> None:
    objection = objection_to_gas(gas_limit, 20_000, engines)
    assert (objection is None) == fits
    if objection:
        assert "over block_execution_ms_max (20,000)" in objection


def test_proposals_are_told_in_words() -> None:
    row = {"subject": "gas_limit", "value": 9_000_000, "at": 70, "code_hash": to_hex(bytes(32))}
    row |= {"node": "", "role": ""}
    told = {kind: proposal_words({**row, "kind": kind}) for kind in KIND_LABELS}
    assert told["set-parameter"] == "set gas_limit to 9,000,000"
    assert told["upgrade-protocol"] == "protocol version 9000000 from block 70 on"
    assert told["cancel-upgrade"] == "cancel what is scheduled for block 70"
    assert "at block 70 by that with the hash 0x00" in told["replace-code"]
    assert told["lift"] == "lift gas_limit"
