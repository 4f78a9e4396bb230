"""A transaction for each line of the permission matrix, for a group in memory and for a network.

The organisation `tax` has an account of each role, `audit` the regulator; admins of `market` and
`tax` make what an attempt needs first: a proposal to vote on, an account to remove. Each attempt
has subjects of its own, so that none stands in the way of another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts.bindings import accounts, agreements, keys
from contracts.bindings.accounts import ProposalKind
from contracts.bindings.contract import Call
from contracts.roles import role_label
from ledger.gate import AGREEMENTS_CONTRACT, Role
from ledger.suite import STANDARD
from ledger.values import Address, Hash32, keccak
from zkp.groth16.keys import VerifyingKey
from zkp.snarkjs.texts import decode_verifying_key

TAX = 1
"""The number of the organisation whose roles are tried."""
HOME = {role_label(role): "audit" if role is Role.REGULATOR else "tax" for role in Role}
"""A regulator belongs to a supervisory organisation; to what it may do that makes no difference."""
STOP = bytes.fromhex("600060005360016000f3")
"""Creates a contract that stops at once, whatever is asked."""

VECTORS = Path(__file__).parent / "vectors" / "snarkjs"
FAR_AHEAD = 2**40
"""A block that no run reaches."""
PREPARER, OTHER_ADMIN, REGULATOR = "market-admin", "tax-admin", "regulator"

Sender = str
Step = tuple[Sender, Call | bytes]


@dataclass(frozen=True)
class Surroundings:
    """What a call needs to know of its group."""

    chain_id: int
    contract: Address
    spare_contract: Address
    """To be frozen."""
    signatories: tuple[Address, Address]
    """Accounts of two organisations."""
    verifying_key: VerifyingKey


@dataclass(frozen=True)
class Attempt:
    """What is sent first, and then by whom it is about. `call` is told the number of the latest
    proposal; `has_proposal` says whether the steps before made one."""

    before: tuple[Step, ...]
    call: Callable[[int], Call | bytes]
    has_proposal: bool = False


def attempt(name: str, standing: str, around: Surroundings) -> Attempt:
    """The attempt of one act by an account in one standing."""
    return _MAKERS[name](f"{name} by {standing}", around)


def subject(label: str) -> Address:
    """An address that nobody else speaks of."""
    return STANDARD.address_of(_key(label))


def _key(label: str) -> bytes:
    return keccak(f"subject of {label}".encode())


def load_verifying_key() -> VerifyingKey:
    """Any key that is well-formed."""
    return decode_verifying_key((VECTORS / "m500.vkey.json").read_text(encoding="utf-8"))


def _word(label: str) -> bytes:
    return keccak(label.encode())


def _simple(make: Callable[[str], Call | bytes]) -> Callable[[str, Surroundings], Attempt]:
    return lambda label, _: Attempt((), lambda _number: make(label))


def _vote(*before: Callable[[str], Step]) -> Callable[[str, Surroundings], Attempt]:
    """A vote on what the last step proposes."""
    return lambda label, _: Attempt(
        tuple(step(label) for step in before), accounts.vote, has_proposal=True
    )


def _freeze(label: str) -> Step:
    return REGULATOR, accounts.freeze(subject(label))


def _post(label: str) -> Call:
    """An administrator of tax whom only votes or a plain admin unmake."""
    return accounts.set_account(subject(label), Role.AUDIT_ADMINISTRATOR)


def _node(label: str) -> str:
    return _word(label).hex()[:12]


def _ready(label: str, around: Surroundings) -> Attempt:
    node = _node(label)
    digest = accounts.ready_digest(around.chain_id, TAX, node, subject(label))
    signature = STANDARD.sign(digest, _key(label))
    call = accounts.ready(subject(label), node, signature)
    return Attempt(((OTHER_ADMIN, accounts.admit_node(node)),), lambda _: call)


def _code(around: Surroundings) -> Call:
    return accounts.propose_code(AGREEMENTS_CONTRACT, around.contract, FAR_AHEAD)


def _register_key(label: str, around: Surroundings) -> Attempt:
    circuit = Hash32(_word(label))
    call = keys.register(circuit, around.verifying_key, test_only=True)
    return Attempt((), lambda _: call)


_MAKERS: dict[str, Callable[[str, Surroundings], Attempt]] = {
    "send": _simple(lambda label: Call(subject(label), b"")),
    "call": lambda _, around: Attempt((), lambda _number: Call(around.contract, b"")),
    "deploy": _simple(lambda _: STOP),
    "freeze-account": _simple(lambda label: accounts.freeze(subject(label))),
    "freeze-contract": lambda _, around: Attempt(
        (), lambda _number: accounts.freeze(around.spare_contract)
    ),
    "propose-lift": lambda label, _: Attempt(
        (_freeze(label),), lambda _number: accounts.propose_lift(subject(label))
    ),
    "vote-lift": _vote(_freeze, lambda label: (PREPARER, accounts.propose_lift(subject(label)))),
    "set-account": _simple(lambda label: accounts.set_account(subject(label), Role.MEMBER)),
    "remove-account": lambda label, _: Attempt(
        ((OTHER_ADMIN, accounts.set_account(subject(label), Role.MEMBER)),),
        lambda _number: accounts.remove_account(subject(label)),
    ),
    "set-administrator": _simple(_post),
    "remove-administrator": lambda label, _: Attempt(
        ((OTHER_ADMIN, _post(label)),), lambda _number: accounts.remove_account(subject(label))
    ),
    "propose-administrator": _simple(
        lambda label: accounts.propose_administrator(
            subject(label), TAX, Role.AUDIT_ADMINISTRATOR, _word(label)
        )
    ),
    "vote-administrator": _vote(
        lambda label: (
            PREPARER,
            accounts.propose_administrator(
                subject(label), TAX, Role.AUDIT_ADMINISTRATOR, _word(label)
            ),
        )
    ),
    "propose-dismissal": _simple(lambda label: accounts.propose_dismissal(subject(label))),
    "vote-dismissal": _vote(lambda label: (PREPARER, accounts.propose_dismissal(subject(label)))),
    "envelope-key": _simple(lambda label: accounts.set_envelope_key(_word(label))),
    "approve-rule": _simple(lambda label: keys.approve_rule(Hash32(_word(label)), 1, 2_000)),
    "register-key": _register_key,
    "propose-agreement": lambda label, around: Attempt(
        (), lambda _: agreements.propose(Hash32(_word(label)), around.signatories)
    ),
    "admit-node": _simple(lambda label: accounts.admit_node(_node(label))),
    "dismiss-node": lambda label, _: Attempt(
        ((OTHER_ADMIN, accounts.admit_node(_node(label))),),
        lambda _number: accounts.dismiss_node(_node(label)),
    ),
    "ready": _ready,
    "propose-validator": _simple(
        lambda label: accounts.propose_validator(ProposalKind.ADD_VALIDATOR, subject(label))
    ),
    "propose-upgrade": _simple(lambda _label: accounts.propose_upgrade(2, 0, FAR_AHEAD)),
    "vote-upgrade": _vote(lambda _label: (PREPARER, accounts.propose_upgrade(2, 0, FAR_AHEAD))),
    "propose-code": lambda _label, around: Attempt((), lambda _number: _code(around)),
    "vote-code": lambda _label, around: Attempt(
        ((PREPARER, _code(around)),), accounts.vote, has_proposal=True
    ),
    "propose-parameter": _simple(lambda _label: accounts.propose_parameter("heartbeat_ms", 2_000)),
    "vote-parameter": _vote(
        lambda _label: (PREPARER, accounts.propose_parameter("heartbeat_ms", 2_000))
    ),
    "vote-validator": _vote(
        lambda label: (
            PREPARER,
            accounts.propose_validator(ProposalKind.ADD_VALIDATOR, subject(label)),
        )
    ),
}
