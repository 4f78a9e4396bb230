"""The page of who may read what over RPC, from the table that the node decides by."""

from node.audit.log import REFUSALS_WRITTEN_MAX, SYNC_PERIOD_S
from node.p2p.trust import Refusal
from node.rpc.access import MEANING, PROTECTED, READS_METRICS, TABLE, WATCHED, MethodClass, class_of
from node.rpc.authentication import Reason
from node.rpc.catalogue import catalogue
from scripts.reference_pages.markdown import code, page, table

INTRODUCTION = """\
Whoever reaches the operator's listener on loopback is the operator. Everybody else comes by the
listener with TLS, shows a certificate or a token, and has the role that the node's operator
granted to it, or that its account has on chain in the group that it asks for. A group whose
organisations do not include the caller's, or that the grant leaves out, is an unknown group to it,
byte for byte.
How to open that listener: [open the RPC](../how-to/open-the-rpc.md)."""

REASONS = {
    Refusal.PLAINTEXT.value: "no TLS at all",
    Refusal.TLS_VERSION.value: "TLS older than 1.3",
    Refusal.STRANGER.value: "a certificate of a CA that the membership document does not name",
    Refusal.EXPIRED.value: "a certificate whose time is over",
    Refusal.NOT_YET_VALID.value: "a certificate whose time has not come",
    Refusal.BAD_CERTIFICATE.value: "a certificate that is no officer's, a node's for instance",
    Refusal.WRONG_ORGANISATION.value: "a certificate that names another organisation than its CA's",
    Refusal.UNKNOWN_NODE.value: "a certificate of an organisation that is no member",
    Refusal.REVOKED.value: "a certificate that its organisation revoked",
    Refusal.REFUSED_BY_PEER.value: "the caller itself broke the handshake off: it does not trust "
    "this node's certificate",
    Refusal.HANDSHAKE.value: "any other handshake that failed",
    Reason.NO_CREDENTIALS.value: "neither a certificate nor a token",
    Reason.WRONG_TOKEN.value: "a token that no grant has",
    Reason.EXPIRED_GRANT.value: "a token or certificate whose grant has expired",
    Reason.REVOKED_GRANT.value: "a token or certificate whose grant was revoked",
    Reason.NO_GRANT.value: "a good certificate that the node's operator granted nothing",
    Reason.NO_GRANTS_FILE.value: "the file of grants is damaged, or others can read it",
    "no_group": "a group that the caller may not read, or that is not there",
    Reason.NOT_ALLOWED.value: "a method that the role does not allow",
}


def render() -> str:
    """The page."""
    kinds = [kind for kind in MethodClass if kind is not MethodClass.OPERATE]
    names = {
        kind: [m.name for m in catalogue() if class_of(m.name) is kind] for kind in MethodClass
    }
    return page(
        "Who may read what",
        INTRODUCTION,
        "## Roles",
        table(
            ("role", *(kind.value for kind in kinds), "metrics", "logged"),
            (
                (
                    code(role.value),
                    *("yes" if kind in allowed else "" for kind in kinds),
                    "yes" if role in READS_METRICS else "",
                    "each request" if role in WATCHED else "protected classes",
                )
                for role, allowed in TABLE.items()
            ),
        ),
        "A `regulator` sends nothing but `freeze`: that the account may not is for the group's "
        "state to say, and every replica holds to it. `monitor` reads `/metrics` and no group.",
        "## Classes of methods",
        table(
            ("class", "what", "protected", "methods"),
            (
                (
                    code(kind.value),
                    MEANING[kind],
                    "yes" if kind in PROTECTED else "",
                    ", ".join(map(code, names[kind])) or "none",
                )
                for kind in MethodClass
            ),
        ),
        "`eth_subscribe` with `newPendingTransactions` is of the class `pool`.",
        "## Why a caller is not let in",
        "The caller hears one and the same answer. The reason stands in the node's log "
        "(`rpc.refused`), in its audit log and as the label of `quorate_rpc_refused_total`. A "
        f"flood is summed up: beyond {REFUSALS_WRITTEN_MAX} of one reason in a second the audit "
        "log gets one entry with their count.",
        table(("reason", "what it was"), ((code(r), text) for r, text in REASONS.items())),
        "## Entries of the audit log",
        "One JSON object a line in `audit/YYYY-MM-DD.jsonl`, closed by `hash`: SHA-256 of the line "
        "up to there, `previous` included, which is the hash of the entry before. Of a watched "
        "caller the entry is synced before the answer leaves, all others within "
        f"{SYNC_PERIOD_S:g} s.",
        table(
            ("field", "what"),
            (
                ("`number`, `previous`", "the place in the chain"),
                ("`at`", "UTC with milliseconds"),
                ("`kind`", "`read`, `refused`, `operator` or `log`"),
                ("`who`, `role`, `organisation`", "the caller, by its pseudonym"),
                ("`method`, `group`", "what was used, and where"),
                (
                    "`asked`",
                    "block numbers, addresses and hashes as they are; anything else as a digest "
                    "with the node's own key",
                ),
                ("`outcome`", "`ok`, `error CODE`, `refused`, or the reason"),
                ("`count`", "above 1 where a flood of refusals was summed up"),
            ),
        ),
    )
