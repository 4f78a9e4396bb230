"""Before the first transfer: agreement signed, circuit key and rule in force, contract deployed.

Each function is one party's act and can be repeated: what stands on chain already is left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from eth_abi.abi import encode

from client.rpc import Account, Client
from contracts.bindings import accounts, agreements, keys
from contracts.bindings.agreements import AgreementStatus
from contracts.bindings.contract import Call, Query
from contracts.bindings.equity import Terms, transfer_deploy_data
from contracts.bindings.equity_holdings import HoldingTerms, holdings_deploy_data
from ledger.values import (
    Address,
    Hash32,
    address_from_hex,
    checksum_address,
    hash_from_hex,
    keccak,
)
from workflows.equity_transfer.agreement import Agreement
from workflows.equity_transfer.deployment import (
    Deployment,
    InvalidDeployment,
    RegisteredCircuit,
    load_deployment,
    save_deployment,
)
from workflows.sending import send_once, unsettled_receipt
from workflows.waiting import node_lag_s_max, wait_for
from zkp.groth16 import VerifyingKey

T = TypeVar("T")


class SetUpRefused(Exception):
    """A set-up step that the group's state does not allow; the message says what to do."""


@dataclass(frozen=True)
class SetUpDesk:
    """One party's account in the set-up, and the folder for its notes on what it sent."""

    client: Client
    account: Account
    notes: Path
    lag_s_max: float = node_lag_s_max

    @property
    def sender(self) -> Address:
        """The account's address."""
        return address_from_hex(self.account.address)

    def ask(self, query: Query[T]) -> T:
        """A contract's answer."""
        return query.decode(self.client.call(checksum_address(query.to), query.data))

    def act(self, step: str, call: Call) -> None:
        """Send one transaction and wait for it."""
        self._send(step, checksum_address(call.to), call.data)

    def deploy(self, step: str, data: bytes) -> Address:
        """Deploy a contract; its address. One that an interrupted run deployed is taken."""
        receipt = unsettled_receipt(self.client, self.note(step))
        if receipt is None:
            receipt = self._send(step, None, data)
        return address_from_hex(str(receipt["contractAddress"]))

    def _send(self, step: str, to: str | None, data: bytes) -> dict[str, Any]:
        return send_once(self.client, self.account, self.note(step), to=to, data=data)

    def note(self, step: str) -> Path:
        """Where what a step sends is noted."""
        name = f"{step}.{self.account.address.lower()}.transaction.json"
        return self.notes / name


def organisation_number(desk: SetUpDesk, name: str) -> int:
    """An organisation's number in this group by its name. Raises `SetUpRefused`."""
    for number in range(1, desk.ask(accounts.organisation_count()) + 1):
        if desk.ask(accounts.organisation(number)).name == name:
            return number
    raise SetUpRefused(
        f"no organisation {name!r} in this group, though the agreement names it; use the rule "
        "file that was written for this group"
    )


def propose_agreement(
    desk: SetUpDesk, agreement: Agreement, signatories: Sequence[Address]
) -> None:
    """By an author or admin of a signing party: put the rule file's id up for signature.

    `signatories` has one account of each party that signs.
    """
    if desk.ask(agreements.agreement_state(agreement.id)).status is AgreementStatus.UNKNOWN:
        desk.act("agreement-propose", agreements.propose(agreement.id, signatories))


def sign_agreement(desk: SetUpDesk, agreement: Agreement) -> bool:
    """By a party's signatory: sign the id. True once every party has signed."""
    state = wait_for(
        lambda: desk.ask(agreements.agreement_state(agreement.id)),
        lambda found: found.status is not AgreementStatus.UNKNOWN,
        desk.lag_s_max,
    )
    if state.status is AgreementStatus.UNKNOWN:
        raise SetUpRefused("nobody has proposed this rule file yet; a party's admin does that")
    if state.status is AgreementStatus.SUSPENDED:
        raise SetUpRefused("the agreement is suspended; the party that stopped it resumes it")
    if state.status is AgreementStatus.PROPOSED and _organisation(desk) not in state.signed:
        desk.act("agreement-sign", agreements.sign(agreement.id))
    return desk.ask(agreements.agreement_state(agreement.id)).status is AgreementStatus.ACTIVE


def register_key(desk: SetUpDesk, circuit: Hash32, key: VerifyingKey, *, test_only: bool) -> Hash32:
    """By an author or admin: lay down the circuit's key for approval; its id.

    A key from a set-up that one party made is `test_only`, and no production group takes it.
    """
    named = keys.key_id(circuit, key, test_only=test_only)
    registered = desk.ask(keys.registry().query("registered", named))
    if registered["circuit"] != circuit:
        desk.act("key-register", keys.register(circuit, key, test_only=test_only))
    return named


def approve_key(desk: SetUpDesk, circuit: Hash32, key: Hash32) -> bool:
    """By an admin: approve a key for its organisation. True once the key is in force."""
    registered = wait_for(
        lambda: desk.ask(keys.registry().query("registered", key)),
        lambda found: found["circuit"] == circuit,
        desk.lag_s_max,
    )
    if registered["circuit"] != circuit:
        raise SetUpRefused("no such key is registered for this circuit; an author does that first")
    if desk.ask(keys.usable_key(circuit)) != key and not has_approved(desk, key):
        desk.act(f"key-approve-{key.hex()[:8]}", keys.approve_key(key))
    return desk.ask(keys.usable_key(circuit)) == key


def approve_rule(desk: SetUpDesk, circuit: Hash32, agreement: Agreement) -> bool:
    """By an admin: approve the agreement's rule version and rate. True once it is in force."""
    rule = agreement.rule
    in_force = desk.ask(keys.rule_input(circuit, rule.rule_id))
    if in_force not in (0, rule.word):
        raise SetUpRefused(
            f"rule version {rule.rule_id} is in force with another rate; a new rate needs a new id"
        )
    subject = rule_subject("rule", circuit, rule.rule_id, rule.rate_bps)
    if in_force == 0 and not has_approved(desk, subject):
        call = keys.approve_rule(circuit, rule.rule_id, rule.rate_bps)
        desk.act(f"rule-approve-{rule.rule_id}-{circuit.hex()[:8]}", call)
    return desk.ask(keys.rule_input(circuit, rule.rule_id)) == rule.word


def deploy_contract(
    desk: SetUpDesk,
    agreement: Agreement,
    circuit: Hash32,
    path: Path,
    registered: RegisteredCircuit | None = None,
) -> Deployment:
    """By an author or admin: deploy the contract and write the deployment to `path`.

    The contract stands under this group's genesis hash: proofs for it are good nowhere else. With
    a registered circuit, which must be active, it is the contract with holdings.
    """
    terms = terms_for(desk, agreement, circuit)
    chain_id = desk.client.chain_id()
    if path.exists():
        known = load_deployment(path)
        if (known.chain_id, known.terms, known.registered) != (chain_id, terms, registered):
            raise InvalidDeployment(
                f"{path.name} is of another group, agreement or circuit; name another file"
            )
        return known
    if registered is None:
        data = transfer_deploy_data(terms)
    else:
        data = holdings_deploy_data(HoldingTerms(terms, registered.registry, registered.entry))
    address = desk.deploy(f"deploy-{agreement.id.hex()[:8]}", data)
    deployment = Deployment(chain_id, address, terms, registered)
    save_deployment(path, deployment)
    return deployment


def terms_for(desk: SetUpDesk, agreement: Agreement, circuit: Hash32) -> Terms:
    """The terms of a contract in this group, under a rule file and for a circuit."""
    block_0 = desk.client.block(0)
    assert block_0 is not None, "every node has block 0"
    return Terms(
        genesis_hash=hash_from_hex(block_0["hash"]),
        agreement=agreement.id,
        circuit=circuit,
        tax_organisation=organisation_number(desk, agreement.tax_organisation),
        market_organisation=organisation_number(desk, agreement.registrar_organisation),
    )


def register_envelope_key(desk: SetUpDesk, public_key: bytes) -> None:
    """By an admin: register the X25519 key that envelopes for its organisation are sealed to."""
    if desk.ask(accounts.envelope_key(_organisation(desk))) != public_key:
        desk.act("envelope-key", accounts.set_envelope_key(public_key))


def _organisation(desk: SetUpDesk) -> int:
    return desk.ask(accounts.permission(desk.sender)).organisation


def rule_subject(act: str, circuit: Hash32, *figures: int) -> Hash32:
    """What approvals of an act on a rule version are filed under in the key registry."""
    kinds = ["bytes", "bytes32", *["uint256"] * len(figures)]
    return keccak(encode(kinds, [act.encode(), circuit, *figures]))


def has_approved(desk: SetUpDesk, subject: Hash32) -> bool:
    """Whether the account's organisation has approved a subject in the key registry."""
    approvals: int = desk.ask(keys.registry().query("approvals", subject))
    return bool(approvals >> _organisation(desk) & 1)
