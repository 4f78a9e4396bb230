"""The `quorate zk` commands: circuits, keys and proofs as files that snarkjs reads and writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cli.ceremony.commands import app as ceremony
from cli.circuit_info import describe, show
from cli.failure import CommandFailed
from cli.output import JsonOption, emit
from zkp import backend
from zkp.builder import Circuit
from zkp.circuits import equity_v1, equity_v2, membership
from zkp.keys import load_test_key
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.texts import (
    decode_proof,
    decode_publics,
    decode_verifying_key,
    encode_proof,
    encode_publics,
    encode_verifying_key,
)
from zkp.snarkjs.wtns import decode_wtns
from zkp.snarkjs.zkey import decode_zkey
from zkp.uniqueness.check import Answer, check

app = typer.Typer(help="Circuits, keys, proofs. 零知识证明工具。")
app.add_typer(ceremony, name="ceremony")

FILE_BYTES_MAX = 256 * 1024 * 1024
CIRCUITS: dict[str, Callable[[], Circuit]] = {
    "equity_v1": equity_v1.build,
    "equity_v2": equity_v2.build,
    "membership_20": membership.build,
}

CircuitName = Annotated[
    str, typer.Argument(metavar="CIRCUIT", help="A circuit's name, such as equity_v1.")
]


def _read(path: Path) -> bytes:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise CommandFailed(f"{path}: longer than {FILE_BYTES_MAX} bytes")
    return path.read_bytes()


def _circuit(name: str) -> Circuit:
    if name not in CIRCUITS:
        raise CommandFailed(f"no circuit is called '{name}'; there are: {', '.join(CIRCUITS)}")
    return CIRCUITS[name]()


@app.command("compile")
def compile_(
    circuit: CircuitName,
    out: Annotated[Path, typer.Option(help="The .r1cs file to write.")],
    as_json: JsonOption = False,
) -> None:
    """Write a circuit's constraint system. 编译电路。"""
    system = _circuit(circuit).system
    data = encode_r1cs(system)
    out.write_bytes(data)
    value = {
        "circuit": circuit,
        "id": "0x" + circuit_id(data).hex(),
        "constraints": len(system.constraints),
        "wires": system.wires,
    }
    emit(value, as_json, lambda: f"{value['constraints']} constraints, id {value['id']}: {out}")


@app.command()
def info(
    circuit: CircuitName,
    unique: Annotated[
        bool, typer.Option("--unique", help="Also check that the inputs determine every signal.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a circuit costs, gadget by gadget. 电路规模。"""
    built = _circuit(circuit)
    counts = built.gadget_counts()
    verdict = check(built) if unique else None
    value = describe(built, counts, verdict)
    emit(value, as_json, lambda: show(built, counts, verdict))
    if verdict is not None and verdict.answer is not Answer.UNIQUE:
        raise typer.Exit(1)


@app.command()
def setup(
    circuit: CircuitName,
    out: Annotated[Path, typer.Option(help="The folder for key and constraint system.")],
    as_json: JsonOption = False,
) -> None:
    """Make a test key alone; production groups refuse it. 单方测试密钥。"""
    key = load_test_key(_circuit(circuit), out)
    value = {"zkey": str(key.zkey_path), "vkey": str(key.vkey_path), "test_only": key.test_only}
    emit(value, as_json, lambda: f"Test key: {key.zkey_path}, {key.vkey_path}")


@app.command()
def prove(
    zkey: Annotated[Path, typer.Option(help="The proving key, .zkey.")],
    witness: Annotated[Path, typer.Option(help="The witness, .wtns.")],
    proof: Annotated[Path, typer.Option(help="The proof to write, JSON.")],
    public: Annotated[Path, typer.Option(help="The public signals to write, JSON.")],
    as_json: JsonOption = False,
) -> None:
    """Prove a witness. 生成证明。"""
    made, signals = backend.prove(decode_zkey(_read(zkey)), decode_wtns(_read(witness)))
    proof.write_text(encode_proof(made), encoding="utf-8")
    public.write_text(encode_publics(signals), encoding="utf-8")
    emit({"proof": str(proof), "public": str(public)}, as_json, lambda: f"Proof: {proof}")


@app.command()
def verify(
    vkey: Annotated[Path, typer.Option(help="The verification key, JSON.")],
    proof: Annotated[Path, typer.Option(help="The proof, JSON.")],
    public: Annotated[Path, typer.Option(help="The public signals, JSON.")],
    as_json: JsonOption = False,
) -> None:
    """Check a proof: exit code 0 for a valid one, 1 for any other. 验证证明。"""
    valid = backend.verify(
        decode_verifying_key(_read(vkey)), decode_proof(_read(proof)), decode_publics(_read(public))
    )
    emit({"valid": valid}, as_json, lambda: "valid" if valid else "NOT valid")
    if not valid:
        raise typer.Exit(1)


@app.command("export")
def export(
    zkey: Annotated[Path, typer.Option(help="The proving key, .zkey.")],
    vkey: Annotated[Path, typer.Option(help="The verification key to write, JSON.")],
    as_json: JsonOption = False,
) -> None:
    """Write the verification key that a proving key holds. 导出验证密钥。"""
    vkey.write_text(encode_verifying_key(decode_zkey(_read(zkey)).verifying), encoding="utf-8")
    emit({"vkey": str(vkey)}, as_json, lambda: f"Verification key: {vkey}")
