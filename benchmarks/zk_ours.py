"""The verbs of ours that benchmarks/zk.py times; each also by itself in a process.

`python -m benchmarks.zk_ours VERB SIZE FOLDER` does one, for its memory. Imported is what the verbs
need and nothing else.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.zk_files import SIZES, build_paths, inputs
from zkp import backend
from zkp.builder import Circuit
from zkp.groth16 import ProvingKey
from zkp.phase1.initial_key import initial_key
from zkp.r1cs import decode_r1cs, encode_r1cs
from zkp.snarkjs.ptau import decode_ptau
from zkp.snarkjs.texts import (
    decode_proof,
    decode_publics,
    decode_verifying_key,
    encode_proof,
    encode_publics,
)
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import encode_zkey


@dataclass(frozen=True)
class Case:
    """One size's files; `shape` is the number of paths and their depth."""

    size: int
    folder: Path

    @property
    def shape(self) -> tuple[int, int]:
        """Paths and levels."""
        return SIZES[self.size]

    def file(self, name: str) -> Path:
        """A file of this case."""
        return self.folder / name


def compile_circuit(case: Case) -> None:
    """From Python to a `.r1cs` file."""
    case.file("ours.r1cs").write_bytes(encode_r1cs(build_paths(*case.shape).system))


def witness(case: Case, circuit: Circuit, values: dict[str, int]) -> None:
    """Every wire, all constraints checked, to a `.wtns` file."""
    case.file("ours.wtns").write_bytes(encode_wtns(circuit.witness(values)))


def witness_from_source(case: Case) -> None:
    """The same with the circuit built for it."""
    witness(case, build_paths(*case.shape), inputs(*case.shape)[0])


def setup(case: Case) -> None:
    """From circom's constraints and the powers, which are not verified again, to a `.zkey`."""
    system = decode_r1cs(case.file("paths.r1cs").read_bytes())
    powers = decode_ptau(case.file("powers.ptau").read_bytes())
    case.file("ours.zkey").write_bytes(encode_zkey(*initial_key(system, powers)))


def read_key(case: Case) -> ProvingKey:
    """snarkjs's key."""
    return backend.decode_zkey(case.file("paths.zkey").read_bytes())


def prove(case: Case, key: ProvingKey) -> None:
    """From circom's witness to proof and public signals; a proof is verified before it leaves."""
    proof, publics = backend.prove(key, decode_wtns(case.file("paths.wtns").read_bytes()))
    case.file("ours.proof.json").write_text(encode_proof(proof), encoding="utf-8")
    case.file("ours.public.json").write_text(encode_publics(publics), encoding="utf-8")


def verifies(case: Case, by: str) -> bool:
    """Whether the proof in `by`'s files holds, all read anew."""
    key = decode_verifying_key(case.file("vkey.json").read_bytes())
    proof = decode_proof(case.file(f"{by}.proof.json").read_bytes())
    publics = decode_publics(case.file(f"{by}.public.json").read_bytes())
    return bool(backend.verify(key, proof, publics))


def main() -> int:
    """One verb in this process."""
    verb, case = sys.argv[1], Case(int(sys.argv[2]), Path(sys.argv[3]))
    if verb == "compile":
        compile_circuit(case)
    elif verb == "witness":
        witness_from_source(case)
    elif verb == "setup":
        setup(case)
    elif verb == "prove":
        prove(case, read_key(case))
    else:
        return 0 if verifies(case, "theirs") else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
