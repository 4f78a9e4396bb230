"""ERC-20-like transfers on both engines in one run: transactions a second, and where the time goes.

`python benchmarks/engines.py` runs blocks of 1,000 transfers by 1,000 senders on a state of 100,000
holders through a whole chain (decode, recover, execute, root, header, synced store). The engines
take turns; in each round the store is opened anew, the first block is cold and the others warm. It
prints medians and writes build/bench/engines.json.
"""

import argparse
import gc
import json
import random
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from rich.console import Console
from rich.table import Table

from contracts.compiler import compile_source
from ledger.certificate import certificate_of, checkpoint_digest
from ledger.chain import Chain, ExecutedBlock
from ledger.codec import encode
from ledger.gate import GATE_CONTRACT, Role, gate_storage, permission_word
from ledger.genesis import Allocation, Genesis, Organisation, ValidatorEntry
from ledger.keyvalue import LevelDB
from ledger.native import NativeEngine
from ledger.parameters import Parameters
from ledger.proposal import propose
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from ledger.validators import ValidatorSet
from ledger.values import Address, keccak, to_hex
from node.engines import NATIVE, PY_EVM, engine_named, installed_engines
from node.service import COLLECTOR_THRESHOLDS

ROOT = Path(__file__).resolve().parents[1]
TOKEN = Address(bytes.fromhex("70" * 20))
CHAIN_ID = 77
GAS = 60_000
TRANSFER = keccak(b"transfer(address,uint256)")[:4]
STAGES = ("decode and recover", "engine", "store, synced")
ROUNDS = 4


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

    store, engine = chain._store, chain.engine
    with (
        mock.patch.object(chain, "_candidates", timing(STAGES[0], chain._candidates)),
        mock.patch.object(engine, "execute_block", timing(STAGES[1], engine.execute_block)),
        mock.patch.object(store, "commit", timing(STAGES[2], store.commit)),
    ):
        yield


@dataclass
class Runs:
    """One engine's store, and what its blocks took, in seconds a block."""

    folder: Path
    engine_name: str
    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of the warm blocks."""
    headers: list[str] = field(default_factory=list)

    def round(self, bench: Bench, warm_blocks: int) -> None:
        """Opens the store and runs a cold block and some warm ones."""
        engine = engine_named(self.engine_name)
        chain = Chain(bench.genesis, BlockStore(LevelDB(self.folder), STANDARD), engine)
        nonce = chain.head.number
        batches = [bench.batch(nonce + block) for block in range(1 + warm_blocks)]
        for place, batch in enumerate(batches):
            spent: dict[str, float] = defaultdict(float)
            start, start_processor = time.perf_counter(), time.process_time()
            with _timed(spent, chain):
                executed = bench.extend(chain, batch)
            seconds = time.perf_counter() - start
            assert sum(receipt.status for receipt in executed.result.receipts) == len(batch)
            self.headers.append(executed.hash.hex())
            if place == 0:
                self.cold.append(seconds)
                continue
            self.warm.append(seconds)
            self.processor.append(time.process_time() - start_processor)
            inside = engine.profile() if isinstance(engine, NativeEngine) else {}
            for stage in STAGES:
                self.stages[stage].append(spent[stage])
                if stage == "engine":
                    for part, took in inside.items():
                        self.stages[f"  of that {part}"].append(took)
            self.stages["rest"].append(seconds - sum(spent.values()))
        chain.close()

    def figures(self, size: int) -> dict[str, Any]:
        """Medians: transactions a second, and microseconds a transaction of the warm blocks."""
        micro = {stage: statistics.median(took) for stage, took in self.stages.items()}
        micro["whole"] = statistics.median(self.warm)
        micro["of both processors"] = statistics.median(self.processor)
        return {
            "blocks": len(self.cold) + len(self.warm),
            "cold_tps": size / statistics.median(self.cold),
            "warm_tps": size / statistics.median(self.warm),
            "all_tps": size * (len(self.cold) + len(self.warm)) / sum(self.cold + self.warm),
            "warm_block_ms": [round(seconds * 1e3, 1) for seconds in self.warm],
            "cold_block_ms": [round(seconds * 1e3, 1) for seconds in self.cold],
            "microseconds": {stage: seconds / size * 1e6 for stage, seconds in micro.items()},
        }


def measure(
    folder: Path,
    *,
    blocks: int = 20,
    reference_blocks: int = 8,
    senders: int = 1_000,
    holders: int = 100_000,
) -> dict[str, dict[str, Any]]:
    """Figures of the engines that are installed here, by name; `folder` holds their stores.

    Raises AssertionError where a transfer fails or the engines' headers differ.
    """
    bench = Bench(senders, holders)
    base = folder / "base"
    Chain(bench.genesis, BlockStore(LevelDB(base), STANDARD), engine_named(PY_EVM)).close()
    runs, warm_blocks = [], {}
    for name, count in ((NATIVE, blocks), (PY_EVM, reference_blocks)):
        if name in installed_engines():
            shutil.copytree(base, folder / name)
            runs.append(Runs(folder / name, name))
            warm_blocks[name] = max(1, count // ROUNDS - 1)
    thresholds = gc.get_threshold()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)  # as a node has it, for both engines
    for _ in range(ROUNDS):
        for run in runs:
            run.round(bench, warm_blocks[run.engine_name])
    gc.set_threshold(*thresholds)
    shared = min(len(run.headers) for run in runs)
    assert len({tuple(run.headers[:shared]) for run in runs}) == 1, "headers differ"
    return {run.engine_name: run.figures(senders) for run in runs}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=20, help="blocks on the native engine")
    parser.add_argument("--reference-blocks", type=int, default=8, help="blocks on py-evm")
    parser.add_argument("--senders", type=int, default=1_000)
    parser.add_argument("--holders", type=int, default=100_000)
    arguments = parser.parse_args()
    console = Console()
    console.print(f"building a state of {arguments.holders} holders ...")
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure(Path(temporary), **vars(arguments))
    show(console, figures)
    target = ROOT / "build/bench/engines.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=1))


def show(console: Console, figures: dict[str, dict[str, Any]]) -> None:
    """Print the figures as a table."""
    table = Table(title="ERC-20-like transfers in one process")
    table.add_column("medians")
    for name, figure in figures.items():
        table.add_column(f"{name}, {figure['blocks']} blocks", justify="right")
    for label, key in (("cold, tx/s", "cold_tps"), ("warm, tx/s", "warm_tps")):
        table.add_row(label, *(f"{figure[key]:,.0f}" for figure in figures.values()))
    table.add_row("all blocks, tx/s", *(f"{found['all_tps']:,.0f}" for found in figures.values()))
    table.add_section()
    for stage in {stage: None for figure in figures.values() for stage in figure["microseconds"]}:
        found = [figure["microseconds"].get(stage) for figure in figures.values()]
        shown = ("" if one is None else f"{one:,.1f}" for one in found)
        table.add_row(f"{stage}, µs/tx", *shown)
    console.print(table)
    if len(figures) > 1:
        cold, warm = ratios(figures)
        console.print(
            f"native is {cold:.1f} times as fast cold and {warm:.1f} times warm; "
            "equal headers at every height of both"
        )


def ratios(figures: dict[str, dict[str, Any]]) -> tuple[float, float]:
    """How many times as fast the native engine is, cold and warm."""
    native, reference = figures[NATIVE], figures[PY_EVM]
    return (
        native["cold_tps"] / reference["cold_tps"],
        native["warm_tps"] / reference["warm_tps"],
    )


if __name__ == "__main__":
    main()
