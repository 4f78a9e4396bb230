"""ERC-20-like transfers on both engines in one run: transactions a second, and where the time goes.

`python benchmarks/engines.py` runs blocks of 1,000 transfers by 1,000 senders on a state of 100,000
holders through a whole chain (decode, recover, execute, root, header, synced store): 20 cold ones
from the moment the store is opened, whose receivers were never met before, then 20 warm ones to
receivers that were. The engines take turns, block by block. It writes build/bench/engines.json.
"""

import argparse
import gc
import json
import random
import shutil
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
STATES = ("cold", "warm")


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

    def batches(self, blocks: int) -> Iterator[tuple[str, tuple[bytes, ...]]]:
        """`blocks` cold batches, one transfer of each sender in each, then as many warm ones."""
        count, chance = len(self.senders), random.Random(blocks)
        met = chance.sample(self.others, blocks * count)
        nonce = 0
        for state in STATES:
            for start in range(0, len(met), count):
                receivers = met[start : start + count]
                pairs = zip(self.senders, receivers, strict=True)
                yield state, tuple(self._transfer(who, nonce, whom) for who, whom in pairs)
                nonce += 1
            chance.shuffle(met)

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
class Tally:
    """What the blocks of one state took, in seconds."""

    blocks: list[float] = field(default_factory=list)
    processor_s: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def figures(self, size: int) -> dict[str, Any]:
        """Transactions a second, and microseconds a transaction by stage."""
        micro = size * len(self.blocks) / 1e6
        whole = sum(self.blocks)
        parts = {**self.stages, "whole": whole, "of both processors": self.processor_s}
        return {
            "tps": size * len(self.blocks) / whole,
            "first_block_tps": size / self.blocks[0],
            "block_ms": [round(seconds * 1e3, 1) for seconds in self.blocks],
            "microseconds": {stage: seconds / micro for stage, seconds in parts.items()},
        }


class Run:
    """One engine's chain, opened anew, and what its blocks took."""

    def __init__(self, bench: Bench, folder: Path, engine_name: str) -> None:
        self.engine_name = engine_name
        self.engine = engine_named(engine_name)
        self.chain = Chain(bench.genesis, BlockStore(LevelDB(folder), STANDARD), self.engine)
        self.tallies = {state: Tally() for state in STATES}
        self.headers: list[str] = []

    def extend(self, bench: Bench, state: str, batch: Sequence[bytes]) -> None:
        """One more block; raises AssertionError where a transfer fails."""
        tally, spent = self.tallies[state], defaultdict[str, float](float)
        start, start_processor = time.perf_counter(), time.process_time()
        with _timed(spent, self.chain):
            executed = bench.extend(self.chain, batch)
        seconds = time.perf_counter() - start
        tally.processor_s += time.process_time() - start_processor
        assert sum(receipt.status for receipt in executed.result.receipts) == len(batch)
        self.headers.append(executed.hash.hex())
        tally.blocks.append(seconds)
        inside = self.engine.profile() if isinstance(self.engine, NativeEngine) else {}
        for stage in STAGES:
            tally.stages[stage] += spent[stage]
            if stage == "engine":
                for part, took in inside.items():
                    tally.stages[f"  of that {part}"] += took
        tally.stages["rest"] += seconds - sum(spent.values())


def measure(
    folder: Path, *, blocks: int = 20, senders: int = 1_000, holders: int = 100_000
) -> dict[str, dict[str, Any]]:
    """Figures of the engines that are installed here, by name and state; `folder` holds their
    stores.

    Raises AssertionError where a transfer fails or the engines' headers differ.
    """
    bench = Bench(senders, holders)
    base = folder / "base"
    Chain(bench.genesis, BlockStore(LevelDB(base), STANDARD), engine_named(PY_EVM)).close()
    runs = []
    for name in (NATIVE, PY_EVM):
        if name in installed_engines():
            shutil.copytree(base, folder / name)
            runs.append(Run(bench, folder / name, name))
    thresholds = gc.get_threshold()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)  # as a node has it, for both engines
    for state, batch in bench.batches(blocks):
        for run in runs:
            run.extend(bench, state, batch)
    gc.set_threshold(*thresholds)
    for run in runs:
        run.chain.close()
    assert len({tuple(run.headers) for run in runs}) == 1, "headers differ"
    return {
        run.engine_name: {state: tally.figures(senders) for state, tally in run.tallies.items()}
        for run in runs
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=20, help="cold blocks, and warm ones")
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
    table.add_column("")
    columns = []
    for name, found in figures.items():
        for state in STATES:
            table.add_column(f"{name}, {state}", justify="right")
            columns.append(found[state])
    blocks = str(len(columns[0]["block_ms"]))
    table.add_row("blocks", *(blocks for _ in columns))
    table.add_row("tx/s", *(f"{column['tps']:,.0f}" for column in columns))
    table.add_row("first block, tx/s", *(f"{column['first_block_tps']:,.0f}" for column in columns))
    table.add_section()
    table.add_row("µs a transaction:")
    for stage in {stage: None for column in columns for stage in column["microseconds"]}:
        found = [column["microseconds"].get(stage) for column in columns]
        shown = ("" if one is None else f"{one:,.1f}" for one in found)
        table.add_row(stage, *shown)
    console.print(table)
    if len(figures) > 1:
        cold, warm = ratios(figures)
        console.print(
            f"native is {cold:.1f} times as fast cold and {warm:.1f} times warm; "
            "equal headers at every height"
        )


def ratios(figures: dict[str, dict[str, Any]]) -> tuple[float, ...]:
    """How many times as fast the native engine is, cold and warm."""
    native, reference = figures[NATIVE], figures[PY_EVM]
    return tuple(native[state]["tps"] / reference[state]["tps"] for state in STATES)


if __name__ == "__main__":
    main()
