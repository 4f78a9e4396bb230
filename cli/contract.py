"""The `quorate contract` commands: compile Vyper, deploy, call, send."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.contract_desk import ContractDesk
from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit, table
from cli.typed import typed_address
from contracts.bindings.contract import Contract
from contracts.compiler import compile_source, deploy_data
from ledger.values import InvalidValue, address_from_hex, checksum_address, from_hex, to_hex

app = typer.Typer(help="Write, deploy and use contracts. 合约的编译、部署与调用。")

Source = Annotated[Path, typer.Argument(metavar="FILE", help="A Vyper file.")]
Arguments = Annotated[
    str, typer.Option("--args", help="The arguments as a JSON list, such as '[1, \"0xab\"]'.")
]
At = Annotated[str, typer.Option("--at", help="The contract's address.")]
Method = Annotated[str, typer.Argument(metavar="METHOD", help="The method's name.")]


def _arguments(text: str, source: Path, method: str | None = None) -> list[Any]:
    """The values for a method, or for the constructor: text stands for bytes as hexadecimal."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandFailed(f"--args: expected a JSON list, got {text!r:.80}: {error}") from None
    if not isinstance(values, list):
        raise CommandFailed(f"--args: expected a JSON list, got {type(values).__name__}")
    kinds = next(
        (
            [item["type"] for item in entry["inputs"]]
            for entry in compile_source(source).abi
            if (entry.get("name"), entry["type"]) == (method, "function")
            or (method is None and entry["type"] == "constructor")
        ),
        [],
    )
    # Too many or too few is told by whoever encodes them.
    kinds += [""] * (len(values) - len(kinds))
    try:
        return [_typed(kind, value) for kind, value in zip(kinds, values, strict=False)]
    except InvalidValue as error:
        raise CommandFailed(f"--args: {error}") from None


def _typed(kind: str, value: Any) -> Any:
    """A JSON value as the ABI's type wants it: bytes from hexadecimal, in arrays too."""
    if kind.endswith("]") and isinstance(value, list):
        return [_typed(kind[: kind.rindex("[")], entry) for entry in value]
    if kind.startswith("bytes") and isinstance(value, str):
        return from_hex(value)
    return value


def _contract(source: Path, address: str) -> Contract:
    return Contract(typed_address("--at", address), compile_source(source).abi)


@app.command("compile")
def compile_(source: Source, as_json: JsonOption = False) -> None:
    """Compile a source and show its size and methods. 编译。"""
    compiled = compile_source(source)
    methods = [entry["name"] for entry in compiled.abi if entry["type"] == "function"]
    value = {
        "name": compiled.name,
        "abi": compiled.abi,
        "bytecode": to_hex(compiled.creation),
        "runtime": to_hex(compiled.runtime),
    }
    emit(
        value,
        as_json,
        lambda: f"{compiled.name}: {len(compiled.runtime)} bytes; {', '.join(methods)}",
    )


@app.command()
def deploy(
    source: Source,
    network: NetworkOption,
    account: AccountOption,
    arguments: Arguments = "[]",
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy a contract; the account must be an author. 部署。"""
    desk = ContractDesk(LocalNetwork(network, group), account)
    sent = desk.send(None, deploy_data(source, *_arguments(arguments, source)))
    address = checksum_address(address_from_hex(sent["contract"]))
    value = {"address": address, "transaction": sent["transaction"]}
    emit(value, as_json, lambda: f"Deployed at {value['address']}")


@app.command()
def call(
    source: Source,
    method: Method,
    network: NetworkOption,
    account: AccountOption,
    at: At,
    arguments: Arguments = "[]",
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a contract; nothing is sent. 查询。"""
    desk = ContractDesk(LocalNetwork(network, group), account)
    query = _contract(source, at).query(method, *_arguments(arguments, source, method))
    answer = desk.ask(query)
    emit({"result": _plain(answer)}, as_json, lambda: table(method, ("result",), [(answer,)]))


@app.command()
def send(
    source: Source,
    method: Method,
    network: NetworkOption,
    account: AccountOption,
    at: At,
    arguments: Arguments = "[]",
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a transaction to a contract and wait for its receipt. 发送交易。"""
    desk = ContractDesk(LocalNetwork(network, group), account)
    sent = desk.act(_contract(source, at).call(method, *_arguments(arguments, source, method)))
    value = {name: sent[name] for name in ("transaction", "block", "gas_used")}
    emit(value, as_json, lambda: f"{value['transaction']} in block {value['block']}")


def _plain(answer: Any) -> Any:
    """Bytes as hexadecimal, so that any answer fits into JSON."""
    if isinstance(answer, bytes):
        return to_hex(answer)
    if isinstance(answer, list | tuple):
        return [_plain(entry) for entry in answer]
    if isinstance(answer, dict):
        return {name: _plain(entry) for name, entry in answer.items()}
    return answer
