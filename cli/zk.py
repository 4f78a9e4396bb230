"""The `quorate zk` commands: circuits, keys and proofs as files that snarkjs reads and writes."""

from pathlib import Path
from typing import Annotated

import typer

from cli.ceremony.commands import app as ceremony
from cli.circuit_info import describe, show
from cli.failure import CommandFailed
from cli.output import JsonOption, emit, emit_fields
from cli.progress import Spoken
from cli.result_file import SECRET_MODE, write_result
from cli.zk_circuits import broken, built, circuit_file, is_file, read
from cli.zk_powers import app as powers
from cli.zk_registry import app as registry
from cli.zk_registry import system_of_key
from cli.zk_setup import begin_phase_2, test_key
from zkp import backend
from zkp.groth16.qap import coefficients, domain_size
from zkp.key_words import key_hash
from zkp.keys import load_test_key
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.symbols import decode_sym
from zkp.snarkjs.texts import (
    decode_inputs,
    decode_proof,
    decode_publics,
    decode_verifying_key,
    encode_proof,
    encode_publics,
    encode_verifying_key,
)
from zkp.snarkjs.wtns import decode_wtns, encode_wtns
from zkp.snarkjs.zkey import decode_zkey
from zkp.uniqueness.check import Answer, check
from zkp.verifier_contract import verifier_source

app = typer.Typer(help="Circuits, keys, proofs. 零知识证明工具。")
app.add_typer(powers, name="powers")
app.add_typer(ceremony, name="ceremony")
app.add_typer(registry, name="registry")

CircuitName = Annotated[
    str, typer.Argument(metavar="CIRCUIT", help="A circuit's name, such as equity_v1.")
]
CircuitOrFile = Annotated[
    str,
    typer.Argument(metavar="CIRCUIT", help="A circuit's name, or a .r1cs file, such as circom's."),
]


@app.command("compile")
def compile_(
    circuit: CircuitName,
    out: Annotated[Path, typer.Option(help="The .r1cs file to write.")],
    as_json: JsonOption = False,
) -> None:
    """Write a circuit's constraint system. 编译电路。"""
    system = built(circuit).system
    data = encode_r1cs(system)
    write_result(out, data)
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
    found = built(circuit)
    counts = found.gadget_counts()
    verdict = check(found) if unique else None
    value = describe(found, counts, verdict)
    emit(value, as_json, lambda: show(found, counts, verdict))
    if verdict is not None and verdict.answer is not Answer.UNIQUE:
        raise typer.Exit(1)


@app.command("import")
def import_(
    r1cs: Annotated[Path, typer.Argument(metavar="R1CS", help="The .r1cs file to take in.")],
    witness: Annotated[Path | None, typer.Option(help="A .wtns file that must satisfy it.")] = None,
    symbols: Annotated[
        Path | None, typer.Option("--sym", help="circom's .sym file, for signals by name.")
    ] = None,
    zkey: Annotated[Path | None, typer.Option(help="A .zkey file that must be of it.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder for a copy that carries the circuit's id.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a circuit of circom's, with its witness and key. 导入 circom 电路。"""
    circuit = circuit_file(str(r1cs))
    system = circuit.system
    names = {} if symbols is None else decode_sym(read(symbols), system.wires)
    if witness is not None and (wrong := broken(system, decode_wtns(read(witness)), names)):
        raise CommandFailed(f"{witness}: {wrong}")
    if zkey is not None and set(decode_zkey(read(zkey)).coefficients) != set(coefficients(system)):
        raise CommandFailed(f"{zkey}: a key of another circuit than {r1cs}")
    if out is not None:
        write_result(circuit.path(out, ".r1cs"), circuit.r1cs)
    value = {
        "circuit": circuit.name,
        "id": circuit.id,
        "constraints": len(system.constraints),
        "wires": system.wires,
        "outputs": system.public_outputs,
        "public_inputs": system.public_inputs,
        "private_inputs": system.private_inputs,
        "power": domain_size(system).bit_length() - 1,
        "public": [names.get(wire, f"wire {wire}") for wire in range(1, system.publics + 1)],
        "witness": None if witness is None else True,
        "zkey": None if zkey is None else True,
        "file": None if out is None else str(circuit.path(out, ".r1cs")),
    }
    line = f"{value['constraints']} constraints, {system.publics} public signals, "
    line += f"needs 2^{value['power']} powers of tau, id {circuit.id}"
    emit(value, as_json, lambda: line)


@app.command()
def witness(
    circuit: CircuitName,
    inputs: Annotated[Path, typer.Option(help="The inputs, JSON: names and decimal numbers.")],
    out: Annotated[Path, typer.Option(help="The .wtns file to write.")],
    as_json: JsonOption = False,
) -> None:
    """Compute a witness from inputs; what does not hold is named. 计算见证。"""
    values = built(circuit).witness(decode_inputs(read(inputs)))
    # It holds every private input.
    write_result(out, encode_wtns(values), mode=SECRET_MODE)
    value = {"witness": str(out), "wires": len(values)}
    emit(value, as_json, lambda: f"Witness of {len(values)} values: {out}")


@app.command()
def setup(
    circuit: CircuitOrFile,
    out: Annotated[Path, typer.Option(help="The folder for key and constraint system.")],
    ptau: Annotated[
        Path | None,
        typer.Option(help="Prepared powers of tau: gives the key that phase 2 begins with."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a test key alone, which production refuses, or begin phase 2. 密钥初始化。"""
    if ptau is not None:
        value = begin_phase_2(circuit_file(circuit), ptau, out)
        words = f"For phase 2, not to be used before it: {value['zkey']}"
    elif is_file(circuit):
        value = test_key(circuit_file(circuit), out)
        words = f"Test key: {value['zkey']}, {value['vkey']}"
    else:
        key = load_test_key(built(circuit), out, Spoken())
        value = {"zkey": str(key.zkey_path), "vkey": str(key.vkey_path), "test_only": key.test_only}
        words = f"Test key: {value['zkey']}, {value['vkey']}"
    emit(value, as_json, lambda: words)


@app.command()
def prove(
    zkey: Annotated[Path, typer.Option(help="The proving key, .zkey.")],
    witness: Annotated[Path, typer.Option(help="The witness, .wtns.")],
    proof: Annotated[Path, typer.Option(help="The proof to write, JSON.")],
    public: Annotated[Path, typer.Option(help="The public signals to write, JSON.")],
    as_json: JsonOption = False,
) -> None:
    """Prove a witness. 生成证明。"""
    made, signals = backend.prove(backend.decode_zkey(read(zkey)), decode_wtns(read(witness)))
    write_result(proof, encode_proof(made).encode())
    write_result(public, encode_publics(signals).encode())
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
        decode_verifying_key(read(vkey)), decode_proof(read(proof)), decode_publics(read(public))
    )
    emit({"valid": valid}, as_json, lambda: "valid" if valid else "NOT valid")
    if not valid:
        raise typer.Exit(1)


@app.command("export")
def export(
    zkey: Annotated[Path, typer.Option(help="The proving key, .zkey.")],
    vkey: Annotated[Path | None, typer.Option(help="The verification key to write, JSON.")] = None,
    vyper: Annotated[Path | None, typer.Option(help="The verifier contract to write, .vy.")] = None,
    r1cs: Annotated[
        Path | None, typer.Option(help="With --vyper: the constraint system that it is for.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write what verifies a proving key's proofs: its key, a contract. 导出验证密钥、合约。"""
    if vkey is None and vyper is None:
        raise CommandFailed("nothing to write: name a file with --vkey or --vyper")
    if vyper is not None and r1cs is None:
        raise CommandFailed("--vyper needs --r1cs: the contract names the circuit that it is for")
    key = decode_zkey(read(zkey)).verifying
    value = {"key": "0x" + key_hash(key).hex()}
    if vkey is not None:
        write_result(vkey, encode_verifying_key(key).encode())
        value["vkey"] = str(vkey)
    if vyper is not None and r1cs is not None:
        circuit = system_of_key(read(r1cs), key)
        write_result(vyper, verifier_source(key, circuit, vyper.stem).encode())
        value |= {"vyper": str(vyper), "circuit": "0x" + circuit.hex()}
    emit_fields("Exported 已导出", value, as_json)
