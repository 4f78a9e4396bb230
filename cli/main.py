"""The entry point: gathers the command's parts and turns every failure into a sentence."""

import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import version as distribution_version
from io import TextIOWrapper

import typer

from cli.failure import EXIT_INTERRUPTED, report
from cli.output import JsonOption, emit

PARTS = {
    "network": "cli.network.commands",
    "node": "cli.node",
    "account": "cli.account",
    "member": "cli.member.commands",
    "group": "cli.group.commands",
    "governance": "cli.governance",
    "audit": "cli.audit",
    "recovery": "cli.recovery",
    "snapshot": "cli.snapshot",
    "store": "cli.store",
    "contract": "cli.contract",
    "agreement": "cli.agreement",
    "transfer": "cli.transfer",
    "desk": "cli.desk",
    "zk": "cli.zk",
    "explorer": "cli.explorer",
    "evidence": "cli.evidence.commands",
    "bench": "cli.bench.commands",
    "evm": "cli.evm",
    "doctor": "cli.doctor",
}


def version(as_json: JsonOption = False) -> None:
    """Version, and which engines are installed here. 版本与执行引擎。"""
    engines = import_module("node.engines")
    installed, missing = engines.installed_engines(), engines.why_not_native()
    value = {
        "version": distribution_version("quorate"),
        "engine": installed[0],
        "engines": installed,
        "zk_backend": import_module("zkp.backend").CURRENT.NAME,
        "native_missing": missing,
    }
    line = f"quorate {value['version']}, engine {', '.join(installed)}"
    line += f", proofs {value['zk_backend']}"
    emit(value, as_json, lambda: line + (f"\nNo native engine: {missing}." if missing else ""))


def command(parts: Iterable[str] = tuple(PARTS)) -> typer.Typer:
    """The command with these parts; all of them together take seconds to import."""
    app = typer.Typer(
        name="quorate",
        help="A permissioned ledger for government data sharing. 政务数据共享联盟账本。",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name in parts:
        module = import_module(PARTS[name])
        if name == "doctor":
            app.command()(module.doctor)
        else:
            app.add_typer(module.app, name=name)
    app.command()(version)
    return app


def main() -> None:
    """Run the command; a known or unknown error ends as one sentence and an exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that cannot show Chinese shows question marks, and the rest.
        sys.stdout.reconfigure(errors="replace")
    asked = "doctor" if sys.argv[1:2] == ["version"] else "".join(sys.argv[1:2])
    try:
        command([asked] if asked in PARTS else PARTS)()
    except (Exception, KeyboardInterrupt) as error:
        sys.exit(report(error))
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:  # typer keeps the interruption to itself
            report(KeyboardInterrupt())
        raise


if __name__ == "__main__":
    main()
