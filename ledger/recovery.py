"""A recovery certificate: the organisations open an epoch when a quorum is lost for good (rule 8).

Distinct organisations' offline recovery keys sign group, block H with its hash, an epoch, a counter
and the new set. Whoever holds it takes that set for the blocks above H; what the old set certified
there is void. Values and their checks; what a node does with one is `chain.py`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.codec import (
    InvalidEncoding,
    as_address,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
)
from ledger.genesis import NAME_CHARACTERS_MAX, ORGANISATIONS_MAX, Genesis
from ledger.suite import SIGNATURE_BYTES, InvalidSignature, Signer, Suite
from ledger.validators import VALIDATORS_MAX, ValidatorSet
from ledger.values import Address, Hash32, address_from_hex

RECOVERY_TAG = b"quorate/recovery/1"
NAME_BYTES_MAX = 4 * NAME_CHARACTERS_MAX
NODE_NAME_BYTES_MAX = 32
"""What the gate's storage has room for."""
NODE_ID_BYTES_MAX = NAME_BYTES_MAX + 1 + NODE_NAME_BYTES_MAX
RECOVERY_BYTES_MAX = (
    256
    + VALIDATORS_MAX * (NODE_ID_BYTES_MAX + 32)
    + ORGANISATIONS_MAX * (NAME_BYTES_MAX + SIGNATURE_BYTES + 16)
)
RECOVERIES_MAX = 1_024


class InvalidRecovery(ValueError):
    """A certificate that recovers nothing here; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class RecoveredValidator:
    """A consensus key of the new set, and the node (`org/name`) that holds it."""

    address: Address
    node: str

    @property
    def organisation(self) -> str:
        """Whose node it is."""
        return self.node.partition("/")[0]

    @property
    def name(self) -> str:
        """The node's name within its organisation."""
        return self.node.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the organisations say, with their signatures: pairs of organisation and signature.

    Validators ascend by address, signatures by organisation. `number` and `block_hash` are those of
    block H, the last one that counts; `epoch` begins at H + 1.
    """

    group: Hash32
    number: int
    block_hash: Hash32
    epoch: int
    counter: int
    members: tuple[RecoveredValidator, ...]
    signatures: tuple[tuple[str, bytes], ...] = ()

    @property
    def validators(self) -> ValidatorSet:
        """The new set."""
        return ValidatorSet(tuple(member.address for member in self.members))

    @property
    def organisations(self) -> tuple[str, ...]:
        """Who signed."""
        return tuple(name for name, _ in self.signatures)

    @property
    def statement(self) -> "Recovery":
        """What is said, whoever signed it."""
        return replace(self, signatures=())

    def digest(self, suite: Suite) -> Hash32:
        """What each organisation signs: the hash of the RLP of a tag and all but signatures."""
        return suite.hash(encode([RECOVERY_TAG, *_statement_items(self)]))


def recovery_of(
    group: Hash32,
    *,
    number: int,
    block_hash: Hash32,
    epoch: int,
    counter: int,
    members: Sequence[RecoveredValidator],
    signatures: Sequence[tuple[str, bytes]] = (),
) -> Recovery:
    """The certificate, checked for form and not verified; raises InvalidRecovery.

    Members come in any order, signatures in that of their organisations.
    """
    ordered = tuple(sorted(members, key=lambda member: member.address))
    signed = tuple(signatures)
    return _checked(Recovery(group, number, block_hash, epoch, counter, ordered, signed))


def sign_recovery(genesis: Genesis, recovery: Recovery, signer: Signer) -> Recovery:
    """With the signature of the organisation whose recovery key the signer holds.

    Raises InvalidRecovery for a key of no organisation.
    """
    keys = {address_from_hex(entry.recovery_key): entry.name for entry in genesis.organisations}
    name = keys.get(signer.address)
    if name is None:
        raise InvalidRecovery(
            f"the key of 0x{signer.address.hex()} is no organisation's recovery key in this "
            "genesis file: sign with the one that was made when the group was founded"
        )
    signature = signer.sign(recovery.digest(genesis.suite))
    others = [pair for pair in recovery.signatures if pair[0] != name]
    return replace(recovery, signatures=tuple(sorted([*others, (name, signature)])))


def encode_recovery(recovery: Recovery) -> bytes:
    """The RLP of [group, number, block hash, epoch, counter, members, signatures]."""
    return encode(
        [
            *_statement_items(recovery),
            [[name.encode(), signature] for name, signature in recovery.signatures],
        ]
    )


def decode_recovery(data: bytes) -> Recovery:
    """The certificate that `data` encodes, not verified; raises InvalidEncoding."""
    fields = as_list(decode_list(data, bytes_max=RECOVERY_BYTES_MAX), "recovery", length=7)
    members = []
    for item in as_list(fields[5], "recovery validators", length_max=VALIDATORS_MAX):
        address, node = as_list(item, "recovery validator", length=2)
        members.append(
            RecoveredValidator(
                as_address(address, "recovery validator"), _text(node, NODE_ID_BYTES_MAX)
            )
        )
    signatures = []
    for item in as_list(fields[6], "recovery signatures", length_max=ORGANISATIONS_MAX):
        name, signature = as_list(item, "recovery signature", length=2)
        signatures.append(
            (
                _text(name, NAME_BYTES_MAX),
                as_bytes(signature, "recovery signature", size=SIGNATURE_BYTES),
            )
        )
    try:
        return _checked(
            Recovery(
                as_hash(fields[0], "recovery group"),
                as_int(fields[1], "recovery number"),
                as_hash(fields[2], "recovery block hash"),
                as_int(fields[3], "recovery epoch"),
                as_int(fields[4], "recovery counter"),
                tuple(members),
                tuple(signatures),
            )
        )
    except InvalidRecovery as error:
        raise InvalidEncoding(str(error)) from error


def verify_recovery(genesis: Genesis, group: Hash32, recovery: Recovery) -> None:
    """Raises InvalidRecovery unless enough organisations of this very group signed it.

    Whether it fits a chain (hash of block H, last epoch, last counter) is `admit`'s to say.
    """
    _checked(recovery)
    if recovery.group != group:
        raise InvalidRecovery(
            f"it is for the group 0x{recovery.group.hex()}, this one is 0x{group.hex()}: use the "
            "certificate of this group"
        )
    names = {entry.name for entry in genesis.organisations}
    for member in recovery.members:
        if member.organisation not in names:
            raise InvalidRecovery(f"node {member.node} is of no organisation of this group")
    signed = verified_signers(genesis, recovery)
    if len(signed) < genesis.recovery_threshold:
        raise InvalidRecovery(
            f"{len(signed)} of {len(names)} organisations signed it, this group asks for "
            f"{genesis.recovery_threshold}: collect more signatures"
        )


def verified_signers(genesis: Genesis, recovery: Recovery) -> dict[Address, str]:
    """The distinct recovery keys that signed, with their organisations; raises InvalidRecovery."""
    keys = {entry.name: address_from_hex(entry.recovery_key) for entry in genesis.organisations}
    digest = recovery.digest(genesis.suite)
    signed: dict[Address, str] = {}
    for name, signature in recovery.signatures:
        if name not in keys:
            raise InvalidRecovery(f"{name!r:.80} signed it: the genesis file names no such party")
        try:
            signer = genesis.suite.recover(digest, signature)
        except InvalidSignature as error:
            raise InvalidRecovery(f"the signature of {name}: {error}") from error
        if signer != keys[name]:
            raise InvalidRecovery(
                f"the signature of {name} is by 0x{signer.hex()}, or over another text"
            )
        signed[signer] = name
    return signed


def admit(known: Sequence[Recovery], new: Recovery, *, head: int) -> tuple[Recovery, ...]:
    """The certificates in force, `new` among them; raises InvalidRecovery for a replay.

    They ascend in block, epoch and counter alike. A later one takes the place of those that begin
    at its block or above. A node that is still below an earlier one (`head` is its last block) may
    learn that one after a later one.
    """
    if any(entry.statement == new.statement for entry in known):
        return tuple(known)
    if len(known) >= RECOVERIES_MAX:
        raise InvalidRecovery(f"more than {RECOVERIES_MAX} certificates in one group")
    below = [entry for entry in known if entry.counter < new.counter]
    above = [entry for entry in known if entry.counter > new.counter]
    if len(below) + len(above) < len(known) or (above and head > new.number):
        raise InvalidRecovery(
            f"its counter is {new.counter}, this chain has followed {known[-1].counter}: it is a "
            f"replay, or it was overtaken; propose a new one with the counter "
            f"{known[-1].counter + 1}"
        )
    kept = [entry for entry in below if entry.number < new.number]
    if any(entry.epoch >= new.epoch for entry in below):
        raise InvalidRecovery(_low_epoch(new, max(entry.epoch for entry in below)))
    if any(entry.number <= new.number or entry.epoch <= new.epoch for entry in above):
        raise InvalidRecovery(
            f"its counter is {new.counter}, a later certificate begins at block {above[0].number} "
            "and has overtaken it"
        )
    return (*kept, new, *above)


def check_epoch(new: Recovery, last: int) -> None:
    """Raises InvalidRecovery unless the epoch is above the last that the chain opened or will."""
    if new.epoch <= last:
        raise InvalidRecovery(_low_epoch(new, last))


def check_hash(new: Recovery, held: Hash32) -> None:
    """Raises InvalidRecovery unless block H is the one that is held."""
    if new.block_hash != held:
        raise InvalidRecovery(
            f"it names block {new.number} as 0x{new.block_hash.hex()}, here that block is "
            f"0x{held.hex()}: one of the two is another branch; compare both before anything else"
        )


def recovery_for(
    recoveries: Sequence[Recovery], number: int, window_blocks: int
) -> Recovery | None:
    """The certificate whose set certifies a block itself: one of H + 1 to H + W + 1."""
    latest = next((entry for entry in reversed(recoveries) if entry.number < number), None)
    if latest is None or number > latest.number + window_blocks + 1:
        return None
    return latest


def _low_epoch(new: Recovery, last: int) -> str:
    return (
        f"its epoch is {new.epoch}, the last one here is {last}: propose a certificate with an "
        "epoch above it"
    )


def _checked(recovery: Recovery) -> Recovery:
    if recovery.number < 1:
        raise InvalidRecovery("it begins at block 0: found the group anew instead")
    if recovery.epoch < 1 or recovery.counter < 1:
        raise InvalidRecovery(
            f"expected epoch and counter of at least 1, got {recovery.epoch}, {recovery.counter}"
        )
    addresses = [member.address for member in recovery.members]
    if not addresses or addresses != sorted(set(addresses)):
        raise InvalidRecovery("expected distinct validators in ascending order of their addresses")
    nodes = [member.node for member in recovery.members]
    if len(set(nodes)) != len(nodes):
        raise InvalidRecovery("a node stands twice in the new set: one consensus key each")
    for member in recovery.members:
        if (
            not member.organisation
            or not 1 <= len(member.name.encode()) <= NODE_NAME_BYTES_MAX
            or not member.node.isprintable()
        ):
            raise InvalidRecovery(f"expected a node as org/name, got {member.node!r:.80}")
    names = [name for name, _ in recovery.signatures]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRecovery(f"{twice} stands twice among the signers: each counts once")
    if names != sorted(names):
        raise InvalidRecovery("expected signatures in ascending order of the organisations")
    return recovery


def _statement_items(recovery: Recovery) -> list[bytes | int | list[list[bytes]]]:
    return [
        recovery.group,
        recovery.number,
        recovery.block_hash,
        recovery.epoch,
        recovery.counter,
        [[member.address, member.node.encode()] for member in recovery.members],
    ]


def _text(item: object, bytes_max: int) -> str:
    data = as_bytes(item, "recovery name", bytes_max=bytes_max)  # type: ignore[arg-type]
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidEncoding("a recovery's names are UTF-8") from error
