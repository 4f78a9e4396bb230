"""Validator changes: readiness, votes of organisations, pending changes, sizes."""

import pytest

from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind
from contracts.bindings.contract import Call
from contracts.system_alloc import ValidatorEntry
from ledger.gate import Role, contract_validators
from ledger.participants import admitted_nodes, key_holder
from ledger.suite import STANDARD
from tests.contracts.contract_group import (
    CHAIN_ID,
    DATA,
    ORGANISATIONS,
    VALIDATORS,
    WINDOW_BLOCKS,
    Group,
    address,
    new_group,
    private_key,
)

ADD, REMOVE = ProposalKind.ADD_VALIDATOR, ProposalKind.REMOVE_VALIDATOR
MONTH_SECONDS = 30 * 24 * 3600


def signed_ready(node: str, organisation: int = DATA, *, signer: str | None = None) -> Call:
    key = address(node)
    digest = accounts.ready_digest(CHAIN_ID, organisation, node, key)
    return accounts.ready(key, node, STANDARD.sign(digest, private_key(signer or node)))


def declare(group: Group, node: str, *, sender: str = "data-admin") -> None:
    """Admits a node and declares its key ready."""
    group.do("data-admin", accounts.admit_node(node))
    group.do(sender, signed_ready(node))


def listed(group: Group) -> set[bytes]:
    return set(contract_validators(group.state).members)


def add(group: Group, node: str) -> None:
    declare(group, node)
    vote_in(group, accounts.propose_validator(ADD, address(node)))


def vote_in(group: Group, call: Call) -> int:
    """Proposes and lets two more organisations agree; the proposal's number."""
    [proposed, _] = group.events("data-admin", call, accounts.gate())
    number: int = proposed.arguments["proposal"]
    group.do("tax-admin", accounts.vote(number))
    group.do("audit-admin", accounts.vote(number))
    return number


def test_ready_digest_is_the_contracts() -> None:
    group = new_group()
    node = b"data-2".ljust(32, b"\0")
    query = accounts.gate().query("ready_digest", address("data-2"), DATA, node)
    assert group.ask(query) == accounts.ready_digest(CHAIN_ID, DATA, "data-2", address("data-2"))


def test_a_ready_key_joins_with_the_last_vote_needed(group: Group) -> None:
    group.do("data-admin", accounts.admit_node("data-2"))
    [event] = group.events("data-admin", signed_ready("data-2"), accounts.gate())
    assert (event.name, event.arguments["organisation"]) == ("Ready", DATA)
    call = accounts.propose_validator(ADD, address("data-2"))
    group.do("data-admin", call)
    group.do("tax-admin", accounts.vote(1))
    assert address("data-2") not in listed(group)
    events = group.events("audit-admin", accounts.vote(1), accounts.gate())
    assert [event.name for event in events] == ["Voted", "ValidatorsChanged"]
    assert events[1].arguments["size"] == 5
    assert events[1].arguments["in_force_from"] == group.number + WINDOW_BLOCKS + 1
    assert listed(group) == {address(name) for name in (*VALIDATORS, "data-2")}
    assert group.ask(accounts.pending_until()) == group.number + WINDOW_BLOCKS + 1


@pytest.mark.parametrize(
    ("sender", "call", "message"),
    [
        ("data-admin", signed_ready("data-2", signer="data-3"), "signature is not"),
        ("data-admin", signed_ready("data-2", organisation=1), "signature is not"),
        ("tax-admin", signed_ready("data-2"), "signature is not"),
        ("tax-admin", signed_ready("data-1", organisation=1), "key of another organisation"),
        (
            "data-admin",
            accounts.ready(address("data-2"), "other", bytes(signed_ready("data-2").data[-65:])),
            "signature is not",
        ),
        ("data-admin", signed_ready("applicant"), "an account's key cannot be"),
        ("data-admin", accounts.ready(bytes(20), "data-2", bytes(65)), "key is zero"),  # type: ignore[arg-type]
        ("data-admin", signed_ready(""), "node name is empty"),
    ],
)
def test_readiness_needs_the_keys_own_signature(
    group: Group, sender: str, call: Call, message: str
) -> None:
    assert message in group.send(sender, call).revert


def test_an_organisation_admits_its_own_nodes_only(group: Group) -> None:
    known = [(organisation, f"{name}-1") for organisation, name in enumerate(ORGANISATIONS, 1)]
    assert list(group.ask(accounts.node_list())) == known
    [event] = group.events("data-admin", accounts.admit_node("data-2"), accounts.gate())
    assert (event.name, event.arguments["organisation"]) == ("NodeAdmitted", DATA)
    assert admitted_nodes(group.state)["data/data-2"] == "data"
    again = group.send("data-admin", accounts.admit_node("data-2"))
    assert again.revert == "node is admitted already"
    assert "node name is empty" in group.send("data-admin", accounts.admit_node("")).revert
    assert "lacks the role" in group.send("applicant", accounts.admit_node("data-3")).revert
    foreign = group.send("tax-admin", accounts.dismiss_node("data-2"))
    assert foreign.revert == "no such node in this group"
    [event] = group.events("data-admin", accounts.dismiss_node("data-2"), accounts.gate())
    assert event.name == "NodeDismissed"
    assert list(group.ask(accounts.node_list())) == known


def test_a_validators_node_is_voted_out_before_it_is_dismissed(group: Group) -> None:
    refused = group.send("data-admin", accounts.dismiss_node("data-1")).revert
    assert refused == "node holds a validator's key"
    add(group, "data-2")
    group.mine(WINDOW_BLOCKS + 1)
    vote_in(group, accounts.propose_validator(REMOVE, address("data-1")))
    group.do("data-admin", accounts.dismiss_node("data-1"))
    assert "data/data-1" not in admitted_nodes(group.state)
    assert admitted_nodes(group.state)["audit/audit-1"] == "audit"


def test_readiness_needs_an_admitted_node_and_a_key_that_is_not_in_force(group: Group) -> None:
    refused = group.send("data-admin", signed_ready("data-2")).revert
    assert refused == "admit the node first"
    refused = group.send("data-admin", signed_ready("data-1")).revert
    assert refused == "key is a validator's already"


def test_state_names_the_holder_of_each_key(group: Group) -> None:
    assert key_holder(group.state, address("audit-1")) == ("audit/audit-1", "audit")
    assert key_holder(group.state, address("data-2")) is None
    declare(group, "data-2")
    assert key_holder(group.state, address("data-2")) == ("data/data-2", "data")
    assert group.ask(accounts.consensus_key(address("data-2"))) == accounts.ConsensusKey(
        DATA, "data-2", ready=True, retired=False
    )


def test_a_proposal_says_who_agrees(group: Group) -> None:
    declare(group, "data-2")
    group.do("data-admin", accounts.propose_validator(ADD, address("data-2")))
    group.do("tax-admin", accounts.vote(1))
    change = group.ask(accounts.proposal(1))
    assert (change.kind, change.subject) == (ADD, address("data-2"))
    assert change.votes == {1, DATA}
    assert not change.enacted
    assert (group.ask(accounts.proposal_count()), group.ask(accounts.threshold())) == (1, 3)


def test_a_system_administrator_may_declare_ready(group: Group) -> None:
    group.do("data-admin", accounts.set_account(address("ops"), Role.SYSTEM_ADMINISTRATOR))
    declare(group, "data-2", sender="ops")


def test_without_ready_nothing_is_applied_until_enacted(group: Group) -> None:
    number = vote_in(group, accounts.propose_validator(ADD, address("data-2")))
    assert address("data-2") not in listed(group)
    assert group.ask(accounts.obstacle(number)) == "key is not ready"
    assert group.send("tax-admin", accounts.enact(number)).revert == "key is not ready"
    declare(group, "data-2")
    group.do("tax-admin", accounts.enact(number))
    assert address("data-2") in listed(group)
    assert group.send("tax-admin", accounts.enact(number)).revert == "proposal is enacted"


def test_an_organisation_votes_once(group: Group) -> None:
    group.do("data-admin", accounts.propose_validator(REMOVE, address("tax-1")))
    assert group.send("data-admin", accounts.vote(1)).revert == "organisation has voted"
    group.do("data-admin", accounts.set_account(address("applicant"), Role.ADMIN))
    assert group.send("applicant", accounts.vote(1)).revert == "organisation has voted"
    assert group.send("tax-admin", accounts.enact(1)).revert == "too few organisations agree"


def test_the_last_pending_block_refuses_and_the_next_accepts() -> None:
    group = new_group(threshold=1)
    for node in ("data-2", "data-3"):
        declare(group, node)
    group.do("data-admin", accounts.propose_validator(ADD, address("data-2")))
    changed_at = group.number
    group.do("data-admin", accounts.propose_validator(ADD, address("data-3")))
    group.mine(changed_at + WINDOW_BLOCKS - group.number - 1)
    # the sending itself is the next block: changed_at + W, the last that is refused
    refused = group.send("data-admin", accounts.enact(2))
    assert (group.number, refused.revert) == (
        changed_at + WINDOW_BLOCKS,
        "a change of validators or parameters is pending",
    )
    group.do("data-admin", accounts.enact(2))
    assert group.number == changed_at + WINDOW_BLOCKS + 1


def test_four_is_the_smallest_set(group: Group) -> None:
    number = vote_in(group, accounts.propose_validator(REMOVE, address("tax-1")))
    refused = group.send("tax-admin", accounts.enact(number)).revert
    assert refused == "no fewer than 4 validators"


def test_128_is_the_largest_set() -> None:
    validators = [ValidatorEntry(address(f"n{i}"), "tax", f"n{i}") for i in range(128)]
    group = new_group(validators=validators, threshold=1)
    declare(group, "data-2")
    group.do("data-admin", accounts.propose_validator(ADD, address("data-2")))
    refused = group.send("data-admin", accounts.enact(1)).revert
    assert refused == "no more than 128 validators"
    # from the middle of a full list
    group.do("data-admin", accounts.propose_validator(REMOVE, address("n50")))
    assert listed(group) == {entry.key for entry in validators} - {address("n50")}


@pytest.mark.parametrize("leaver", ["tax-1", "audit-1", "data-2"])
def test_a_leaver_is_gone_and_its_key_never_returns(group: Group, leaver: str) -> None:
    add(group, "data-2")
    group.mine(WINDOW_BLOCKS + 1)
    vote_in(group, accounts.propose_validator(REMOVE, address(leaver)))
    assert listed(group) == {address(name) for name in (*VALIDATORS, "data-2")} - {address(leaver)}
    organisation = {"tax": 1, "audit": 4, "data": 3}[leaver.split("-", maxsplit=1)[0]]
    sender = leaver.split("-", maxsplit=1)[0] + "-admin"
    refused = group.send(sender, signed_ready(leaver, organisation)).revert
    assert "has left a validator set" in refused
    group.mine(WINDOW_BLOCKS + 1)
    number = vote_in(group, accounts.propose_validator(ADD, address(leaver)))
    assert group.ask(accounts.obstacle(number)) == "key is not ready"


def test_nobody_is_added_or_removed_twice(group: Group) -> None:
    assert "already a validator" in group.ask(
        accounts.obstacle(vote_in(group, accounts.propose_validator(ADD, address("tax-1"))))
    )
    assert "not a validator" in group.ask(
        accounts.obstacle(vote_in(group, accounts.propose_validator(REMOVE, address("data-9"))))
    )


def test_proposals_expire(group: Group) -> None:
    group.do("data-admin", accounts.propose_validator(REMOVE, address("tax-1")))
    group.time += MONTH_SECONDS
    assert group.send("tax-admin", accounts.vote(1)).revert == "proposal has expired"
    assert group.send("tax-admin", accounts.vote(2)).revert == "no such proposal"


def test_proposals_are_well_formed(group: Group) -> None:
    appoint = accounts.gate().call("propose_validator", 3, address("x"))
    assert "kind must be" in group.send("data-admin", appoint).revert
    zero = accounts.gate().call("propose_validator", 1, bytes(20))
    assert group.send("data-admin", zero).revert == "key is zero"
    nowhere = accounts.propose_administrator(address("x"), 5, Role.ADMIN)
    assert group.send("data-admin", nowhere).revert == "no such organisation"


def test_organisations_can_give_one_of_them_an_admin(group: Group) -> None:
    vote_in(group, accounts.propose_administrator(address("new"), 2, Role.ADMIN))
    permission = group.ask(accounts.permission(address("new")))
    assert (permission.roles, permission.organisation) == (1 << Role.ADMIN, 2)
    assert group.ask(accounts.organisation(2)).admins == 2
    foreign = accounts.propose_administrator(address("registrar"), DATA, Role.ADMIN)
    assert "another organisation" in group.send("data-admin", foreign).revert
