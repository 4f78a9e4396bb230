"""Puts batches of random sales to both tax circuits, beside the independent rules."""

import random
from collections import Counter
from dataclasses import replace

from tests.zkp import equity_v2_cases
from tests.zkp.equity_v2_cases import random_sale
from tests.zkp.test_zkp_equity_v1 import attempt as attempt_v1
from tests.zkp.test_zkp_equity_v1 import is_lawful as is_lawful_v1
from zkp.field import InvalidElement

BATCH = 50


def judge(seed: int) -> tuple[Counter[str], list[str]]:
    """A batch of cases: how many ended how, and those where circuit and rule disagree."""
    rng = random.Random(seed)
    ends: Counter[str] = Counter()
    disagreements = []
    for number in range(BATCH):
        sale = random_sale(rng)
        tied = replace(sale, rate_bps=rng.choice([sale.rate_bps, 5000]))
        for name, lawful, attempt in (
            ("equity_v2", equity_v2_cases.is_lawful, equity_v2_cases.attempt),
            (
                "equity_v1",
                lambda case: is_lawful_v1(case.record, case.rate_bps),
                lambda case: attempt_v1(case.record, case.rate_bps),
            ),
        ):
            try:
                broken = attempt(tied)
            except InvalidElement:
                ends[f"{name} not a field element"] += 1
                continue
            scope = "lawful" if broken is None else broken.constraint.split("/")[0]
            ends[f"{name} {scope}"] += 1
            if (broken is None) != lawful(tied):
                disagreements.append(f"{name} seed {seed} number {number}: {tied}")
    return ends, disagreements
