"""The precompiles of ours on both engines: the same answers as `zkp`, the same gas to the unit."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commitment import commit
from ledger.engine import CallResult, Engine, Environment, Message
from ledger.gas import message_gas
from ledger.gate import GROTH16_PRECOMPILE, OWN_PRECOMPILES, POSEIDON_PRECOMPILE, SystemGate
from ledger.native import NativeEngine, is_available
from ledger.pyevm import PyEvmEngine
from ledger.state import EMPTY_STATE, Account, Overlay
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, Hash32, keccak
from node.engines import OWN_PRECOMPILES as TABLE
from node.engines import engine_named
from zkp.curve.g1 import G1, P
from zkp.curve.g2 import G2
from zkp.curve.msm import multi_scalar_multiply
from zkp.field import R
from zkp.groth16.keys import Proof, VerifyingKey
from zkp.groth16.verify import verify
from zkp.own_precompiles import GROTH16_PUBLICS_MAX
from zkp.poseidon import poseidon
from zkp.snarkjs.calldata import g1_words, g2_words, statement_words
from zkp.snarkjs.texts import decode_proof, decode_publics, decode_verifying_key

VECTORS = Path(__file__).parents[1] / "vectors" / "snarkjs"
SENDER = Address(b"\x01" * 20)
GAS = 1_000_000
ENV = Environment(1, 1, Address(bytes(20)), 10**9, 77, lambda _: Hash32(bytes(32)))
POSEIDON_GAS = {2: 540, 3: 960, 4: 1_500, 5: 2_160, 6: 2_940}
TRUE, FALSE = (1).to_bytes(32), bytes(32)

NAMES = [
    pytest.param("py-evm"),
    pytest.param(
        "native",
        marks=pytest.mark.skipif(not is_available(), reason="quorate_native is not built"),
    ),
]


@pytest.fixture(params=NAMES)
def engine(request) -> Engine:
    return engine_named(request.param)


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32) for value in values)


def ask(engine: Engine, to: Address, data: bytes, gas: int = GAS, state=EMPTY_STATE) -> CallResult:
    """A call with `gas` in the precompile's own frame."""
    whole = gas + message_gas(to, data, ())
    result = engine.call(ENV, SystemGate(), Message(SENDER, to, data, whole), state)
    return replace(result, gas_used=result.gas_used - message_gas(to, data, ()))


# Poseidon


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        # circomlib: test/poseidoncircuit.js.
        ((1, 2), 0x115CC0F5E7D690413DF64C6B9662E9CF2A3617F2743245519E19607A4417189A),
        ((1, 2, 3, 4), 0x299C867DB6C1FDD79DCEFA40E4510B9837E60EBB1CE0663DBAA525DF65250465),
    ],
)
def test_published_hashes(engine, inputs, expected):
    assert ask(engine, POSEIDON_PRECOMPILE, words(*inputs)).output == words(expected)


@pytest.mark.parametrize("count", range(2, 7))
@pytest.mark.parametrize("edge", [0, R - 1])
def test_every_width_at_its_exact_gas(engine, count, edge):
    data, price = words(*range(count - 1), edge), POSEIDON_GAS[count]
    for given_gas, succeeds in ((price, True), (price - 1, False), (GAS, True)):
        result = ask(engine, POSEIDON_PRECOMPILE, data, given_gas)
        assert result.success is succeeds
        assert result.gas_used == (price if succeeds else given_gas)
        assert result.output == (words(poseidon(*range(count - 1), edge)) if succeeds else b"")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, R - 1), min_size=2, max_size=6))
def test_hashes_are_those_of_the_reference(inputs):
    for name in installed():
        result = ask(engine_named(name), POSEIDON_PRECOMPILE, words(*inputs))
        assert result.output == words(poseidon(*inputs)), name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        words(1),
        words(1, 2)[:-1],
        words(1, 2) + b"\0",
        words(*range(7)),
        words(1, R),
        words(2**256 - 1, 1),
    ],
    ids=["empty", "one", "short", "long", "seven", "not-reduced", "all-ones"],
)
def test_malformed_hash_input_costs_all_gas(engine, data):
    result = ask(engine, POSEIDON_PRECOMPILE, data)
    assert (result.success, result.output, result.gas_used) == (False, b"", GAS)
    assert not result.reverted


# Groth16


def installed() -> list[str]:
    return ["py-evm", "native"] if is_available() else ["py-evm"]


def proven(name: str) -> tuple[VerifyingKey, Proof, tuple[int, ...]]:
    """A statement that snarkjs proved."""
    return (
        decode_verifying_key((VECTORS / f"{name}.vkey.json").read_text()),
        decode_proof((VECTORS / f"{name}.proof.json").read_text()),
        decode_publics((VECTORS / f"{name}.public.json").read_text()),
    )


def encoded(key: VerifyingKey, proof: Proof, publics: tuple[int, ...]) -> bytes:
    return words(*statement_words(key, proof, publics))


def g1(scalar: int) -> tuple[int, int] | None:
    return multi_scalar_multiply(G1, [G1.generator], [scalar % R])


def g2(scalar: int):
    return multi_scalar_multiply(G2, [G2.generator], [scalar % R])


def made(publics: tuple[int, ...], *, ic: tuple[int, ...], a: int = 3, b: int = 5):
    """A statement that holds, by a key whose secrets are known."""
    alpha, beta, gamma, delta = 7, 11, 13, 17
    total = ic[0] + sum(x * y for x, y in zip(ic[1:], publics, strict=True))
    c = (a * b - alpha * beta - total * gamma) * pow(delta, -1, R) % R
    key = VerifyingKey(g1(alpha), g2(beta), g2(gamma), g2(delta), tuple(map(g1, ic)))
    return key, Proof(g1(a), g2(b), g1(c)), publics


@pytest.mark.parametrize("name", ["m500", "m4k"])
def test_snarkjs_proofs(engine, name):
    key, proof, publics = proven(name)
    assert ask(engine, GROTH16_PRECOMPILE, encoded(key, proof, publics)).output == TRUE
    for wrong in (
        (key, proof._replace(c=proof.a), publics),
        (key, proof._replace(a=G1.negate(proof.a)), publics),
        (key, proof, (publics[0] ^ 1, *publics[1:])),
        (replace(key, gamma2=key.delta2), proof, publics),
    ):
        result = ask(engine, GROTH16_PRECOMPILE, encoded(*wrong))
        assert result.success
        assert result.output == FALSE
        assert result.gas_used == 60_000 + 600 * len(publics)


@pytest.mark.parametrize("count", [0, 1, 2, GROTH16_PUBLICS_MAX])
def test_every_number_of_inputs_at_its_exact_gas(engine, count):
    publics = tuple(R - 1 - index**9 for index in range(count))
    data = encoded(*made(publics, ic=tuple(range(19, 20 + count))))
    price = 60_000 + 600 * count
    for given_gas, succeeds in ((price, True), (price - 1, False)):
        result = ask(engine, GROTH16_PRECOMPILE, data, given_gas)
        assert (result.success, result.gas_used) == (succeeds, given_gas)
        assert result.output == (TRUE if succeeds else b"")


@pytest.mark.parametrize("ic", [(0, 0), (5, -5), (0, 1)])
def test_ic_points_and_their_sum_may_be_the_identity(engine, ic):
    key, proof, publics = made((1,), ic=ic)
    assert ask(engine, GROTH16_PRECOMPILE, encoded(key, proof, publics)).output == TRUE


@settings(max_examples=12, deadline=None)
@given(
    ic=st.lists(st.integers(0, R - 1), min_size=1, max_size=4),
    wrong=st.integers(0, 2),
    data=st.data(),
)
def test_answers_are_those_of_the_reference(ic, wrong, data):
    publics = tuple(data.draw(st.integers(0, R - 1)) for _ in ic[1:])
    key, proof, publics = made(publics, ic=tuple(ic))
    if wrong == 1:
        proof = proof._replace(a=g1(4))
    if wrong == 2 and publics:
        publics = (*publics[:-1], (publics[-1] + 1) % R)
    expected = words(int(verify(key, proof, publics)))
    for name in installed():
        result = ask(engine_named(name), GROTH16_PRECOMPILE, encoded(key, proof, publics))
        assert result.output == expected, name


def off_subgroup() -> tuple[int, ...]:
    """A point of the twist that lies outside the group of order r: the first there is by x."""
    from py_ecc.bn128 import FQ2, b2

    for real in range(1, 200):
        x = FQ2([real, 0])
        square = x * x * x + b2
        # p is 3 modulo 4, so p^2 - 1 is divisible by 16 and the root is found by Adj's method.
        a1 = square ** ((P - 3) // 4)
        x0 = a1 * square
        alpha = a1 * x0
        if alpha == FQ2([P - 1, 0]):
            y = FQ2([0, 1]) * x0
        else:
            y = (alpha + FQ2.one()) ** ((P - 1) // 2) * x0
        if y * y == square:
            return (0, real, int(y.coeffs[1]), int(y.coeffs[0]))
    raise AssertionError("half of all x have a point")


M500 = proven("m500")
PUBLICS = len(M500[2])
IC_END = 14 + 2 * (PUBLICS + 1)
PLACES = {"alpha": 0, "beta": 2, "gamma": 6, "delta": 10, "ic": 14, "last-ic": IC_END - 2}
PLACES |= {"a": IC_END, "b": IC_END + 2, "c": IC_END + 6}
TWISTED = ("beta", "gamma", "delta", "b")
GOOD = encoded(*M500)


def changed(place: int, *values: int) -> bytes:
    return GOOD[: 32 * place] + words(*values) + GOOD[32 * (place + len(values)) :]


def bad_points():
    for name, place in PLACES.items():
        size = 4 if name in TWISTED else 2
        yield f"{name}-off-curve", changed(place, *range(1, 1 + size - 1), 3)
        for coordinate in range(size):
            old = int.from_bytes(GOOD[32 * (place + coordinate) :][:32])
            yield f"{name}-{coordinate}-unreduced", changed(place + coordinate, old + P)
        if name in TWISTED:
            yield f"{name}-off-subgroup", changed(place, *off_subgroup())
        if "ic" not in name:
            yield f"{name}-identity", changed(place, *(0,) * size)


MALFORMED = {
    **dict(bad_points()),
    "empty": b"",
    "no-proof": GOOD[: 32 * IC_END],
    "a-byte-less": GOOD[:-1],
    "a-byte-more": GOOD + b"\0",
    "a-word-less": GOOD[:-32],
    "a-word-more": GOOD + words(0),
    "two-words-more": GOOD + words(0, 0),
    "too-many": GOOD + bytes(96 * (GROTH16_PUBLICS_MAX + 1 - PUBLICS)),
    "an-input-is-r": changed(len(GOOD) // 32 - 1, R),
    "an-input-plus-r": changed(len(GOOD) // 32 - 1, M500[2][-1] + R),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_statements_cost_all_gas(engine, case):
    result = ask(engine, GROTH16_PRECOMPILE, MALFORMED[case])
    assert (result.success, result.reverted, result.output) == (False, False, b"")
    assert result.gas_used == GAS


def test_the_point_outside_the_subgroup_is_on_the_curve():
    x1, x0, y1, y0 = off_subgroup()
    assert G2.is_on_curve(((x0, x1), (y0, y1)))
    assert g2_words(((x0, x1), (y0, y1))) == (x1, x0, y1, y0)
    assert g1_words(None) == (0, 0)


# As a contract sees them

CALLS = {"call": 0xF1, "callcode": 0xF2, "delegatecall": 0xF4, "staticcall": 0xFA}
CALLER = Address(b"\xca" * 20)


def passing_on(kind: str, to: Address, gas: int, value: int = 0) -> bytes:
    """Passes its call data on; leaves the gas before, the success and the gas after."""
    amount = b"\x7f" + value.to_bytes(32) if kind in ("call", "callcode") else b""
    arguments = bytes.fromhex("365f5f37" + "5a" + "5f5f365f") + amount + b"\x73" + to
    return arguments + b"\x63" + gas.to_bytes(4) + bytes([CALLS[kind]]) + b"\x5a"


def calling(kind: str, to: Address, gas: int) -> bytes:
    """Returns the gas after, the success, the gas before, then what came back."""
    stored = "5f52" + "602052" + "604052"
    return passing_on(kind, to, gas) + bytes.fromhex(stored + "60603d5f823e" + "3d6060015ff3")


def with_code(code: bytes, balance: int = 0, **others: int) -> Overlay:
    accounts = {CALLER: Account(1, balance, EMPTY_TRIE_ROOT, keccak(code))}
    for address, amount in others.items():
        accounts[Address(bytes.fromhex(address[1:]))] = Account(
            0, amount, EMPTY_TRIE_ROOT, EMPTY_CODE_HASH
        )
    writes = commit(
        EMPTY_STATE, accounts=accounts, storage={}, codes={keccak(code): code}, cleared=frozenset()
    )
    return Overlay(EMPTY_STATE, writes)


def through(engine: Engine, code: bytes, data: bytes, balance: int = 0) -> tuple[int, bool, bytes]:
    """Gas of the inner call with the opcodes around it, its success, what it returned."""
    result = ask(engine, CALLER, data, 5 * GAS, with_code(code, balance))
    assert result.success, result.error
    after, success, before = (int.from_bytes(result.output[at : at + 32]) for at in (0, 32, 64))
    return before - after, bool(success), result.output[96:]


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize(
    ("to", "data", "price", "output"),
    [
        (POSEIDON_PRECOMPILE, words(1, 2), POSEIDON_GAS[2], words(poseidon(1, 2))),
        (GROTH16_PRECOMPILE, GOOD, 60_000 + 600 * PUBLICS, TRUE),
        (GROTH16_PRECOMPILE, changed(PLACES["c"], *g1_words(M500[1].a)), None, FALSE),
    ],
    ids=["poseidon", "true", "false"],
)
def test_every_kind_of_call_warm_and_at_its_exact_gas(engine, kind, to, data, price, output):
    price = 60_000 + 600 * PUBLICS if price is None else price
    # Six or seven pushes and CALLDATASIZE, GAS itself, and 100 for an address that is warm.
    around = 2 + 2 + 2 + 2 + (3 if kind in ("call", "callcode") else 0) + 3 + 3 + 100 + 2
    assert through(engine, calling(kind, to, price), data) == (around + price, True, output)
    assert through(engine, calling(kind, to, price - 1), data) == (around + price - 1, False, b"")
    assert through(engine, calling(kind, to, GAS), data) == (around + price, True, output)
    assert through(engine, calling(kind, to, GAS), data + b"\0") == (around + GAS, False, b"")


@pytest.mark.parametrize("malformed", [False, True])
def test_value_is_transferred_unless_the_call_fails(engine, malformed):
    to, data = POSEIDON_PRECOMPILE, words(1, 2) + b"\0" * malformed
    peek = b"\x73" + to + bytes.fromhex("315f5260205ff3")
    state = with_code(passing_on("call", to, 50_000, value=7) + peek, balance=10)
    result = ask(engine, CALLER, data, GAS, state)
    assert result.success, result.error
    assert int.from_bytes(result.output) == (0 if malformed else 7)


@pytest.mark.parametrize("to", [POSEIDON_PRECOMPILE, GROTH16_PRECOMPILE])
def test_they_have_no_code_and_are_warm(engine, to):
    push = b"\x73" + to
    # GAS, EXTCODESIZE, EXTCODEHASH, BALANCE, GAS: each of them at the price of a warm address.
    peek = (
        b"\x5a" + push + b"\x3b\x5f\x52" + push + b"\x3f\x60\x20\x52" + push + b"\x31\x60\x40\x52"
        b"\x5a\x90\x03\x60\x60\x52\x60\x80\x5f\xf3"
    )
    for balance, code_hash in ((0, bytes(32)), (1, EMPTY_CODE_HASH)):
        state = with_code(peek, **({f"x{to.hex()}": balance} if balance else {}))
        output = ask(engine, CALLER, b"", GAS, state).output
        assert output[:32] == bytes(32)
        assert output[32:64] == code_hash
        assert int.from_bytes(output[64:96]) == balance
        spent = int.from_bytes(output[96:])
        # Four pushes before the last GAS beside the peeks; memory for three words.
        assert spent == 3 * (100 + 3 + 3 + 3) - 1 + 9 + 2


def test_an_unassigned_address_of_the_range_is_empty(engine):
    for number in (OWN_PRECOMPILES[0], OWN_PRECOMPILES[-1]):
        result = ask(engine, Address(number.to_bytes(20)), words(1, 2))
        assert (result.success, result.output, result.gas_used) == (True, b"", 0)


@pytest.mark.skipif(not is_available(), reason="quorate_native is not built")
def test_an_engine_without_the_table_has_none_of_them():
    for engine in (PyEvmEngine(), NativeEngine()):
        for address in TABLE:
            result = ask(engine, address, words(1, 2))
            assert (result.output, result.gas_used) == (b"", 0)
    with pytest.raises(ValueError, match="no precompile"):
        NativeEngine({POSEIDON_PRECOMPILE: replace(TABLE[POSEIDON_PRECOMPILE], native="other")})
