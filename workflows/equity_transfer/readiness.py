"""Whether a transfer contract can stand here: agreement signed, circuit and rule in force.

Asked before a contract is deployed, which then relies on these for ever. Raises `SetUpRefused`
with who has to do what; sends nothing.
"""

from contracts.bindings import agreements, keys
from contracts.bindings.agreements import AgreementStatus
from contracts.bindings.circuits import CircuitEntry, CircuitRegistry, CircuitStatus
from contracts.releases import labels_of, release_of
from ledger.values import Hash32, checksum_address
from workflows.equity_transfer.agreement import Agreement
from workflows.equity_transfer.deploy import SetUpDesk, SetUpRefused
from workflows.equity_transfer.deployment import RegisteredCircuit
from zkp.groth16.keys import InvalidKey
from zkp.key_words import key_hash
from zkp.snarkjs.sections import InvalidFile
from zkp.snarkjs.zkey import decode_zkey

ENTRIES_MAX = 1_024
"""Of a registry, looked through for a statement's."""


def check_agreed(desk: SetUpDesk, agreement: Agreement) -> None:
    """That every party has signed the rule file."""
    status = desk.ask(agreements.agreement_state(agreement.id)).status
    if status in (AgreementStatus.UNKNOWN, AgreementStatus.PROPOSED):
        raise SetUpRefused(
            f"the agreement 0x{agreement.id.hex()} is {status.name}, and a contract stands under "
            "one that every party has signed: quorate agreement propose, quorate agreement sign"
        )


def check_rule(desk: SetUpDesk, circuit: Hash32, agreement: Agreement) -> None:
    """That the rule file's version and rate are in force for the circuit."""
    rule = agreement.rule
    if desk.ask(keys.rule_input(circuit, rule.rule_id)) != rule.word:
        raise SetUpRefused(
            f"rule version {rule.rule_id} at {rule.rate_bps} basis points is not in force for the "
            f"circuit 0x{circuit.hex()}: administrators approve it with quorate agreement rule "
            "approve"
        )


def check_key_in_force(desk: SetUpDesk, statement: str, circuit: Hash32) -> None:
    """That the system's key registry has a key for a circuit without holdings."""
    key = desk.ask(keys.usable_key(circuit))
    if not any(key):
        raise SetUpRefused(
            f"no key for {statement} (circuit 0x{circuit.hex()}) is in force in this group: an "
            "author lays down that of a finished ceremony, and administrators approve it: quorate "
            "transfer circuit lay-down, quorate transfer circuit approve"
        )


def registered_circuit(
    desk: SetUpDesk,
    registry: CircuitRegistry,
    statement: str,
    circuit: Hash32,
    entry: Hash32 | None,
) -> RegisteredCircuit:
    """The entry named, or the only active one of this circuit, once it can be relied on."""
    check_registry(desk, registry)
    if entry is None:
        entry = _only_entry(desk, registry, statement, circuit)
    found, shown = desk.ask(registry.circuit(entry)), f"the entry 0x{entry.hex()}"
    if found.status is CircuitStatus.ABSENT:
        raise SetUpRefused(
            f"{shown} is not in the registry at {checksum_address(registry.address)}; quorate zk "
            "registry list shows those that are"
        )
    if found.system != circuit:
        raise SetUpRefused(
            f"{shown} is of another circuit: '{found.name}' with the constraint system "
            f"0x{found.system.hex()}; {statement}, as this program builds it, is "
            f"0x{circuit.hex()}: name an entry of that"
        )
    if found.status is CircuitStatus.PROPOSED:
        raise SetUpRefused(
            f"{shown} is laid down and not active yet: authors of more organisations approve it "
            "with quorate transfer circuit approve"
        )
    if found.status is CircuitStatus.RETIRED:
        raise SetUpRefused(
            f"{shown} is retired for good and nothing is verified under it: lay down the key of "
            "another ceremony"
        )
    return RegisteredCircuit(registry.address, entry)


def check_registry(desk: SetUpDesk, registry: CircuitRegistry) -> None:
    """That a registry of circuits of ours stands at the address."""
    where = checksum_address(registry.address)
    release = release_of(desk.client.code(where))
    if release is None or release.contract != "circuits":
        raise SetUpRefused(
            f"no registry of circuits that this program knows ({labels_of('circuits')}) stands at "
            f"{where}: look at the address, or have an author deploy one: quorate zk registry "
            "deploy"
        )


def check_proving_key(
    desk: SetUpDesk,
    circuit: Hash32,
    registered: RegisteredCircuit | None,
    zkey: bytes,
    name: str,
) -> None:
    """That a `.zkey` is the very key that a contract's proofs are checked with."""
    try:
        verifying = decode_zkey(zkey).verifying
    except (InvalidFile, InvalidKey) as error:
        raise SetUpRefused(f"{name} is no proving key: {error}") from error
    expected: bytes
    made: set[bytes]
    if registered is None:
        expected = desk.ask(keys.usable_key(circuit))
        made = {keys.key_id(circuit, verifying, test_only=alone) for alone in (False, True)}
    else:
        entry = desk.ask(CircuitRegistry(registered.registry).circuit(registered.entry))
        expected, made = entry.key, {key_hash(verifying)}
    if expected not in made:
        raise SetUpRefused(
            f"{name} is another key than the one in force, 0x{expected.hex()}: of another "
            "statement, another ceremony, or before its end; quorate zk ceremony verify --out "
            "writes the right one"
        )


def _only_entry(
    desk: SetUpDesk, registry: CircuitRegistry, statement: str, circuit: Hash32
) -> Hash32:
    """The active entry of a circuit, else the last one that is not."""
    found: list[tuple[Hash32, CircuitEntry]] = []
    for place in range(min(desk.ask(registry.count()), ENTRIES_MAX)):
        entry = desk.ask(registry.entry_at(place))
        laid_down = desk.ask(registry.circuit(entry))
        if laid_down.system == circuit:
            found.append((entry, laid_down))
    if not found:
        raise SetUpRefused(
            f"the registry at {checksum_address(registry.address)} has no circuit of {statement} "
            f"(constraint system 0x{circuit.hex()}): an author lays down the key of a finished "
            "ceremony: quorate transfer circuit lay-down"
        )
    active = [entry for entry, laid_down in found if laid_down.status is CircuitStatus.ACTIVE]
    if len(active) > 1:
        shown = ", ".join(f"0x{entry.hex()}" for entry in active)
        raise SetUpRefused(f"{statement} has {len(active)} active entries: name one of {shown}")
    return active[0] if active else found[-1][0]
