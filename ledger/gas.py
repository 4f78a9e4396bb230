"""Intrinsic gas: what a transaction or message spends before its first opcode (Cancun).

Cancun has no calldata floor (EIP-7623 comes with a later fork).
"""

from ledger.values import AccessList, Address

GAS_TRANSACTION = 21_000
GAS_CREATE = 32_000
GAS_DATA_ZERO = 4
GAS_DATA_NONZERO = 16
GAS_INIT_CODE_WORD = 2
GAS_ACCESS_LIST_ADDRESS = 2_400
GAS_ACCESS_LIST_SLOT = 1_900


def message_gas(to: Address | None, data: bytes, access_list: AccessList) -> int:
    """The intrinsic gas of a message (EIP-2028, 2930, 3860); without `to` it creates."""
    gas = GAS_TRANSACTION + data_gas(data)
    if to is None:
        gas += GAS_CREATE + init_code_gas(data)
    for _, slots in access_list:
        gas += GAS_ACCESS_LIST_ADDRESS + GAS_ACCESS_LIST_SLOT * len(slots)
    return gas


def data_gas(data: bytes) -> int:
    """Gas of call data: by zero and non-zero bytes."""
    zeros = data.count(0)
    return zeros * GAS_DATA_ZERO + (len(data) - zeros) * GAS_DATA_NONZERO


def init_code_gas(code: bytes) -> int:
    """Gas of init code by its words."""
    return (len(code) + 31) // 32 * GAS_INIT_CODE_WORD
