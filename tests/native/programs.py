"""Random contracts and random transactions for holding one engine against the other.

Programs keep the stack in order, so that most of them get somewhere; some end in a revert, in an
invalid opcode or in bytes that nobody chose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from ledger.codec import encode
from ledger.suite import KeySigner
from ledger.values import Address, keccak
from tests.native.precompile_inputs import PRECOMPILE_INPUTS, InputMaker

CHAIN_ID = 77_001
EDGES = (0, 1, 2, 31, 32, 255, 256, 2**64 - 1, 2**128, 2**255 - 1, 2**255, 2**256 - 1)

UNARY = (0x15, 0x19, 0x31, 0x35, 0x3B, 0x3F, 0x40, 0x51, 0x54, 0x5C)
BINARY = (
    *range(0x01, 0x08),
    *range(0x0A, 0x0C),
    *range(0x10, 0x15),
    *range(0x16, 0x19),
    *range(0x1A, 0x1E),
)
TERNARY = (0x08, 0x09)
NULLARY = (
    *(0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x3D),
    *range(0x41, 0x49),
    *(0x4A, 0x58, 0x59),
)
"""All but GAS, which is random enough in the calls, and BLOBHASH, which takes one."""
COPIES = (0x37, 0x39, 0x5E)
CALLS = (0xF1, 0xF2, 0xF4, 0xFA)
PRECOMPILES = tuple(PRECOMPILE_INPUTS)


def push(value: int) -> bytes:
    """The shortest PUSH of a value."""
    size = (value.bit_length() + 7) // 8
    return bytes([0x5F + size]) + value.to_bytes(size)


def init_code(runtime: bytes) -> bytes:
    """Code that deploys another."""
    start = b"\x61" + len(runtime).to_bytes(2) + b"\x80\x60\x0a\x5f\x39\x5f\xf3"
    return start + runtime


@dataclass
class Programs:
    """Writes random code that knows some addresses."""

    random: Random
    known: tuple[Address, ...]
    inputs: Mapping[Address, InputMaker] = field(default_factory=lambda: PRECOMPILE_INPUTS)
    """For each precompile, what to call it with."""
    depth: int = 0

    def code(self) -> bytes:
        """A program of some statements and an end."""
        statements = [self.statement() for _ in range(self.random.randint(1, 12))]
        return b"".join(statements) + self.end()

    def statement(self) -> bytes:
        kinds = (
            (10, self._arithmetic),
            (4, self._nullary),
            (5, self._storage),
            (3, self._memory),
            (2, self._copy),
            (2, self._log),
            (5, self._call),
            (2, self._precompile),
            (1, self._create),
            (2, self._branch),
            (3, self._stack),
            (1, self._account),
        )
        [kind] = self.random.choices([k for _, k in kinds], [weight for weight, _ in kinds])
        return kind()

    def end(self) -> bytes:
        size = push(self.random.choice((0, 1, 32, 100)))
        ends = (
            (6, b"\x00"),
            (4, size + b"\x5f\xf3"),
            (2, size + b"\x5f\xfd"),
            (1, b"\xfe"),
            (1, push(int.from_bytes(self._address())) + b"\xff"),
            (1, self.random.randbytes(self.random.randint(1, 20))),
            (1, b"\x01"),
            (1, push(3) + b"\x56"),
        )
        return self.random.choices([code for _, code in ends], [weight for weight, _ in ends])[0]

    def _number(self) -> int:
        return self.random.choice(
            (
                self.random.choice(EDGES),
                self.random.randrange(40),
                self.random.getrandbits(self.random.randint(1, 256)),
                int.from_bytes(self._address()),
            )
        )

    def _address(self) -> Address:
        if self.random.random() < 0.1:
            return Address(self.random.choice((b"\0" * 19 + b"\x42", self.random.randbytes(20))))
        return self.random.choice(self.known)

    def _use(self) -> bytes:
        """What becomes of a result: dropped, kept in storage, in memory."""
        slot = push(self.random.randrange(6))
        return self.random.choice((b"\x50", slot + b"\x55", slot + b"\x52"))

    def _arithmetic(self) -> bytes:
        opcode = self.random.choice(BINARY + TERNARY + UNARY)
        count = 3 if opcode in TERNARY else 2 if opcode in BINARY else 1
        numbers = [self._number() for _ in range(count)]
        if opcode in (0x51, 0x54, 0x5C):
            numbers = [self.random.randrange(8)]
        if opcode in (0x31, 0x3B, 0x3F):
            numbers = [int.from_bytes(self._address())]
        if opcode == 0x40:
            numbers = [self.random.choice((0, 1, 2, 3, 300, 2**64))]
        return b"".join(map(push, numbers)) + bytes([opcode]) + self._use()

    def _nullary(self) -> bytes:
        if self.random.random() < 0.1:
            return push(self.random.randrange(3)) + b"\x49" + self._use()
        return bytes([self.random.choice(NULLARY)]) + self._use()

    def _storage(self) -> bytes:
        if self.random.random() < 0.2:  # counts in transient storage and keeps the count
            slot = push(self.random.randrange(6))
            return slot + b"\x5c\x60\x01\x01\x80" + slot + b"\x5d" + slot + b"\x55"
        value, slot = self.random.choice((0, 1, self._number())), self.random.randrange(6)
        return push(value) + push(slot) + self.random.choice((b"\x55", b"\x55", b"\x5d"))

    def _memory(self) -> bytes:
        place = self.random.choice((0, 1, 31, 64, 1_000))
        if self.random.random() < 0.3:
            return push(self.random.randrange(200)) + push(place) + b"\x20" + self._use()
        return push(self._number()) + push(place) + self.random.choice((b"\x52", b"\x53"))

    def _copy(self) -> bytes:
        size, source, target = (self.random.randrange(80) for _ in range(3))
        if self.random.random() < 0.3:
            return (
                push(size)
                + push(source)
                + push(target)
                + push(int.from_bytes(self._address()))
                + b"\x3c"
            )
        if self.random.random() < 0.3:  # of what the last call returned, rarely more than that
            whole = b"\x3d\x5f" if self.random.random() < 0.8 else push(size) + push(source)
            return whole + push(target) + b"\x3e"
        return push(size) + push(source) + push(target) + bytes([self.random.choice(COPIES)])

    def _log(self) -> bytes:
        topics = self.random.randrange(5)
        operands = b"".join(push(self._number()) for _ in range(topics))
        return operands + push(self.random.randrange(70)) + push(3) + bytes([0xA0 + topics])

    def _gas(self) -> bytes:
        return self.random.choice((b"\x5a", b"\x5a", push(50_000), push(2_300), push(2**200)))

    def _call(self) -> bytes:
        opcode = self.random.choice(CALLS)
        code = b"".join(push(self.random.randrange(70)) for _ in range(4))
        if opcode in (0xF1, 0xF2):
            code += push(self.random.choice((0, 0, 0, 1, 10**30)))
        code += push(int.from_bytes(self._address())) + self._gas()
        return code + bytes([opcode]) + self._use()

    def _precompile(self) -> bytes:
        address = self.random.choice(list(self.inputs))
        data = self.precompile_input(address)
        size = self.random.choice((0, 32, 64, 128))
        code = b""
        for start in range(0, len(data), 32):
            word = data[start : start + 32].ljust(32, b"\0")
            code += b"\x7f" + word + push(start) + b"\x52"
        code += push(size) + push(0) + push(len(data)) + push(0)
        code += push(int.from_bytes(address)) + b"\x5a\xfa\x50"
        # What came back, or what was there before if nothing did.
        return code + push(self.random.choice((0, 32))) + b"\x51" + self._use()

    def precompile_input(self, address: Address) -> bytes:
        """What a precompile may be asked: mostly something that it answers."""
        data = self.inputs[address](self.random)
        if self.random.random() < 0.1:
            return self.random.choice((b"", data[:-1], self.random.randbytes(len(data))))
        return data

    def _create(self) -> bytes:
        if self.depth >= 2:
            return self._nullary()
        inner = Programs(self.random, self.known, self.inputs, self.depth + 1)
        made = self.random.choice(
            (
                lambda: init_code(inner.code()),
                inner.code,
                lambda: inner.statement() + init_code(b""),
                lambda: b"\x60\xef\x5f\x53\x60\x01\x5f\xf3",
            )
        )()[:400]
        code = b""
        for start in range(0, len(made), 32):
            word = made[start : start + 32].ljust(32, b"\0")
            code += b"\x7f" + word + push(start) + b"\x52"
        value = self.random.choice((0, 0, 1))
        if self.random.random() < 0.5:
            code += push(self.random.randrange(2)) + push(len(made)) + b"\x5f" + push(value)
            code += b"\xf5"
        else:
            code += push(len(made)) + b"\x5f" + push(value) + b"\xf0"
        if self.random.random() < 0.3:  # calls what it has made
            return code + b"\x5f\x5f\x5f\x5f\x5f\x85\x5a\xf1" + b"\x50" + self._use()
        return code + self._use()

    def _branch(self) -> bytes:
        """Skips a statement if a word is not zero."""
        skipped = self.statement()
        condition = self.random.choice((b"\x34", b"\x36", push(self.random.randrange(2))))
        # From PC, which says where it stands itself, over ADD, JUMPI and the statement.
        distance = len(skipped) + 3
        return condition + b"\x61" + distance.to_bytes(2) + b"\x58\x01\x57" + skipped + b"\x5b"

    def _stack(self) -> bytes:
        depth = self.random.randint(1, 16)
        pushes = b"".join(push(self.random.randrange(9)) for _ in range(16))
        width = self.random.randint(1, 32)
        wide = bytes([0x5F + width]) + self.random.randbytes(width)
        duplicate = bytes([0x7F + depth]) + bytes([0x8F + self.random.randint(1, 16)])
        return pushes + wide + duplicate + b"\x50" * 17 + self._use()

    def _account(self) -> bytes:
        """What tells of accounts, and a jump's target that nobody jumps to."""
        return (
            self.random.choice((b"\x47", b"\x30\x31", b"\x33\x3f", b"\x5a", b"\x5b\x34"))
            + self._use()
        )


def signed(signer: KeySigner, kind: int, fields: dict[str, object]) -> bytes:
    """A raw transaction of type 0, 1 or 2 with these fields."""
    fee, chain_id = fields["fee"], fields["chain_id"]
    body = [fields["gas"], fields["to"] or b"", fields["value"], fields["data"]]
    if kind == 0:
        legacy = [fields["nonce"], fee, *body]
        made = signer.sign(keccak(encode([*legacy, chain_id, 0, 0])))
        v = 2 * chain_id + 35 + made[64]
        return encode([*legacy, v, int.from_bytes(made[:32]), int.from_bytes(made[32:64])])
    fees = [fee] if kind == 1 else [fee, fee]
    entries = [
        [address, [slot.to_bytes(32) for slot in slots]] for address, slots in fields["access"]
    ]
    payload = [chain_id, fields["nonce"], *fees, *body, entries]
    made = signer.sign(keccak(bytes([kind]) + encode(payload)))
    tail = [made[64], int.from_bytes(made[:32]), int.from_bytes(made[32:64])]
    return bytes([kind]) + encode(payload + tail)
