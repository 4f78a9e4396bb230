"""A small group for the ledger's tests: four validators, some accounts, and the way to a block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from ledger.certificate import Certificate, certificate_of, checkpoint_digest
from ledger.chain import Chain, ExecutedBlock
from ledger.codec import encode
from ledger.engine import Engine
from ledger.gate import GATE_CONTRACT, Role, gate_storage, permission_word
from ledger.genesis import Allocation, Genesis, Organisation, ValidatorEntry
from ledger.keyvalue import KeyValueStore, MemoryStore
from ledger.native import NativeEngine, is_available
from ledger.parameters import Parameters
from ledger.proposal import Proposal, propose
from ledger.pyevm import PyEvmEngine
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from ledger.validators import ValidatorSet
from ledger.values import Address, keccak, to_hex

CHAIN_ID = 77_001
WINDOW = 4


def key(name: str) -> KeySigner:
    """A key that is the same in every run."""
    return KeySigner(STANDARD, keccak(b"test key of " + name.encode()))


def signed(
    signer: KeySigner,
    *,
    nonce: int,
    to: Address | None = None,
    data: bytes = b"",
    gas: int = 100_000,
    value: int = 0,
    fee: int = 0,
    chain_id: int = CHAIN_ID,
) -> bytes:
    """A raw EIP-1559 transaction."""
    body = [chain_id, nonce, fee, fee, gas, to or b"", value, data, []]
    signature = signer.sign(keccak(b"\x02" + encode(body)))
    tail = [signature[64], int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])]
    return b"\x02" + encode(body + tail)


@dataclass
class World:
    """Keys, the genesis they make, and chains on it."""

    validators: list[KeySigner] = field(default_factory=lambda: [key(f"v{i}") for i in range(4)])
    extra_alloc: dict[str, Allocation] = field(default_factory=dict)
    extra_slots: dict[int, int] = field(default_factory=dict)
    chains: list[Chain] = field(default_factory=list)
    engine_type: type[PyEvmEngine] | type[NativeEngine] = PyEvmEngine

    member = key("member")
    author = key("author")
    regulator = key("regulator")
    admin = key("admin")
    system = key("system")
    audit = key("audit")
    frozen = key("frozen")
    stranger = key("stranger")

    def __post_init__(self) -> None:
        self.validators.sort(key=lambda signer: signer.address)
        self.set = ValidatorSet.of(signer.address for signer in self.validators)

    def permissions(self) -> dict[Address, int]:
        return {
            self.member.address: permission_word(Role.MEMBER, organisation=1),
            self.author.address: permission_word(Role.AUTHOR, organisation=1),
            self.regulator.address: permission_word(Role.REGULATOR, organisation=2),
            self.admin.address: permission_word(Role.ADMIN, organisation=1),
            self.system.address: permission_word(Role.SYSTEM_ADMINISTRATOR, organisation=1),
            self.audit.address: permission_word(Role.AUDIT_ADMINISTRATOR, organisation=1),
            self.frozen.address: permission_word(Role.MEMBER, organisation=1, frozen=True),
        }

    def genesis(self, **changes: object) -> Genesis:
        slots = gate_storage(self.permissions(), self.set, WINDOW) | self.extra_slots
        alloc = {
            to_hex(GATE_CONTRACT): Allocation(
                nonce=1,
                code=to_hex(GATE_CODE),
                storage={hex(slot): hex(value) for slot, value in slots.items()},
            ),
            to_hex(self.member.address): Allocation(balance=hex(10**18)),
            **self.extra_alloc,
        }
        fields = {
            "name": "test",
            "timestamp_ms": 1_700_000_000_000,
            "parameters": Parameters(chain_id=CHAIN_ID, window_blocks=WINDOW),
            "organisations": [
                Organisation(name="tax", recovery_key=to_hex(key("recovery").address)),
                Organisation(name="market", recovery_key=to_hex(key("recovery 2").address)),
            ],
            "recovery_threshold": 2,
            "validators": [
                ValidatorEntry(
                    address=to_hex(signer.address), node=f"tax/node{i}", organisation="tax"
                )
                for i, signer in enumerate(self.validators)
            ],
            "alloc": alloc,
        }
        return Genesis(**(fields | changes)).checked()

    def chain(
        self,
        kv: KeyValueStore | None = None,
        genesis: Genesis | None = None,
        engine: Engine | None = None,
    ) -> Chain:
        store = BlockStore(MemoryStore() if kv is None else kv, STANDARD)
        chain = Chain(genesis or self.genesis(), store, engine or self.engine_type())
        self.chains.append(chain)
        return chain

    @staticmethod
    def gate_write(slot: int, value: int) -> bytes:
        """Call data for GATE_CODE."""
        return slot.to_bytes(32) + value.to_bytes(32)

    def proposal(
        self, chain: Chain, batch: Sequence[bytes], parent: ExecutedBlock | None = None
    ) -> Proposal:
        number = (chain.head.number if parent is None else parent.number) + 1
        epoch, validators = chain.validators_for(number)
        return propose(
            STANDARD,
            group=chain.group,
            epoch=epoch,
            sequence=number,
            origin_view=0,
            proposer=validators.primary(0),
            timestamp_ms=1_700_000_000_000 + number * 1_500,
            transactions=tuple(batch),
        )

    def certify(
        self, chain: Chain, executed: ExecutedBlock, signers: Sequence[KeySigner] | None = None
    ) -> Certificate:
        epoch, validators = chain.validators_for(executed.number)
        digest = checkpoint_digest(STANDARD, chain.group, epoch, executed.number, executed.hash)
        if signers is None:
            pool = [signer for signer in self.validators if signer.address in validators]
            signers = pool[: validators.quorum]
        votes = {signer.address: signer.sign(digest) for signer in signers}
        return certificate_of(epoch, executed.number, executed.hash, votes)

    def extend(self, chain: Chain, *batch: bytes) -> ExecutedBlock:
        """Executes, certifies and commits a batch."""
        executed = chain.execute(self.proposal(chain, batch))
        chain.commit(executed, self.certify(chain, executed))
        return executed


GATE_CODE = bytes.fromhex("6020355f35555f80f3")
"""Stands for the accounts contract: stores word 1 of the call data in the slot of word 0."""


@pytest.fixture(name="signed")
def signed_fixture() -> Callable[..., bytes]:
    return signed


@pytest.fixture(
    params=[
        PyEvmEngine,
        pytest.param(
            NativeEngine,
            marks=pytest.mark.skipif(not is_available(), reason="quorate_native is not built"),
        ),
    ],
    ids=lambda engine_type: engine_type.name,
)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Every test that asks for a world runs once on each engine."""
    made = World(engine_type=request.param)
    yield made
    for chain in made.chains:
        chain.close()
