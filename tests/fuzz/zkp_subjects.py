"""snarkjs's files in Python and, for proving keys, in the crate: the two take the same."""

import importlib
from collections.abc import Callable
from random import Random
from typing import Any

from ledger.native import is_available
from tests.fuzz.mutate import of_bytes, of_json
from tests.fuzz.subject import Finding, Subject
from zkp import reference
from zkp.builder import Builder
from zkp.ceremony.key_file import decode_key, encode_key
from zkp.curve.g1 import G1
from zkp.curve.g2 import G2
from zkp.groth16 import InvalidKey, ProvingKey, setup
from zkp.phase1.contribute import apply_beacon, first_powers
from zkp.phase1.prepare import prepare
from zkp.r1cs import decode_r1cs, encode_r1cs
from zkp.snarkjs.contributions import Beacon, Contribution, ContributionNote, MpcParams
from zkp.snarkjs.ptau import PowersOfTau, decode_ptau, encode_ptau
from zkp.snarkjs.sections import InvalidFile
from zkp.snarkjs.symbols import decode_sym
from zkp.snarkjs.texts import (
    InvalidText,
    decode_proof,
    decode_publics,
    decode_verifying_key,
    encode_proof,
    encode_publics,
    encode_verifying_key,
)
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import decode_history, decode_zkey, encode_zkey


def _crate_agrees(data: bytes, key: ProvingKey | None) -> None:
    """What Python takes, the crate takes with as many wires; what it refuses, neither does."""
    crate = importlib.import_module("quorate_native")
    try:
        other = crate.Groth16ProvingKey(data)
    except ValueError:
        other = None
    if (other is None) != (key is None):
        raise Finding(f"Python {'takes' if key else 'refuses'} it, the crate does not agree")
    if key is not None and other.wires != key.wires:
        raise Finding(f"the crate counts {other.wires} wires, Python {key.wires}")


def _read_powers(data: bytes) -> PowersOfTau:
    """All of a file's points: they are decoded when they are asked for."""
    powers = decode_ptau(data)
    rows = [powers.tau1, powers.tau2, powers.alpha1, powers.beta1]
    if (more := powers.lagrange) is not None:
        rows += [more.tau1, more.tau2, more.alpha1, more.beta1]
    for row in rows:
        list(row[:])
    return powers


def _history() -> MpcParams:
    """A secret contribution and a beacon's."""
    point = (G1.generator, G1.generator, G1.generator, G2.generator, bytes(64))
    beacon = ContributionNote("beacon", Beacon(bytes(8), 10))
    notes = (ContributionNote("somebody"), beacon)
    return MpcParams(bytes(64), tuple(Contribution(*point, note) for note in notes))


def _as_bytes(encode: Callable[[Any], str]) -> Callable[[Any], bytes]:
    return lambda value: encode(value).encode()


def subjects() -> list[Subject]:
    """All of them, of one small circuit."""
    builder = Builder("small")
    product, _ = builder.public("product"), builder.public("free")
    x, y = builder.private("x"), builder.private("y")
    builder.constrain(x, y, product, "product")
    circuit = builder.build()
    witness = circuit.assign({"product": 63, "free": 5, "x": 7, "y": 9})
    key = setup(circuit.system, Random(1).randrange)
    powers = apply_beacon(first_powers(1), Beacon(bytes(8), 10), name="beacon")
    proof, publics = reference.prove(key, witness, randbelow=Random(2).randrange)
    files = (of_bytes,)
    texts = (of_json, of_bytes)
    return [
        Subject(
            "zkey",
            [encode_zkey(key)],
            decode_zkey,
            encode_zkey,
            (InvalidFile, InvalidKey),
            files,
            canonical=False,
            agrees=_crate_agrees if is_available() else None,
        ),
        Subject(
            "zkey in a ceremony",
            [encode_zkey(key), encode_zkey(key, _history())],
            decode_key,
            encode_key,
            (InvalidFile, InvalidKey),
            files,
            canonical=False,
        ),
        Subject(
            "wtns",
            [encode_wtns(witness)],
            decode_wtns,
            encode_wtns,
            (InvalidFile,),
            files,
            canonical=False,
        ),
        Subject(
            "r1cs",
            [encode_r1cs(circuit.system)],
            decode_r1cs,
            encode_r1cs,
            (InvalidFile,),
            files,
            canonical=False,
        ),
        Subject(
            "key history",
            [encode_zkey(key), encode_zkey(key, _history())],
            decode_history,
            lambda history: encode_zkey(key, history),
            (InvalidFile, InvalidKey),
            files,
            canonical=False,
        ),
        Subject(
            "powers of tau",
            [encode_ptau(powers), encode_ptau(prepare(powers))],
            _read_powers,
            encode_ptau,
            (InvalidFile, InvalidKey),
            files,
            canonical=False,
        ),
        Subject(
            "signal names",
            [b"1,1,0,main.out\n2,2,0,main.in\n3,-1,0,main.gone\n", b""],
            lambda data: decode_sym(data, 10),
            None,
            (InvalidFile,),
            files,
        ),
        Subject(
            "verification key",
            [encode_verifying_key(key.verifying).encode()],
            decode_verifying_key,
            _as_bytes(encode_verifying_key),
            (InvalidText, InvalidKey),
            texts,
            canonical=False,
        ),
        Subject(
            "proof",
            [encode_proof(proof).encode()],
            decode_proof,
            _as_bytes(encode_proof),
            (InvalidText,),
            texts,
            canonical=False,
        ),
        Subject(
            "public signals",
            [encode_publics(publics).encode()],
            decode_publics,
            _as_bytes(encode_publics),
            (InvalidText,),
            texts,
            canonical=False,
        ),
    ]
