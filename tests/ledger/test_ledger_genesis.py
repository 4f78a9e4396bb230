"""Genesis: strict, bound by block 0, signed by its founders."""

import json

import msgspec
import pytest

from ledger.chain import Chain
from ledger.gate import GATE_CONTRACT
from ledger.genesis import (
    Allocation,
    FounderSignature,
    InvalidGenesis,
    ObserverEntry,
    ValidatorEntry,
    decode_genesis,
    document_hash,
    encode_genesis,
    genesis_block,
    load_genesis,
    save_genesis,
    sign_genesis,
)
from ledger.keyvalue import MemoryStore
from ledger.pyevm import PyEvmEngine
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from ledger.values import keccak, to_hex

SLOT = {"0x1": "0x1"}
FOUNDERS = {
    "tax": KeySigner(STANDARD, keccak(b"test key of recovery")),
    "market": KeySigner(STANDARD, keccak(b"test key of recovery 2")),
}


def changed(genesis, **changes):
    return msgspec.structs.replace(genesis, **changes)


def test_a_document_is_saved_and_loaded(world, tmp_path):
    genesis = world.genesis()
    save_genesis(genesis, tmp_path / "genesis.json")
    loaded = load_genesis(tmp_path / "genesis.json")
    assert loaded == genesis
    assert genesis_block(loaded).hash == genesis_block(genesis).hash
    assert genesis_block(genesis).record.proposal_digest == document_hash(genesis)


def test_the_group_is_bound_to_every_field(world):
    genesis = world.genesis()
    group = genesis_block(genesis).hash
    for other in (
        changed(genesis, name="other"),
        changed(genesis, recovery_threshold=1),
        changed(genesis, timestamp_ms=genesis.timestamp_ms + 1),
        changed(genesis, alloc=genesis.alloc | {"0x" + "99" * 20: Allocation(nonce=1)}),
    ):
        assert genesis_block(other.checked()).hash != group
    signed = sign_genesis(genesis, "tax", FOUNDERS["tax"])
    assert genesis_block(signed).hash == group


def test_founders_sign(world):
    genesis = world.genesis()
    production = changed(genesis, production=True)
    with pytest.raises(InvalidGenesis, match="every founder's signature: market, tax"):
        production.checked()
    production = sign_genesis(production.checked(founding=True), "tax", FOUNDERS["tax"])
    with pytest.raises(InvalidGenesis, match="signature: market"):
        decode_genesis(encode_genesis(production))
    production = sign_genesis(production, "market", FOUNDERS["market"])
    assert decode_genesis(encode_genesis(production)) == production
    for wrong in (
        sign_genesis(genesis, "tax", FOUNDERS["market"]),
        sign_genesis(genesis, "nobody", FOUNDERS["market"]),
        changed(sign_genesis(genesis, "tax", FOUNDERS["tax"]), name="altered"),
        changed(genesis, signatures=[FounderSignature(organisation="tax", signature="0x00")]),
        changed(genesis, signatures=sign_genesis(genesis, "tax", FOUNDERS["tax"]).signatures * 2),
    ):
        with pytest.raises(InvalidGenesis):
            wrong.checked()


def test_unknown_fields_and_other_forms_are_refused(world):
    document = json.loads(encode_genesis(world.genesis()))
    assert decode_genesis(json.dumps(document).encode())
    for path in ((), ("parameters",), ("validators", 0), ("alloc", to_hex(GATE_CONTRACT))):
        altered = json.loads(json.dumps(document))
        place = altered
        for step in path:
            place = place[step]
        place["surprise"] = 1
        with pytest.raises(InvalidGenesis, match="surprise"):
            decode_genesis(json.dumps(altered).encode())
    for data in (b"", b"{}", b"[]", b"\xff", json.dumps(document | {"version": 2}).encode()):
        with pytest.raises(InvalidGenesis):
            decode_genesis(data)


def test_contradictions_are_refused(world):
    genesis = world.genesis()
    gate = to_hex(GATE_CONTRACT)
    first = genesis.validators[0]
    for changes in (
        {"validators": genesis.validators[1:]},
        {"validators": [*genesis.validators, first]},
        {"validators": [changed(first, organisation="nobody"), *genesis.validators[1:]]},
        {"validators": [changed(first, node=genesis.validators[1].node), *genesis.validators[1:]]},
        {"validators": [changed(first, address="0x12"), *genesis.validators[1:]]},
        {"validators": []},
        {"alloc": {key: value for key, value in genesis.alloc.items() if key != gate}},
        {"alloc": genesis.alloc | {"0x" + "AB" * 20: Allocation(nonce=1)}},
        {"alloc": genesis.alloc | {"0x" + "ab" * 20: Allocation(storage={"1": "0x1"})}},
        {"alloc": genesis.alloc | {"0x" + "ab" * 20: Allocation(storage={"0x1_0": "0x1"})}},
        {"alloc": genesis.alloc | {"0x" + "ab" * 20: Allocation(balance="0x1", storage=SLOT)}},
        {"parameters": changed(genesis.parameters, window_blocks=5)},
        {"parameters": changed(genesis.parameters, chain_id=2**48)},
        {"parameters": changed(genesis.parameters, suite="homemade")},
        {"recovery_threshold": 3},
        {"organisations": [*genesis.organisations, genesis.organisations[0]]},
        {"name": ""},
        {"observers": [ObserverEntry(node="tax/tax-9", organisation="tax")]},
    ):
        with pytest.raises(InvalidGenesis):
            changed(genesis, **changes).checked()
    empty = changed(genesis, alloc=genesis.alloc | {"0x" + "ab" * 20: Allocation()})
    with pytest.raises(InvalidGenesis, match="without nonce"):
        genesis_block(empty)


def test_a_store_belongs_to_its_genesis(world):
    kv = MemoryStore()
    world.chain(kv)
    other = changed(world.genesis(), name="other")
    with pytest.raises(InvalidGenesis, match="another genesis"):
        Chain(other, BlockStore(kv, STANDARD), PyEvmEngine())


def test_a_validator_entry_is_frozen():
    entry = ValidatorEntry(address="0x", node="a/b", organisation="a")
    with pytest.raises(AttributeError):
        entry.node = "c/d"
