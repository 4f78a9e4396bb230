"""Which rule file a command is about: one by its path, or the shipped one of a statement."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.preparation import STATEMENTS
from ledger.values import Hash32, to_hex
from workflows.equity_transfer.agreement import (
    Agreement,
    InvalidAgreement,
    load_agreement,
    shipped_agreements,
)
from workflows.equity_transfer.deployment import load_deployment
from zkp.r1cs import circuit_id, encode_r1cs

STATEMENT_DEFAULT = "equity_v1"

RuleFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        show_default=False,
        help="A rule file; by default the shipped one of --statement.",
    ),
]
StatementOption = Annotated[
    str | None,
    typer.Option(
        "--statement",
        help=f"Whose shipped rule file: {STATEMENT_DEFAULT} by default, or equity_v2, where the "
        "basis is drawn from holdings. With FILE, what that file must be for.",
    ),
]


@dataclass(frozen=True)
class Choice:
    """A rule file and where it came from."""

    agreement: Agreement
    path: Path
    is_shipped: bool

    @property
    def file(self) -> str:
        """The file as answers name it."""
        return f"{self.path.name} (shipped)" if self.is_shipped else str(self.path)

    @property
    def named(self) -> dict[str, str]:
        """What every answer says of it."""
        agreement = self.agreement
        return {"id": to_hex(agreement.id), "statement": agreement.circuit, "file": self.file}


def chosen(file: Path | None, statement: str | None) -> Choice:
    """The rule file that was named. Raises CommandFailed, InvalidAgreement."""
    if statement is not None and statement not in shipped_agreements:
        raise CommandFailed(
            f"no statement '{statement}' is shipped; there are: {', '.join(shipped_agreements)}"
        )
    if file is None:
        shipped = shipped_agreements[statement or STATEMENT_DEFAULT]
        return Choice(load_agreement(shipped), shipped, is_shipped=True)
    try:
        agreement = load_agreement(file)
    except InvalidAgreement as error:
        raise CommandFailed(f"{file}: {error}") from error
    if statement not in (None, agreement.circuit):
        raise CommandFailed(
            f"{file} is a rule file for {agreement.circuit}, --statement says {statement}: give "
            "the file of that statement, or leave one of the two out"
        )
    return Choice(agreement, file, is_shipped=False)


def circuit_of(local: LocalNetwork, agreement: Agreement) -> Hash32:
    """The id of the circuit that a rule file names: the deployed contract's, else as it is built.

    Raises CommandFailed for a circuit of another's making before its contract stands.
    """
    if local.deployment_file.is_file():
        terms = load_deployment(local.deployment_file).terms
        if terms.agreement == agreement.id:
            return terms.circuit
    if agreement.circuit not in STATEMENTS:
        raise CommandFailed(
            f"the rule file names the circuit '{agreement.circuit}', which this program does not "
            f"build; it builds: {', '.join(STATEMENTS)}"
        )
    return built_circuit(agreement.circuit)


def built_circuit(statement: str) -> Hash32:
    """The id of a statement's circuit as this program builds it, one of `STATEMENTS`."""
    return Hash32(circuit_id(encode_r1cs(STATEMENTS[statement]().system)))
