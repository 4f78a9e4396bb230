"""The key of a statement as a finished ceremony made it: what organisations lay down and approve.

Nobody's word is taken: each party makes the same id of it, from ledger and files, by itself.
"""

from dataclasses import dataclass

from client.light import LightClient
from contracts.bindings.ceremony import Record
from contracts.bindings.circuits import Draft
from ledger.values import Address, Hash32, checksum_address
from workflows.ceremony.files import KEY, FileDrop
from workflows.ceremony.ledger import Reading, prove_record
from workflows.ceremony.verify import verify_ceremony
from zkp.groth16.keys import VerifyingKey
from zkp.snarkjs.zkey import decode_zkey
from zkp.work import Progress, say_nothing


class UnsuitableCeremony(Exception):
    """A ceremony whose key no contract of this statement can rely on; the message says why."""


@dataclass(frozen=True)
class StatementKey:
    """A key and where it is from; `circuit` is the keccak-256 of the `.r1cs`.

    `transcript` is the hash over all that the ceremony's contract recorded.
    """

    statement: str
    circuit: Hash32
    verifying: VerifyingKey
    transcript: Hash32

    def draft(self, source: Hash32) -> Draft:
        """What an author lays down of it in a registry of circuits."""
        return Draft(self.statement, source, self.circuit, self.transcript, self.verifying)


def ceremony_key(
    light: LightClient,
    address: Address,
    drop: FileDrop,
    *,
    statement: str,
    circuit: Hash32,
    phase_1: bool = True,
    progress: Progress = say_nothing,
) -> StatementKey:
    """The key of a finished ceremony for this statement's circuit, all of it verified.

    Raises `UnsuitableCeremony`, and what `verify_ceremony` raises.
    """
    reading = prove_record(light, address)
    where = checksum_address(address)
    if reading.record.terms.circuit != circuit:
        raise UnsuitableCeremony(
            f"the ceremony at {where} made a key for the circuit "
            f"0x{reading.record.terms.circuit.hex()}; {statement}, as this program builds it, is "
            f"0x{circuit.hex()}: name the ceremony of {statement}"
        )
    if not reading.record.finished:
        raise UnsuitableCeremony(
            f"the ceremony at {where} is not finished: {_what_is_missing(reading)}; "
            "`quorate zk ceremony status` says whose turn it is"
        )
    verified = verify_ceremony(light, address, drop, phase_1=phase_1, progress=progress)
    key = decode_zkey(drop.get(verified.record.head, KEY))
    return StatementKey(statement, circuit, key.verifying, verified.record.digest)


def _what_is_missing(reading: Reading) -> str:
    record: Record = reading.record
    made, terms = len(record.contributions), record.terms
    if reading.block < terms.beacon_block:
        return (
            f"{made} of {len(record.participants)} have contributed, the beacon is block "
            f"{terms.beacon_block} and the last block {reading.block}"
        )
    if made < terms.least:
        return f"{made} contributed and {terms.least} were needed: it has failed, start another"
    return "its beacon is there, and a participant runs `quorate zk ceremony finish`"
