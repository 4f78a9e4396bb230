"""The page of who may do what, from the matrix that tests try line by line."""

from contracts.permission_matrix import ACTS, STANDINGS, Verdict
from node.rpc.access import MEANING, MethodClass, account_reads
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
network, `tests/contracts/test_contracts_permissions.py` on both engines."""

READING = """\
Reading is not a transaction, and leaves nothing in the group. Over the listener with TLS a caller
whose grant names an account reads by what the account is on chain; what the classes hold is said
under [who may read what](access.md). `envelopes` nobody reads at another organisation's node. To an
account without a role, and to a frozen one, the group is an unknown group."""

SHOWN = {Verdict.DONE: "**yes**", Verdict.REVERTED: "*reverts*", Verdict.REFUSED: "–"}


def render() -> str:
    """The page."""
    rows = [(act.title, *(SHOWN[act.verdicts[standing]] for standing in STANDINGS)) for act in ACTS]
    reading = [
        (
            f"{kind.value}: {MEANING[kind]}",
            *("**yes**" if account_reads(standing, kind) else "–" for standing in STANDINGS),
        )
        for kind in MethodClass
    ]
    return page(
        "Permissions",
        INTRODUCTION,
        table(("act", *map(code, STANDINGS)), rows),
        "## Reading",
        READING,
        table(("class of methods", *map(code, STANDINGS)), reading),
    )
