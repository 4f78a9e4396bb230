"""The `quorate contract` commands: compile Vyper, deploy, call, send."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.output import JsonOption, emit, table
from client.rpc import Client
from contracts.bindings.contract import Contract
from contracts.compiler import compile_source, deploy_data
from ledger.values import InvalidValue, address_from_hex, checksum_address, from_hex, to_hex

app = typer.Typer(help="Write, deploy and use contracts. 合约的编译、部署与调用。")

Source = Annotated[Path, typer.Argument(metavar="FILE", help="A Vyper file.")]
NetworkOption = Annotated[Path, typer.Option("--network", help="The network's folder.")]
AccountOption = Annotated[str, typer.Option("--as", help="The account that acts.")]
Arguments = Annotated[
    str, typer.Option("--args", help="The arguments as a JSON list, such as '[1, \"0xab\"]'.")
]
GroupOption = Annotated[str | None, typer.Option("--group", help="By default the first group.")]
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
    return Contract(address_from_hex(address), compile_source(source).abi)


def _client(network: LocalNetwork, account: str) -> Client:
    return network.client(network.file.account(account).org)


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
    local = LocalNetwork(network, group)
    client = _client(local, account)
    data = deploy_data(source, *_arguments(arguments, source))
    receipt = client.confirm(client.send_transaction(local.account(account), to=None, data=data))
    address = checksum_address(address_from_hex(receipt["contractAddress"]))
    value = {"address": address, "transaction": receipt["transactionHash"]}
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
    local = LocalNetwork(network, group)
    query = _contract(source, at).query(method, *_arguments(arguments, source, method))
    answer = query.decode(_client(local, account).call(checksum_address(query.to), query.data))
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
    local = LocalNetwork(network, group)
    client = _client(local, account)
    made = _contract(source, at).call(method, *_arguments(arguments, source, method))
    receipt = client.confirm(
        client.send_transaction(
            local.account(account), to=checksum_address(made.to), data=made.data
        )
    )
    value = {
        "transaction": receipt["transactionHash"],
        "block": int(receipt["blockNumber"], 16),
        "gas_used": int(receipt["gasUsed"], 16),
    }
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
