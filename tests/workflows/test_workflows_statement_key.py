"""A statement's key out of a ceremony: not before its end, and of no other circuit."""

from pathlib import Path

import pytest

from ledger.values import Hash32, keccak
from tests.ceremony_keys import SYSTEM
from tests.workflows.small_network import SmallNetwork
from tests.workflows.test_workflows_ceremony import NAMES, Scene, begun
from workflows.ceremony.acts import finish, take_turn
from workflows.ceremony.files import KEY
from workflows.ceremony.ledger import read_record
from workflows.equity_transfer.statement_key import (
    StatementKey,
    UnsuitableCeremony,
    ceremony_key,
)
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.zkey import decode_zkey

CIRCUIT = Hash32(circuit_id(encode_r1cs(SYSTEM)))


def key_of(scene: Scene, circuit: Hash32 = CIRCUIT) -> StatementKey:
    return ceremony_key(
        scene.light(),
        scene.address,
        scene.drop,
        statement="cubic",
        circuit=circuit,
        phase_1=False,
    )


def test_a_key_comes_of_a_finished_ceremony_for_its_own_circuit(
    network: SmallNetwork, tmp_path: Path
) -> None:
    scene = begun(network, tmp_path)
    with pytest.raises(UnsuitableCeremony, match="name the ceremony of cubic"):
        key_of(scene, keccak(b"another circuit"))
    with pytest.raises(UnsuitableCeremony, match="not finished: 0 of 4 have contributed, the beac"):
        key_of(scene)
    for name in NAMES[:2]:
        take_turn(scene.seat(name))
    scene.pass_beacon()
    with pytest.raises(UnsuitableCeremony, match="its beacon is there, and a participant runs"):
        key_of(scene)
    finish(scene.seat(NAMES[0]))
    found = key_of(scene)
    record = read_record(network.client, scene.address).record
    assert found.transcript == record.digest
    assert found.verifying == decode_zkey(scene.drop.get(record.head, KEY)).verifying
    draft = found.draft(keccak(b"source"))
    assert (draft.name, draft.system, draft.transcript) == ("cubic", CIRCUIT, record.digest)


def test_a_ceremony_that_too_few_took_part_in_is_said_to_have_failed(
    network: SmallNetwork, tmp_path: Path
) -> None:
    scene = begun(network, tmp_path)
    scene.pass_beacon()
    with pytest.raises(UnsuitableCeremony, match="0 contributed and 2 were needed: it has failed"):
        key_of(scene)
