"""A group's genesis document: who founds it, who validates, what stands in its first state.

Strict JSON: unknown fields are refused. Block 0 binds the whole document but the founders'
signatures, which sign it. The document is public; it holds no secret.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ledger.block import Block
from ledger.codec import encode
from ledger.commitment import commit
from ledger.gate import (
    GATE_CONTRACT,
    WINDOW_BLOCKS_SLOT,
    contract_validators,
    parameter_slot,
)
from ledger.header import BLOOM_BYTES, Header
from ledger.parameters import NUMBERS, InvalidParameters, Parameters
from ledger.participants import admitted_nodes, key_holder
from ledger.proposal import null_request
from ledger.record import Record
from ledger.state import EMPTY_STATE, Account, Overlay, StateReader, Writes
from ledger.suite import SIGNATURE_BYTES, InvalidSignature, Signer, Suite, suite_named
from ledger.validators import VALIDATORS_MAX, InvalidValidators, ValidatorSet
from ledger.values import (
    EMPTY_CODE_HASH,
    EMPTY_TRIE_ROOT,
    ZERO_ADDRESS,
    ZERO_HASH,
    Address,
    Hash32,
    InvalidValue,
    address_from_hex,
    from_hex,
    keccak,
    to_hex,
)

GENESIS_TAG = b"quorate/genesis/1"
GENESIS_BYTES_MAX = 16 * 1024 * 1024
ORGANISATIONS_MAX = 128
NODES_MAX = 1024
NAME_CHARACTERS_MAX = 64
_HEX_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)


class InvalidGenesis(ValueError):
    """A genesis document that cannot found a group; the message says what is wrong."""


class Organisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A founding organisation and its offline recovery key's address."""

    name: str
    recovery_key: str
    label_zh: str = ""


class ValidatorEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A consensus key's address, and the node (`org/name`) that holds it."""

    address: str
    node: str
    organisation: str


class ObserverEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node that follows the group without voting."""

    node: str
    organisation: str


class Allocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An account of the first state; balance, slots and values as `0x` hex numbers."""

    nonce: int = 0
    balance: str = "0x0"
    code: str = "0x"
    storage: dict[str, str] = {}


class FounderSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An organisation's signature over the document, 65 bytes as hex."""

    organisation: str
    signature: str


class Genesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The document. `decode_genesis` and `load_genesis` check it; `checked` does so for others."""

    name: str
    timestamp_ms: int
    parameters: Parameters
    organisations: list[Organisation]
    recovery_threshold: int
    validators: list[ValidatorEntry]
    observers: list[ObserverEntry] = []
    alloc: dict[str, Allocation] = {}
    production: bool = False
    version: int = 1
    signatures: list[FounderSignature] = []
    """By the recovery keys, over the document hash."""
    founders: list[FounderSignature] = []
    """By the keys that the network's membership document knows. Their form only is checked here:
    the ledger does not know the network (`node/founding.py` does)."""

    @property
    def chain_id(self) -> int:
        """The chain id that transactions sign."""
        return self.parameters.chain_id

    @property
    def suite(self) -> Suite:
        """The crypto suite that the parameters name."""
        return suite_named(self.parameters.suite)

    @property
    def validator_set(self) -> ValidatorSet:
        """The set that certifies the first W + 1 blocks."""
        return ValidatorSet.of(address_from_hex(entry.address) for entry in self.validators)

    def checked(self, *, founding: bool = False) -> "Genesis":
        """This document; raises InvalidGenesis with the first thing that is wrong.

        While it is `founding`, a production document may still lack signatures.
        """
        try:
            _check(self, founding)
        except (InvalidParameters, InvalidValidators, InvalidValue) as error:
            raise InvalidGenesis(str(error)) from error
        return self


def document_hash(genesis: Genesis) -> Hash32:
    """What founders sign and block 0 binds: all but the signatures, as JSON with sorted keys."""
    bare = msgspec.to_builtins(genesis) | {"signatures": []}
    del bare["founders"]
    return genesis.suite.hash(encode([GENESIS_TAG, msgspec.json.encode(bare, order="sorted")]))


def sign_genesis(genesis: Genesis, organisation: str, signer: Signer) -> Genesis:
    """The document with an organisation's signature added or replaced."""
    entry = FounderSignature(
        organisation=organisation, signature=to_hex(signer.sign(document_hash(genesis)))
    )
    kept = [known for known in genesis.signatures if known.organisation != organisation]
    return msgspec.structs.replace(genesis, signatures=[*kept, entry])


def encode_genesis(genesis: Genesis) -> bytes:
    """The document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(genesis, order="deterministic"), indent=2)


def decode_genesis(data: bytes, *, founding: bool = False) -> Genesis:
    """The document that `data` holds; raises InvalidGenesis. See `checked` for `founding`."""
    if len(data) > GENESIS_BYTES_MAX:
        raise InvalidGenesis(f"expected at most {GENESIS_BYTES_MAX} bytes, got {len(data)}")
    try:
        genesis = msgspec.json.decode(data, type=Genesis)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidGenesis(f"not a genesis document: {error}") from error
    return genesis.checked(founding=founding)


def save_genesis(genesis: Genesis, path: Path) -> None:
    """Writes the document to a file."""
    path.write_bytes(encode_genesis(genesis))


def load_genesis(path: Path, *, founding: bool = False) -> Genesis:
    """The document in a file; raises InvalidGenesis, or OSError if there is no file."""
    return decode_genesis(path.read_bytes(), founding=founding)


def genesis_writes(genesis: Genesis) -> Writes:
    """The first state, complete with its trie nodes; raises InvalidGenesis."""
    accounts: dict[Address, Account | None] = {}
    storage: dict[Address, Mapping[int, int]] = {}
    codes: dict[Hash32, bytes] = {}
    for text, entry in genesis.alloc.items():
        address = address_from_hex(text)
        code = from_hex(entry.code)
        code_hash = keccak(code) if code else EMPTY_CODE_HASH
        slots = {_number(slot): _number(value) for slot, value in entry.storage.items()}
        account = Account(entry.nonce, _number(entry.balance), EMPTY_TRIE_ROOT, code_hash)
        if account.is_empty:
            raise InvalidGenesis(f"alloc {text}: an account without nonce, balance and code")
        accounts[address] = account
        if code:
            codes[code_hash] = code
        if any(slots.values()):
            storage[address] = {slot: value for slot, value in slots.items() if value}
    return commit(EMPTY_STATE, accounts=accounts, storage=storage, codes=codes, cleared=frozenset())


def genesis_block(genesis: Genesis, writes: Writes | None = None) -> Block:
    """Block 0, whose hash is the group's identity.

    Its record binds the document hash in place of a proposal digest; the proposal of this one
    block is a null request of no group.
    """
    suite = genesis.suite
    validators = genesis.validator_set.hash(suite)
    record = Record(
        epoch=0,
        origin_view=0,
        proposer=ZERO_ADDRESS,
        timestamp_ms=genesis.timestamp_ms,
        proposal_digest=document_hash(genesis),
        certifiers_hash=validators,
        next_certifiers_hash=validators,
        parameters_hash=genesis.parameters.hash(suite),
    )
    header = Header(
        parent_hash=ZERO_HASH,
        coinbase=ZERO_ADDRESS,
        state_root=(writes or genesis_writes(genesis)).root,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=bytes(BLOOM_BYTES),
        number=0,
        gas_limit=genesis.parameters.gas_limit,
        gas_used=0,
        timestamp=genesis.timestamp_ms // 1000,
        extra_data=record.hash,
    )
    return Block(header, record, null_request(suite, group=ZERO_HASH, epoch=0, sequence=0))


def _check(genesis: Genesis, founding: bool) -> None:
    if genesis.version != 1:
        raise InvalidGenesis(f"version: expected 1, got {genesis.version}")
    genesis.parameters.validated()
    try:
        suite_named(genesis.parameters.suite)
    except ValueError as error:
        raise InvalidGenesis(f"parameters: {error}") from error
    _check_name("name", genesis.name)
    if not 0 <= genesis.timestamp_ms < 2**53:
        raise InvalidGenesis(f"timestamp_ms: expected 0 to 2**53, got {genesis.timestamp_ms}")
    _check_members(genesis)
    _check_alloc(genesis)
    _check_signatures(genesis, founding)
    _check_founders(genesis)


def _check_name(what: str, name: str) -> None:
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise InvalidGenesis(
            f"{what}: expected 1 to {NAME_CHARACTERS_MAX} printable characters, got {name!r:.80}"
        )


def _check_members(genesis: Genesis) -> None:
    names = [organisation.name for organisation in genesis.organisations]
    if not 1 <= len(names) <= ORGANISATIONS_MAX or len(set(names)) != len(names):
        raise InvalidGenesis(f"expected 1 to {ORGANISATIONS_MAX} organisations of distinct names")
    for organisation in genesis.organisations:
        _check_name("organisation", organisation.name)
        address_from_hex(organisation.recovery_key)
    if not 1 <= genesis.recovery_threshold <= len(names):
        raise InvalidGenesis(
            f"recovery_threshold: expected 1 to {len(names)}, got {genesis.recovery_threshold}"
        )
    if len(genesis.validators) > VALIDATORS_MAX or len(genesis.observers) > NODES_MAX:
        raise InvalidGenesis(
            f"expected at most {VALIDATORS_MAX} validators and {NODES_MAX} observers"
        )
    nodes: list[ValidatorEntry | ObserverEntry] = [*genesis.validators, *genesis.observers]
    if len({entry.node for entry in nodes}) != len(nodes):
        raise InvalidGenesis("a node is listed twice")
    for entry in nodes:
        _check_name("node", entry.node)
        if entry.organisation not in names:
            raise InvalidGenesis(
                f"node {entry.node}: no organisation is named {entry.organisation!r:.80}"
            )


def _check_alloc(genesis: Genesis) -> None:
    for text, entry in genesis.alloc.items():
        if text != to_hex(address_from_hex(text)):
            raise InvalidGenesis(f"alloc {text}: write addresses in lower case")
        if not 0 <= entry.nonce < 2**64 - 1:
            raise InvalidGenesis(f"alloc {text}: nonce {entry.nonce} is out of range")
        for slot, value in entry.storage.items():
            _number(slot)
            _number(value)
        if entry.storage and not entry.nonce and not from_hex(entry.code):
            raise InvalidGenesis(f"alloc {text}: storage needs an account with code or a nonce")
    gate = genesis.alloc.get(to_hex(GATE_CONTRACT))
    if gate is None:
        raise InvalidGenesis(f"alloc: nothing stands at the gate, {to_hex(GATE_CONTRACT)}")
    slots = {_number(slot): _number(value) for slot, value in gate.storage.items()}
    writes = Writes(EMPTY_TRIE_ROOT, storage={GATE_CONTRACT: slots})
    state = Overlay(EMPTY_STATE, writes)
    if contract_validators(state) != genesis.validator_set:
        raise InvalidGenesis("the validators in the gate's storage are not those of the document")
    _check_participants(genesis, state)
    window = slots.get(WINDOW_BLOCKS_SLOT, 0)
    if window != genesis.parameters.window_blocks:
        raise InvalidGenesis(
            f"window_blocks is {genesis.parameters.window_blocks}, in the gate's storage {window}"
        )
    for name in NUMBERS:
        value, held = getattr(genesis.parameters, name), slots.get(parameter_slot(name), 0)
        if held not in (0, value):
            raise InvalidGenesis(f"{name} is {value}, in the gate's storage {held}")


def _check_participants(genesis: Genesis, state: StateReader) -> None:
    """The nodes that the document names must be those that the first state names."""
    admitted = admitted_nodes(state)
    for observer in genesis.observers:
        if observer.node not in admitted:
            raise InvalidGenesis(
                f"observer {observer.node} is not among the nodes that the gate's storage admits"
            )
    for validator in genesis.validators:
        holder = key_holder(state, address_from_hex(validator.address))
        if holder is not None and holder != (validator.node, validator.organisation):
            raise InvalidGenesis(
                f"validator {validator.address} is of {validator.node}, in the gate's storage it "
                f"is of {holder[0]}"
            )


def _check_signatures(genesis: Genesis, founding: bool) -> None:
    keys = {entry.name: address_from_hex(entry.recovery_key) for entry in genesis.organisations}
    digest = document_hash(genesis)
    signed = set()
    for entry in genesis.signatures:
        if entry.organisation not in keys or entry.organisation in signed:
            raise InvalidGenesis(f"signature of {entry.organisation!r:.80}: unknown or repeated")
        try:
            signature = from_hex(entry.signature, size=SIGNATURE_BYTES)
            signer = genesis.suite.recover(digest, signature)
        except InvalidSignature as error:
            raise InvalidGenesis(f"signature of {entry.organisation}: {error}") from error
        if signer != keys[entry.organisation]:
            raise InvalidGenesis(
                f"signature of {entry.organisation}: it is by {to_hex(signer)}, or of another text"
            )
        signed.add(entry.organisation)
    if genesis.production and not founding and signed != set(keys):
        missing = ", ".join(sorted(set(keys) - signed))
        raise InvalidGenesis(f"a production genesis needs every founder's signature: {missing}")


def _check_founders(genesis: Genesis) -> None:
    names = [entry.organisation for entry in genesis.founders]
    known = {entry.name for entry in genesis.organisations}
    if len(set(names)) != len(names) or not known.issuperset(names):
        raise InvalidGenesis(
            f"founders: expected organisations of this document, each once, got {names!r:.200}"
        )
    for entry in genesis.founders:
        from_hex(entry.signature, size=SIGNATURE_BYTES)


def _number(text: str) -> int:
    """A number of at most 256 bits written as 0x and hex digits."""
    if not _HEX_NUMBER.fullmatch(text):
        raise InvalidValue(f"expected 0x and 1 to 64 hex digits, got {text!r:.80}")
    return int(text[2:], 16)
