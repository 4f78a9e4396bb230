"""How much gas each engine spends in a millisecond on its worst loads: what the gas limit rests on.

`python benchmarks/gas_per_ms.py` runs a block of each load on each engine that is installed, prints
a table and writes build/bench/gas_per_ms.json; `--engine` measures one. Milliseconds are the
processor's. An engine's figure in `GAS_PER_MS` must stay below its smallest one here. py-evm owes
nothing to the crate, so it is as slow here as where the crate is not built.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from py_ecc import optimized_bn128 as bn128
from rich.console import Console
from rich.table import Table

from ledger.codec import encode
from ledger.commitment import commit
from ledger.engine import Candidate, Engine, Environment
from ledger.gate import (
    GATE_CONTRACT,
    GROTH16_PRECOMPILE,
    POSEIDON_PRECOMPILE,
    Role,
    SystemGate,
    permission_slot,
    permission_word,
)
from ledger.parameters import GAS_PER_MS, Parameters, gas_limit
from ledger.state import EMPTY_STATE, Account, Overlay, StateReader
from ledger.transactions import decode_transaction
from ledger.values import Address, Hash32, keccak
from node.engines import NATIVE, PY_EVM, engine_named, installed_engines

ROOT = Path(__file__).resolve().parents[1]
GAS = 1_000_000
CHAIN_ID = 77
SENDER = Address(bytes.fromhex("aa" * 20))
TARGET = Address(bytes.fromhex("bb" * 20))
REPEATS = 3


def _push(value: int, size: int = 32) -> bytes:
    return bytes([0x5F + size]) + value.to_bytes(size)


def _loop(body: bytes) -> bytes:
    """JUMPDEST, the body, back: until the gas is used up."""
    return b"\x5b" + body + _push(0, 1) + b"\x56"


def _filled(data: bytes) -> bytes:
    """Code that writes `data` to memory from 0."""
    words = [data[start : start + 32].ljust(32, b"\0") for start in range(0, len(data), 32)]
    return b"".join(
        b"\x7f" + word + _push(32 * place, 3) + b"\x52" for place, word in enumerate(words)
    )


def _groth16() -> bytes:
    """A key and a proof with one input; the statement is false, which costs the same."""
    one, two = _pairs(2)[:192], _pairs(2)[192:]
    g1, g2 = one[:64], one[64:]
    return g1 + g2 + two[64:] + g2 + g1 + two[:64] + g1 + two[64:] + g1 + _word(7)


def _precompile(number: int, data: bytes, output_bytes: int = 64) -> bytes:
    """Fill the memory once, then call the precompile for ever."""
    setup = _filled(data)
    call = (
        _push(output_bytes, 2) + _push(len(data), 3) + _push(len(data), 3) + _push(0, 1)
        + _push(number, 2) + b"\x5a\xfa\x50"
    )  # fmt: skip
    start = len(setup)
    return setup + b"\x5b" + call + _push(start, 3) + b"\x56"


def _word(number: int) -> bytes:
    return number.to_bytes(32)


def _pairs(count: int) -> bytes:
    """Pairs of order-r points, no two alike."""
    data = b""
    for scalar in range(2, 2 + count):
        x, y = bn128.normalize(bn128.multiply(bn128.G1, scalar))
        u, v = bn128.normalize(bn128.multiply(bn128.G2, scalar))
        data += b"".join(map(_word, map(int, (x, y, *reversed(u.coeffs), *reversed(v.coeffs)))))
    return data


def _modexp(size: int, exponent_size: int) -> bytes:
    head = _word(size) + _word(exponent_size) + _word(size)
    return head + b"\xfe" * size + b"\xff" * exponent_size + b"\xfb" * (size - 1) + b"\x01"


_G1 = _word(1) + _word(2)
_ANY = (2**256 - 1).to_bytes(32)
# The commitment and proof of the zero polynomial, opened at 2: valid input, so nothing ends early.
_INFINITY = b"\xc0" + bytes(47)
_KZG = (
    b"\x01" + hashlib.sha256(_INFINITY).digest()[1:] + _word(2) + _word(0) + _INFINITY + _INFINITY
)
_BLAKE = (20_000).to_bytes(4) + bytes(208) + b"\x01"

# Counts in slot 0 and writes each number to the slot of that number; ends in time to keep it all.
_KEPT = bytes.fromhex("5f54" + "5b600101808055" + "61ea605a11600257" + "5f5500")

LOADS: dict[str, bytes] = {
    "JUMPDEST": b"\x5b" * 20_000 + _push(0, 1) + b"\x56",
    "ADD": _loop((_push(7, 1) * 2 + b"\x01\x50") * 20),
    "MULMOD": _loop((b"\x7f" + _ANY) * 3 + b"\x09\x50"),
    "DIV": _loop(_push(7, 1) + b"\x7f" + _ANY + b"\x04\x50"),
    "SDIV": _loop(_push(7, 1) + b"\x7f" + _ANY + b"\x05\x50"),
    "EXP": _loop((b"\x7f" + _ANY) * 2 + b"\x0a\x50"),
    "SHL": _loop(_push(3, 1) + _push(3, 1) + b"\x1b\x50"),
    "KECCAK256 32 bytes": _loop(_push(32, 1) + _push(0, 1) + b"\x20\x50"),
    "KECCAK256 64 KiB": _loop(_push(65_536, 3) + _push(0, 1) + b"\x20\x50"),
    "MSTORE": _loop(_push(1, 1) + _push(64, 1) + b"\x52"),
    "MCOPY 32 KiB": _loop(_push(32_768, 3) + _push(0, 1) + _push(1, 1) + b"\x5e"),
    "CALLDATACOPY 32 KiB": _loop(_push(32_768, 3) + _push(0, 1) + _push(1, 1) + b"\x37"),
    "memory to 512 KiB": _push(1, 1) + _push(524_288, 3) + b"\x52\x00",
    "SLOAD cold": _loop(b"\x5a\x54\x50"),
    "SLOAD warm": _loop(_push(1, 1) + b"\x54\x50"),
    "SSTORE fresh": _loop(_push(1, 1) + b"\x5a\x55"),
    "SSTORE kept": _KEPT,
    "SSTORE warm": _loop(b"\x5a" + _push(1, 1) + b"\x55"),
    "TSTORE": _loop(b"\x5a" + _push(1, 1) + b"\x5d"),
    "BALANCE cold": _loop(b"\x5a\x31\x50"),
    "EXTCODECOPY": _loop(_push(1024, 2) + _push(0, 1) * 2 + b"\x30\x3c"),
    "LOG4": _loop(_push(1, 1) * 4 + _push(32, 1) + _push(0, 1) + b"\xa4"),
    "CALL itself": _loop(_push(0, 1) * 5 + b"\x30" + _push(5_000, 2) + b"\xf1\x50"),
    "CALL an empty account": _loop(_push(0, 1) * 5 + b"\x5a" + _push(5_000, 2) + b"\xf1\x50"),
    "CREATE empty": _loop(_push(0, 1) * 3 + b"\xf0\x50"),
    "ecrecover": _precompile(1, keccak(b"x") + _word(27) + _word(5) + _word(5)),
    "sha256 64 KiB": _precompile(2, bytes(2_048)),
    "ripemd160": _precompile(3, bytes(2_048)),
    "identity": _precompile(4, bytes(2_048)),
    "modexp 32/32": _precompile(5, _modexp(32, 32)),
    "modexp 256/3": _precompile(5, _modexp(256, 3)),
    "modexp 256/256": _precompile(5, _modexp(256, 256)),
    "ecadd": _precompile(6, _G1 + _G1),
    "ecmul": _precompile(7, _G1 + _ANY),
    "ecpairing 1": _precompile(8, _pairs(1)),
    "ecpairing 4": _precompile(8, _pairs(4)),
    "blake2f 20,000 rounds": _precompile(9, _BLAKE),
    "point evaluation": _precompile(10, _KZG),
    "poseidon 6": _precompile(
        int.from_bytes(POSEIDON_PRECOMPILE), b"".join(map(_word, range(6))), 32
    ),
    "groth16 verify": _precompile(int.from_bytes(GROTH16_PRECOMPILE), _groth16(), 32),
    "calldata only": b"\x00",
}


def _state_with(code: bytes) -> StateReader:
    gate_storage = {
        permission_slot(SENDER): permission_word(Role.MEMBER, organisation=1),
    }
    writes = commit(
        EMPTY_STATE,
        accounts={
            TARGET: Account(nonce=1, code_hash=keccak(code)),
            GATE_CONTRACT: Account(nonce=1),
        },
        storage={GATE_CONTRACT: gate_storage},
        codes={keccak(code): code},
        cleared=frozenset(),
    )
    return Overlay(EMPTY_STATE, writes)


def run_load(engine: Engine, load: str, gas: int, repeats: int = 1) -> tuple[int, float]:
    """Gas used and the processor's milliseconds of a block that a load fills, roots included.

    The best of `repeats`. The block's transactions have at most GAS each: some loads end before
    their gas does.
    """
    code = LOADS[load]
    state = _state_with(code)
    data = b"\x01" * 60_000 if code == b"\x00" else b""
    batch = []
    for nonce in range(max(1, gas // GAS)):
        fields = [CHAIN_ID, nonce, 0, min(gas, GAS), TARGET, 0, data, [], 0, 1, 1]
        # The sender stands beside it, so nobody's signature does.
        transaction = decode_transaction(b"\x01" + encode(fields))
        batch.append(Candidate(nonce, Hash32(bytes(32)), transaction, SENDER, None))
    environment = Environment(1, 1, Address(bytes(20)), gas, CHAIN_ID, lambda _: Hash32(bytes(32)))
    best_ms, gas_used = float("inf"), 0
    for _ in range(repeats):
        started = time.process_time()
        result = engine.execute_block(environment, SystemGate(), batch, state)
        best_ms = min(best_ms, (time.process_time() - started) * 1000)
        assert not result.dropped, result.dropped
        gas_used = result.receipts[-1].cumulative_gas_used
    return gas_used, best_ms


def measure(
    gas: int = GAS, repeats: int = REPEATS, engines: Sequence[str] = (PY_EVM, NATIVE)
) -> list[dict[str, Any]]:
    """For each load the gas used and each engine's gas a millisecond, the slowest first.

    Raises AssertionError where the engines differ in gas.
    """
    made = {name: engine_named(name) for name in engines}
    figures = []
    for load in LOADS:
        figure: dict[str, Any] = {"load": load, "gas_per_ms": {}}
        for name, engine in made.items():
            used, milliseconds = run_load(engine, load, gas, repeats)
            assert figure.setdefault("gas", used) == used, f"{load}: the engines differ in gas"
            figure["gas_per_ms"][name] = used / milliseconds
        figures.append(figure)
    return sorted(figures, key=lambda figure: figure["gas_per_ms"][engines[0]])


def main() -> None:
    """Measure every load and report the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=(PY_EVM, NATIVE), help="this one only")
    chosen: str | None = parser.parse_args().engine
    engines = [chosen] if chosen else sorted(installed_engines(), reverse=True)
    figures = measure(engines=engines)
    drawn = Table("load", "gas", title="gas per ms")
    for name in engines:
        drawn.add_column(f"{name}; bound {GAS_PER_MS[name]:,}", justify="right")
    for figure in figures:
        speeds = (f"{figure['gas_per_ms'][name]:,.0f}" for name in engines)
        drawn.add_row(figure["load"], f"{figure['gas']:,}", *speeds)
    console = Console()
    console.print(drawn)
    bound_ms = Parameters(chain_id=CHAIN_ID).block_execution_ms_max
    for name in engines:
        slowest = min(figures, key=lambda figure: figure["gas_per_ms"][name])
        limit = gas_limit(bound_ms, name)
        console.print(
            f"{name}: {limit:,} gas of {slowest['load']!r} take "
            f"{limit / slowest['gas_per_ms'][name]:,.0f} ms of at most {bound_ms:,}"
        )
    report = ROOT / "build" / "bench" / "gas_per_ms.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
