"""A request of each class of methods, for tests of who may use which."""

from typing import Any

from node.rpc.access import MethodClass

HASH = "0x" + "12" * 32
SAMPLES: dict[MethodClass, tuple[str, list[Any]]] = {
    MethodClass.NODE: ("web3_clientVersion", []),
    MethodClass.LEDGER: ("eth_getBlockByNumber", ["latest", False]),
    MethodClass.SEND: ("eth_sendRawTransaction", ["0x12"]),
    MethodClass.POOL: ("quorate_txpool", []),
    MethodClass.TRACE: ("debug_getRawTransaction", [HASH]),
    MethodClass.ENVELOPES: ("quorate_envelopes", []),
}
