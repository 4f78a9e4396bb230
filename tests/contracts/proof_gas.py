"""Gas of proofs on chain, measured in a group in memory: the page docs/reference/proof-gas.md.

`python -m tests.contracts.proof_gas` writes it. The statements are of small circuits: what a
verification costs depends on the number of public inputs alone.
"""

import random
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from contracts.bindings import keys
from contracts.bindings.circuits import BATCH_MAX, CircuitRegistry, circuits_deploy_data
from contracts.bindings.contract import Call, Contract, Query
from contracts.compiler import compile_source, deploy_data
from ledger.crate import why_missing
from ledger.values import Address, Hash32
from node.engines import NATIVE, engine_named
from tests.contracts.circuit_setting import TAKER, Setting, draft_of, generated
from tests.contracts.contract_group import Group, new_group
from tests.contracts.test_contracts_keys import approve
from tests.zkp.refusals import Honest
from zkp.builder import Builder
from zkp.field import R
from zkp.groth16.prove import prove
from zkp.groth16.setup import setup

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "proof-gas.md"
INPUTS = (1, 2, 4, 13, 32)
"""4 are `equity_v1`'s, 13 `equity_v2`'s; more than 32 the system's verifier does not take."""
BATCH_INPUTS = 4
BATCHES = (1, 2, 4, 8, 16, BATCH_MAX)
GAS_MAX = 8_000_000

TEXT = """\
# Gas of proofs

<!-- Written by `python -m tests.contracts.proof_gas`; do not edit. A test compares. -->

Gas of whole transactions, as receipts say it: 21,000 for the transaction itself, the call's data,
and the verification. Both engines count the same. Between contracts the first two fall away. The
three verifiers:

- **registry**: `verify(entry, …)` of the [registry of circuits](circuit-registry.md), by the
  precompile `groth16_verify`;
- **generated**: `verifyProof(…)` of the contract that `quorate zk export --vyper` writes, by
  Ethereum's precompiles, on any chain that has them;
- **system**: `verify(circuit, …)` of the verifier at `0x…7004`, by Ethereum's precompiles too, with
  the key in storage.

## One statement

{single}

## {batch_inputs} public inputs, several statements at once

`verify_batch` of the registry asks the precompile for one statement after another. `verifyBatch` of
a generated verifier multiplies each equation by a number that follows from the hash of all, and
checks one equation with a pair of points for each proof and three more.

{batch}

## Laying down

{laid}

## Taking a statement once

A contract that keeps to `circuits/once.vy`, with {taking_inputs} public inputs:

{taking}
"""


@cache
def statement(inputs: int, seed: int = 1) -> Honest:
    """A statement with that many public inputs; the key is the same for every seed."""
    draw = random.Random(inputs)
    builder = Builder(f"inputs_{inputs}")
    signals = [builder.public(f"input{place}") for place in range(inputs)]
    for place, signal in enumerate(signals):
        builder.multiply(signal, signal, f"bound{place}")
    circuit = builder.build()
    key = setup(circuit.system, draw.randrange)
    draw.seed(seed)
    witness = circuit.assign({f"input{place}": draw.randrange(R) for place in range(inputs)})
    proof, publics = prove(key, witness, randbelow=draw.randrange)
    return Honest(circuit, key, proof, publics)


def render() -> str:
    """The page."""
    group = new_group()
    if not why_missing():
        group.engine = engine_named(NATIVE)  # the same gas in less time
    registry = CircuitRegistry(_created(group, circuits_deploy_data())[0])
    single, laid, settings = [], [], {}
    for inputs in INPUTS:
        it = statement(inputs)
        setting, costs = _laid_down(group, registry, it)
        settings[inputs] = setting
        asked = (
            registry.verify(setting.entry, it.proof, it.publics),
            setting.verify_generated(it.proof, it.publics),
            keys.verify(setting.circuit, it.proof, it.publics),
        )
        single.append((inputs, *(_asked(group, query) for query in asked)))
        laid.append((inputs, *costs))
    setting = settings[BATCH_INPUTS]
    return TEXT.format(
        batch_inputs=BATCH_INPUTS,
        taking_inputs=BATCH_INPUTS,
        single=_table(("public inputs", "registry", "generated", "system"), single),
        batch=_table(
            ("statements", "registry", "each", "generated", "each"),
            [_batch(group, setting, size) for size in BATCHES],
        ),
        laid=_table(
            ("public inputs", "registry, `propose`", "generated, deployed", "system, `register`"),
            laid,
        ),
        taking=_table(("what", "gas"), _taking(group, setting)),
    )


def _laid_down(
    group: Group, registry: CircuitRegistry, it: Honest
) -> tuple[Setting, tuple[int, ...]]:
    """One circuit known to all three, and what it cost to bring it there."""
    draft = draft_of(it, name=it.circuit.name)
    proposed = _sent(group, "author", registry.propose(draft))
    approve(group, registry.approve(draft.entry))
    registered = _sent(group, "author", keys.register(draft.system, it.key, test_only=True))
    approve(group, keys.approve_key(keys.key_id(draft.system, it.key, test_only=True)))
    code, taker = generated(it.key, it.circuit.name), compile_source(TAKER)
    address, deployed = _created(group, deploy_data(code))
    taking, _ = _created(group, deploy_data(taker, registry.address, draft.entry))
    setting = Setting(
        group,
        registry,
        draft.entry,
        Hash32(draft.system),
        Contract(address, code.abi),
        Contract(taking, taker.abi),
    )
    return setting, (proposed, deployed, registered)


def _batch(group: Group, setting: Setting, size: int) -> tuple[int, ...]:
    made = [statement(BATCH_INPUTS, seed) for seed in range(1, size + 1)]
    statements = [(it.proof, it.publics) for it in made]
    by_registry = _asked(group, setting.registry.verify_batch(setting.entry, statements))
    by_contract = _asked(group, setting.verify_generated_batch(statements))
    return size, by_registry, by_registry // size, by_contract, by_contract // size


def _taking(group: Group, setting: Setting) -> list[tuple[str, int]]:
    before, first, second = (statement(BATCH_INPUTS, seed) for seed in (3, 1, 2))
    _sent(group, "applicant", _take(setting, "take_statement", before))
    return [
        ("a statement", _sent(group, "applicant", _take(setting, "take_statement", first))),
        (
            "the same once more, refused",
            _sent(group, "applicant", _take(setting, "take_statement", first), ok=False),
        ),
        (
            "a statement with a nullifier",
            _sent(group, "applicant", _take(setting, "take_nullifier", second)),
        ),
    ]


def _take(setting: Setting, method: str, it: Honest) -> Call:
    return setting.take(method, it.proof, it.publics)


def _asked(group: Group, query: Query[bool]) -> int:
    """Gas of a question that is sent as a transaction; its answer has to be yes."""
    assert group.ask(query)
    return _sent(group, "applicant", Call(query.to, query.data))


def _sent(group: Group, sender: str, call: Call, *, ok: bool = True) -> int:
    outcome = group.send(sender, call, gas=GAS_MAX)
    assert outcome.ok is ok, outcome
    assert outcome.receipt is not None
    return outcome.receipt.gas_used


def _created(group: Group, data: bytes) -> tuple[Address, int]:
    outcome = group.send("author", data, gas=GAS_MAX)
    assert outcome.receipt is not None
    assert outcome.receipt.contract_address is not None, outcome
    return outcome.receipt.contract_address, outcome.receipt.gas_used


def _table(columns: Sequence[str], rows: Iterable[Sequence[int | str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")
