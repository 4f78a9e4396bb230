"""How far a membership document's signatures go: by its own threshold, and by the present one's."""

from typing import Any

from ledger.suite import STANDARD
from node.membership import Membership


def standing(document: Membership, present: Membership | None) -> dict[str, Any]:
    """`{threshold, signed, unsigned, missing, sentence}`.

    `missing` counts the signatures that are still needed; a successor of `present` needs the
    threshold of both.
    """
    signed, unsigned = _signed(document, document)
    missing = max(0, document.threshold - len(signed))
    needs = [(missing, f"version {document.version}", unsigned)]
    if present is not None and present.version < document.version:
        agreed, silent = _signed(document, present)
        still = max(0, present.threshold - len(agreed))
        if (still, silent) != (missing, unsigned):  # else the same signatures serve both
            needs.append((still, f"version {present.version}", silent))
    wanting = [
        f"{count} more of {version}'s organisations ({', '.join(names)})"
        for count, version, names in needs
        if count
    ]
    return {
        "threshold": document.threshold,
        "signed": signed,
        "unsigned": unsigned,
        "missing": max(count for count, _, _ in needs),
        "sentence": f"signed by {', '.join(signed) or 'nobody'}; "
        + (f"it needs {' and '.join(wanting)}" if wanting else "it has all that it needs"),
    }


def _signed(document: Membership, voters: Membership) -> tuple[list[str], list[str]]:
    signers = document.signers(STANDARD)
    names = sorted(voters.organisations)
    signed = [name for name in names if voters.organisations[name].key in signers]
    return signed, [name for name in names if name not in signed]
