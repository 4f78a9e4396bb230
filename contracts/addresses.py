"""Where the system contracts stand in every group. Their code is part of the genesis document."""

from ledger.values import Address

GATE = Address((0x7001).to_bytes(20, "big"))
AGREEMENTS = Address((0x7002).to_bytes(20, "big"))
KEYS = Address((0x7003).to_bytes(20, "big"))
GROTH16 = Address((0x7004).to_bytes(20, "big"))
