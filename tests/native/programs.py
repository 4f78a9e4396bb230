"""Random contracts and random transactions for holding one engine against the other.

Programs keep the stack in order, so that most of them get somewhere; some end in a revert, in an
invalid opcode or in bytes that nobody chose.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from ledger.codec import encode
from ledger.gate import GROTH16_PRECOMPILE, POSEIDON_PRECOMPILE
from ledger.suite import STANDARD, KeySigner
from ledger.values import Address, keccak
from zkp.field import R
from zkp.snarkjs.calldata import statement_words
from zkp.snarkjs.texts import decode_proof, decode_publics, decode_verifying_key

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
PRECOMPILES = (
    *(Address(number.to_bytes(20)) for number in range(1, 11)),
    POSEIDON_PRECOMPILE,
    GROTH16_PRECOMPILE,
)
_VECTORS = Path(__file__).parents[1] / "vectors" / "snarkjs"
STATEMENT = b"".join(
    word.to_bytes(32)
    for word in statement_words(
        decode_verifying_key((_VECTORS / "m500.vkey.json").read_text()),
        decode_proof((_VECTORS / "m500.proof.json").read_text()),
        decode_publics((_VECTORS / "m500.public.json").read_text()),
    )
)
BLAKE_INPUT = (12).to_bytes(4) + bytes(64 + 128 + 16) + b"\x01"


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
        address = self.random.choice(PRECOMPILES)
        data = self.precompile_input(address)
        code = b""
        for start in range(0, len(data), 32):
            word = data[start : start + 32].ljust(32, b"\0")
            code += b"\x7f" + word + push(start) + b"\x52"
        code += push(64) + push(0) + push(len(data)) + push(0)
        return code + push(int.from_bytes(address)) + b"\x5a\xfa" + self._use()

    def precompile_input(self, address: Address) -> bytes:
        """What a precompile may be asked: mostly something that it answers."""
        data = self.random.choice((b"", BLAKE_INPUT, self.random.randbytes(32), bytes(192)))
        if address[-1] == 5:
            sizes = [self.random.choice((0, 1, 2, 33)) for _ in range(3)]
            numbers = b"".join(self.random.randbytes(size) for size in sizes)
            data = b"".join(size.to_bytes(32) for size in sizes) + numbers
        if address[-1] in (6, 7) and self.random.random() < 0.7:
            data = (1).to_bytes(32) + (2).to_bytes(32) + self.random.randbytes(32)
        if address[-1] == 1 and self.random.random() < 0.7:
            digest = self.random.randbytes(32)
            made = STANDARD.sign(keccak(digest), keccak(b"some key"))
            data = keccak(digest) + (27 + made[64]).to_bytes(32) + made[:64]
        if address == POSEIDON_PRECOMPILE:
            words = [self.random.randrange(R) for _ in range(self.random.randint(2, 6))]
            data = b"".join(word.to_bytes(32) for word in words)
        if address == GROTH16_PRECOMPILE:
            data = STATEMENT
        if address in (POSEIDON_PRECOMPILE, GROTH16_PRECOMPILE) and self.random.random() < 0.4:
            data = self._spoilt(data)
        return data

    def _spoilt(self, data: bytes) -> bytes:
        """Another number in some word, or another length."""
        if self.random.random() < 0.3:
            return data[: self.random.randrange(len(data))]
        place = 32 * self.random.randrange(len(data) // 32)
        word = self.random.choice((bytes(32), b"\xff" * 32, (1).to_bytes(32), data[-32:]))
        return data[:place] + word + data[place + 32 :]

    def _create(self) -> bytes:
        if self.depth >= 2:
            return self._nullary()
        inner = Programs(self.random, self.known, self.depth + 1)
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
        pushes = b"".join(push(self.random.randrange(9)) for _ in range(17))
        duplicate = bytes([0x7F + depth]) + bytes([0x8F + self.random.randint(1, 16)])
        return pushes + duplicate + b"\x50" * 17 + self._use()

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
