"""The page of who may do what, from the matrix that tests try line by line."""

from contracts.permission_matrix import ACTS, STANDINGS, Verdict
from scripts.reference_pages.markdown import code, page, table

INTRODUCTION = """\
What becomes of a transaction, by the role of its sender and by what it does. An account has one
role; the roles are explained under [admission](../explanation/admission.md#accounts).

- **yes**: it is done.
- *reverts*: it stands in a block with its sender, and the contract refuses it with its reason.
- –: pool and RPC refuse it, with a code from [error codes](error-codes.md) (`FROZEN`,
  `NO_PERMISSION`, `NOT_THE_GATE`, `NO_DEPLOY`); a batch that holds it all the same is executed
  without it.

`none` is an account without a role, `frozen` a frozen member. The plain `admin` exists in local
networks only. `tests/acceptance/admission/permission_matrix.py` tries every line on a running
network, `tests/contracts/test_contracts_permissions.py` on both engines. Reading is not a
transaction: who may ask is a matter of the [RPC](../explanation/admission.md#who-asks-over-rpc)."""

SHOWN = {Verdict.DONE: "**yes**", Verdict.REVERTED: "*reverts*", Verdict.REFUSED: "–"}


def render() -> str:
    """The page."""
    rows = [(act.title, *(SHOWN[act.verdicts[standing]] for standing in STANDINGS)) for act in ACTS]
    return page("Permissions", INTRODUCTION, table(("act", *map(code, STANDINGS)), rows))
