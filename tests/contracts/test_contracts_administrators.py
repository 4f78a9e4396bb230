"""Three administrators whom no person combines, what each may, and votes by weight."""

import pytest

from contracts.bindings import accounts, keys
from contracts.bindings.accounts import ProposalKind, holder_digest
from contracts.bindings.contract import Call
from contracts.compiler import compile_source
from contracts.system_alloc import AccountEntry, InvalidAllocation, OrganisationEntry
from ledger.gate import AGREEMENTS_CONTRACT, GATE_CONTRACT, KEYS_CONTRACT, Role
from ledger.reasons import Reason
from ledger.values import Address, Hash32
from tests.contracts.contract_group import (
    DATA,
    GROUP,
    ORGANISATIONS,
    POSTS,
    TAX,
    Group,
    address,
    new_group,
    production_staff,
)

STAFF = production_staff()
CODE_BYTES_MAX = 24_576
"""EIP-170."""


@pytest.fixture
def production() -> Group:
    return new_group(production=True, accounts=STAFF)


def agreed(group: Group, call: Call, *, post: str = "security") -> int:
    """Proposed by data, two more organisations agree; the proposal's number."""
    group.do(f"data-{post}", call)
    proposal: int = group.ask(accounts.proposal_count())
    group.do(f"tax-{post}", accounts.vote(proposal))
    group.do(f"market-{post}", accounts.vote(proposal))
    return proposal


def roles_of(group: Group, name: str) -> int:
    return group.ask(accounts.permission(address(name))).roles


def appoint(
    name: str, role: Role, *, organisation: int = DATA, holder: str | None = "new person"
) -> Call:
    digest = bytes(32) if holder is None else holder_digest(GROUP, holder)
    return accounts.propose_administrator(address(name), organisation, role, digest)


def test_code_fits_in_what_ethereum_allows() -> None:
    for source in ("accounts", "keys", "agreements", "groth16"):
        assert len(compile_source(f"system/{source}.vy").runtime) <= CODE_BYTES_MAX


def test_production_has_no_plain_admin(production: Group) -> None:
    plain = [
        *STAFF,
        AccountEntry(address("boss"), "tax", Role.ADMIN, holder_digest(GROUP, "boss")),
    ]
    with pytest.raises(InvalidAllocation, match="plain admin"):
        new_group(production=True, accounts=plain)
    call = accounts.set_account(address("boss"), Role.ADMIN)
    assert production.send("data-security", call).revert == "administrators need a vote"
    refused = production.send("data-security", appoint("boss", Role.ADMIN))
    assert refused.revert == "no plain admin in production"


@pytest.mark.parametrize("role", POSTS.values(), ids=POSTS)
def test_nobody_makes_or_unmakes_an_administrator_alone(production: Group, role: Role) -> None:
    for call in (
        accounts.set_account(address("applicant"), role),
        accounts.set_account(address("data-audit"), Role.MEMBER),
        accounts.remove_account(address("data-system")),
        accounts.remove_account(address("data-security")),
    ):
        assert production.send("data-security", call).revert == "administrators need a vote"


def test_nobody_holds_two_posts(production: Group) -> None:
    """A second account of the same person, whatever the votes, until the first one is given up."""
    again = appoint("second", Role.SYSTEM_ADMINISTRATOR, holder="data audit")
    proposal = agreed(production, again)
    assert roles_of(production, "second") == 0
    assert "holder has" in production.ask(accounts.obstacle(proposal))
    agreed(production, accounts.propose_dismissal(address("data-audit")))
    assert production.ask(accounts.administrator_of(holder_digest(GROUP, "data audit"))) == bytes(
        20
    )
    production.do("data-security", accounts.enact(proposal))
    assert roles_of(production, "second") == 1 << Role.SYSTEM_ADMINISTRATOR
    held = production.ask(accounts.administrator_of(holder_digest(GROUP, "data audit")))
    assert held == address("second")


def test_an_account_changes_its_post_and_never_has_two(production: Group) -> None:
    agreed(production, appoint("data-audit", Role.SYSTEM_ADMINISTRATOR, holder="data audit"))
    assert roles_of(production, "data-audit") == 1 << Role.SYSTEM_ADMINISTRATOR


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"holder": "x", "role": Role.MEMBER}, "not an administrator's role"),
        ({"holder": None}, "holder is zero"),
        ({"organisation": 9}, "no such organisation"),
        ({"name": "tax-audit"}, "account of another organisation"),
        ({"name": "data-1"}, "a consensus key cannot be an account"),
    ],
)
def test_appointments_are_well_formed(
    production: Group, changes: dict[str, str], message: str
) -> None:
    wanted = {"name": "new", "role": Role.AUDIT_ADMINISTRATOR, **changes}
    assert production.send("data-security", appoint(**wanted)).revert == message  # type: ignore[arg-type]


def test_the_last_who_votes_on_accounts_stays(production: Group) -> None:
    proposal = agreed(production, accounts.propose_dismissal(address("tax-security")))
    assert "last admin" in production.ask(accounts.obstacle(proposal))
    demoted = appoint(
        "tax-security", Role.AUDIT_ADMINISTRATOR, organisation=TAX, holder="tax security"
    )
    assert "last admin" in production.ask(accounts.obstacle(agreed(production, demoted)))
    agreed(production, appoint("tax-new", Role.SECURITY_ADMINISTRATOR, organisation=TAX))
    production.do("market-security", accounts.enact(proposal))
    assert production.ask(accounts.organisation(TAX)).admins == 1
    assert production.send("tax-security", accounts.vote(1)).dropped is Reason.NO_PERMISSION


def test_a_rogue_regulator_is_dismissed_by_vote(production: Group) -> None:
    agreed(production, accounts.propose_dismissal(address("auditor")))
    refused = production.send("auditor", accounts.freeze(address("applicant")))
    assert refused.dropped is Reason.NO_PERMISSION
    idle = agreed(production, accounts.propose_dismissal(address("applicant")))
    assert "not an administrator" in production.ask(accounts.obstacle(idle))


def test_what_an_admin_did_is_shared_out(production: Group) -> None:
    kind = ProposalKind.REMOVE_VALIDATOR
    for call, may in (
        (accounts.admit_node("data-9"), "system"),
        (accounts.dismiss_node("data-9"), "system"),
        (accounts.propose_validator(kind, address("data-1")), "system"),
        (accounts.set_account(address("new"), Role.MEMBER), "security"),
        (accounts.remove_account(address("new")), "security"),
        (accounts.set_envelope_key(bytes([1]) * 32), "security"),
        (accounts.propose_dismissal(address("auditor")), "security"),
    ):
        other = "security" if may == "system" else "system"
        refused = production.send(f"data-{other}", call)
        assert refused.revert == "sender lacks the role"
        assert production.send("data-audit", call).dropped is Reason.NO_PERMISSION
        production.do(f"data-{may}", call)


def test_each_votes_on_its_own_kinds(production: Group) -> None:
    production.do(
        "data-system",
        accounts.propose_validator(ProposalKind.REMOVE_VALIDATOR, address("data-1")),
    )
    production.do("data-security", appoint("new", Role.AUDIT_ADMINISTRATOR))
    assert production.send("tax-security", accounts.vote(1)).revert == "sender lacks the role"
    assert production.send("tax-system", accounts.vote(2)).revert == "sender lacks the role"
    assert production.send("tax-system", accounts.enact(2)).revert == "sender lacks the role"
    production.do("tax-system", accounts.vote(1))
    production.do("tax-security", accounts.vote(2))


def test_administrators_do_no_business(production: Group) -> None:
    """Their transactions reach system contracts only, and an audit administrator sends none."""
    elsewhere = Call(address("author"), b"")
    for post in ("system", "security"):
        assert production.send(f"tax-{post}", elsewhere).dropped is Reason.NOT_THE_GATE
        assert production.send(f"tax-{post}", b"\0").dropped is Reason.NOT_THE_GATE
        for where in (GATE_CONTRACT, AGREEMENTS_CONTRACT, KEYS_CONTRACT):
            assert production.send(f"tax-{post}", Call(where, b"")).dropped is None
    for call in (elsewhere, Call(GATE_CONTRACT, b""), b"\0"):
        assert production.send("tax-audit", call).dropped is Reason.NO_PERMISSION


def test_security_administrators_are_out_of_a_regulators_reach(production: Group) -> None:
    refused = production.send("auditor", accounts.freeze(address("tax-security")))
    assert refused.revert == "who votes on lifting is dismissed, not frozen"
    production.do("auditor", accounts.freeze(address("tax-system")))
    assert production.send("tax-system", accounts.vote(1)).dropped is Reason.FROZEN
    agreed(production, accounts.propose_lift(address("tax-system")))
    assert production.send("tax-system", accounts.vote(1)).dropped is None


def test_lifting_twice_freezes_nobody(production: Group) -> None:
    """Two proposals of one freezing: the second has nothing to lift."""
    production.do("auditor", accounts.freeze(address("applicant")))
    production.do("tax-security", accounts.propose_lift(address("applicant")))
    agreed(production, accounts.propose_lift(address("applicant")))
    production.do("data-security", accounts.vote(1))
    production.do("market-security", accounts.vote(1))
    assert not production.ask(accounts.permission(address("applicant"))).frozen
    assert production.send("tax-security", accounts.enact(1)).revert == "not frozen"


def weighed(**weights: int) -> Group:
    """Three of seven: tax weighs three, the others one each unless said otherwise."""
    weights = {"tax": 3, **weights}
    return new_group(
        organisations=[OrganisationEntry(n, weight=weights.get(n, 1)) for n in ORGANISATIONS]
    )


def test_votes_count_by_weight() -> None:
    group = weighed()
    assert group.ask(accounts.threshold()) == 4
    assert [group.ask(accounts.weight_of(number)) for number in (1, 2, 3, 4)] == [3, 1, 1, 1]
    group.do("auditor", accounts.freeze(address("applicant")))
    for admin in ("market-admin", "data-admin", "audit-admin"):
        first = group.ask(accounts.proposal_count()) == 0
        call = accounts.propose_lift(address("applicant")) if first else accounts.vote(1)
        group.do(admin, call)
    change = group.ask(accounts.proposal(1))
    assert (change.weight, len(change.votes), change.enacted) == (3, 3, False)
    group.do("tax-admin", accounts.vote(1))
    change = group.ask(accounts.proposal(1))
    assert (change.weight, change.enacted) == (6, True)


def test_approvals_of_rules_count_by_weight_too() -> None:
    group = weighed()
    circuit = Hash32(bytes([1]) * 32)
    call = keys.approve_rule(circuit, 7, 2000)
    group.do("market-admin", call)
    events = group.events("tax-admin", call, keys.registry())
    assert [event.name for event in events] == ["RuleApproved", "RuleInForce"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"accounts": STAFF[:2]},
            "data has no system administrator|no audit administrator",
        ),
        ({"accounts": [*STAFF, STAFF[0]]}, "there twice"),
        (
            {
                "accounts": [
                    *STAFF,
                    AccountEntry(address("x"), "tax", Role.AUDIT_ADMINISTRATOR, STAFF[0].holder),
                ]
            },
            "one holder: nobody combines two",
        ),
        (
            {
                "accounts": [
                    *STAFF,
                    AccountEntry(address("x"), "tax", Role.AUDIT_ADMINISTRATOR),
                ]
            },
            "an administrator without a holder",
        ),
        (
            {
                "accounts": [
                    *STAFF,
                    AccountEntry(address("x"), "tax", Role.MEMBER, bytes(range(32))),
                ]
            },
            "names no holder",
        ),
        (
            {
                "organisations": [
                    OrganisationEntry(n, weight=9 - 8 * (n != "tax")) for n in ORGANISATIONS
                ]
            },
            "tax alone weighs 9",
        ),
        ({"organisations": [OrganisationEntry(n, weight=0) for n in ORGANISATIONS]}, "a weight of"),
    ],
)
def test_genesis_refuses_what_separates_nothing(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidAllocation, match=message):
        new_group(**{"production": True, "accounts": STAFF, **changes})


def test_a_holder_at_genesis_is_taken(production: Group) -> None:
    held = production.ask(accounts.administrator_of(holder_digest(GROUP, "tax audit")))
    assert held == Address(address("tax-audit"))
    assert production.ask(accounts.gate().query("holders", address("tax-audit"))) == (
        holder_digest(GROUP, "tax audit")
    )
