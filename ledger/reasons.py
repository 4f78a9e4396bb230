"""Why a transaction is refused or dropped: codes that machines read, sentences that help people.

The order in which the checks run is in `validity.py`.
"""

from enum import StrEnum


class Reason(StrEnum):
    """A code and, by `remedy`, the way out."""

    MALFORMED = "MALFORMED"
    TOO_LARGE = "TOO_LARGE"
    TYPE_NOT_SUPPORTED = "TYPE_NOT_SUPPORTED"
    WRONG_CHAIN = "WRONG_CHAIN"
    FEE_NOT_ZERO = "FEE_NOT_ZERO"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    NONCE_TOO_HIGH = "NONCE_TOO_HIGH"
    INIT_CODE_TOO_LARGE = "INIT_CODE_TOO_LARGE"
    GAS_TOO_LOW = "GAS_TOO_LOW"
    GAS_TOO_HIGH = "GAS_TOO_HIGH"
    FROZEN = "FROZEN"
    NO_PERMISSION = "NO_PERMISSION"
    NO_DEPLOY = "NO_DEPLOY"
    NOT_THE_GATE = "NOT_THE_GATE"
    NONCE_USED = "NONCE_USED"
    NONCE_GAP = "NONCE_GAP"
    SENDER_HAS_CODE = "SENDER_HAS_CODE"
    BALANCE_TOO_LOW = "BALANCE_TOO_LOW"
    BLOCK_FULL = "BLOCK_FULL"

    @property
    def is_final(self) -> bool:
        """Whether no later state can make the transaction valid again."""
        return self is Reason.NONCE_USED

    @property
    def remedy(self) -> str:
        """A sentence on what to do."""
        return _REMEDIES[self]


_REMEDIES = {
    Reason.MALFORMED: "Send the signed transaction's exact bytes as EIP-2718 defines them.",
    Reason.TOO_LARGE: "Make the transaction smaller: split the data or store a hash of it.",
    Reason.TYPE_NOT_SUPPORTED: "Send a legacy, EIP-2930 or EIP-1559 transaction.",
    Reason.WRONG_CHAIN: "Sign for this group's chain id, as eth_chainId answers it.",
    Reason.FEE_NOT_ZERO: "Gas is free here: set gasPrice, or both fees of EIP-1559, to zero.",
    Reason.BAD_SIGNATURE: "Sign the transaction again with the account's key.",
    Reason.NONCE_TOO_HIGH: "Use the account's next nonce, as eth_getTransactionCount answers it.",
    Reason.INIT_CODE_TOO_LARGE: "Split the contract: init code has at most 49152 bytes (EIP-3860).",
    Reason.GAS_TOO_LOW: "Raise the gas limit: eth_estimateGas answers one that is enough.",
    Reason.GAS_TOO_HIGH: "Lower the gas limit to the block's.",
    Reason.FROZEN: "The account is frozen: the organisations lift that by vote.",
    Reason.NO_PERMISSION: (
        "The account has no role that may send (an audit administrator's only reads): ask your "
        "administrator for one."
    ),
    Reason.NO_DEPLOY: "Only authors and administrators deploy: ask one of them to do it.",
    Reason.NOT_THE_GATE: (
        "A regulator's account calls the accounts contract only, an administrator's the system "
        "contracts only: send with an account of another role."
    ),
    Reason.NONCE_USED: "The nonce is used: take the next one and sign again.",
    Reason.NONCE_GAP: "Send the transactions with the lower nonces first.",
    Reason.SENDER_HAS_CODE: "The sender is a contract: send from an account with a key (EIP-3607).",
    Reason.BALANCE_TOO_LOW: "Lower the value: the account does not hold that much.",
    Reason.BLOCK_FULL: "The block was full: the transaction stays in the pool for the next.",
}
assert set(_REMEDIES) == set(Reason)
