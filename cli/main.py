"""The entry point: gathers the command's parts and turns every failure into a sentence."""

import sys
from importlib.metadata import version as distribution_version

import typer

from cli import (
    account,
    agreement,
    contract,
    evm,
    explorer,
    governance,
    group,
    node,
    snapshot,
    transfer,
    zk,
)
from cli.bench import commands as bench
from cli.doctor import doctor
from cli.failure import report
from cli.network import commands as network
from cli.output import JsonOption, emit
from node.engines import installed_engines, why_not_native
from zkp.backend import CURRENT

app = typer.Typer(
    name="quorate",
    help="A permissioned ledger for government data sharing. 政务数据共享联盟账本。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


for name, part in {
    "network": network,
    "node": node,
    "account": account,
    "group": group,
    "governance": governance,
    "snapshot": snapshot,
    "contract": contract,
    "agreement": agreement,
    "transfer": transfer,
    "zk": zk,
    "explorer": explorer,
    "bench": bench,
    "evm": evm,
}.items():
    app.add_typer(part.app, name=name)
app.command()(doctor)


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Version, and which engines are installed here. 版本与执行引擎。"""
    engines, missing = installed_engines(), why_not_native()
    value = {
        "version": distribution_version("quorate"),
        "engine": engines[0],
        "engines": engines,
        "zk_backend": CURRENT.NAME,
        "native_missing": missing,
    }
    line = f"quorate {value['version']}, engine {', '.join(engines)}, proofs {CURRENT.NAME}"
    emit(value, as_json, lambda: line + (f"\nNo native engine: {missing}." if missing else ""))


def main() -> None:
    """Run the command; a known or unknown error ends as one sentence and an exit code."""
    try:
        app()
    except (Exception, KeyboardInterrupt) as error:
        sys.exit(report(error))


if __name__ == "__main__":
    main()
