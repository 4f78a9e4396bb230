"""ERC-20-like transfers on both engines in one run: transactions a second, and where the time goes.

`python benchmarks/engines.py` runs blocks of 1,000 transfers by 1,000 senders on a state of 100,000
holders through a whole chain (decode, recover, execute, root, header, synced store), cold after
the store is opened and warm after that. It prints a table and writes build/bench/engines.json.
"""

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from rich.console import Console
from rich.table import Table

import ledger.chain
from contracts.compiler import compile_source
from ledger.certificate import certificate_of, checkpoint_digest
from ledger.chain import Chain, ExecutedBlock
from ledger.codec import encode
from ledger.engine import Engine
from ledger.gate import GATE_CONTRACT, Role, gate_storage, permission_word
from ledger.genesis import Allocation, Genesis, Organisation, ValidatorEntry
from ledger.keyvalue import LevelDB
from ledger.native import NativeEngine, is_available
from ledger.parameters import Parameters
from ledger.proposal import propose
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from ledger.validators import ValidatorSet
from ledger.values import Address, keccak, to_hex
from node.engines import NATIVE, PY_EVM, engine_named

ROOT = Path(__file__).resolve().parents[1]
TOKEN = Address(bytes.fromhex("70" * 20))
CHAIN_ID = 77
GAS = 60_000
TRANSFER = keccak(b"transfer(address,uint256)")[:4]
STAGES = ("decode and recover", "engine", "header and its roots", "store, synced")


def _key(name: str) -> KeySigner:
    return KeySigner(STANDARD, keccak(b"benchmark key of " + name.encode()))


class Bench:
    """Keys, the genesis they make, and blocks of transfers."""

    def __init__(self, senders: int, holders: int) -> None:
        self.senders = [_key(f"sender {index}") for index in range(senders)]
        self.others = [
            Address(keccak(index.to_bytes(8))[12:]) for index in range(holders - senders)
        ]
        self.validators = [_key(f"validator {index}") for index in range(4)]
        self.set = ValidatorSet.of(signer.address for signer in self.validators)
        token = compile_source("benchmark/token.vy")
        slot = token.layout["balanceOf"].slot
        holding = [signer.address for signer in self.senders] + self.others
        balances = {
            hex(int.from_bytes(keccak(slot.to_bytes(32) + holder.rjust(32, b"\0")))): hex(10**12)
            for holder in holding
        }
        words = {
            signer.address: permission_word(Role.MEMBER, organisation=1) for signer in self.senders
        }
        gate = {hex(k): hex(v) for k, v in gate_storage(words, self.set, 16).items()}
        self.genesis = Genesis(
            name="bench",
            timestamp_ms=1_700_000_000_000,
            parameters=Parameters(
                chain_id=CHAIN_ID, gas_limit=GAS * senders, batch_transactions_max=senders
            ),
            organisations=[Organisation(name="tax", recovery_key=to_hex(_key("r").address))],
            recovery_threshold=1,
            validators=[
                ValidatorEntry(
                    address=to_hex(signer.address), node=f"tax/node{i}", organisation="tax"
                )
                for i, signer in enumerate(self.validators)
            ],
            alloc={
                to_hex(GATE_CONTRACT): Allocation(nonce=1, code="0x00", storage=gate),
                to_hex(TOKEN): Allocation(nonce=1, code=to_hex(token.runtime), storage=balances),
            },
        ).checked()
        self.holding = holding

    def batch(self, nonce: int) -> tuple[bytes, ...]:
        """One transfer of each sender to anybody."""
        chance = random.Random(nonce)
        return tuple(
            self._transfer(signer, nonce, chance.choice(self.holding)) for signer in self.senders
        )

    def _transfer(self, signer: KeySigner, nonce: int, receiver: Address) -> bytes:
        data = TRANSFER + receiver.rjust(32, b"\0") + (1).to_bytes(32)
        body = [CHAIN_ID, nonce, 0, 0, GAS, TOKEN, 0, data, []]
        made = signer.sign(keccak(b"\x02" + encode(body)))
        tail = [made[64], int.from_bytes(made[:32]), int.from_bytes(made[32:64])]
        return b"\x02" + encode(body + tail)

    def extend(self, chain: Chain, batch: Sequence[bytes]) -> ExecutedBlock:
        """Executes and commits a block: all that a node does after consensus."""
        number = chain.head.number + 1
        proposal = propose(
            STANDARD,
            group=chain.group,
            epoch=0,
            sequence=number,
            origin_view=0,
            proposer=self.set.primary(0),
            timestamp_ms=1_700_000_000_000 + number * 1_000,
            transactions=tuple(batch),
        )
        executed = chain.execute(proposal)
        digest = checkpoint_digest(STANDARD, chain.group, 0, number, executed.hash)
        votes = {v.address: v.sign(digest) for v in self.validators[: self.set.quorum]}
        chain.commit(executed, certificate_of(0, number, executed.hash, votes))
        assert all(receipt.status for receipt in executed.result.receipts)
        assert len(executed.result.included) == len(batch)
        return executed


@contextmanager
def _timed(spent: dict[str, float], chain: Chain) -> Iterator[None]:
    def timing(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[stage] += time.perf_counter() - start

        return run

    store = chain._store
    with (
        mock.patch.object(chain, "_candidates", timing(STAGES[0], chain._candidates)),
        mock.patch.object(
            chain.engine, "execute_block", timing(STAGES[1], chain.engine.execute_block)
        ),
        mock.patch.object(ledger.chain, "_header", timing(STAGES[2], ledger.chain._header)),
        mock.patch.object(store, "commit", timing(STAGES[3], store.commit)),
    ):
        yield


def _run(bench: Bench, folder: Path, engine: Engine, blocks: int) -> dict[str, Any]:
    """Figures of one engine: block 1 is cold, the others are warm."""
    chain = Chain(bench.genesis, BlockStore(LevelDB(folder), STANDARD), engine)
    batches = [bench.batch(nonce) for nonce in range(blocks)]
    seconds: list[float] = []
    processor = 0.0
    spent: dict[str, float] = defaultdict(float)
    inside: dict[str, float] = defaultdict(float)
    headers = []
    with _timed(spent, chain):
        for number, batch in enumerate(batches):
            start, start_processor = time.perf_counter(), time.process_time()
            headers.append(bench.extend(chain, batch).hash.hex())
            seconds.append(time.perf_counter() - start)
            processor += time.process_time() - start_processor if number else 0.0
            if number == 0 and blocks > 1:
                spent.clear()
            elif isinstance(engine, NativeEngine):
                for stage, part in engine.profile().items():
                    inside[stage] += part
    chain.close()
    warm = seconds[1:] or seconds
    count = len(warm) * len(batches[0])
    stages = {stage: spent[stage] / count * 1e6 for stage in STAGES}
    whole = sum(warm) / count * 1e6
    return {
        "blocks": blocks,
        "cold_tps": len(batches[0]) / seconds[0],
        "warm_tps": count / sum(warm),
        "block_ms_median": statistics.median(warm) * 1e3,
        "microseconds": {
            **stages,
            "rest": whole - sum(stages.values()),
            "whole": whole,
            "of the processor": processor / count * 1e6,
        },
        "inside_the_engine": {stage: part / count * 1e6 for stage, part in inside.items()},
        "headers": headers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=20, help="blocks on the native engine")
    parser.add_argument("--reference-blocks", type=int, default=3, help="blocks on py-evm")
    parser.add_argument("--senders", type=int, default=1_000)
    parser.add_argument("--holders", type=int, default=100_000)
    arguments = parser.parse_args()
    console = Console()
    bench = Bench(arguments.senders, arguments.holders)
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary) / "base"
        console.print(f"building a state of {arguments.holders} holders ...")
        Chain(bench.genesis, BlockStore(LevelDB(base), STANDARD), engine_named(PY_EVM)).close()
        wanted = {PY_EVM: arguments.reference_blocks}
        if is_available():
            wanted[NATIVE] = arguments.blocks
        for name, blocks in wanted.items():
            folder = Path(temporary) / name
            shutil.copytree(base, folder)
            figures[name] = _run(bench, folder, engine_named(name), blocks)
    headers = [figure.pop("headers") for figure in figures.values()]
    shared = min(map(len, headers))
    assert all(found[:shared] == headers[0][:shared] for found in headers), "headers differ"
    _print(console, figures)
    target = ROOT / "build/bench/engines.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=1))


def _print(console: Console, figures: dict[str, dict[str, Any]]) -> None:
    table = Table(title="ERC-20-like transfers in one process")
    table.add_column("")
    for name, figure in figures.items():
        table.add_column(f"{name}, {figure['blocks']} blocks", justify="right")
    for label, key in (("cold, tx/s", "cold_tps"), ("warm, tx/s", "warm_tps")):
        table.add_row(label, *(f"{figure[key]:,.0f}" for figure in figures.values()))
    for part in ("microseconds", "inside_the_engine"):
        table.add_section()
        for stage in {stage: None for figure in figures.values() for stage in figure[part]}:
            found = [figure[part].get(stage) for figure in figures.values()]
            label = f"{stage}, µs/tx" if part == "microseconds" else f"  engine: {stage}, µs/tx"
            table.add_row(label, *("" if one is None else f"{one:,.1f}" for one in found))
    console.print(table)
    if NATIVE in figures:
        ratio = figures[NATIVE]["warm_tps"] / figures[PY_EVM]["warm_tps"]
        console.print(f"native is {ratio:.1f} times as fast; equal headers at every height of both")


if __name__ == "__main__":
    main()
