"""Everything before the first transfer, by all parties in turn, on a network of one machine.

The agreement is proposed and signed by both bureaus; the circuit's key and the rule are approved
by a majority of organisations; an author deploys the contract. Each act is its party's own
transaction. The statement chooses agreement, circuit and contract: `equity_v2` has holdings.
"""

from collections.abc import Callable
from pathlib import Path

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.progress import Progress
from contracts.bindings.circuits import NO_CEREMONY, CircuitRegistry, Draft
from contracts.roles import ACCOUNT_ROLES
from ledger.values import Hash32, checksum_address, keccak
from ledger.whole_file import write_whole
from workflows.equity_transfer.agreement import Agreement, load_agreement, shipped_agreements
from workflows.equity_transfer.deploy import (
    SetUpDesk,
    approve_key,
    approve_rule,
    deploy_contract,
    propose_agreement,
    register_key,
    sign_agreement,
)
from workflows.equity_transfer.deployment import Deployment, RegisteredCircuit
from workflows.equity_transfer.register_circuit import (
    approve_circuit,
    deploy_registry,
    propose_circuit,
)
from zkp.circuits import equity_v1, equity_v2
from zkp.keys import CircuitKey, load_test_key

STATEMENTS = {"equity_v1": equity_v1.build, "equity_v2": equity_v2.build}


def prepare(
    network: LocalNetwork, keys_folder: Path, progress: Progress, statement: str = "equity_v1"
) -> Deployment:
    """Carry out what is not done yet; repeated, it changes nothing."""
    if statement not in STATEMENTS:
        raise CommandFailed(f"no statement '{statement}'; there are: {', '.join(STATEMENTS)}")
    if network.genesis.production:
        raise CommandFailed(
            "this group is for production and refuses keys that one party made; each party does "
            "its part, with the key of a ceremony: quorate transfer circuit lay-down, then deploy"
        )
    agreement = load_agreement(shipped_agreements[statement])
    key = load_test_key(STATEMENTS[statement](), keys_folder, progress)
    if not network.proving_key_of(statement).is_file():
        write_whole(network.proving_key_of(statement), key.zkey_path.read_bytes())
    _sign_agreement(network, agreement, progress)
    circuit, registered = Hash32(key.circuit_id), None
    if statement == "equity_v1":
        _approve(network, agreement, circuit, key, progress)
    else:
        registered = _register(network, agreement, key, progress)
    author = network.first_of_role("author")
    deployment = deploy_contract(
        network.set_up_desk(author), agreement, circuit, network.deployment_file, registered
    )
    progress(f"contract at {checksum_address(deployment.address)}, deployed by {author}")
    return deployment


def _sign_agreement(network: LocalNetwork, agreement: Agreement, progress: Progress) -> None:
    signing = (agreement.tax_organisation, agreement.registrar_organisation)
    admins = [network.first_account(organisation, *ACCOUNT_ROLES) for organisation in signing]
    desks = [network.set_up_desk(admin) for admin in admins]
    propose_agreement(desks[0], agreement, [desk.sender for desk in desks])
    for admin, desk in zip(admins, desks, strict=True):
        active = sign_agreement(desk, agreement)
        progress(f"agreement 0x{agreement.id.hex()[:16]}… signed by {admin}")
    if not active:
        raise CommandFailed("the agreement is not active after both bureaus signed it")


def _approve(
    network: LocalNetwork,
    agreement: Agreement,
    circuit: Hash32,
    key: CircuitKey,
    progress: Progress,
) -> None:
    author = network.set_up_desk(network.first_of_role("author"))
    named = register_key(author, circuit, key.proving.verifying, test_only=key.test_only)

    def approve(desk: SetUpDesk) -> bool:
        in_force = approve_key(desk, circuit, named)
        return approve_rule(desk, circuit, agreement) and in_force

    what = f"verification key and rule {agreement.rule.rule_id}"
    _approve_by_enough(network, what, approve, progress)


def _register(
    network: LocalNetwork, agreement: Agreement, key: CircuitKey, progress: Progress
) -> RegisteredCircuit:
    """The circuit in a registry of circuits, active, and the rule in force for it."""
    author = network.set_up_desk(network.first_of_role("author"))
    registry: CircuitRegistry = deploy_registry(author, network.registry_file)
    circuit = Hash32(key.circuit_id)
    source = keccak(Path(str(equity_v2.__file__)).read_bytes())
    verifying = key.proving.verifying
    draft = Draft(key.circuit.name, source, circuit, NO_CEREMONY, verifying)
    entry = propose_circuit(author, registry, draft)

    def approve(desk: SetUpDesk) -> bool:
        in_force = approve_circuit(desk, registry, entry)
        return approve_rule(desk, circuit, agreement) and in_force

    what = f"circuit and rule {agreement.rule.rule_id}"
    _approve_by_enough(network, what, approve, progress)
    return RegisteredCircuit(registry.address, entry)


def _approve_by_enough(
    network: LocalNetwork, what: str, approve: Callable[[SetUpDesk], bool], progress: Progress
) -> None:
    """Have one administrator after the other approve, until what they approve is in force."""
    for account in network.accounts:
        if account.role not in ACCOUNT_ROLES:
            continue
        in_force = approve(network.set_up_desk(account.name))
        progress(f"{what} approved by {account.name}")
        if in_force:
            return
    raise CommandFailed(f"the admins of this network are too few to approve {what}")
