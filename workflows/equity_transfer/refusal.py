"""The refusals that the declaration and the prover name before anything is sent.

These are business outcomes of correct input. Malformed input raises an `InvalidX` of its own.
"""

from enum import StrEnum


class RefusalCode(StrEnum):
    """Why a rule stops a transfer; the value stands in JSON and on the terminal."""

    LOW_PRICE = "LOW_PRICE"
    NO_BASIS = "NO_BASIS"
    NOT_PAID = "NOT_PAID"
    MISMATCH = "MISMATCH"
    RULE_VERSION = "RULE_VERSION"


class Refusal(Exception):
    """A rule fails. `field` names what differs where the code is MISMATCH, else it is empty.

    The message never carries an amount or an identity: it may end in a log.
    """

    def __init__(self, code: RefusalCode, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field

    def __str__(self) -> str:
        name = f"{self.code}({self.field})" if self.field else str(self.code)
        return f"{name}: {self.args[0]}"
